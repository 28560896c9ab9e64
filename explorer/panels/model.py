"""The network: operator, depth, width, dropout, residual connections."""

from __future__ import annotations

from typing import Any, get_args

import ipywidgets as widgets

from engine.spec.run import Operator
from explorer.captions import OPERATORS
from explorer.fields import bind, choice, flag, integer, real, row
from explorer.state import State, with_model


class ModelPanel(widgets.VBox):
    """Controls of the network.

    Args:
        state: Holds the recipe.
    """

    def __init__(self, state: State) -> None:
        model = state.recipe.model
        operators = [(OPERATORS[name], name) for name in get_args(Operator)]
        self.operator = choice("Model", operators, model.operator)
        self.layers = integer("Layers", model.layers, "2 to 64")
        self.hidden = integer("Hidden", model.hidden, "Features of each hidden layer")
        self.dropout = real("Dropout", model.dropout, 0.05, "Share of a layer's input dropped")
        self.residual = flag("Residual", model.residual, "Add each hidden layer's input")
        for name in ("operator", "layers", "hidden", "dropout", "residual"):
            self._bind(name, state)
        super().__init__(
            [row(self.operator, self.layers, self.hidden, self.dropout, self.residual)]
        )
        self.add_class("gb-panel")

    def _bind(self, name: str, state: State) -> None:
        def write(recipe: Any, value: Any) -> Any:
            return with_model(recipe, **{name: value})

        bind(getattr(self, name), state, lambda recipe: getattr(recipe.model, name), write)
