"""The options that several commands share, and the values they make."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

from engine.spec import (
    COMPONENTS,
    NORMALIZATIONS,
    PROPAGATIONS,
    GraphSpec,
    ModelSpec,
    Normalization,
    Operator,
    Propagation,
    SpecError,
)
from engine.spec.errors import check_choice

PROPAGATION_HIDDEN = 64
"""Features of a hidden layer before a propagation, as in its papers."""

CONSTANTS = {name: [field.name for field in fields(kind)] for name, kind in PROPAGATIONS.items()}
"""The names of each propagation's constants."""


def add_graph(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options that name a graph."""
    of = parser.add_argument_group("graph")
    of.add_argument(
        "--graph", default=default, help=f"a name, or an .npz file of yours ({default})"
    )
    of.add_argument("--nodes", type=int, help="nodes of the graph hubs")
    of.add_argument("--exponent", type=float, help="power law of the degrees of the graph hubs")
    of.add_argument(
        "--fold", type=int, help="fold tested on, of MUTAG, PROTEINS, REDDIT-BINARY (0)"
    )
    of.add_argument(
        "--split", default="own", help="own, or large: 60 : 20 : 20 of each class (own)"
    )
    of.add_argument(
        "--normalize",
        action=argparse.BooleanOptionalAction,
        help="divide features by their row's sum (citation graphs only)",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that shape a network."""
    of = parser.add_argument_group("model")
    operators = ", ".join((*get_args(Operator), *PROPAGATIONS))
    of.add_argument("--model", default="gcn", help=f"operator: {operators} (gcn)")
    of.add_argument("--layers", type=int, default=2, help="2 to 64 (2)")
    of.add_argument(
        "--hidden",
        type=int,
        help=f"features of a hidden layer (16; before a propagation {PROPAGATION_HIDDEN})",
    )
    of.add_argument("--dropout", type=float, default=0.5, help="share dropped in training (0.5)")
    of.add_argument("--residual", action="store_true", help="add a layer's input to its activation")
    of.add_argument("--heads", type=int, help="attention heads of gat's hidden layers (8)")
    of.add_argument("--aggregation", help="how sage gathers: mean, max (mean)")
    of.add_argument("--activation", help="between layers: none, relu, elu (relu; gat: elu)")
    of.add_argument(
        "--batch-norm",
        action=argparse.BooleanOptionalAction,
        help="normalise hidden layers' outputs (gin only)",
    )
    of.add_argument(
        "--normalization",
        help=f"of hidden outputs over the nodes: {', '.join(NORMALIZATIONS)} (none)",
    )
    of.add_argument("--norm-scale", type=float, help="length that PairNorm leaves (1)")
    of.add_argument("--groups", type=int, help="groups of group-norm (10)")
    of.add_argument("--group-weight", type=float, help="their weight beside the output (0.01)")
    of.add_argument("--pool", help="of a set of graphs: sum, mean, max (mean)")
    of = parser.add_argument_group(
        "propagation", "of appnp, elastic and smp, whose layers are linear"
    )
    of.add_argument("--steps", type=int, help="steps after the layers, 1 to 64 (10)")
    for operator, names in CONSTANTS.items():
        for name in names:
            default = getattr(PROPAGATIONS[operator](), name)
            option = f"--{name.replace('_', '-')}"
            of.add_argument(option, type=float, help=f"{operator}'s {name} ({default:g})")


def graph_of(options: argparse.Namespace, folder: Path) -> GraphSpec:
    """Return the graph that the options name; a file is checked and kept in ``folder``.

    Raises:
        SpecError: Naming an invalid option.
        GraphError: If a file holds no graph to learn on.
    """
    name = options.graph
    if name.endswith(".npz"):
        from engine.graphs import keep_own, read_npz

        name = keep_own(read_npz(Path(name)), folder).name
    return GraphSpec(
        name=name,
        nodes=options.nodes,
        exponent=options.exponent,
        normalize=options.normalize,
        fold=options.fold,
        split=options.split,
    )


def model_of(options: argparse.Namespace) -> ModelSpec:
    """Return the network that the options shape, for graphs where a set of them is named.

    Raises:
        SpecError: Naming an invalid option.
    """
    from engine.graphs import SETS

    return ModelSpec(
        operator=options.model,
        layers=options.layers,
        hidden=_hidden(options),
        dropout=options.dropout,
        residual=options.residual,
        heads=options.heads,
        aggregation=options.aggregation,
        activation=options.activation,
        batch_norm=options.batch_norm,
        pool=options.pool or ("mean" if options.graph in SETS else "none"),
        steps=options.steps,
        propagation=_propagation(options),
        normalization=_normalization(options),
    )


def _hidden(options: argparse.Namespace) -> int:
    """Return the features of a hidden layer, the operator's habit settled."""
    if options.hidden is not None:
        return int(options.hidden)
    return PROPAGATION_HIDDEN if options.model in PROPAGATIONS else ModelSpec().hidden


def _propagation(options: argparse.Namespace) -> Propagation | None:
    """Return the constants that differ from the propagation's own, None where none does.

    Raises:
        SpecError: Naming an option that the model does not have.
    """
    own = CONSTANTS.get(options.model, [])
    given: dict[str, float] = {}
    for operator, names in CONSTANTS.items():
        for name in names:
            value = getattr(options, name)
            if value is None:
                continue
            if name not in own:
                option = f"--{name.replace('_', '-')}"
                raise SpecError(option, value, f"nothing, since only {operator} has one")
            given[name] = value
    return PROPAGATIONS[options.model](**given) if given else None


def _normalization(options: argparse.Namespace) -> Normalization | None:
    """Return the normalisation over the nodes that the options name, None where none is named.

    Raises:
        SpecError: Naming an invalid option.
    """
    if options.normalization is not None:
        check_choice("--normalization", options.normalization, tuple(NORMALIZATIONS))
    named = NORMALIZATIONS.get(options.normalization)
    given = {"scale": "norm_scale", "groups": "groups", "weight": "group_weight"}
    chosen = {field: getattr(options, name) for field, name in given.items()}
    chosen = {field: value for field, value in chosen.items() if value is not None}
    own = () if named is None else [field.name for field in fields(named)]
    for field, value in chosen.items():
        if field not in own:
            option = f"--{given[field].replace('_', '-')}"
            raise SpecError(option, value, "nothing, since the normalization named has none")
    return named if named is None else replace(named, **chosen)


def add_json(parser: argparse.ArgumentParser, what: str = "the numbers") -> None:
    """Add the option that says where a report goes."""
    parser.add_argument("--json", type=_new_file, metavar="FILE", help=f"write {what} there")


def write_json(report: Any, file: Path | None) -> None:
    """Write a report where the option says, if it says anything.

    Raises:
        OSError: If it cannot be written.
    """
    if file is not None:
        file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _new_file(text: str) -> Path:
    """Return where a file can be written, which is found out before hours of work."""
    file = Path(text)
    if file.is_dir():
        raise argparse.ArgumentTypeError(f"got the folder {text}, wanted a file")
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"got {text}, but there is no folder {file.parent}")
    return file


def widths_of(texts: list[str], default: int = 8) -> tuple[int, dict[str, int]]:
    """Return the width of all components and of those that differ.

    Args:
        texts: Each ``8``, or ``weight=4,message=8``.
        default: Width where no text gives one for all.

    Raises:
        SpecError: Naming what is neither.
    """
    everywhere = default
    by_component: dict[str, int] = {}
    for text in texts:
        for part in text.split(","):
            component, named, width = part.rpartition("=")
            if not width.isdecimal() or (named and component not in COMPONENTS):
                accepts = "a width, or COMPONENT=WIDTH of " + ", ".join(COMPONENTS)
                raise SpecError("--bits", part, accepts)
            if named:
                by_component[component] = int(width)
            else:
                everywhere = int(width)
    return everywhere, by_component
