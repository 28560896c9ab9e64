"""A step of smoothness-aware propagation as stages.

    message = Q(D^-1/2 anchor_hat)                                     in the first step
    change  = Q(eta mu P v_hat - (1 + mu) eta v_hat + eta D^-1/2 anchor_hat)
    output  = Q(v_hat + change_hat - 2 eta lambda (change_hat - P change_hat))
                                                                       of the last, D^1/2 times that

lambda is the multiplier that training kept, a constant.

Source:
    Wang et al., Low-bit Quantization for Deep Graph Neural Networks with Smoothness-aware Message
    Propagation, CIKM 2023.
"""

from __future__ import annotations

from engine.integer.layers.appnp import leaving_power, message, sent
from engine.integer.stages.propagate import Part, Propagate
from engine.integer.stages.stage import Slot, Stage
from engine.spec import LayerSpec, Smp


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one step, its output's among them."""
    how, power = spec.propagates, leaving_power(spec)
    assert isinstance(how, Smp)
    v, pull = sent(layer, spec), 2 * how.eta
    change: Slot = layer, "change"
    return (
        *message(layer, spec, "smp"),
        Propagate(
            change,
            Part(v, how.eta * how.mu, -2),
            (Part(v, how.kept - 1), Part(spec.anchor(layer), how.eta, -1)),
            "smp",
        ),
        Propagate(
            (layer, "output"),
            Part(change, 0.0, power - 2, pull),
            (Part(v, power=power), Part(change, 1.0, power, -pull)),
            "smp",
            (layer, "multiplier"),
        ),
    )
