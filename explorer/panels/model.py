"""The network: operator, depth, width, and what stands between its layers."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, get_args

import ipywidgets as widgets

from engine.spec import Activation, Aggregation, ModelSpec, Operator
from engine.spec.run import HEADS
from explorer.captions import ACTIVATIONS, OPERATORS
from explorer.fields import bind, choice, flag, integer, real, row
from explorer.state import State, with_model


class ModelPanel(widgets.VBox):
    """Controls of the network; those that one operator alone has appear with it.

    Args:
        state: Holds the recipe.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        model = state.recipe.model
        operators = [(OPERATORS[name], name) for name in get_args(Operator)]
        activations = [(ACTIVATIONS[name], name) for name in get_args(Activation)]
        aggregations = [(name.capitalize(), name) for name in get_args(Aggregation)]
        self.operator = choice("Model", operators, model.operator)
        self.layers = integer("Layers", model.layers, "2 to 64")
        self.hidden = integer("Hidden", model.hidden, "Features of each hidden layer")
        self.dropout = real("Dropout", model.dropout, 0.05, "Share of a layer's input dropped")
        self.heads = integer("Heads", _heads(model), "Attention heads, which share the hidden ones")
        self.aggregation = choice(
            "Aggregation", aggregations, _aggregation(model), "How a node gathers its neighbours"
        )
        self.activation = choice(
            "Activation", activations, model.activates, "What hidden layers pass on"
        )
        self.batch_norm = flag(
            "Batch norm", model.normalizes, "Normalise what hidden layers pass on, over the nodes"
        )
        self.residual = flag("Residual", model.residual, "Add each hidden layer's input")
        for name in ("operator", "layers", "hidden", "dropout", "residual"):
            self._bind(name, attrgetter(name))
        self._bind("heads", _heads)
        self._bind("aggregation", _aggregation)
        self._bind("activation", attrgetter("activates"))
        self._bind("batch_norm", attrgetter("normalizes"))
        state.observe(self._follow, "recipe")
        super().__init__(
            [
                row(self.operator, self.layers, self.hidden, self.dropout),
                row(self.heads, self.aggregation, self.activation, self.batch_norm, self.residual),
            ]
        )
        self.add_class("gb-panel")
        self._follow(None)

    def _bind(self, name: str, read: Callable[[ModelSpec], Any]) -> None:
        bind(
            getattr(self, name),
            self._state,
            lambda recipe: read(recipe.model),
            lambda recipe, value: with_model(recipe, **{name: value}),
        )

    def _follow(self, _: Any) -> None:
        operator = self._state.recipe.model.operator
        self.heads.layout.display = None if operator == "gat" else "none"
        self.aggregation.layout.display = None if operator == "sage" else "none"


def _heads(model: ModelSpec) -> int:
    return model.heads or HEADS


def _aggregation(model: ModelSpec) -> Aggregation:
    return model.aggregation or "mean"
