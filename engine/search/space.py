"""What a search may choose: the widths of every component, and the shape of the network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from engine.spec import (
    SCHEMES,
    WIDTHS,
    Activation,
    Aggregation,
    Bucket,
    Component,
    GraphSpec,
    LayerQuant,
    LayerSpec,
    ModelSpec,
    Operator,
    Propagating,
    Protection,
    QuantSpec,
    RunSpec,
    SpecError,
    TrainingSpec,
    by_degree,
    component_spec,
    scheme,
)
from engine.spec.errors import check_choice, check_instance, check_integer
from engine.spec.layer import of_nodes, signed_inputs
from engine.spec.propagation import PROPAGATIONS
from engine.spec.quantization import MOST_BUCKETS

RULES = tuple(name for name in SCHEMES if name not in ("float", "ptq", "bi-gcn", "sgquant"))
"""The schemes that give a width its rules; ``bi-gcn`` and ``sgquant`` choose widths themselves."""

Option = int | str | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One thing to be chosen.

    Args:
        name: A field of the model, or ``layer.component`` for a width, ``layer.component.degree``
            for that of nodes from an in-degree on.
        options: What it may be, the first being the usual one.
    """

    name: str
    options: tuple[Option, ...]

    @property
    def is_width(self) -> bool:
        """Whether it is the width of a component."""
        return "." in self.name

    @property
    def place(self) -> tuple[int, str, int]:
        """The layer of a width, its component, and the least in-degree of its nodes."""
        layer, component, *degree = self.name.split(".")
        return int(layer), component, int(degree[0]) if degree else 0

    @property
    def widths(self) -> tuple[int, ...]:
        """The options of a width."""
        return tuple(int(option) for option in self.options)


Choose = Callable[[Choice], Option]
"""Says which of a choice's options it is to be."""


MOST_SHAPES = 10_000
"""Each shape of a space is looked at before a search begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """The runs that a search chooses from: a function from a chooser to a run.

    Every component of every layer has a choice of widths, but for the final scores, which stay in
    float. A field of the model that is given options is chosen too; it then is a shape search, and
    with a single width it is nothing else. Which widths there are to choose depends on the shape
    chosen before: a layer has those of its operator's components.

    Args:
        graph: What is learned on.
        model: The network; where a field below has options, it is chosen from them instead.
        scheme: What gives each component its range and gradient rule: ``qat``, ``degree-quant``,
            ``smp``, whose ranges are learned, or ``ternary``, whose weights of 2 bits are ternary.
        widths: Options of every component that accepts them; 1 bit is for `MULTIPLIED` ones.
        degrees: Least in-degrees, ascending, from which rows of nodes may have another width: with
            some, each component that holds such rows has a choice of 2 to 16 bits for the nodes
            below the first, and one from each on.
        operators: Options of the model's operator; propagations may be among them.
        aggregations: Options of how sage gathers.
        activations: Options of the model's activation.
        hidden: Options of its hidden features.
        layers: Options of its number of layers: the hops of a stack, the depth of a propagation's
            linear layers.
        steps: Options of the hops of a propagation.
        residual: Options of its skip connections.
        protection: Degree protection; None for the scheme's own at 8 bits.
        training: How each run is trained.

    Raises:
        SpecError: Naming the invalid field.
    """

    graph: GraphSpec = GraphSpec()
    model: ModelSpec = ModelSpec()
    scheme: str = "degree-quant"
    widths: tuple[int, ...] = (8, 4, 2)
    degrees: tuple[int, ...] = ()
    operators: tuple[Operator | Propagating, ...] = ()
    aggregations: tuple[Aggregation, ...] = ()
    activations: tuple[Activation, ...] = ()
    hidden: tuple[int, ...] = ()
    layers: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    residual: tuple[bool, ...] = ()
    protection: Protection | None = None
    training: TrainingSpec = TrainingSpec()

    def __post_init__(self) -> None:
        check_instance("graph", self.graph, GraphSpec)
        check_instance("model", self.model, ModelSpec)
        check_choice("scheme", self.scheme, RULES)
        if not self.widths:
            raise SpecError("widths", self.widths, "at least one width")
        for width in self.widths:
            if isinstance(width, bool) or width not in WIDTHS:
                raise SpecError("widths", width, "1 to 8, 16 or 32")
        if not any(width > 1 for width in self.widths):
            raise SpecError("widths", self.widths, "a width of more than 1 bit among them")
        self._check_degrees()
        for field in ("widths", *FIELDS):
            options = getattr(self, field)
            check_instance(field, options, tuple)
            if len(set(options)) != len(options):
                raise SpecError(field, options, "each option once")
        shapes = math.prod(max(len(getattr(self, field)), 1) for field in FIELDS)
        if shapes > MOST_SHAPES:
            raise SpecError("space", f"{shapes:,} shapes", f"at most {MOST_SHAPES:,}")
        if self.protection is not None:
            check_instance("protection", self.protection, Protection)
        check_instance("training", self.training, TrainingSpec)
        for _ in self.models():  # each refuses options that do not go together
            pass

    def _check_degrees(self) -> None:
        """Refuse in-degrees out of order, and those that no width goes with.

        Raises:
            SpecError: Naming the field.
        """
        check_instance("degrees", self.degrees, tuple)
        if len(self.degrees) >= MOST_BUCKETS:
            accepts = f"fewer than {MOST_BUCKETS}"
            raise SpecError("degrees", f"{len(self.degrees)} of them", accepts)
        for degree in self.degrees:
            check_integer("degrees", degree, 1, 2**31 - 1)
        if any(after <= before for before, after in pairwise(self.degrees)):
            raise SpecError("degrees", self.degrees, "in-degrees that rise")
        if self.degrees and not any(1 < width < 32 for width in self.widths):
            raise SpecError("widths", self.widths, "2 to 8 or 16 bits among them, beside degrees")

    def choices(self, model: ModelSpec) -> tuple[Choice, ...]:
        """Return the choices of a network's widths, in the order of its layers and components."""
        shapes = model.layer_specs(1, 1)
        found = []
        for layer, (shape, rows) in enumerate(zip(shapes, of_nodes(shapes), strict=True)):
            for component in shape.components:
                if _is_score(model, layer, component):
                    continue
                name, options = f"{layer}.{component}", self.widths_of(shape, component)
                degrees = self.degrees if component in rows else ()
                if degrees:
                    options = tuple(width for width in options if 1 < width < 32)
                names = [name, *(f"{name}.{degree}" for degree in degrees)]
                found += [Choice(name=name, options=options) for name in names]
        return tuple(found)

    def widths_of(self, shape: LayerSpec, component: Component) -> tuple[int, ...]:
        """Return the options of one component of a layer."""
        return tuple(width for width in self.widths if width in shape.widths(component))

    def models(self) -> Iterator[ModelSpec]:
        """Yield every network that may be chosen, each once."""
        return (model for model, _ in self._shapes(()))

    def everything(self) -> tuple[Choice, ...]:
        """Return each choice that there is in some network, those of the shape first."""
        shapes = list(self._shapes(()))
        of_shape = (choice for _, choices in shapes for choice in choices)
        widths = (choice for model, _ in shapes for choice in self.choices(model))
        return tuple({choice.name: choice for choice in (*of_shape, *widths)}.values())

    def _shapes(self, taken: tuple[int, ...]) -> Iterator[tuple[ModelSpec, tuple[Choice, ...]]]:
        """Yield every network with the choices that made it, the first few options taken."""
        made: list[Choice] = []

        def choose(choice: Choice) -> Option:
            at = len(made)
            made.append(choice)
            return choice.options[taken[at] if at < len(taken) else 0]

        yield self.shape(choose), tuple(made)
        for at in range(len(taken), len(made)):
            first = (*taken, *([0] * (at - len(taken))))
            for option in range(1, len(made[at].options)):
                yield from self._shapes((*first, option))

    def shape(self, choose: Choose) -> ModelSpec:
        """Return the network that a chooser makes.

        Args:
            choose: Asked for each field that has options, where the fields before leave it a sense:
                an aggregation for sage alone, steps for a propagation alone.

        Raises:
            SpecError: If the options do not go together.
        """
        model = self.model
        for field, of_model in FIELDS.items():
            options = getattr(self, field)
            if not options or not _applies(field, model):
                continue
            chosen = choose(Choice(name=of_model, options=options))
            model = _with(model, of_model, chosen)
        return model

    def spec(self, choose: Choose, seed: int = 0) -> RunSpec:
        """Return the run that a chooser makes.

        Args:
            choose: Asked for each choice, those of the shape first.
            seed: The run's seed.
        """
        model = self.shape(choose)
        usual = scheme(
            self.scheme,
            graph=self.graph,
            model=model,
            protection=self.protection,
            training=self.training,
            seed=seed,
        )
        return replace(usual, quant=_quant(self, model, choose))

    def chosen(self, spec: RunSpec) -> dict[str, Option]:
        """Return what each choice was for a run of this space, by name.

        Raises:
            SpecError: If the run is none of this space's.
        """
        found: dict[str, Option] = {}

        def recall(choice: Choice) -> Option:
            option: Any = None
            if not choice.is_width:
                option = getattr(spec.model, choice.name)
            elif choice.place[0] < len(spec.quant):
                layer, component, degree = choice.place
                option = spec.quant[layer][component].bits_at(degree)
            if option not in choice.options:
                raise SpecError(choice.name, option, f"one of {choice.options}")
            found[choice.name] = option
            return found[choice.name]

        if self.spec(recall, spec.seed) != spec:
            raise SpecError("spec", spec.key[:12], "a run of the space")
        return found


FIELDS: Mapping[str, str] = {
    "operators": "operator",
    "aggregations": "aggregation",
    "layers": "layers",
    "steps": "steps",
    "hidden": "hidden",
    "activations": "activation",
    "residual": "residual",
}
"""The fields of a space that give a field of the model its options, in the order of choice."""


def _applies(field: str, model: ModelSpec) -> bool:
    if field == "aggregations":
        return model.operator == "sage"
    return field != "steps" or model.operator in PROPAGATIONS


def _with(model: ModelSpec, field: str, value: Any) -> ModelSpec:
    """Return a model with a field changed; what only another operator has is dropped."""
    if field != "operator":
        return replace(model, **{field: value})
    own = {"heads": ("gat",), "aggregation": ("sage",), "steps": tuple(PROPAGATIONS)}
    dropped: dict[str, Any] = {name: None for name, of in own.items() if value not in of}
    if value != model.operator:
        dropped["propagation"] = None
    return replace(model, operator=value, **dropped)


def _is_score(model: ModelSpec, layer: int, component: str) -> bool:
    return component == "output" and layer == model.depth - 1


def _quant(space: Space, model: ModelSpec, choose: Choose) -> tuple[LayerQuant, ...]:
    shapes: tuple[LayerSpec, ...] = model.layer_specs(1, 1)
    signs = signed_inputs(shapes)
    widths: dict[tuple[int, str], dict[int, int]] = {}
    for choice in space.choices(model):
        layer, component, degree = choice.place
        widths.setdefault((layer, component), {})[degree] = int(choose(choice))
    specs: list[dict[str, QuantSpec]] = [{} for _ in shapes]
    for (layer, name), of_degree in widths.items():

        def made(bits: int, layer: int = layer, name: Any = name) -> QuantSpec:
            return component_spec(space.scheme, name, bits, signed=signs[layer])

        buckets = [Bucket(degree=d, bits=bits) for d, bits in of_degree.items() if d]
        specs[layer][name] = by_degree(made, of_degree[0], buckets)
    return tuple(LayerQuant(**of_layer) for of_layer in specs)
