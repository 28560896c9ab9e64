"""A chain of operations grouped into layers, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric import nn as pyg

from engine.conversion.chain import ConversionError, Operation, chain
from engine.learning.network import Network
from engine.spec import LayerQuant, LayerSpec, Pool, SpecError

EPS = 1e-5
"""What our batch normalisation adds to a variance."""


@dataclass(slots=True)
class _Group:
    """A layer in the making.

    Args:
        place: Where its first operation stands in the model.
        spec: Its shape so far.
        state: Its weights, by parameter name.
    """

    place: str
    spec: LayerSpec
    state: dict[str, Tensor] = field(default_factory=dict)


def quantize(model: nn.Module, quant: LayerQuant | Sequence[LayerQuant]) -> Network:
    """Return a network of ours with a model's weights and a quantizer at every component.

    It is ready to be finetuned, or to be calibrated on a graph and exported.

    Args:
        model: A trained model of GCNConv, GATConv, GINConv, SAGEConv, Linear, batch normalisation,
            ReLU or ELU, dropout and pooling: a plain module, or PyTorch Geometric's `GCN`, `GAT`,
            `GIN`, `GraphSAGE`. It stays as it is.
        quant: How each layer is quantized; one value for all layers gives each the components it
            has.

    Returns:
        The network, in evaluation mode. With float32 throughout it gives the model's scores, those
        before a final softmax.

    Raises:
        ConversionError: Naming what has no counterpart, and where it stands in the model.
        SpecError: If ``quant`` does not fit the layers.

    Differs:
        A gat layer has one share for the dropout of its input and of its coefficients, the larger.
    """
    groups = _groups(model)
    specs = tuple(group.spec for group in groups)
    if isinstance(quant, LayerQuant):
        quants = tuple(_of_layer(spec, quant) for spec in specs)
    else:
        quants = tuple(quant)
    if len(quants) != len(specs):
        raise SpecError("quant", f"{len(quants)} layers", f"one for each of {len(specs)} layers")
    network = Network(specs, quants)
    for layer, group in zip(network.layers, groups, strict=True):
        own = layer.state_dict()
        with torch.no_grad():
            for name, tensor in group.state.items():
                own[name].copy_(tensor)
    return network.eval()


def convert(model: nn.Module) -> Network:
    """Return a model's counterpart in float32; raises as `quantize` does."""
    return quantize(model, LayerQuant())


def _of_layer(spec: LayerSpec, quant: LayerQuant) -> LayerQuant:
    kept = {name: held for name, held in quant.items() if name in spec.components}
    return LayerQuant(**kept)


def _groups(model: nn.Module) -> list[_Group]:
    groups: list[_Group] = []
    dropped = 0.0
    pooled: Pool = "none"
    waiting = chain(model)
    while waiting:
        operation, *waiting = waiting
        if operation.kind == "dropout":
            dropped = 1 - (1 - dropped) * (1 - float(operation.what))
            continue
        if operation.kind == "pool":
            if pooled != "none" or any(group.spec.pool != "none" for group in groups):
                raise ConversionError(f"{operation.path}: a second pool, wanted one")
            pooled = operation.what
            continue
        if operation.kind in ("norm", "activation"):
            if not groups or pooled != "none" or dropped:
                raise ConversionError(
                    f"{operation.path}: stands before a layer, after a pool or after dropout; "
                    "wanted right after a layer"
                )
            _attach(groups[-1], operation)
            continue
        group, used = _layer(operation, waiting)
        waiting = waiting[used:]
        share = max(dropped, group.spec.dropout)
        if pooled != "none" and group.spec.operator != "linear":
            raise ConversionError(f"{operation.path}: a convolution after the pool")
        group.spec = replace(group.spec, dropout=share, pool=pooled)
        groups.append(group)
        dropped, pooled = 0.0, "none"
    if not groups or pooled != "none":
        raise ConversionError("the model ends without a layer that gives scores")
    last = groups[-1].spec
    if last.activation != "none" or last.batch_norm == "after":
        raise ConversionError(
            f"{groups[-1].place}: the last layer's scores pass an activation; wanted them as they "
            "leave the layer"
        )
    return groups


def _layer(operation: Operation, following: list[Operation]) -> tuple[_Group, int]:
    """Return a layer, and how many of the following operations belong inside it."""
    match operation.what:
        case pyg.GCNConv():
            return _gcn(operation.path, operation.what), 0
        case pyg.GATConv():
            return _gat(operation.path, operation.what), 0
        case pyg.SAGEConv():
            return _sage(operation.path, operation.what), 0
        case pyg.GINConv():
            return _gin(operation.path, operation.what, following)
    linear = operation.what
    weight = linear.weight.t()
    spec = LayerSpec(operator="linear", inputs=weight.shape[0], outputs=weight.shape[1])
    return _Group(operation.path, spec, {"weight": weight, **_bias("bias", linear.bias)}), 0


def _gcn(place: str, conv: pyg.GCNConv) -> _Group:
    _want(place, "normalize", conv.normalize, True)
    _want(place, "add_self_loops", conv.add_self_loops, True)
    _want(place, "improved", conv.improved, False)
    weight = conv.lin.weight.t()
    spec = LayerSpec(operator="gcn", inputs=weight.shape[0], outputs=weight.shape[1])
    return _Group(place, spec, {"weight": weight, **_bias("bias", conv.bias)})


def _gat(place: str, conv: pyg.GATConv) -> _Group:
    _want(place, "add_self_loops", conv.add_self_loops, True)
    _want(place, "edge_dim", conv.edge_dim, None)
    _want(place, "residual", conv.residual, False)
    if conv.lin is None:
        raise ConversionError(f"{place}: separate maps of sources and targets, wanted one")
    weight = conv.lin.weight.t()
    outputs = weight.shape[1] if conv.concat else conv.out_channels
    spec = LayerSpec(
        operator="gat",
        inputs=weight.shape[0],
        outputs=outputs,
        heads=conv.heads,
        concat=conv.concat,
        slope=conv.negative_slope,
        dropout=conv.dropout,
    )
    attention = torch.stack((conv.att_src.flatten(), conv.att_dst.flatten()))
    return _Group(
        place, spec, {"weight": weight, "attention": attention, **_bias("bias", conv.bias)}
    )


def _sage(place: str, conv: pyg.SAGEConv) -> _Group:
    _want(place, "normalize", conv.normalize, False)
    _want(place, "project", conv.project, False)
    _want(place, "root_weight", conv.root_weight, True)
    names = {"mean": "mean", "MeanAggregation": "mean", "max": "max", "MaxAggregation": "max"}
    aggregation: Any = names.get(
        conv.aggr if isinstance(conv.aggr, str) else _kind(conv.aggr_module)
    )
    if aggregation is None:
        raise ConversionError(f"{place}: aggr {conv.aggr!r}, wanted mean or max")
    weight, own = conv.lin_l.weight.t(), conv.lin_r.weight.t()
    spec = LayerSpec(
        operator="sage", inputs=weight.shape[0], outputs=weight.shape[1], aggregation=aggregation
    )
    state = {"weight": weight, "own_weight": own, **_bias("bias", conv.lin_l.bias)}
    return _Group(place, spec, state)


def _gin(place: str, conv: pyg.GINConv, following: list[Operation]) -> tuple[_Group, int]:
    kinds = [operation.kind for operation in following[:4]]
    normed = kinds[:2] == ["linear", "norm"]
    inner = following[: 4 if normed else 3]
    if [o.kind for o in inner if o.kind != "norm"] != ["linear", "activation", "linear"]:
        raise ConversionError(
            f"{place}.nn: is made of {', '.join(kinds) or 'nothing'}; wanted two linear maps with "
            "ReLU between them, batch normalised before it or not"
        )
    first, second = inner[0].what, inner[-1].what
    activation = inner[-2]
    if activation.what != "relu":
        raise ConversionError(
            f"{activation.path}: {activation.what} between gin's maps, wanted relu"
        )
    weight, hidden = first.weight.t(), second.weight.t()
    spec = LayerSpec(
        operator="gin",
        inputs=weight.shape[0],
        outputs=hidden.shape[1],
        hidden=weight.shape[1],
        hidden_norm=normed,
        eps=conv.eps.item(),
    )
    state = {
        "weight": weight,
        "hidden_weight": hidden,
        **_bias("hidden_bias", first.bias),
        **_bias("bias", second.bias),
    }
    if normed:
        state |= _norm("hidden_norm", inner[1])
    return _Group(place, spec, state), len(inner)


def _attach(group: _Group, operation: Operation) -> None:
    spec = group.spec
    if operation.kind == "activation":
        if spec.activation not in ("none", operation.what) or spec.batch_norm == "after":
            raise ConversionError(f"{operation.path}: a second activation of one layer")
        group.spec = replace(spec, activation=operation.what)
        return
    if spec.batch_norm != "none":
        raise ConversionError(f"{operation.path}: a second batch normalisation of one layer")
    group.spec = replace(spec, batch_norm="before" if spec.activation == "none" else "after")
    group.state |= _norm("norm", operation)


def _norm(name: str, operation: Operation) -> dict[str, Tensor]:
    norm = operation.what
    if norm.running_mean is None or norm.weight is None:
        raise ConversionError(
            f"{operation.path}: batch normalisation without running statistics or without weights"
        )
    return {
        f"{name}.weight": norm.weight,
        f"{name}.bias": norm.bias,
        f"{name}.running_mean": norm.running_mean,
        f"{name}.running_var": norm.running_var + (norm.eps - EPS),
    }


def _bias(name: str, bias: Tensor | None) -> dict[str, Tensor]:
    return {} if bias is None else {name: bias}


def _kind(module: Any) -> str:
    return type(module).__name__


def _want(place: str, name: str, got: Any, wanted: Any) -> None:
    if got != wanted:
        raise ConversionError(f"{place}: {name} is {got}, wanted {wanted}")
