"""What a run is made of: graph, model, quantization, protection, training, seed; and its key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import Literal, get_args

from engine.spec.errors import (
    SpecError,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_real,
)
from engine.spec.json import canonical
from engine.spec.layer import (
    Activation,
    Aggregation,
    LayerOperator,
    LayerSpec,
    Pool,
    check_buckets,
)
from engine.spec.normalization import Normalization, check_normalization
from engine.spec.own import OwnModel
from engine.spec.propagation import (
    MOST_STEPS,
    PROPAGATIONS,
    Propagating,
    Propagation,
    check_propagation,
)
from engine.spec.quantization import WIDTHS, LayerQuant

Operator = Literal["gcn", "gat", "gin", "sage"]
Mode = Literal["float", "ptq", "finetune", "retrain"]
Schedule = Literal["constant", "cosine"]
Split = Literal["own", "large"]

SPLITS: dict[Split, str] = {"own": "its own", "large": "60 : 20 : 20"}
"""How splits are told: the shares of each class for training, validation and testing."""


CITATION = ("Cora", "CiteSeer", "PubMed")
"""Graphs whose bag-of-words rows are divided by their sums unless a spec says otherwise."""

FOLDED = ("MUTAG", "PROTEINS", "REDDIT-BINARY")
"""Sets of graphs without a split of their own, which ten-fold cross-validation splits."""

FOLDS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphSpec:
    """Which graph a run learns on.

    Args:
        name: A built-in graph (``digits-knn``, ``karate``, ``hubs``) or set of graphs
            (``digits-superpixels``), a public one (``Cora``, …, ``MUTAG``, …), or ``own:<sha256>``
            for a person's graph or set kept in the run store.
        nodes: Number of nodes; only ``hubs`` has a choice.
        exponent: Power-law exponent of the degrees; only ``hubs`` has a choice.
        normalize: Divide each row of the features by its sum; None does so for `CITATION` graphs
            only, as is usual there. Elsewhere it was measured to cost accuracy: 5 points on
            digits-knn, 4 to 8 on hubs, 10 on Photo.
        fold: The fold that is tested on, 0 to 9, None for 0; only `FOLDED` sets have a choice.
        split: Which nodes are learned from: those of the graph's ``own`` split, often 20 a class;
            or a ``large`` share, 60 : 20 : 20 of each class for training, validation and testing.
            Sets of graphs have no choice.

    Raises:
        SpecError: Naming the invalid field.
    """

    name: str = "digits-knn"
    nodes: int | None = None
    exponent: float | None = None
    normalize: bool | None = None
    fold: int | None = None
    split: Split = "own"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or len(self.name) > 100:
            raise SpecError("name", self.name, "a graph's name")
        if self.name != "hubs" and self.nodes is not None:
            raise SpecError("nodes", self.nodes, "null, since only hubs has a choice of nodes")
        if self.name != "hubs" and self.exponent is not None:
            raise SpecError(
                "exponent", self.exponent, "null, since only hubs has a choice of exponent"
            )
        if self.name not in FOLDED and self.fold is not None:
            having = ", ".join(FOLDED)
            raise SpecError("fold", self.fold, f"null, since only {having} have a choice of fold")
        if self.nodes is not None:
            check_integer("nodes", self.nodes, 10, 50_000_000)
        if self.exponent is not None:
            check_real("exponent", self.exponent, 2, 10, open_low=True)
        if self.normalize is not None:
            check_flag("normalize", self.normalize)
        if self.fold is not None:
            check_integer("fold", self.fold, 0, FOLDS - 1)
        check_choice("split", self.split, get_args(Split))
        if self.name in FOLDED and self.split != "own":
            raise SpecError("split", self.split, f"own, since {self.name} is split into folds")

    @property
    def title(self) -> str:
        """The name, with the split where it is not the graph's own."""
        return self.name if self.split == "own" else f"{self.name}, {SPLITS[self.split]}"

    @property
    def normalizes(self) -> bool:
        """Whether rows are divided by their sums, the graph's own habit settled."""
        return self.name in CITATION if self.normalize is None else self.normalize


HEADS = 8
"""Attention heads of a hidden gat layer, as in its paper."""

HEAD_LAYERS = 2
"""Linear layers after the pooling of a network for graphs."""

STEPS = 10
"""Steps of a propagation, the K of its papers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """The shape of a network.

    A stack of one operator, with a head of linear layers for graphs; or linear layers whose scores
    are then propagated over the graph.

    Args:
        operator: The operator, or the propagation.
        layers: Number of its layers, 2 to 64; of a propagation's linear ones, 1 to 64.
        hidden: Features of each hidden layer, all heads together.
        dropout: Share of a layer's input dropped in training, in [0, 1).
        residual: Add each hidden layer's input to its activation.
        heads: Attention heads of gat's hidden layers; None for `HEADS`. The last layer has one.
        aggregation: How sage gathers; None for its mean.
        activation: Between layers; None for elu with gat, relu with the others.
        batch_norm: Normalise each hidden layer's output; None does so for gin only, between its
            linear maps too.
        pool: How the nodes of a graph are gathered in a network for graphs, which `HEAD_LAYERS`
            linear layers then follow; ``none`` for nodes.
        steps: Steps of a propagation, 1 to 64; None for `STEPS`.
        propagation: Constants of its steps; None for its operator's own.
        normalization: How each hidden layer's output is normalised over the nodes, against
            oversmoothing, in place of batch normalisation, which gin keeps between its linear maps;
            None for not at all.

    Raises:
        SpecError: Naming the invalid field.
    """

    operator: Operator | Propagating = "gcn"
    layers: int = 2
    hidden: int = 16
    dropout: float = 0.5
    residual: bool = False
    heads: int | None = None
    aggregation: Aggregation | None = None
    activation: Activation | None = None
    batch_norm: bool | None = None
    pool: Pool = "none"
    steps: int | None = None
    propagation: Propagation | None = None
    normalization: Normalization | None = None

    def __post_init__(self) -> None:
        check_choice("operator", self.operator, (*get_args(Operator), *PROPAGATIONS))
        check_integer("layers", self.layers, 1 if self.operator in PROPAGATIONS else 2, 64)
        check_integer("hidden", self.hidden, 1, 4096)
        check_real("dropout", self.dropout, 0, 1, open_high=True)
        check_flag("residual", self.residual)
        for field, operator in (("heads", "gat"), ("aggregation", "sage")):
            got = getattr(self, field)
            if self.operator != operator and got is not None:
                raise SpecError(field, got, f"null, since only {operator} has a choice")
        if self.heads is not None:
            check_integer("heads", self.heads, 1, 64)
        if self.operator == "gat" and self.hidden % (self.heads or HEADS):
            raise SpecError("hidden", self.hidden, f"a multiple of the {self.heads or HEADS} heads")
        if self.aggregation is not None:
            check_choice("aggregation", self.aggregation, get_args(Aggregation))
        if self.activation is not None:
            check_choice("activation", self.activation, get_args(Activation))
        if self.batch_norm is not None:
            check_flag("batch_norm", self.batch_norm)
        check_choice("pool", self.pool, get_args(Pool))
        check_propagation(self.operator, self.propagation)
        check_normalization(self.operator, self.normalization)
        if self.normalization is not None and self.batch_norm:
            raise SpecError("batch_norm", True, "null or false, beside a normalization")
        if self.steps is not None:
            check_integer("steps", self.steps, 1, MOST_STEPS)
        if self.operator not in PROPAGATIONS and self.steps is not None:
            having = ", ".join(PROPAGATIONS)
            raise SpecError("steps", self.steps, f"null, since only {having} have a choice")
        if self.operator in PROPAGATIONS and self.pool != "none":
            raise SpecError("pool", self.pool, f"none, since {self.operator} scores nodes")

    @property
    def propagated(self) -> int:
        """Steps of a propagation, the habit settled; 0 where the operator is none."""
        return (self.steps or STEPS) if self.operator in PROPAGATIONS else 0

    @property
    def depth(self) -> int:
        """Number of layers, a head's for graphs and the steps of a propagation included."""
        return self.layers + self.propagated + (HEAD_LAYERS if self.pool != "none" else 0)

    @property
    def activates(self) -> Activation:
        """The activation between layers, the operator's habit settled."""
        return self.activation or ("elu" if self.operator == "gat" else "relu")

    @property
    def normalizes(self) -> bool:
        """Whether outputs are batch normalised, the operator's habit settled."""
        return self.operator == "gin" if self.batch_norm is None else self.batch_norm

    def layer_specs(self, features: int, outputs: int) -> tuple[LayerSpec, ...]:
        """Return the shape of each layer.

        Args:
            features: Features of a node, F.
            outputs: Scores or targets of a node or graph, C.
        """
        return _layer_specs(self, features, outputs)


@lru_cache(maxsize=256)
def _layer_specs(model: ModelSpec, features: int, outputs: int) -> tuple[LayerSpec, ...]:
    last = model.depth - model.propagated - 1
    widths = [features, *[model.hidden] * last, outputs]
    layers = [_layer(model, index, *widths[index : index + 2]) for index in range(last + 1)]
    return (*layers, *(_step(model, step, outputs) for step in range(1, model.propagated + 1)))


def _step(model: ModelSpec, step: int, scores: int) -> LayerSpec:
    return LayerSpec(
        operator=model.operator,
        inputs=scores,
        outputs=scores,
        propagation=model.propagation,
        step=step,
        steps=model.propagated,
    )


def _layer(model: ModelSpec, index: int, inputs: int, outputs: int) -> LayerSpec:
    hidden = index < model.depth - model.propagated - 1
    within = index < model.layers
    propagates = model.operator in PROPAGATIONS
    operator: LayerOperator = model.operator if within and not propagates else "linear"
    attends = operator == "gat" and hidden
    normalized = hidden and within and model.normalizes
    over_nodes = model.normalization if hidden and within else None
    return LayerSpec(
        operator=operator,
        inputs=inputs,
        outputs=outputs,
        activation=model.activates if hidden else "none",
        batch_norm="before" if normalized and over_nodes is None else "none",
        dropout=model.dropout,
        residual=model.residual and within and index > 0 and hidden,
        heads=(model.heads or HEADS) if attends else 1,
        aggregation=(model.aggregation or "mean") if operator == "sage" else "mean",
        hidden=model.hidden if operator == "gin" else None,
        hidden_norm=operator == "gin" and model.normalizes,
        pool=model.pool if index == model.layers else "none",
        normalization=over_nodes,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection:
    """Degree protection: the chance that a node stays float in a training forward.

    A node of in-degree d is protected with probability ``p(d) = p_min + (p_max - p_min) F(d)``,
    F the inclusive empirical CDF of the in-degrees.

    Args:
        p_min: Probability at the smallest degree, in [0, 1].
        p_max: Probability at the largest degree, in [p_min, 1].
        shared: One mask for all layers of a forward; else one for each layer.

    Raises:
        SpecError: Naming the invalid field.

    Source:
        Tailor et al., Degree-Quant, ICLR 2021, section 3.1.
    """

    p_min: float = 0.0
    p_max: float = 0.0
    shared: bool = True

    def __post_init__(self) -> None:
        check_real("p_min", self.p_min, 0, 1)
        check_real("p_max", self.p_max, 0, 1)
        if self.p_max < self.p_min:
            raise SpecError("p_max", self.p_max, f"at least p_min, {self.p_min:g}")
        check_flag("shared", self.shared)

    @property
    def is_off(self) -> bool:
        """Whether no node is ever protected."""
        return self.p_max == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSpec:
    """How the weights are found: by the cross entropy of classes, or the absolute error of targets.

    Args:
        mode: ``float`` trains without quantizers; ``ptq`` quantizes the float model without
            training; ``finetune`` starts from the float model; ``retrain`` from scratch. A person's
            own model is a float model as it is.
        epochs: Passes over what is learned from, one step each on a single graph; with ``ptq`` and
            ``finetune`` also those of the float model.
        lr: Learning rate of Adam.
        schedule: Whether learning rates, of ranges too, stay as they are, or fall to 0 by half a
            cosine over the epochs (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts).
        weight_decay: L2 penalty on the first layer's weights, as usual for GCN.
        batch: Graphs in a step, where a set of graphs is learned from.
        distillation: Share of the loss, in [0, 1], that is the divergence from the float model's
            outputs on all units, labelled or not; only ``finetune`` and ``retrain`` have a choice.
        narrowing: Widths, each less than the one before, that components narrower than them train
            in first, each for as many epochs as then their own: ``(8, 4)`` goes from 8 bits over 4
            to 2, a third of the epochs each; likewise.

    Raises:
        SpecError: Naming the invalid field.
    """

    mode: Mode = "retrain"
    epochs: int = 200
    lr: float = 0.01
    schedule: Schedule = "constant"
    weight_decay: float = 5e-4
    batch: int = 128
    distillation: float = 0.0
    narrowing: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, get_args(Mode))
        check_integer("epochs", self.epochs, 1, 100_000)
        check_real("lr", self.lr, 0, 10, open_low=True)
        check_choice("schedule", self.schedule, get_args(Schedule))
        check_real("weight_decay", self.weight_decay, 0, 10)
        check_integer("batch", self.batch, 1, 1_000_000)
        check_real("distillation", self.distillation, 0, 1)
        if self.distillation and self.mode in ("float", "ptq"):
            accepts = f"0, since {self.mode} trains no quantizers"
            raise SpecError("distillation", self.distillation, accepts)
        check_instance("narrowing", self.narrowing, tuple)
        for width in self.narrowing:
            if isinstance(width, bool) or width not in WIDTHS[:-1]:
                raise SpecError("narrowing", width, "widths of 2 to 8 or 16 bits")
        if any(after >= before for before, after in pairwise(self.narrowing)):
            raise SpecError("narrowing", self.narrowing, "widths that fall")
        if self.narrowing and self.mode in ("float", "ptq"):
            accepts = f"none, since {self.mode} trains no quantizers"
            raise SpecError("narrowing", self.narrowing, accepts)
        if len(self.narrowing) >= self.epochs:
            raise SpecError("narrowing", self.narrowing, f"fewer than the {self.epochs} epochs")

    @property
    def starts_from_float(self) -> bool:
        """Whether the weights start as the float model's."""
        return self.mode in ("ptq", "finetune")

    @property
    def needs_float(self) -> bool:
        """Whether the float model is needed, to start from or to learn from."""
        return self.starts_from_float or self.distillation > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """Everything that decides a run's result.

    Args:
        graph: The graph.
        model: The network: a shape to be learned, or a person's own with its weights.
        quant: One `LayerQuant` for each of the model's layers, a head's included; float32 in the
            components that a layer does not have.
        protection: Degree protection in training.
        training: How the weights are found.
        seed: Seed of weights, dropout and protection masks.

    Raises:
        SpecError: Naming the invalid field.
    """

    graph: GraphSpec = GraphSpec()
    model: ModelSpec | OwnModel = ModelSpec()
    quant: tuple[LayerQuant, ...] = (LayerQuant(), LayerQuant())
    protection: Protection = Protection()
    training: TrainingSpec = TrainingSpec()
    seed: int = 0

    def __post_init__(self) -> None:
        check_instance("graph", self.graph, GraphSpec)
        check_instance("model", self.model, (ModelSpec, OwnModel))
        check_instance("quant", self.quant, tuple)
        for layer, quant in enumerate(self.quant):
            check_instance(f"quant[{layer}]", quant, LayerQuant)
        if len(self.quant) != self.model.depth:
            raise SpecError(
                "quant",
                f"{len(self.quant)} layers",
                f"one for each of the model's {self.model.depth} layers",
            )
        shapes = self.model.layer_specs(1, 1)
        for layer, shape in enumerate(shapes):
            try:
                shape.check_quant(self.quant[layer])
            except SpecError as error:
                raise error.within(f"quant[{layer}]") from None
        check_buckets(shapes, self.quant)
        check_instance("protection", self.protection, Protection)
        check_instance("training", self.training, TrainingSpec)
        check_integer("seed", self.seed, 0, 2**32 - 1)

    @property
    def key(self) -> str:
        """The run's identity: sha256 of its canonical JSON, as 64 hexadecimal digits."""
        return sha256(canonical(self).encode()).hexdigest()
