"""Layers of any operator, made and looked into the same way in every test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.batch_norm import BatchNorm
from engine.learning.layers.layer import Layer
from engine.learning.layers.state import State
from engine.learning.network import OPERATORS, Network
from engine.spec import Current, LayerOperator, LayerQuant, LayerSpec, Propagation, QuantSpec


@pytest.fixture(scope="session")
def layer_of() -> Callable[..., Layer]:
    """Return what makes a layer whose learned tensors, and running statistics, are all drawn."""

    def make(spec: LayerSpec, quant: LayerQuant = LayerQuant()) -> Layer:
        layer = OPERATORS[spec.operator](spec, quant)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                if not name.startswith("quantizers"):
                    parameter.normal_(generator=generator)
            for module in layer.modules():
                if isinstance(module, BatchNorm):
                    module.running_mean.normal_(generator=generator)
                    module.running_var.uniform_(0.2, 3, generator=generator)
        return layer

    return make


@pytest.fixture(scope="session")
def quantized() -> Callable[..., LayerQuant]:
    """Return what quantizes every component a layer has."""

    def make(spec: LayerSpec, bits: int) -> LayerQuant:
        held = QuantSpec(bits=bits)
        weight = QuantSpec(bits=bits, granularity="channel", range=Current())
        every = {**dict.fromkeys(spec.components, held), "weight": weight}
        return LayerQuant(**every)

    return make


@pytest.fixture(scope="session")
def record() -> Callable[..., dict[str, tuple[Tensor, Tensor]]]:
    """Return what runs a layer and tells what entered and left each of its quantizers."""

    def run(layer: Layer, *arguments: object) -> dict[str, tuple[Tensor, Tensor]]:
        seen: dict[str, tuple[Tensor, Tensor]] = {}
        hooks = [
            held.register_forward_hook(
                lambda _module, inputs, x_hat, name=name: seen.__setitem__(name, (inputs[0], x_hat))
            )
            for name, held in layer.quantizers.items()
        ]
        layer(*arguments)
        for hook in hooks:
            hook.remove()
        return seen

    return run


@pytest.fixture(scope="session")
def in_place(record, on_grid, quantized, layer_of):  # type: ignore[no-untyped-def]
    """Return what checks that each quantizer of an operator stands where its equations say.

    ``expected(layer, x_hat by slot)`` gives what should enter each slot but input and weights.
    """

    def check(
        spec: LayerSpec,
        adjacencies: Adjacencies,
        x: Tensor,
        bits: int,
        expected: Callable[[Layer, dict[str, Tensor]], dict[str, Tensor]],
    ) -> None:
        layer = layer_of(spec, quantized(spec, bits))
        layer(x, adjacencies)
        layer.eval()
        seen = record(layer, x, adjacencies)
        assert set(seen) == set(spec.slots)
        for name, (real, x_hat) in seen.items():
            params = layer.quantizers[name].qparams()
            assert params.spec == spec.quant_of(name, quantized(spec, bits))
            assert torch.equal(x_hat, on_grid(real, params)), name
        hat = {name: x_hat for name, (_, x_hat) in seen.items()}
        entering = {"input": x, **expected(layer, hat)}
        for name in spec.slots:
            real = entering[name] if name in entering else layer.get_parameter(name)
            torch.testing.assert_close(seen[name][0], real, rtol=1e-5, atol=1e-5)

    return check


@pytest.fixture(scope="session")
def steps() -> Callable[..., Network]:
    """Return what makes a network of the steps of a propagation alone."""

    def make(
        operator: LayerOperator,
        scores: int,
        count: int,
        propagation: Propagation | None = None,
        bits: int = 32,
    ) -> Network:
        specs = [
            LayerSpec(
                operator=operator,
                inputs=scores,
                outputs=scores,
                propagation=propagation,
                step=step,
                steps=count,
            )
            for step in range(1, count + 1)
        ]
        held = QuantSpec(bits=bits)
        quant = [LayerQuant(**dict.fromkeys(spec.components, held)) for spec in specs]
        return Network(specs, quant)

    return make


@pytest.fixture(scope="session")
def undirected() -> Callable[[Graph], Graph]:
    """Return what joins both ends of a graph's edges, each pair once, without weights and loops."""

    def join(graph: Graph) -> Graph:
        pairs = Neighbourhoods(graph).incidence
        ends = np.stack((pairs.first, pairs.second)).astype(np.int64)
        both = np.concatenate((ends, ends[::-1]), axis=1)
        return replace(graph, edge_index=both, edge_weight=None)

    return join


@pytest.fixture(scope="session")
def smoothing() -> Callable[[Graph], NDArray[np.float64]]:
    """Return what gives the dense A_hat of a graph without weights."""

    def matrix(graph: Graph) -> NDArray[np.float64]:
        dense = np.zeros((graph.nodes, graph.nodes))
        for source, target in graph.edge_index.T:
            dense[target, source] += source != target
        dense += np.eye(graph.nodes)
        root = np.sqrt(dense.sum(axis=1))
        return dense / root / root[:, None]

    return matrix


@pytest.fixture(scope="session")
def depths() -> Callable[..., list[NDArray[np.float64]]]:
    """Return what gives the scores before the first step and after each, H and not V."""

    def run(network: Network, x: Tensor, adjacencies: Adjacencies) -> list[NDArray[np.float64]]:
        state, found = State(x), [x]
        root = adjacencies.of(network.layers[0].spec.operator).root
        with torch.no_grad():
            for layer in network.layers:
                state = layer.advance(state, adjacencies, None, None)
                found.append(state.x * root if layer.spec.scaled else state.x)
        return [h.numpy().astype(np.float64) for h in found]

    return run


@pytest.fixture(scope="session")
def same_as_twin() -> Callable[..., None]:
    """Return what compares a layer with a PyG twin: results and all gradients.

    ``gradients()`` gives the twin's, by the layer's names and in its shapes. No feature is 0: torch
    counts a maximum of 0 as one tie more than it has.
    """

    def check(
        layer: Layer,
        twin: Callable[..., Tensor],
        x: Tensor,
        adjacencies: Adjacencies,
        edges: tuple[Tensor | None, ...],
        gradients: Callable[[], dict[str, Tensor]],
    ) -> None:
        x = torch.where(x == 0, 0.5, x)
        one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        found, expected = layer(one, adjacencies), twin(other, *edges)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        upstream = torch.linspace(-1, 2, found.numel()).view_as(found)
        found.backward(upstream)
        expected.backward(upstream)
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-3)
        wanted = gradients()
        assert set(wanted) == {name for name, _ in layer.named_parameters()}
        for name, grad in wanted.items():
            torch.testing.assert_close(layer.get_parameter(name).grad, grad, rtol=1e-3, atol=1e-3)

    return check


@pytest.fixture(scope="session")
def dense_features() -> Callable[[Graph], Tensor]:
    """Return what gives a graph's features with all their entries."""

    def dense(graph: Graph) -> Tensor:
        x = graph.x if isinstance(graph.x, np.ndarray) else graph.x.toarray()
        return torch.from_numpy(np.asarray(x, np.float32))

    return dense


@pytest.fixture(scope="session")
def unweighted() -> Callable[[Graph], tuple[Adjacencies, Tensor]]:
    """Return what gives a graph's edges without their weights, as we and as PyG take them."""

    def edges(graph: Graph) -> tuple[Adjacencies, Tensor]:
        plain = replace(graph, edge_weight=None)
        return Adjacencies(Neighbourhoods(plain)), torch.from_numpy(graph.edge_index)

    return edges
