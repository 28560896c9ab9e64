"""Layers and their slots in words: what each slot is called, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.spec import COMPONENTS, Component, LayerOperator, LayerSpec

TITLES = {
    "hidden": "hidden (between the linear maps)",
    "hidden_weight": "weight (second linear map)",
    "hidden_feature": "hidden features (second linear map)",
    "own_weight": "weight (own linear map)",
    "own_feature": "own features (own linear map)",
    "group_weight": "weight (map to the groups)",
    "group_logit": "logit (of each group)",
    "group_share": "share (of each group)",
    "group_gain": "weight (gains of the groups)",
    "group_scale": "scale (of all groups)",
}
"""Titles of the slots whose names alone do not say what they are."""

MEANING: Mapping[LayerOperator, Mapping[str, str]] = {
    "gcn": {
        "input": "what enters the layer",
        "weight": "the linear map",
        "feature": "input times weight",
        "norm": "the node coefficients d^-1/2",
        "message": "what a node sends: norm times feature",
        "aggregate": "norm times the sum of a node's messages",
        "output": "aggregate plus bias",
    },
    "gat": {
        "input": "what enters the layer",
        "weight": "the linear maps of all heads",
        "feature": "input times weight",
        "attention": "the learned vectors, two a head, that weigh sender and receiver",
        "logit": "feature times attention: each node's half of an edge's score",
        "coefficient": "softmax of the scores of a node's edges; the softmax itself is in float",
        "message": "what a node sends: its features",
        "aggregate": "the sum of a node's messages, each times its coefficient",
        "output": "aggregate plus bias",
    },
    "gin": {
        "input": "what enters the layer",
        "message": "what a node sends: its input",
        "aggregate": "the sum of a node's messages and its own",
        "weight": "the first linear map",
        "feature": "aggregate times weight",
        "hidden": "what enters the second linear map, after a ReLU",
        "hidden_weight": "the second linear map",
        "hidden_feature": "hidden times the second weight",
        "output": "hidden features plus bias, batch normalised",
    },
    "sage": {
        "input": "what enters the layer",
        "message": "what a node sends: its input",
        "aggregate": "the mean or maximum of a node's messages",
        "weight": "the linear map of what was gathered",
        "feature": "aggregate times weight",
        "own_weight": "the linear map of the node itself",
        "own_feature": "input times its own weight",
        "output": "both features plus bias",
    },
    "linear": {
        "input": "what enters the layer",
        "aggregate": "what was gathered from a graph's nodes",
        "weight": "the linear map",
        "feature": "the input, or what was gathered, times weight",
        "output": "feature plus bias",
    },
    "appnp": {
        "message": "what a node sends first: its scores over the root of its degree",
        "output": "the mean of what was sent, and some of the node's own scores",
    },
    "elastic": {
        "message": "what a node sends first: its scores over the root of its degree",
        "aggregate": "the mean of what was sent, and some of the node's own scores",
        "proposal": "the aggregate, pulled at by the last step's edges",
        "dual": "how hard each edge pulls its ends together",
        "output": "the aggregate, pulled at by the edges",
    },
    "smp": {
        "message": "what a node sends first: its scores over the root of its degree",
        "change": "what the step would change, were there no constraint",
        "output": "what was sent, changed, and the change smoothed",
    },
}
"""What each slot of an operator's layer holds."""


NORMALIZED: Mapping[str, str] = {
    "group_weight": "the map of an output to the groups",
    "group_logit": "output times the map to the groups",
    "group_share": "softmax of the groups' logits; the softmax itself is in float",
    "group_gain": "what batch normalisation multiplies each group by",
    "group_scale": "shares times gains, of all groups",
    "normalized": "the output, normalised over the nodes",
}
"""What each slot holds that a normalisation over the nodes adds."""


def meaning(layer: LayerSpec, slot: str) -> str:
    """Return what a slot of a layer holds."""
    return NORMALIZED.get(slot) or MEANING[layer.operator][slot]


def title(slot: str) -> str:
    """Return what a slot is called."""
    return TITLES.get(slot, slot)


def options(slots: Sequence[str]) -> list[tuple[str, str]]:
    """Return slots, or components, as a drop-down list offers them."""
    return [(title(slot), slot) for slot in slots]


def numbered(layers: int) -> list[tuple[str, int]]:
    """Return layers as a drop-down list offers them, counted from 1."""
    return [(str(layer + 1), layer) for layer in range(layers)]


def is_of_graphs(layers: Sequence[LayerSpec], layer: int, slot: str) -> bool:
    """Return whether a slot holds a row for each graph, not each node: what a pool gathered."""
    pools = [at for at, shape in enumerate(layers) if shape.pool != "none"]
    return bool(pools) and (layer > pools[0] or (layer == pools[0] and slot != "input"))


def last_of_nodes(layers: Sequence[LayerSpec]) -> int:
    """Return the last layer whose output holds a row for each node."""
    return max(at for at in range(len(layers)) if not is_of_graphs(layers, at, "output"))


def components(layers: Sequence[LayerSpec]) -> tuple[Component, ...]:
    """Return the components that any of the layers has."""
    return tuple(c for c in COMPONENTS if any(c in layer.components for layer in layers))


def component_meaning(component: Component, layers: Sequence[LayerSpec]) -> str:
    """Return what a component's slots hold, in the first layer that has it, in one line."""
    layer = next(layer for layer in layers if component in layer.components)
    held = (slot for slot, governing in layer.slots.items() if governing == component)
    return "; ".join(meaning(layer, slot) for slot in held)
