"""A step of personalised PageRank as stages.

    message = Q(D^-1/2 anchor_hat)                                     in the first step
    output  = Q((1 - teleport) P v_hat + teleport D^-1/2 anchor_hat)   of the last, D^1/2 times that

v_hat is the message or the output of the step before, P the mean over a node's neighbours and
itself.

Source:
    Gasteiger, Bojchevski and Günnemann, Predict then Propagate, ICLR 2019.
"""

from __future__ import annotations

from engine.integer.stages.edges import Arrangement
from engine.integer.stages.propagate import Part, Propagate
from engine.integer.stages.stage import Slot, Stage
from engine.spec import Appnp, LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one step, its output's among them."""
    how, power = spec.propagates, leaving_power(spec)
    assert isinstance(how, Appnp)
    return (
        *message(layer, spec, "appnp"),
        Propagate(
            (layer, "output"),
            Part(sent(layer, spec), 1 - how.teleport, power - 2),
            (Part(spec.anchor(layer), how.teleport, power - 1),),
            "appnp",
        ),
    )


def message(layer: int, spec: LayerSpec, over: Arrangement) -> tuple[Stage, ...]:
    """Return the stage that only a first step has: its anchor over the root of the degree."""
    if spec.step > 1:
        return ()
    anchor = Part(spec.anchor(layer), power=-1)
    return (Propagate((layer, "message"), None, (anchor,), over),)


def sent(layer: int, spec: LayerSpec) -> Slot:
    """Return the slot of what nodes send in a step."""
    return (layer, "message") if spec.step == 1 else spec.entry(layer)


def leaving_power(spec: LayerSpec) -> int:
    """Return the power of the root of the degree that a step's output is multiplied by."""
    return 0 if spec.scaled else 1
