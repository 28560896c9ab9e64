"""The shape of one layer, and the places in it where a tensor is held.

A *slot* is such a place: the forward pass fills it, an error is measured at it. A *component* is
what a person chooses a width for; it governs one slot or more of a layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import NoneType
from typing import Literal, get_args

from engine.spec.errors import (
    SpecError,
    check_choice,
    check_flag,
    check_integer,
    check_real,
)
from engine.spec.normalization import DiffGroupNorm, Normalization, check_normalization
from engine.spec.propagation import MOST_STEPS, PROPAGATIONS, Propagation, check_propagation
from engine.spec.quantization import (
    BUCKETED,
    COMPONENTS,
    FP32,
    Component,
    LayerQuant,
    QuantSpec,
    accepted_widths,
)

LayerOperator = Literal["gcn", "gat", "gin", "sage", "linear", "appnp", "elastic", "smp"]
Activation = Literal["none", "relu", "elu"]
BatchNorm = Literal["none", "before", "after"]
Aggregation = Literal["mean", "max"]
Pool = Literal["none", "sum", "mean", "max"]

WIDEST = 65_536
"""Most features of a layer."""

Slots = Mapping[str, Component]

_SLOTS: Mapping[LayerOperator, Slots] = {
    "gcn": {
        "input": "input",
        "weight": "weight",
        "feature": "feature",
        "norm": "norm",
        "message": "message",
        "aggregate": "aggregate",
        "output": "output",
    },
    "gat": {
        "input": "input",
        "weight": "weight",
        "feature": "feature",
        "attention": "attention",
        "logit": "logit",
        "coefficient": "coefficient",
        "message": "message",
        "aggregate": "aggregate",
        "output": "output",
    },
    "gin": {
        "input": "input",
        "message": "message",
        "aggregate": "aggregate",
        "weight": "weight",
        "feature": "feature",
        "hidden": "input",
        "hidden_weight": "weight",
        "hidden_feature": "feature",
        "output": "output",
    },
    "sage": {
        "input": "input",
        "message": "message",
        "aggregate": "aggregate",
        "weight": "weight",
        "feature": "feature",
        "own_weight": "weight",
        "own_feature": "feature",
        "output": "output",
    },
    "linear": {
        "input": "input",
        "weight": "weight",
        "feature": "feature",
        "output": "output",
    },
    "appnp": {
        "message": "message",
        "output": "output",
    },
    "elastic": {
        "message": "message",
        "aggregate": "aggregate",
        "proposal": "aggregate",
        "dual": "message",
        "output": "output",
    },
    "smp": {
        "message": "message",
        "change": "aggregate",
        "output": "output",
    },
}

_GROUP_SLOTS: Slots = {
    "group_weight": "weight",
    "group_logit": "logit",
    "group_share": "coefficient",
    "group_gain": "weight",
    "group_scale": "feature",
}
"""What a differentiable group normalisation holds before its result."""

WEIGHTS = (
    "weight",
    "hidden_weight",
    "own_weight",
    "attention",
    "group_weight",
    "group_gain",
)
"""The slots of learned tensors."""

NOT_ROWS = (*WEIGHTS, "norm", "coefficient", "dual")
"""The slots that do not hold a row of features for each node or graph."""


_Kind = tuple[LayerOperator, bool, type, bool]
"""What the slots of a layer depend on: operator, whether it pools, normalization, a later step."""


@cache
def _slots(operator: LayerOperator, pools: bool, over_nodes: type, later: bool) -> Slots:
    if pools:
        return {"input": "input", "aggregate": "aggregate", **_SLOTS["linear"]}
    slots = _SLOTS[operator]
    if over_nodes is not NoneType:
        grouped = _GROUP_SLOTS if over_nodes is DiffGroupNorm else {}
        return {**slots, **grouped, "normalized": "output"}
    if operator not in PROPAGATIONS:
        return slots
    absent = "message" if later else "proposal"
    return {slot: component for slot, component in slots.items() if slot != absent}


@cache
def _components(*kind: *_Kind) -> tuple[Component, ...]:
    held = set(_slots(*kind).values())
    return tuple(component for component in COMPONENTS if component in held)


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerSpec:
    """The shape of one layer.

        gcn     output_i = n_i sum_{j in N(i) or j = i} w_ij n_j x_j W + b,    n = d^-1/2
        gat     output_i = sum_{j in N(i) or j = i} softmax_j(leaky_relu(s_j + t_i)) x_j W + b
        gin     output_i = relu((sum_{j in N(i)} x_j + (1 + eps) x_i) W + a) V + b
        sage    output_i = mean or max_{j in N(i)} x_j W + x_i V + b
        linear  output_i = x_i W + b, of nodes, or of graphs, each the pool of its nodes
        appnp, elastic, smp: one step of a propagation, which learns nothing

    What leaves the layer is ``activation(output)``, batch normalised before or after it or
    normalised over the nodes before it where asked for, plus the layer's input where it is
    residual.

    A step of a propagation holds ``V = D^-1/2 H``, what a node sends of its scores H: so that
    ``D^-1/2 A_hat H`` is the plain mean of V over a node's neighbours and itself. The first step
    makes V of what enters as its message; each step's output is the next V, and the last one's is
    H again. Its input is the output of the layer before, its anchor X what entered the first step.

    Args:
        operator: The operator.
        inputs: Features entering, F.
        outputs: Features leaving, F'.
        activation: What the output passes.
        batch_norm: Whether batch normalisation stands ``before`` or ``after`` the activation.
        normalization: How the output is normalised over the nodes before the activation, instead
            of batch normalisation there; None for not at all.
        dropout: Share of the input dropped in training, in [0, 1); of gat's coefficients too.
        residual: Add the input; needs F = F'.
        heads: Attention heads; only gat has a choice.
        concat: Put the heads side by side, F'/heads features each; else take their mean.
        slope: Slope of gat's leaky ReLU below 0.
        aggregation: How sage gathers.
        hidden: Features between the two linear maps of gin; None takes F'.
        hidden_norm: Whether gin normalises them, before their ReLU.
        eps: Extra weight of gin's own node.
        pool: How a linear layer first gathers each graph's nodes.
        propagation: Constants of a step, None for its operator's own.
        step: Which step it is, from 1; only a propagation has a choice.
        steps: Out of how many, up to 64; likewise.

    Raises:
        SpecError: Naming the invalid field.
    """

    operator: LayerOperator
    inputs: int
    outputs: int
    activation: Activation = "none"
    batch_norm: BatchNorm = "none"
    dropout: float = 0.0
    residual: bool = False
    heads: int = 1
    concat: bool = True
    slope: float = 0.2
    aggregation: Aggregation = "mean"
    hidden: int | None = None
    hidden_norm: bool = False
    eps: float = 0.0
    pool: Pool = "none"
    propagation: Propagation | None = None
    step: int = 1
    steps: int = 1
    normalization: Normalization | None = None

    def __post_init__(self) -> None:
        check_choice("operator", self.operator, get_args(LayerOperator))
        check_integer("inputs", self.inputs, 1, 10_000_000)
        check_integer("outputs", self.outputs, 1, WIDEST)
        check_choice("activation", self.activation, get_args(Activation))
        check_choice("batch_norm", self.batch_norm, get_args(BatchNorm))
        check_real("dropout", self.dropout, 0, 1, open_high=True)
        check_flag("residual", self.residual)
        if self.residual and self.inputs != self.outputs:
            raise SpecError(
                "residual", True, f"false, since {self.inputs} features enter, {self.outputs} leave"
            )
        if self.residual and self.pool != "none":
            raise SpecError("residual", True, "false, since the layer pools its input")
        check_integer("heads", self.heads, 1, 1024)
        check_flag("concat", self.concat)
        check_real("slope", self.slope, 0, 1)
        if self.concat and self.outputs % self.heads:
            raise SpecError("heads", self.heads, f"a divisor of the {self.outputs} outputs")
        check_choice("aggregation", self.aggregation, get_args(Aggregation))
        if self.hidden is not None:
            check_integer("hidden", self.hidden, 1, WIDEST)
        check_flag("hidden_norm", self.hidden_norm)
        check_real("eps", self.eps, -1000, 1000)
        check_choice("pool", self.pool, get_args(Pool))
        check_integer("steps", self.steps, 1, MOST_STEPS)
        check_integer("step", self.step, 1, self.steps)
        for field, operator, default in (
            ("heads", "gat", 1),
            ("concat", "gat", True),
            ("slope", "gat", 0.2),
            ("aggregation", "sage", "mean"),
            ("hidden", "gin", None),
            ("hidden_norm", "gin", False),
            ("eps", "gin", 0.0),
            ("pool", "linear", "none"),
        ):
            got = getattr(self, field)
            if self.operator != operator and got != default:
                raise SpecError(field, got, f"{default}, since only {operator} has a choice")
        check_propagation(self.operator, self.propagation)
        check_normalization(self.operator, self.normalization)
        if self.normalization is not None and self.batch_norm == "before":
            raise SpecError("batch_norm", "before", "none or after, beside a normalization")
        if self.operator in PROPAGATIONS:
            self._check_step()
        elif self.steps != 1:
            accepts = f"1, since only {', '.join(PROPAGATIONS)} have a choice"
            raise SpecError("steps", self.steps, accepts)

    def _check_step(self) -> None:
        """Refuse what a step of a propagation does not have.

        Raises:
            SpecError: Naming the field.
        """
        if self.inputs != self.outputs:
            raise SpecError("outputs", self.outputs, f"the {self.inputs} features that enter")
        for field, none in (
            ("activation", "none"),
            ("batch_norm", "none"),
            ("dropout", 0),
            ("residual", False),
        ):
            got = getattr(self, field)
            if got != none:
                raise SpecError(field, got, f"{none}, since a step of {self.operator} has none")

    @property
    def propagates(self) -> Propagation | None:
        """The constants of a step, its operator's own settled; None for a layer that is none."""
        if self.operator not in PROPAGATIONS:
            return None
        return self.propagation or PROPAGATIONS[self.operator]()

    @property
    def scaled(self) -> bool:
        """Whether the output is ``D^-1/2 H``, what the next step sends."""
        return self.step < self.steps

    def entry(self, layer: int) -> tuple[int, str]:
        """Return the slot of what enters the layer: its input, or a step's layer's before."""
        return (layer - 1, "output") if self.operator in PROPAGATIONS else (layer, "input")

    def anchor(self, layer: int) -> tuple[int, str]:
        """Return the slot of a step's anchor: what entered the first step."""
        return layer - self.step, "output"

    @property
    def width(self) -> int:
        """Columns of the first linear map: all heads, or what stands between gin's two maps."""
        if self.operator == "gin":
            return self.hidden or self.outputs
        return self.outputs if self.concat else self.outputs * self.heads

    @property
    def slots(self) -> Slots:
        """The slots of the layer in the order of the forward pass, each with its component."""
        return _slots(*self._kind)

    @property
    def activated(self) -> str:
        """The slot that the activation is of."""
        return "output" if self.normalization is None else "normalized"

    @property
    def rows(self) -> tuple[str, ...]:
        """The slots that hold a row of features for each node, or each graph once pooled."""
        return tuple(slot for slot in self.slots if slot not in NOT_ROWS)

    @property
    def components(self) -> tuple[Component, ...]:
        """The components the layer has, in the order of `COMPONENTS`."""
        return _components(*self._kind)

    @property
    def _kind(self) -> _Kind:
        return self.operator, self.pool != "none", type(self.normalization), self.step > 1

    @property
    def constants(self) -> Mapping[str, tuple[int, ...]]:
        """The learned tensors with their shapes, batch normalisation folded to gain and bias.

        A differentiable group normalisation's is too: ``group_gain`` holds each group's,
        ``group_bias`` what all groups add, weighted.

        ``attention`` holds the vectors of all heads side by side, the source's above the target's.
        ``multiplier`` is the one that smp's training left to the step.
        """
        first, shapes = self.inputs, dict[str, tuple[int, ...]]()
        if self.operator in PROPAGATIONS:
            return {"multiplier": (1,)} if self.operator == "smp" else {}
        shapes["weight"] = (first, self.width)
        if self.operator == "gat":
            shapes["attention"] = (2, self.width)
        if self.operator == "sage":
            shapes["own_weight"] = (first, self.outputs)
        if self.operator == "gin":
            shapes["hidden_bias"] = (self.width,)
            if self.hidden_norm:
                shapes["hidden_gain"] = (self.width,)
            shapes["hidden_weight"] = (self.width, self.outputs)
        shapes["bias"] = (self.outputs,)
        if self.batch_norm == "before":
            shapes["gain"] = (self.outputs,)
        if self.batch_norm == "after":
            shapes["after_gain"] = shapes["after_bias"] = (self.outputs,)
        if isinstance(self.normalization, DiffGroupNorm):
            groups = self.normalization.groups
            shapes["group_weight"] = (self.outputs, groups)
            shapes["group_gain"] = (groups, self.outputs)
            shapes["group_bias"] = (self.outputs,)
        return shapes

    def quant_of(self, slot: str, quant: LayerQuant) -> QuantSpec:
        """Return how a slot is quantized: as its component, unsigned where it cannot be negative.

        Ternary codes keep their sign.

        Args:
            slot: One of `slots`.
            quant: The layer's quantization.

        Raises:
            SpecError: If the layer has no such slot.
        """
        check_choice("slot", slot, tuple(self.slots))
        spec = quant[self.slots[slot]]
        if slot != "hidden" or spec.is_float:
            return spec
        return replace(spec, signed=spec.ternary)

    def widths(self, component: Component) -> tuple[int, ...]:
        """Return the bit widths that one of its components accepts: what it adds up, not 1."""
        accepted = accepted_widths(component)
        pooled = self.pool != "none" and component == "input"
        return tuple(width for width in accepted if width > 1) if pooled else accepted

    def check_quant(self, quant: LayerQuant) -> None:
        """Refuse widths for components the layer does not have, and signs for what it adds up.

        Raises:
            SpecError: Naming the component.
        """
        if quant.input.bits not in self.widths("input"):
            accepts = "2 to 8, 16 or 32, since the layer pools its input"
            raise SpecError("input.bits", quant.input.bits, accepts)
        components = self.components
        for component, spec in quant.items():
            if component not in components and spec != FP32:
                have = ", ".join(components)
                raise SpecError(component, spec, f"float32; {self.operator} layers have {have}")


def of_nodes(layers: Sequence[LayerSpec]) -> tuple[tuple[Component, ...], ...]:
    """Return the components of each layer that hold a row for each node, and no other rows.

    A pool leaves rows of graphs; elastic's message is of edges too.

    Args:
        layers: A network's.
    """
    found, pooled = [], False
    for layer in layers:
        held = [component for component in BUCKETED if component in layer.components]
        if layer.operator == "elastic":
            held.remove("message")
        if pooled or layer.pool != "none":
            held = [c for c in held if c == "input" and not pooled]
        pooled = pooled or layer.pool != "none"
        found.append(tuple(held))
    return tuple(found)


def check_buckets(layers: Sequence[LayerSpec], quant: Sequence[LayerQuant]) -> None:
    """Refuse widths by in-degree for what holds other rows than nodes.

    Args:
        layers: A network's.
        quant: One for each.

    Raises:
        SpecError: Naming the layer and the component.
    """
    for layer, (held, components) in enumerate(zip(quant, of_nodes(layers), strict=True)):
        for component, spec in held.items():
            if spec.buckets and component not in components:
                accepts = "none: it holds rows of graphs, or of edges, which have no in-degree"
                raise SpecError(f"quant[{layer}].{component}.buckets", spec.buckets, accepts)


def signed_inputs(layers: Sequence[LayerSpec]) -> tuple[bool, ...]:
    """Return whether what enters each layer may be negative: a ReLU leaves nothing that is.

    Args:
        layers: A network's.
    """
    left = (layer.activation != "relu" or layer.batch_norm == "after" for layer in layers[:-1])
    return (True, *left)
