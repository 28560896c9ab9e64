"""Published schemes as plain values: a name and widths give all the rest of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.spec.buckets import usual_buckets, with_buckets
from engine.spec.errors import check_choice
from engine.spec.layer import signed_inputs
from engine.spec.own import OwnModel
from engine.spec.quantization import (
    COMPONENTS,
    FP32,
    LEARNED,
    MULTIPLIED,
    Component,
    Current,
    Ema,
    Gradient,
    Granularity,
    LayerQuant,
    LearnedRange,
    MinMax,
    Observing,
    Percentile,
    QuantSpec,
)
from engine.spec.run import GraphSpec, Mode, ModelSpec, Protection, RunSpec, TrainingSpec

SCHEMES = ("float", "ptq", "qat", "degree-quant", "smp", "ternary", "bi-gcn", "sgquant")
"""``float``: no quantizers. ``ptq``: the float model quantized. ``qat``: STE and EMA ranges.
``degree-quant``: clipped gradients, percentile ranges and degree protection. ``smp``: the same with
learned ranges, of weights too, as the paper of smoothness-aware propagation has them, for any
network; distilled at 2 bits. ``ternary``: as ``qat``, weights -1, 0 and +1. ``bi-gcn``: as ``qat``,
weights and what they multiply of 1 bit, the features of the graph 0 or 1, nothing between layers
but the sign. ``sgquant``: as ``qat``, but nodes have half the width at each fourfold in-degree."""

BESIDE_SIGNS = 8
"""Width of the components that do not accept 1 bit, where that is the width of all."""

MOMENTUM = 0.1
"""Share of the newest batch in a scheme's moving averages.

Found on validation accuracy (Cora and CiteSeer, 2-layer GCN, 8 and 4 bits, of 0.01, 0.03 and 0.1;
``graphbits run --momentum``). The papers' 0.01 suits many small batches; with one full-graph step
an epoch its ranges trail the activations by a hundred epochs.
"""

RANGE_LR = 1e-3
"""Learning rate of the smp scheme's ranges."""

DISTILLATION = 0.5
"""Share of the smp scheme's loss at 2 bits that is the divergence from the float model."""


def usual_protection(name: str, bits: int) -> Protection:
    """Return the degree protection that a scheme has at a width.

    That of smp was found, as its tails, momentum and rate were, on validation accuracy: Cora,
    personalised PageRank of 10 steps (``graphbits reproduce smoothness``).
    """
    if name == "smp" and bits <= 2:
        return Protection(p_min=0.2, p_max=0.5)
    return Protection(p_max=0.1) if name in ("degree-quant", "smp") else Protection()


def usual_distillation(name: str, bits: int) -> float:
    """Return the share of the loss that a scheme takes from the float model at a width."""
    return DISTILLATION if name == "smp" and bits <= 2 else 0.0


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
        bits: Width of every component but the final scores, which stay in float; under ``ternary``
            of all but the weights, under ``bi-gcn`` of all that products do not read. 1 bit is for
            `MULTIPLIED` components; the others then have `BESIDE_SIGNS`. Under ``sgquant`` it is
            that of nodes of an in-degree below 4, see `usual_buckets`.
        component_bits: Widths that differ, by component, in every layer that has it.
        graph: The graph; under ``bi-gcn``, which keeps no sums of rows, rows are divided by theirs
            only where it says so.
        model: The network; under ``bi-gcn`` its activation is none unless it says another.
        protection: Instead of the scheme's own.
        training: Instead of the scheme's own; of its mode only ``finetune`` counts, and that and
            the distillation and the narrowing only where the scheme trains quantizers at all.
        seed: The run's seed.

    Raises:
        SpecError: Naming the invalid field.

    Source:
        Wang et al., Bi-GCN: Binary Graph Convolutional Network, CVPR 2021, for ``bi-gcn``; Feng et
        al., SGQuant: Squeezing the Last Bit on Graph Neural Networks with Specialized Quantization,
        ICTAI 2020, for ``sgquant``.

    Differs:
        Bi-GCN standardises the graph's features before it takes their signs, which makes -1 and +1
        of the words that are not in a bag and that are, and multiplies each node's signs by their
        mean magnitude. Here these are 0 and 1, which keeps them sparse, of one magnitude for all.
        What it leaves in float32, all that follows a product, has the width ``bits``. SGQuant
        finetunes a float model, which here is the training's choice.
    """
    check_choice("scheme", name, SCHEMES)
    if name == "bi-gcn":
        if graph.normalize is None and graph.normalizes:
            graph = replace(graph, normalize=False)
        if isinstance(model, ModelSpec):
            model = replace(model, activation=model.activation or "none")
    own = {"ternary": {"weight": 2}, "bi-gcn": dict.fromkeys(MULTIPLIED, 1)}.get(name, {})
    chosen, shapes = component_bits or {}, model.layer_specs(1, 1)
    has = tuple(c for c in COMPONENTS if any(c in shape.components for shape in shapes))
    for component in chosen:
        check_choice("bits", component, has)
    layers = []
    for index, (shape, signed) in enumerate(zip(shapes, signed_inputs(shapes), strict=True)):
        widths = {
            c: chosen.get(c, _most_alike(own.get(c, bits), shape.widths(c), bits))
            for c in shape.components
        }
        if name == "float":
            widths = dict.fromkeys(widths, 32)
        signed = signed and (index > 0 or name != "bi-gcn")
        if index == model.depth - 1 and "output" not in chosen:
            widths["output"] = 32
        layers.append(
            LayerQuant(**{c: component_spec(name, c, w, signed=signed) for c, w in widths.items()})
        )
    if training is None:
        training = TrainingSpec(distillation=usual_distillation(name, bits))
    trained: Mode = "finetune" if training.mode == "finetune" else "retrain"
    mode: Mode = "float" if name == "float" else "ptq" if name == "ptq" else trained
    made = RunSpec(
        graph=graph,
        model=model,
        quant=tuple(layers),
        protection=usual_protection(name, bits) if protection is None else protection,
        training=replace(
            training,
            mode=mode,
            distillation=training.distillation if mode == trained else 0.0,
            narrowing=training.narrowing if mode == trained else (),
        ),
        seed=seed,
    )
    return with_buckets(made, usual_buckets(bits)) if name == "sgquant" else made


def _most_alike(width: int, accepted: tuple[int, ...], bits: int) -> int:
    """Return a width, or what stands for 1 bit where that is not accepted."""
    if width > 1 or width in accepted:
        return width
    return bits if bits > 1 else BESIDE_SIGNS


def component_spec(name: str, component: Component, bits: int, *, signed: bool) -> QuantSpec:
    """Return the spec that a scheme gives one component of one layer at one width for all nodes.

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
    gradient: Gradient = "gc" if name in ("degree-quant", "smp") else "ste"
    rule: Observing = _observing(name, bits)
    granularity: Granularity = "tensor"
    unsigned = component in ("norm", "coefficient") or (component == "input" and not signed)
    if component in LEARNED:
        rule, unsigned = Current(), False
        granularity = "channel" if component == "weight" else "tensor"
    return QuantSpec(
        bits=bits,
        signed=not unsigned,
        granularity=granularity,
        range=LearnedRange(base=rule, lr=RANGE_LR) if name == "smp" and bits > 1 else rule,
        gradient=gradient,
        ternary=name == "ternary" and component == "weight" and bits == 2,
    )


def _observing(name: str, bits: int) -> Observing:
    """Return the rule by which a scheme looks at activations."""
    if name == "ptq":
        return MinMax()
    if name not in ("degree-quant", "smp") or bits == 1:
        return Ema(momentum=MOMENTUM)
    if name == "smp" and bits <= 2:
        return Percentile(tail=0.03, momentum=0.03)
    return Percentile(tail=0.001 if bits >= 8 else 0.01, momentum=MOMENTUM)


def float_twin(spec: RunSpec) -> RunSpec:
    """Return the float32 run, all else the same, that quantization starts from."""
    is_own = isinstance(spec.model, OwnModel)  # neither training nor a seed changes what it is
    return replace(
        spec,
        quant=(LayerQuant(),) * spec.model.depth,
        protection=Protection(),
        training=TrainingSpec(mode="float")
        if is_own
        else replace(spec.training, mode="float", distillation=0.0, narrowing=()),
        seed=0 if is_own else spec.seed,
    )
