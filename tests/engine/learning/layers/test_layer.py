"""What every layer has: sparse input, protection, dropout, normalisation, activation, residual."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.nn.functional import elu

from engine.affine import SMALLEST_SCALE
from engine.graphs import Graph
from engine.learning.features import dense, features
from engine.learning.network import OPERATORS
from engine.learning.protection import ProtectedRows
from engine.spec import LayerQuant, LayerSpec, MinMax, Percentile, QuantSpec

VARIANTS = [
    LayerSpec(operator="gcn", inputs=1, outputs=4),
    LayerSpec(operator="gat", inputs=1, outputs=4, heads=2),
    LayerSpec(operator="gat", inputs=1, outputs=4, heads=3, concat=False),
    LayerSpec(operator="gin", inputs=1, outputs=4, hidden=5, hidden_norm=True, eps=0.5),
    LayerSpec(operator="sage", inputs=1, outputs=4),
    LayerSpec(operator="sage", inputs=1, outputs=4, aggregation="max"),
    LayerSpec(operator="linear", inputs=1, outputs=4),
    LayerSpec(operator="linear", inputs=1, outputs=4, pool="mean"),
]
OF_NODES = [variant for variant in VARIANTS if variant.pool == "none"]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda spec: spec.operator)
every_of_nodes = pytest.mark.parametrize("variant", OF_NODES, ids=lambda spec: spec.operator)
UNPROTECTED = ("weight", "hidden_weight", "own_weight", "attention", "norm")


def entering(variant: LayerSpec, graph: Graph, **options: object) -> LayerSpec:
    return replace(variant, inputs=graph.features, **options)


@settings(max_examples=60)
@given(graph=..., variant=st.sampled_from(VARIANTS))
def test_sparse_and_dense_features_give_the_same(
    layer_of, unweighted, dense_features, graph: Graph, variant: LayerSpec
) -> None:
    quant = LayerQuant(input=QuantSpec(bits=8, range=Percentile(tail=0.01)))
    layer = layer_of(entering(variant, graph), quant)
    twin = pickle.loads(pickle.dumps(layer))
    mask = ProtectedRows(torch.arange(graph.nodes) % 3 == 0)
    adjacencies, _ = unweighted(graph)
    dense, sparse = dense_features(graph), features(csr_array(graph.x))
    found, expected = twin(sparse, adjacencies, mask), layer(dense, adjacencies, mask)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    if mask.others(dense).any():
        assert layer.quantizers["input"].scale == twin.quantizers["input"].scale


@settings(max_examples=60)
@given(graph=..., variant=st.sampled_from(OF_NODES), data=st.data())
def test_protected_rows_pass_and_constants_do_not(
    layer_of,
    quantized,
    record,
    on_grid,
    unweighted,
    graph: Graph,
    variant: LayerSpec,
    data: st.DataObject,
) -> None:
    drawn = data.draw(st.lists(st.booleans(), min_size=graph.nodes, max_size=graph.nodes))
    mask, spec = torch.tensor(drawn), entering(variant, graph)
    adjacencies, _ = unweighted(graph)
    layer, x = layer_of(spec, quantized(spec, 2)), features(graph.x)
    if spec.operator in ("gin", "sage"):  # whose messages and sums are stored entry by entry too
        x = dense(x)
    layer(x, adjacencies)
    seen = record(layer, x, adjacencies, ProtectedRows(mask))
    assert set(seen) == set(spec.slots)
    for name, (real, x_hat) in seen.items():
        moved = on_grid(real, layer.quantizers[name].qparams())
        protected = mask
        if name in UNPROTECTED:
            protected = torch.zeros(len(real), dtype=torch.bool)
        elif name == "coefficient":
            protected = mask[adjacencies.of("gat").source]
        elif name == "input" and not isinstance(x, Tensor):
            protected = mask[x.row]
        assert torch.equal(x_hat[protected], real[protected]), name
        assert torch.equal(x_hat[~protected], moved[~protected]), name


@settings(max_examples=30)
@given(graph=..., operator=st.sampled_from(["gin", "sage"]), data=st.data())
def test_sparse_features_are_summed_as_dense_ones(
    layer_of, quantized, unweighted, graph: Graph, operator: str, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(st.booleans(), min_size=graph.nodes, max_size=graph.nodes))
    spec = entering(LayerSpec(operator=operator, inputs=1, outputs=4), graph)
    adjacencies, _ = unweighted(graph)
    x = features(graph.x)
    left = [
        layer_of(spec, quantized(spec, 8))(held, adjacencies, ProtectedRows(torch.tensor(drawn)))
        for held in (x, dense(x))
    ]
    torch.testing.assert_close(*left, rtol=1e-4, atol=1e-4)


@every_of_nodes
def test_protected_rows_move_no_range(
    layer_of, quantized, unweighted, dense_features, karate: Graph, variant: LayerSpec
) -> None:
    """A node whose message nobody receives, protected, may hold anything."""
    spec = replace(entering(variant, karate), hidden_norm=False)
    alone = replace(karate, edge_index=karate.edge_index[:, (karate.edge_index != 5).all(0)])
    adjacencies, _ = unweighted(alone)
    mask = ProtectedRows(torch.arange(karate.nodes) == 5)
    x = dense_features(karate)
    wild = x.clone()
    wild[5] = 1e6
    layers = [layer_of(spec, quantized(spec, 4)) for _ in range(2)]
    for layer, entered in zip(layers, (x, wild), strict=True):
        layer(entered, adjacencies, mask)
    calm, with_wild = layers
    for name in spec.slots:
        one, other = calm.quantizers[name].qparams(), with_wild.quantizers[name].qparams()
        assert one.scale.tobytes() == other.scale.tobytes(), name
        assert one.zero.tobytes() == other.zero.tobytes(), name


@every_variant
def test_dropout_is_in_training_only_and_after_the_inputs_quantizer(
    layer_of, unweighted, dense_features, karate: Graph, variant: LayerSpec
) -> None:
    quant = LayerQuant(input=QuantSpec(bits=8, range=MinMax()))
    layer = layer_of(entering(variant, karate, dropout=0.5), quant)
    calm = layer_of(entering(variant, karate), quant)
    adjacencies, _ = unweighted(karate)
    x = dense_features(karate)
    runs = [layer(x, adjacencies, None, torch.Generator().manual_seed(n)) for n in (0, 0, 1)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert layer.quantizers["input"].qparams().scale == np.float32(1) / np.float32(255)
    calm(x, adjacencies)
    calm.load_state_dict(layer.state_dict())
    assert torch.equal(layer.eval()(x, adjacencies), calm.eval()(x, adjacencies))


@every_variant
@pytest.mark.parametrize("activation", ["none", "relu", "elu"])
@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
@pytest.mark.parametrize("training", [True, False])
def test_normalisation_activation_and_residual_end_the_layer(
    layer_of,
    unweighted,
    dense_features,
    karate: Graph,
    variant: LayerSpec,
    activation: str,
    batch_norm: str,
    training: bool,
) -> None:
    residual = variant.pool == "none"
    spec = entering(
        replace(variant, outputs=karate.features, heads=1, concat=True),
        karate,
        activation=activation,
        batch_norm=batch_norm,
        residual=residual,
    )
    layer = layer_of(spec).train(training)
    plain = layer_of(replace(spec, activation="none", batch_norm="none", residual=False))
    plain.load_state_dict(layer.state_dict(), strict=False)
    norm: nn.Module = nn.Identity()
    if layer.norm is not None:
        norm = nn.BatchNorm1d(spec.outputs)
        norm.load_state_dict(layer.norm.state_dict())
    act = {"none": nn.Identity(), "relu": torch.relu, "elu": elu}[activation]
    adjacencies, _ = unweighted(karate)
    if variant.pool != "none" and training:
        norm.eval()  # one graph has no variance
    else:
        norm.train(training)
    z = plain.train(training)(dense_features(karate), adjacencies)
    expected = norm(act(z)) if batch_norm == "after" else act(norm(z))
    if residual:
        expected = expected + dense_features(karate)
    found = layer(features(karate.x), adjacencies)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@every_variant
@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
def test_constants_are_those_of_the_spec_and_copies(
    layer_of, karate: Graph, variant: LayerSpec, batch_norm: str
) -> None:
    spec = entering(variant, karate, batch_norm=batch_norm)
    layer = layer_of(spec)
    constants = layer.constants()
    assert {name: held.shape for name, held in constants.items()} == spec.constants
    assert list(constants) == list(spec.constants)
    assert {held.dtype for held in constants.values()} == {np.dtype(np.float32)}
    wide = pickle.loads(pickle.dumps(layer)).double().constants()
    for name, held in constants.items():
        np.testing.assert_array_equal(wide[name], held)
    constants["weight"][:] = 0
    assert layer.weight.any()


@every_variant
def test_a_tensor_that_never_sees_a_range_says_so(
    layer_of, quantized, karate: Graph, variant: LayerSpec
) -> None:
    spec = entering(variant, karate)
    layer = layer_of(spec, quantized(spec, 8))
    for name in spec.slots:
        with pytest.raises(ValueError, match="has no range"):
            layer.quantizers[name].qparams()


@every_variant
@pytest.mark.parametrize("bits", [2, 8, 16])
def test_state_and_pickle_make_the_same_layer(
    layer_of, quantized, unweighted, dense_features, karate: Graph, variant: LayerSpec, bits: int
) -> None:
    spec = entering(variant, karate, batch_norm="before")
    adjacencies, _ = unweighted(karate)
    x, layer = dense_features(karate), layer_of(spec, quantized(spec, bits))
    layer(x, adjacencies)
    fresh = OPERATORS[spec.operator](spec, quantized(spec, bits))
    fresh.load_state_dict(layer.state_dict())
    for twin in (fresh, pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin.eval()(x, adjacencies), layer.eval()(x, adjacencies))


@every_variant
def test_float64_holds_the_grid_of_float32(
    layer_of, quantized, unweighted, dense_features, record, karate: Graph, variant: LayerSpec
) -> None:
    spec = entering(variant, karate, batch_norm="before", activation="elu")
    adjacencies, _ = unweighted(karate)
    x, layer = dense_features(karate), layer_of(spec, quantized(spec, 4))
    layer(x, adjacencies)
    wide = pickle.loads(pickle.dumps(layer.eval())).double()
    for name, (_, x_hat) in record(wide, x.double(), adjacencies.double()).items():
        params = layer.quantizers[name].qparams()
        codes = x_hat.detach().numpy() / params.scale.astype(np.float64)
        assert codes.dtype == x_hat.numpy(force=True).dtype == np.float64
        np.testing.assert_allclose(codes, codes.round(), rtol=0, atol=1e-9)
        assert (params.scale > SMALLEST_SCALE).all()
