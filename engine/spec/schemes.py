"""Published schemes as plain values: a name and widths give all the rest of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.spec.errors import check_choice
from engine.spec.layer import signed_inputs
from engine.spec.own import OwnModel
from engine.spec.quantization import (
    COMPONENTS,
    FP32,
    LEARNED,
    Component,
    Current,
    Ema,
    Gradient,
    Granularity,
    LayerQuant,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
)
from engine.spec.run import GraphSpec, Mode, ModelSpec, Protection, RunSpec, TrainingSpec

SCHEMES = ("float", "ptq", "qat", "degree-quant")
"""``float``: no quantizers. ``ptq``: the float model quantized. ``qat``: STE and EMA ranges.
``degree-quant``: clipped gradients, percentile ranges and degree protection."""

MOMENTUM = 0.1
"""Share of the newest batch in a scheme's moving averages.

Found on validation accuracy (Cora and CiteSeer, 2-layer GCN, 8 and 4 bits, of 0.01, 0.03 and 0.1;
``graphbits run --momentum``). The papers' 0.01 suits many small batches; with one full-graph step
an epoch its ranges trail the activations by a hundred epochs.
"""


def scheme(
    name: str,
    *,
    bits: int = 8,
    component_bits: Mapping[str, int] | None = None,
    graph: GraphSpec = GraphSpec(),
    model: ModelSpec | OwnModel = ModelSpec(),
    protection: Protection | None = None,
    training: TrainingSpec | None = None,
    seed: int = 0,
) -> RunSpec:
    """Return the run that a named scheme makes of a graph and a model.

    Args:
        name: One of `SCHEMES`.
        bits: Width of every component but the final scores, which stay in float.
        component_bits: Widths that differ, by component, in every layer that has it.
        graph: The graph.
        model: The network.
        protection: Instead of the scheme's own.
        training: Instead of the scheme's own; of its mode only ``finetune`` counts, and that and
            the distillation only where the scheme trains quantizers at all.
        seed: The run's seed.

    Raises:
        SpecError: Naming the invalid field.
    """
    check_choice("scheme", name, SCHEMES)
    chosen, shapes = component_bits or {}, model.layer_specs(1, 1)
    has = tuple(c for c in COMPONENTS if any(c in shape.components for shape in shapes))
    for component in chosen:
        check_choice("bits", component, has)
    layers = []
    for index, (shape, signed) in enumerate(zip(shapes, signed_inputs(shapes), strict=True)):
        widths = {c: 32 if name == "float" else chosen.get(c, bits) for c in shape.components}
        if index == model.depth - 1 and "output" not in chosen:
            widths["output"] = 32
        layers.append(
            LayerQuant(**{c: component_spec(name, c, w, signed=signed) for c, w in widths.items()})
        )
    training = training or TrainingSpec()
    trained: Mode = "finetune" if training.mode == "finetune" else "retrain"
    mode: Mode = "float" if name == "float" else "ptq" if name == "ptq" else trained
    if name == "degree-quant" and protection is None:
        protection = Protection(p_min=0.0, p_max=0.1)
    return RunSpec(
        graph=graph,
        model=model,
        quant=tuple(layers),
        protection=protection or Protection(),
        training=replace(
            training,
            mode=mode,
            distillation=training.distillation if mode == trained else 0.0,
        ),
        seed=seed,
    )


def component_spec(name: str, component: Component, bits: int, *, signed: bool) -> QuantSpec:
    """Return the spec that a scheme gives one component of one layer at a width.

    Args:
        name: One of `SCHEMES`.
        component: The component.
        bits: Its width.
        signed: Whether the layer's input may be negative; after a ReLU it is not.

    Raises:
        SpecError: If the scheme or the width does not exist.
    """
    check_choice("scheme", name, SCHEMES)
    if bits == 32:
        return FP32
    gradient: Gradient = "gc" if name == "degree-quant" else "ste"
    if component in LEARNED:
        granularity: Granularity = "channel" if component == "weight" else "tensor"
        return QuantSpec(bits=bits, granularity=granularity, range=Current(), gradient=gradient)
    rule: RangeRule
    if name == "degree-quant":
        rule = Percentile(tail=0.001 if bits >= 8 else 0.01, momentum=MOMENTUM)
    elif name == "ptq":
        rule = MinMax()
    else:
        rule = Ema(momentum=MOMENTUM)
    unsigned = component in ("norm", "coefficient") or (component == "input" and not signed)
    return QuantSpec(bits=bits, signed=not unsigned, range=rule, gradient=gradient)


def float_twin(spec: RunSpec) -> RunSpec:
    """Return the float32 run, all else the same, that quantization starts from."""
    is_own = isinstance(spec.model, OwnModel)  # neither training nor a seed changes what it is
    return replace(
        spec,
        quant=(LayerQuant(),) * spec.model.depth,
        protection=Protection(),
        training=TrainingSpec(mode="float")
        if is_own
        else replace(spec.training, mode="float", distillation=0.0),
        seed=0 if is_own else spec.seed,
    )
