"""How Hypothesis draws the engine's values, every spec and small odd graphs; shared graphs."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache, partial
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.graphs import Graph, load_graph
from engine.spec import (
    BUCKETED,
    COMPONENTS,
    FP32,
    NORMALIZATIONS,
    PROPAGATIONS,
    WIDTHS,
    Activation,
    Aggregation,
    Bucket,
    Current,
    Ema,
    GraphSpec,
    LayerQuant,
    LayerSpec,
    LearnedRange,
    LearnedStep,
    MinMax,
    ModelSpec,
    Operator,
    Percentile,
    Pool,
    Protection,
    QuantSpec,
    RunSpec,
    Schedule,
    SpecError,
    TrainingSpec,
    Truncation,
    accepted_widths,
)
from engine.spec.quantization import LEARNED
from engine.spec.run import FOLDED, FOLDS, HEADS, Split

SHARES = st.floats(0, 1) | st.sampled_from([0, 1])
MOMENTA = st.floats(0, 1, exclude_min=True) | st.just(1)
TAILS = st.floats(0, 0.5, exclude_max=True) | st.just(0)
RATES = st.floats(0, 10, exclude_min=True)
RUNNING = st.sampled_from(["ema", "extremum"])
REMEMBERED = st.just(MinMax()) | st.builds(Ema, momentum=MOMENTA)
PERCENTILES = st.builds(Percentile, tail=TAILS, running=RUNNING, momentum=MOMENTA)
STEPS = st.builds(LearnedStep, lr=st.none() | RATES)


@st.composite
def bucketed(draw: st.DrawFn, bits: int) -> tuple[Bucket, ...]:
    """Draw widths by in-degree, none wider than some bits; most often none at all."""
    if draw(st.integers(0, 3)):
        return ()
    degrees = draw(st.lists(st.integers(0, 9), max_size=4, unique=True))
    widths = st.sampled_from([width for width in WIDTHS[1:-1] if width <= bits])
    return tuple(Bucket(degree=degree, bits=draw(widths)) for degree in sorted(degrees))


@st.composite
def quantized(draw: st.DrawFn, component: str) -> QuantSpec:
    """Draw the specs of some bits that one component accepts."""
    bits = draw(st.sampled_from(accepted_widths(component)[:-1]))
    ternary = bits == 2 and draw(st.booleans())
    tailed = bits > 1 and not ternary
    remembered = REMEMBERED | PERCENTILES if tailed else REMEMBERED
    observing = remembered | st.just(Current()) if component in LEARNED else remembered
    trained = STEPS | st.builds(LearnedRange, base=observing, lr=RATES)
    granularities = ["tensor", "channel"] if component == "weight" else ["tensor"]
    truncation = draw(st.sampled_from(get_args(Truncation))) if tailed and bits == 2 else "none"
    nests = component in BUCKETED and tailed and truncation == "none"
    return QuantSpec(
        bits=bits,
        signed=ternary or draw(st.booleans()),
        granularity=draw(st.sampled_from(granularities)),
        range=draw(observing | trained if bits > 1 else observing),
        gradient=draw(st.sampled_from(["ste", "gc", "gc-ends"][: 3 if bits > 1 else 2])),
        truncation=truncation,
        ternary=ternary,
        buckets=draw(bucketed(bits)) if nests else (),
    )


def quant_specs(component: str) -> st.SearchStrategy[QuantSpec]:
    """Return the specs that one component accepts."""
    return st.just(FP32) | quantized(component)


@cache
def layer_quants(components: tuple[str, ...] = COMPONENTS) -> st.SearchStrategy[LayerQuant]:
    """Return the quantizations of a layer that has some of the components."""
    return st.builds(LayerQuant, **{name: quant_specs(name) for name in components})


@st.composite
def model_specs(draw: st.DrawFn) -> ModelSpec:
    operator = draw(st.sampled_from((*get_args(Operator), *PROPAGATIONS)))
    own: dict[str, Any] = {}
    hidden = draw(st.integers(1, 4096))
    if operator == "gat":
        own["heads"] = draw(st.none() | st.integers(1, 64))
        hidden = draw(st.integers(1, 64)) * (own["heads"] or HEADS)
    if operator == "sage":
        own["aggregation"] = draw(st.none() | st.sampled_from(get_args(Aggregation)))
    if operator in PROPAGATIONS:
        own["steps"] = draw(st.integers(1, 3))
        own["propagation"] = draw(st.none() | st.from_type(PROPAGATIONS[operator]))
    else:
        own["normalization"] = draw(st.sampled_from((None, *NORMALIZATIONS.values())))
    normalized = st.just(False) if own.get("normalization") else st.booleans()
    return ModelSpec(
        operator=operator,
        layers=draw(st.integers(2, 4)),
        hidden=hidden,
        dropout=draw(st.floats(0, 1, exclude_max=True) | st.just(0)),
        residual=draw(st.booleans()),
        activation=draw(st.none() | st.sampled_from(get_args(Activation))),
        batch_norm=draw(st.none() | normalized),
        pool=draw(st.sampled_from(get_args(Pool))) if operator not in PROPAGATIONS else "none",
        **own,
    )


@st.composite
def protections(draw: st.DrawFn) -> Protection:
    low, high = sorted(draw(st.tuples(SHARES, SHARES)))
    return Protection(p_min=low, p_max=high, shared=draw(st.booleans()))


def fits(shape: LayerSpec, quant: LayerQuant) -> bool:
    """Return whether a layer accepts a quantization."""
    try:
        shape.check_quant(quant)
    except SpecError:
        return False
    return True


def without_buckets(quant: LayerQuant) -> LayerQuant:
    return quant.map(lambda _, spec: replace(spec, buckets=()))


@st.composite
def run_specs(draw: st.DrawFn) -> RunSpec:
    model = draw(st.from_type(ModelSpec))
    quant = []
    for shape in model.layer_specs(1, 1):
        of_layer = layer_quants(shape.components)
        if model.pool != "none" or shape.operator == "elastic":  # rows of others than nodes
            of_layer = of_layer.map(without_buckets)
        quant.append(draw(of_layer.filter(partial(fits, shape))))
    return RunSpec(
        graph=draw(st.from_type(GraphSpec)),
        model=model,
        quant=tuple(quant),
        protection=draw(st.from_type(Protection)),
        training=draw(st.from_type(TrainingSpec)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a directed graph with self-loops, repeated edges, isolated nodes and zero weights."""
    nodes = draw(st.integers(4, 9))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=25))
    weight = st.just(0.0) | st.floats(0.125, 8, width=32)
    weights = draw(st.none() | st.lists(weight, min_size=len(edges), max_size=len(edges)))
    features = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    x = rng.normal(size=(nodes, features)).astype(np.float32)
    if draw(st.booleans()):
        x = csr_array(np.where(rng.random(x.shape) < 0.3, x, np.float32(0)))
    part = np.minimum(np.arange(nodes), 2)
    return Graph(
        name="drawn",
        edge_index=np.array(edges, dtype=np.int64).reshape(-1, 2).T.copy(),
        edge_weight=None if weights is None else np.array(weights, dtype=np.float32),
        x=x,
        y=np.arange(nodes) % 3,
        train=part == 0,
        val=part == 1,
        test=part == 2,
        classes=3,
    )


st.register_type_strategy(QuantSpec, st.sampled_from(COMPONENTS).flatmap(quant_specs))
st.register_type_strategy(LayerQuant, layer_quants())
st.register_type_strategy(
    GraphSpec,
    st.builds(
        GraphSpec,
        name=st.text(min_size=1, max_size=100).filter(lambda name: name not in ("hubs", *FOLDED)),
        normalize=st.none() | st.booleans(),
        split=st.sampled_from(get_args(Split)),
    )
    | st.builds(
        GraphSpec,
        name=st.just("hubs"),
        nodes=st.none() | st.integers(10, 50_000_000),
        exponent=st.none() | st.floats(2, 10, exclude_min=True) | st.integers(3, 10),
        normalize=st.none() | st.booleans(),
    )
    | st.builds(
        GraphSpec, name=st.sampled_from(FOLDED), fold=st.none() | st.integers(0, FOLDS - 1)
    ),
)
for kind in PROPAGATIONS.values():
    weights = {field.name: st.floats(0, 1, exclude_min=True) for field in fields(kind)}
    st.register_type_strategy(kind, st.builds(kind, **weights))
st.register_type_strategy(ModelSpec, model_specs())
st.register_type_strategy(Protection, protections())
TRAINING: dict[str, Any] = {
    "epochs": st.integers(3, 100_000),
    "lr": st.floats(0, 10, exclude_min=True) | st.integers(1, 10),
    "schedule": st.sampled_from(get_args(Schedule)),
    "weight_decay": st.floats(0, 10) | st.integers(0, 10),
}
st.register_type_strategy(
    TrainingSpec,
    st.builds(TrainingSpec, mode=st.sampled_from(["float", "ptq"]), **TRAINING)
    | st.builds(
        TrainingSpec,
        mode=st.sampled_from(["finetune", "retrain"]),
        distillation=SHARES,
        narrowing=st.sampled_from([(), (8,), (8, 4), (16, 3)]),
        **TRAINING,
    ),
)
st.register_type_strategy(RunSpec, run_specs())
st.register_type_strategy(Graph, graphs())


@pytest.fixture(scope="session")
def karate() -> Graph:
    """Return the smallest of the real graphs: 34 nodes."""
    return load_graph(GraphSpec(name="karate"))


@pytest.fixture(scope="session")
def digits() -> Graph:
    """Return the explorer's default graph: directed, with hubs."""
    return load_graph(GraphSpec(name="digits-knn"))


@pytest.fixture(scope="session")
def rings() -> Graph:
    """A set of 60 directed rings with chords of 3 to 12 nodes, one of them empty.

    The class says whether a graph has chords; features are the in-degrees and noise.
    """
    rng = np.random.default_rng(0)
    edges, sizes, x = [], [], []
    y = np.arange(60) % 2
    for label in y:
        size = 0 if len(sizes) == 7 else int(rng.integers(3, 13))
        ring = np.arange(size)
        pairs = [np.stack((ring, (ring + 1) % size))] if size else [np.zeros((2, 0), np.int64)]
        if label and size:
            pairs.append(np.stack((ring, np.zeros(size, np.int64))))
        own = np.concatenate(pairs, axis=1)
        edges.append(own + sum(sizes))
        degree = np.bincount(own[1], minlength=size)
        x.append(np.stack((degree, rng.normal(size=size)), axis=1))
        sizes.append(size)
    third = np.arange(60) % 5
    return Graph(
        name="rings",
        edge_index=np.concatenate(edges, axis=1).astype(np.int64),
        edge_weight=None,
        x=np.concatenate(x).astype(np.float32),
        y=y.astype(np.int64),
        train=third < 3,
        val=third == 3,
        test=third == 4,
        classes=2,
        starts=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
    )
