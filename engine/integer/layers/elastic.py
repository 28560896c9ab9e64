"""A step of elastic message passing as stages.

    message   = Q(D^-1/2 anchor_hat)                              in the first step
    aggregate = Q((1 - gamma) P v_hat + gamma D^-1/2 anchor_hat)
    proposal  = Q(aggregate_hat - gamma D^-1 pull(dual_hat))      in later steps, of the dual before
    dual      = Q(clamp(dual_hat + beta (proposal_hat_i - proposal_hat_j), -lambda1, lambda1))
    output    = Q(aggregate_hat - gamma D^-1 pull(dual_hat))      of the last, D^1/2 times that

In the first step the dual before is 0 and the proposal is the aggregate.

Source:
    Liu et al., Elastic Graph Neural Networks, ICML 2021.
"""

from __future__ import annotations

from engine.integer.layers.appnp import leaving_power, message, sent
from engine.integer.stages.duals import Ascend, Pull
from engine.integer.stages.propagate import Part, Propagate
from engine.integer.stages.stage import Slot, Stage
from engine.spec import Elastic, LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one step, its output's among them."""
    how, power = spec.propagates, leaving_power(spec)
    assert isinstance(how, Elastic)
    aggregate: Slot = layer, "aggregate"
    dual: Slot = layer, "dual"
    of_nodes = Propagate(
        aggregate,
        Part(sent(layer, spec), 1 - how.gamma, -2),
        (Part(spec.anchor(layer), how.gamma, -1),),
        "elastic",
    )
    output = Pull(
        (layer, "output"), Part(aggregate, power=power), Part(dual, -how.gamma, power - 2)
    )
    if spec.step == 1:
        ascend = Ascend(dual, aggregate, how.beta, how.lambda1)
        return (*message(layer, spec, "elastic"), of_nodes, ascend, output)
    proposal, before = (layer, "proposal"), (layer - 1, "dual")
    return (
        of_nodes,
        Pull(proposal, Part(aggregate), Part(before, -how.gamma, -2)),
        Ascend(dual, proposal, how.beta, how.lambda1, before),
        output,
    )
