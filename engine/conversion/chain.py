"""A model as a chain of operations: what its forward does, one after the other.

The forward is traced, not run, so that functions called on the way count as modules do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import signature
from typing import Any
from unittest.mock import patch

import torch
from torch import fx, nn
from torch.nn import functional
from torch_geometric import nn as pyg

POOLS: dict[Any, str] = {
    pyg.global_add_pool: "sum",
    pyg.global_mean_pool: "mean",
    pyg.global_max_pool: "max",
    pyg.SumAggregation: "sum",
    pyg.MeanAggregation: "mean",
    pyg.MaxAggregation: "max",
}
ACTIVATIONS: dict[Any, str] = {
    nn.ReLU: "relu",
    nn.ELU: "elu",
    functional.relu: "relu",
    functional.elu: "elu",
    torch.relu: "relu",
    torch.relu_: "relu",
    functional.relu_: "relu",
    functional.elu_: "elu",
}
METHODS = {"relu": "relu", "relu_": "relu"}
AFTER_THE_SCORES = (functional.log_softmax, functional.softmax, torch.log_softmax, torch.softmax)
"""What changes no class; it is left out at the end of a model."""


class ConversionError(ValueError):
    """Something in a model has no counterpart here; the message says where and what."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One link of the chain.

    Args:
        path: Where it stands in the model, for messages.
        kind: ``conv``, ``linear``, ``norm``, ``activation``, ``dropout`` or ``pool``.
        what: The module of the first three; the name or the share of the others.
    """

    path: str
    kind: str
    what: Any


def chain(model: nn.Module) -> list[Operation]:
    """Return what a model does to its features, in order.

    Args:
        model: Its forward takes features and edges, and for graphs the batch, in this order or
            by the names that PyTorch Geometric gives them.

    Raises:
        ConversionError: If it does not do one thing after the other, or something unknown.
    """
    graph = _traced(model)
    operations: list[Operation] = []
    modules = {f"model.{path}".rstrip("."): module for path, module in model.named_modules()}
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    state = inputs[0]
    for node in graph.nodes:
        if node.op in ("placeholder", "output", "get_attr"):
            continue
        arguments = [*node.args, *node.kwargs.values()]
        others = [a for a in arguments if isinstance(a, fx.Node) and a not in inputs]
        if not arguments or node.args[:1] != (state,) or any(a is not state for a in others):
            raise ConversionError(
                f"{_place(node)}: works on something else than what the step before it gave; "
                "wanted one step after the other (no skip connections, no concatenation)"
            )
        operations += _operations(node, modules)
        state = node
    (output,) = [node for node in graph.nodes if node.op == "output"]
    if output.args[0] is not state:
        raise ConversionError("output: wanted the last step's result alone")
    return operations


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        known = (pyg.MessagePassing, pyg.Linear, pyg.BatchNorm, pyg.Aggregation)
        return isinstance(module, known) or super().is_leaf_module(module, path)


class _OfNodes(nn.Module):
    """A model called as models for nodes are; what has a default in its forward keeps it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Any, edge_index: Any) -> Any:
        return self.model(x, edge_index)


class _OfGraphs(_OfNodes):
    """A model called as models for graphs are."""

    def forward(self, x: Any, edge_index: Any, batch: Any) -> Any:  # type: ignore[override]
        return self.model(x, edge_index, batch=batch)


def _traced(model: nn.Module) -> fx.Graph:
    takes_batch = "batch" in signature(model.forward).parameters
    of_graphs = takes_batch and not isinstance(model, pyg.models.basic_gnn.BasicGNN)
    pools = tuple(pool for pool in POOLS if not isinstance(pool, type))
    tracer = _Tracer(autowrap_functions=pools)  # those that a forward calls by their own name
    # and as an attribute of their module
    recorded: dict[str, Any] = {pool.__name__: _recorded(pool) for pool in pools}
    try:
        with patch.multiple(pyg, **recorded):
            return tracer.trace(_OfGraphs(model) if of_graphs else _OfNodes(model))
    except Exception as error:  # whatever a person's forward does with what is no tensor
        name = type(model).__name__
        raise ConversionError(
            f"{name}.forward: cannot be followed step by step: {error}"
        ) from error


def _recorded(pool: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is recorded when traced, rather than followed."""

    def record(x: Any, *arguments: Any, **named: Any) -> Any:
        return x.tracer.create_proxy("call_function", pool, (x, *arguments), named)

    return record


def _operations(node: fx.Node, modules: dict[str, nn.Module]) -> Iterator[Operation]:
    place = _place(node)
    if node.op == "call_module":
        yield from of_module(place, modules[str(node.target)])
    elif node.op == "call_method" and node.target in METHODS:
        yield Operation(place, "activation", METHODS[str(node.target)])
    elif node.target in ACTIVATIONS:
        _check_elu(place, node.args[1] if len(node.args) > 1 else node.kwargs.get("alpha", 1.0))
        yield Operation(place, "activation", ACTIVATIONS[node.target])
    elif node.target in (functional.dropout, torch.dropout):
        share = node.args[1] if len(node.args) > 1 else node.kwargs.get("p", 0.5)
        yield Operation(place, "dropout", share)
    elif node.target in POOLS:
        yield Operation(place, "pool", POOLS[node.target])
    elif node.target in AFTER_THE_SCORES or node.target in ("log_softmax", "softmax"):
        if any(user.op != "output" for user in node.users):
            raise ConversionError(f"{place}: a softmax that is not the last step")
    else:
        raise ConversionError(f"{place}: {_called(node)} has no counterpart here; wanted {KNOWN}")


KNOWN = (
    "GCNConv, GATConv, GINConv, SAGEConv, Linear, BatchNorm, ReLU, ELU, dropout, or a sum, mean or "
    "max pool"
)


def of_module(place: str, module: nn.Module) -> Iterator[Operation]:
    """Yield the operations of one module.

    Raises:
        ConversionError: If it is unknown.
    """
    if isinstance(module, nn.Identity):
        return
    if isinstance(module, nn.Sequential):
        for name, part in module.named_children():
            yield from of_module(f"{place}.{name}", part)
    elif isinstance(module, pyg.MLP):
        yield from _of_mlp(place, module)
    elif isinstance(module, pyg.GINConv):
        yield Operation(place, "conv", module)
        yield from of_module(f"{place}.nn", module.nn)
    elif isinstance(module, pyg.GCNConv | pyg.GATConv | pyg.SAGEConv):
        yield Operation(place, "conv", module)
    elif isinstance(module, nn.Linear | pyg.Linear):
        yield Operation(place, "linear", module)
    elif isinstance(module, pyg.BatchNorm):
        yield Operation(place, "norm", module.module)
    elif isinstance(module, nn.BatchNorm1d):
        yield Operation(place, "norm", module)
    elif isinstance(module, nn.Dropout):
        yield Operation(place, "dropout", module.p)
    elif type(module) in ACTIVATIONS:
        _check_elu(place, getattr(module, "alpha", 1.0))
        yield Operation(place, "activation", ACTIVATIONS[type(module)])
    elif type(module) in POOLS:
        yield Operation(place, "pool", POOLS[type(module)])
    else:
        name = type(module).__name__
        raise ConversionError(f"{place}: {name} has no counterpart here; wanted {KNOWN}")


def _of_mlp(place: str, mlp: pyg.MLP) -> Iterator[Operation]:
    for index, linear in enumerate(mlp.lins):
        yield Operation(f"{place}.lins.{index}", "linear", linear)
        if index < len(mlp.norms):
            norm = list(of_module(f"{place}.norms.{index}", mlp.norms[index]))
            act = [] if mlp.act is None else list(of_module(f"{place}.act", mlp.act))
            yield from [*act, *norm] if mlp.act_first else [*norm, *act]
        if mlp.dropout[index]:
            yield Operation(f"{place}.dropout", "dropout", mlp.dropout[index])


def _check_elu(place: str, alpha: Any) -> None:
    if alpha != 1.0:
        raise ConversionError(f"{place}: ELU with alpha {alpha}, wanted 1")


def _place(node: fx.Node) -> str:
    if node.op == "call_module":
        return str(node.target).removeprefix("model.")
    return f"{node.name} (in forward)"


def _called(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target))
