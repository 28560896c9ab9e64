"""How every layer ends.

output = Q(gain (z + bias))         z what the layer's stages leave unread, one slot or two
input  = Q(after_gain activation(output_hat) + after_bias [+ input_hat])      of the next layer

Where the output is normalised over the nodes, the activation is of ``normalized_hat`` instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.integer.stages.combine import Combine, Summand
from engine.integer.stages.stage import Stage
from engine.spec import LayerSpec


def output(layer: int, spec: LayerSpec, stages: Sequence[Stage]) -> Stage:
    """Return the stage of a layer's output.

    Args:
        layer: The layer.
        spec: Its shape.
        stages: Its operator's stages.
    """
    read = {slot for stage in stages for slot in stage.sources}
    first, *second = [Summand(stage.target) for stage in stages if stage.target not in read]
    gain = (layer, "gain") if spec.batch_norm == "before" else None
    other = second[0] if second else None
    return Combine((layer, "output"), first, other, bias=(layer, "bias"), gain=gain)


def leaving(layer: int, spec: LayerSpec) -> Stage:
    """Return the stage between a layer's output and the next one's input."""
    after = spec.batch_norm == "after"
    return Combine(
        (layer + 1, "input"),
        Summand((layer, spec.activated), spec.activation, (layer, "after_gain") if after else None),
        Summand((layer, "input")) if spec.residual else None,
        bias=(layer, "after_bias") if after else None,
    )
