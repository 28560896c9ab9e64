"""The network: operator, depth, width, and what stands between its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import ipywidgets as widgets

from engine.spec import (
    NORMALIZATIONS,
    Activation,
    Aggregation,
    LayerSpec,
    ModelSpec,
    Normalization,
    Operator,
    OwnModel,
    Pool,
    RunSpec,
)
from engine.spec.normalization import NORMALIZED
from engine.spec.propagation import PROPAGATIONS
from engine.spec.run import HEADS, STEPS
from explorer.captions import ACTIVATIONS, OPERATORS, normalization_title, own_title
from explorer.edits import with_model, with_network, with_task
from explorer.fields import bind, choice, flag, html, integer, real, row
from explorer.state import State

LAYERS = {**OPERATORS, "linear": "linear"}
"""Names of operators in a line of layers."""

NO_NORM = "none"
"""What a list shows where nothing is normalised; one of None would show nothing."""


class ModelPanel(widgets.VBox):
    """Controls of the network; those that one operator alone has appear with it.

    Of a person's own model they say what it is, and only another network can be chosen. One that
    only the recipe names is offered as well. A propagation is one for nodes alone.

    Args:
        state: Holds the recipe.
        own: A person's own models.
    """

    def __init__(self, state: State, own: Sequence[OwnModel] = ()) -> None:
        self._state = state
        self._own = list(own)
        self._named: list[Normalization] = [*NORMALIZATIONS.values()]
        shape = shown(state.recipe.model)
        activations = [(ACTIVATIONS[name], name) for name in get_args(Activation)]
        aggregations = [(name.capitalize(), name) for name in get_args(Aggregation)]
        pools = [(name.capitalize(), name) for name in get_args(Pool)]
        self.operator = choice(
            "Model", self._options(), shape["operator"], "How a node hears its neighbours"
        )
        self.layers = integer("Layers", shape["layers"], "2 to 64")
        self.hidden = integer("Hidden", shape["hidden"], "Features of each hidden layer")
        self.dropout = real("Dropout", shape["dropout"], 0.05, "Share of a layer's input dropped")
        for control in (self.layers, self.hidden, self.dropout):
            control.add_class("gb-short")
        self.steps = integer("Steps", shape["steps"], "Steps of the propagation")
        self.heads = integer("Heads", shape["heads"], "Attention heads, sharing the hidden ones")
        self.aggregation = choice(
            "Gather", aggregations, shape["aggregation"], "How a node gathers its neighbours"
        )
        self.activation = choice(
            "Activation", activations, shape["activation"], "What hidden layers pass on"
        )
        self.batch_norm = flag(
            "Batch norm",
            shape["batch_norm"],
            "Normalise what hidden layers pass on over the nodes",
        )
        self.normalization = choice(
            "Norm",
            self._normalizations(),
            shape["normalization"],
            "Keeps the nodes of deep networks apart: normalise hidden outputs over them",
        )
        self.residual = flag("Residual", shape["residual"], "Add each hidden layer's input")
        self.pool = choice("Pool", pools, shape["pool"], "How the nodes of a graph are gathered")
        self.note = html(name="gb-note")
        state.follow(self._offer)
        for name in shape:
            self._bind(name)
        state.follow(self._follow)
        super().__init__(
            [
                row(self.operator, self.layers, self.hidden, self.dropout),
                row(
                    self.steps,
                    self.heads,
                    self.aggregation,
                    self.activation,
                    self.pool,
                    self.normalization,
                    self.batch_norm,
                    self.residual,
                ),
                self.note,
            ]
        )
        self.add_class("gb-panel")
        self._follow(None)

    def _options(self) -> list[tuple[str, Any]]:
        model = self._state.recipe.model
        if isinstance(model, OwnModel) and model not in self._own:
            self._own.insert(0, model)
        own = [(own_title(model).capitalize(), model) for model in self._own]
        offered = [*get_args(Operator), *(PROPAGATIONS if model.pool == "none" else ())]
        return [*own, *((OPERATORS[name], name) for name in offered)]

    def _normalizations(self) -> list[tuple[str, Normalization | str]]:
        """Return what the list of normalisations offers, those with other constants first."""
        chosen = shown(self._state.recipe.model)["normalization"]
        if chosen not in (*self._named, NO_NORM):
            self._named.insert(0, chosen)
        own = self._named[: -len(NORMALIZATIONS)]
        titles = {how: normalization_title(how) for how in (*own, *NORMALIZATIONS.values())}
        named = [(title[0].upper() + title[1:], how) for how, title in titles.items()]
        return [*named[: len(own)], (NO_NORM.capitalize(), NO_NORM), *named[len(own) :]]

    def _offer(self, _: Any) -> None:
        """Offer a model that only the recipe names, before the control is set to it."""
        options = self._options()
        if list(self.operator.options) != options:
            self.operator.options = options
        normalizations = self._normalizations()
        if list(self.normalization.options) != normalizations:
            self.normalization.options = normalizations

    def _bind(self, name: str) -> None:
        bind(
            getattr(self, name),
            self._state,
            lambda recipe: shown(recipe.model)[name],
            lambda recipe, value: _with(recipe, name, value),
        )

    def _follow(self, _: Any) -> None:
        model = self._state.recipe.model
        is_own = isinstance(model, OwnModel)
        operators = {layer.operator for layer in model.layer_specs(1, 1)}
        for name in shown(model):
            if name != "operator":
                getattr(self, name).disabled = is_own
        self.steps.layout.display = None if operators & PROPAGATIONS.keys() else "none"
        self.heads.layout.display = None if "gat" in operators else "none"
        self.aggregation.layout.display = None if "sage" in operators else "none"
        self.normalization.layout.display = None if operators & set(NORMALIZED) else "none"
        self.pool.layout.display = "none" if model.pool == "none" else None
        self.note.layout.display = None if is_own else "none"
        self.note.value = own_sentence(model.layers) if isinstance(model, OwnModel) else ""


def shown(model: ModelSpec | OwnModel) -> dict[str, Any]:
    """Return what each control shows of a network; of a person's own, what its first layer is."""
    if isinstance(model, OwnModel):
        first = model.layers[0]
        return {
            "operator": model,
            "layers": model.depth,
            "hidden": first.outputs,
            "dropout": first.dropout,
            "steps": STEPS,
            "heads": first.heads,
            "aggregation": first.aggregation,
            "activation": first.activation,
            "batch_norm": first.batch_norm != "none" or first.hidden_norm,
            "normalization": first.normalization or NO_NORM,
            "residual": first.residual,
            "pool": model.pool,
        }
    return {
        "operator": model.operator,
        "layers": model.layers,
        "hidden": model.hidden,
        "dropout": model.dropout,
        "steps": model.propagated or STEPS,
        "heads": model.heads or HEADS,
        "aggregation": model.aggregation or "mean",
        "activation": model.activates,
        "batch_norm": model.normalizes,
        "normalization": model.normalization or NO_NORM,
        "residual": model.residual,
        "pool": model.pool,
    }


def own_sentence(layers: Sequence[LayerSpec]) -> str:
    """Return why the controls of a person's own model are disabled, and what it is, as HTML."""
    line = ", ".join(f"{LAYERS[at.operator]} {at.inputs}→{at.outputs}" for at in layers)
    said = "Your own model keeps its shape; an operator above replaces it."
    return f'<span title="{line}">{said}</span>'


def _with(recipe: RunSpec, name: str, value: Any) -> RunSpec:
    """Return the recipe with what a control was set to."""
    value = None if value == NO_NORM and name == "normalization" else value
    if isinstance(value, OwnModel):
        return with_network(recipe, value)
    if isinstance(recipe.model, OwnModel):
        of_graphs = recipe.model.pool != "none"
        return with_task(with_network(recipe, ModelSpec(**{name: value})), of_graphs)
    return with_model(recipe, **{name: value})
