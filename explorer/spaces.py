"""What a search may choose, made from the recipe at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.search import METHODS, OF_SHAPES, Lpgnas, Method, Relaxed, Space
from engine.search.space import RULES
from engine.spec import Activation, ModelSpec, OwnModel, RunSpec, SpecError, scheme
from engine.spec.propagation import PROPAGATIONS
from engine.spec.run import HEADS
from explorer.rules import with_ranges

WIDTHS, SHAPES, FLOAT = "widths", "shapes", "float"
SPACES = {
    "Widths of this network": WIDTHS,
    "Widths and shape": SHAPES,
    "Shape, in float32": FLOAT,
}
"""What may be chosen, by title."""
MOST_LAYERS = 64
USUAL = "degree-quant"
"""The rules of a search around a recipe that follows none's, as one in float."""


def read_widths(words: str) -> tuple[int, ...]:
    """Return the widths in a text such as ``8, 4, 2``.

    Raises:
        SpecError: If it holds anything else than integers.
    """
    try:
        return tuple(int(word) for word in words.replace(",", " ").split())
    except ValueError:
        raise SpecError("widths", words, "integers such as 8, 4, 2") from None


def space_of(recipe: RunSpec, kind: str, widths: tuple[int, ...]) -> Space:
    """Return the space around a recipe: its graph, network, rules, protection and training.

    Where the recipe's widths change with the in-degree, those of the space may, at the same ones.

    What a search chooses is kept out of it, so that a run that one found leads back to its space
    where only widths were chosen.

    Args:
        recipe: The recipe.
        kind: One of the values of `SPACES`.
        widths: Options of every component.

    Raises:
        SpecError: If there is no such space, or the recipe's network is a person's own model.
    """
    model = recipe.model
    if isinstance(model, OwnModel):
        raise SpecError("model", "your own model", "a network that is chosen here")
    rules = _rules(recipe)
    is_own = rules is not None and recipe.protection != scheme(rules).protection
    finetuned = recipe.training.mode == "finetune"
    return Space(
        graph=recipe.graph,
        model=model,
        scheme=rules or USUAL,
        widths=(32,) if kind == FLOAT else widths,
        degrees=_degrees(recipe) if kind == WIDTHS else (),
        protection=recipe.protection if is_own else None,
        training=replace(recipe.training, mode="finetune" if finetuned else "retrain"),
        **({} if kind == WIDTHS else _shapes(model)),
    )


def _degrees(recipe: RunSpec) -> tuple[int, ...]:
    """Return the in-degrees at which some component of a recipe changes its width."""
    buckets = {b for layer in recipe.quant for _, spec in layer.items() for b in spec.buckets}
    return tuple(sorted({bucket.degree for bucket in buckets} - {0}))


def method_of(name: str, kind: str, beta: tuple[float, float]) -> Method:
    """Return a method with its settings.

    Args:
        name: One of `METHODS`.
        kind: One of the values of `SPACES`.
        beta: Smallest and largest weight of the size, where the method has one.

    Raises:
        SpecError: Naming an invalid weight.
    """
    made: Method = OF_SHAPES if name == "lpgnas" and kind != WIDTHS else METHODS[name]()
    if isinstance(made, Lpgnas | Relaxed):
        return replace(made, beta_low=beta[0], beta_high=beta[1])
    return made


def _rules(recipe: RunSpec) -> str | None:
    """Return the scheme of a search whose rules a recipe follows; None if it follows none's."""
    if all(spec.is_float for layer in recipe.quant for _, spec in layer.items()):
        return None
    return next((name for name in RULES if with_ranges(recipe, name).quant == recipe.quant), None)


def _shapes(model: ModelSpec) -> dict[str, Any]:
    """Return what a network may be instead, what it is standing first."""
    heads = model.heads or HEADS
    narrow = max(heads, model.hidden // 2 // heads * heads)
    operators = (model.operator, "gcn", "gat", *(("appnp",) if model.pool == "none" else ()))
    activations: tuple[Activation, ...] = (model.activates, "relu", "elu")
    return {
        "operators": _each(operators),
        "hidden": _each((model.hidden, narrow, 2 * model.hidden)),
        "layers": _each((model.layers, min(model.layers + 1, MOST_LAYERS))),
        "activations": _each(activations),
        **({"steps": (model.propagated,)} if model.operator in PROPAGATIONS else {}),
    }


def _each(options: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(options))
