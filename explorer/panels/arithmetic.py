"""One node's aggregation in integers, number by number, every step named, beside float's."""

from __future__ import annotations

from math import log2
from typing import Any

import ipywidgets as widgets

from engine.analysis import Arithmetic, aggregations, arithmetic
from explorer.captions import subtitle
from explorer.fields import choice, html, integer, offer, row, small, unheard
from explorer.figures.arithmetic import TITLE
from explorer.figures.arithmetic import arithmetic as drawn
from explorer.figures.chart import blank, short
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView, picked_number
from explorer.seen import draw_when_seen
from explorer.shown import Shown
from explorer.slots import is_of_graphs, options, title
from explorer.state import State

PAGE = "Arithmetic"
"""The page it stands on."""
IN_FLOAT = "No layer's messages are summed in integers here: give the messages a width."
LISTED = 10
"""Messages up to which each is listed."""
FIRST = 0
"""The node that is shown until one is picked."""


ADVICE = (
    "Follow one sum from its messages to its code: look for the step where integers and float "
    "part, and for the neighbours that weigh most."
)


class ArithmeticPanel(widgets.VBox):
    """The steps of one number beside what each message adds to it.

    Args:
        state: Holds what is shown, and the node picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.node = integer("Node of the sum", FIRST, "Whose sum it is")
        self.layer = choice("Layer of the sum", [("1", 0)], 0, "Whose messages are summed")
        self.slot = choice("Sum", [("aggregate", "aggregate")], "aggregate", "What is gathered")
        self.channel = choice("Feature", [("1", 0)], 0, "Which of a message's numbers")
        self.steps = html(name="gb-steps")
        self.view = PlotlyView(height=400)
        self.view.add_class("gb-follows")
        self._body = widgets.HBox([self.steps, self.view])
        self._body.add_class("gb-pair")
        self.node.observe(self._take, "value")
        for control in (self.layer, self.slot):
            control.observe(self._choose, "value")
        self.channel.observe(self._draw, "value")
        self.view.observe(self._pick, "clicked")
        controls = row(small(self.node), self.layer, self.slot, self.channel)
        super().__init__([controls, html(ADVICE, "gb-note"), self._body])
        self.add_class("gb-tab")
        draw_when_seen(state, PAGE, self._choose, ["shown", "node"])

    def _take(self, change: dict[str, Any]) -> None:
        self._state.node = change["new"]

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None:
            self._state.node = picked

    def _choose(self, _: Any) -> None:
        """Offer the sums of integers that the network has."""
        shown = self._state.shown
        sums = {} if shown is None else sums_of(shown)
        if shown is not None and sums:
            layers = [(str(layer + 1), layer) for layer in sums]
            offer(self.layer, layers, next(iter(sums)), self._choose)
            slots = sums[self.layer.value]
            offer(self.slot, options(slots), slots[0], self._choose)
            width = shown.analysis.plan.shapes[self.layer.value, self.slot.value][1]
            channels = [(str(at + 1), at) for at in range(width)]
            offer(self.channel, channels, 0, self._draw)
        self.slot.layout.display = None if len(self.slot.options) > 1 else "none"
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown, node = self._state.shown, self._state.node or FIRST
        if shown is None or not sums_of(shown):
            self.view.figure = blank(TITLE, NOTHING if shown is None else IN_FLOAT)
            self.steps.value = ""
            return
        if not 0 <= node < shown.measured.nodes:
            last = shown.measured.nodes - 1
            self.steps.value = f'<span class="gb-fault">Nodes are numbered 0 to {last}.</span>'
            self.view.figure = blank(TITLE, "No such node.")
            return
        with unheard(self.node, self._take):
            self.node.value = node
        slot = self.layer.value, self.slot.value
        one = arithmetic(shown.analysis, slot, node, self.channel.value)
        place = f"node {node} · layer {slot[0] + 1} {title(slot[1])}, feature {one.channel + 1}"
        self.view.figure = drawn(one, subtitle=subtitle(shown, place))
        self.steps.value = told(one)


def sums_of(shown: Shown) -> dict[int, tuple[str, ...]]:
    """Return the slots that are gathered for each node and summed in integers, by layer."""
    found = {
        layer: tuple(
            slot
            for slot in aggregations(shown.analysis, layer)
            if not is_of_graphs(shown.layers, layer, slot)
        )
        for layer in range(len(shown.layers))
    }
    return {layer: slots for layer, slots in found.items() if slots}


def told(one: Arithmetic) -> str:
    """Return how a number comes about, as an HTML table of its steps."""
    rows = "".join(
        f"<tr><th scope=row>{at}. {name}</th><td>{value}</td><td>{note}</td></tr>"
        for at, (name, value, note) in enumerate(steps(one), start=1)
    )
    return (
        "<table><caption>From codes to a code</caption><thead><tr><th scope=col>Step</th>"
        f"<th scope=col>Number</th><th scope=col>How</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def steps(one: Arithmetic) -> list[tuple[str, str, str]]:
    """Return each step of a number: its name, the number it gives, how."""
    sent = one.messages
    count = sent.source.size
    weights = sorted(set(sent.weight.tolist()))
    weighed = "" if weights in ([], [1]) else f", × a weight of {weights[0]:,} to {weights[-1]:,}"
    gathered = "largest" if one.how == "max" else "sum"
    product = sorted(sent.product.tolist(), key=abs, reverse=True)
    listed = ", ".join(map(_whole, product[:LISTED])) + ", …" * (count > LISTED)
    found = [
        ("Messages", f"{count:,}", f"codes less their zero point {_whole(sent.zero)}{weighed}"),
        (gathered.capitalize(), _whole(one.sum), f"of {listed or 'nothing'}"),
    ]
    if one.multiplier != 1:
        found.append(
            (
                "× multiplier",
                _whole(one.multiplier * one.sum),
                f"× {_whole(one.multiplier)}, the node's own integer: its norm, or its degree's",
            )
        )
    found += [
        (
            f"+ own {title(own.slot[1])}",
            _whole(own.product),
            f"({_whole(own.code)} − {_whole(own.zero)}) × {_whole(own.multiplier)}",
        )
        for own in one.own
    ]
    used = log2(max(abs(one.accumulator), 1))
    most = log2(max(one.bound, 1))
    found.append(
        (
            "Accumulator",
            _whole(one.accumulator),
            f"{used:.1f} of {one.accumulator_bits} bits; it can never need more than {most:.1f}",
        )
    )
    if one.count != 1:
        found.append(("÷ count", short(one.accumulator / one.count), f"÷ {one.count}, of a mean"))
    if one.norm != 1.0:
        found.append(("× norm", short(one.norm), "the node's norm, which is in float here"))
    if one.params is None:
        found.append(("× scale", short(one.value), f"× {one.factor:.4g}; it stays in float"))
    else:
        zero, spec = int(one.params.zero), one.params.spec
        cut = f"cut off at {_whole(one.code)}" if one.is_clamped else "inside the range"
        found += [
            (
                "× factor",
                f"{one.scaled:.4f}".replace("-", "−"),
                f"× {one.factor:.4g}, to steps",
            ),
            ("Round", _whole(one.rounded), "to the nearest integer, ties to even"),
            *_of_its_degree(one),
            (
                "Code",
                _whole(one.code),
                f"+ zero point {_whole(zero)}; {cut} {_whole(spec.qmin)} to {_whole(spec.qmax)}",
            ),
            ("Stands for", short(one.value), f"× step {float(one.params.scale):.4g}"),
        ]
    found.append(("Float says", short(one.exact), _difference(one)))
    return found


def _of_its_degree(one: Arithmetic) -> list[tuple[str, str, str]]:
    """Return the step to the codes of the node's in-degree, where it has some."""
    if one.nested is None or one.params is None or one.code is None:
        return []
    multiple = one.nested.multiple
    said = f"to a multiple of {multiple}, as its in-degree has {one.nested.bits} bits"
    return [("Narrow", _whole(one.code - int(one.params.zero)), said)]


def _difference(one: Arithmetic) -> str:
    apart = one.value - one.exact
    if one.params is None:
        return f"integers are {short(apart)} away"
    return f"integers are {short(apart)} away, {short(apart / float(one.params.scale))} steps"


def _whole(number: int | None) -> str:
    return "–" if number is None else f"{number:,}".replace("-", "−")
