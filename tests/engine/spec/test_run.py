"""What a run is made of: each invalid field by name, and a key that never moves."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given

from engine.spec import (
    Appnp,
    Bucket,
    DiffGroupNorm,
    Elastic,
    Ema,
    GraphSpec,
    LayerQuant,
    LearnedRange,
    LearnedStep,
    ModelSpec,
    PairNorm,
    Percentile,
    Protection,
    QuantSpec,
    RunSpec,
    Smp,
    SpecError,
    TrainingSpec,
    dumps,
    loads,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("make", "field", "got"),
    [
        (GraphSpec, "name", ""),
        (GraphSpec, "name", "x" * 101),
        (GraphSpec, "name", None),
        (GraphSpec, "nodes", 100),
        (GraphSpec, "exponent", 3.0),
        (GraphSpec, "normalize", "yes"),
        (GraphSpec, "fold", 0),
        (GraphSpec, "split", "public"),
        (GraphSpec, "split", None),
        (ModelSpec, "operator", "linear"),
        (ModelSpec, "operator", "GCN"),
        (ModelSpec, "layers", 1),
        (ModelSpec, "layers", 65),
        (ModelSpec, "layers", 2.0),
        (ModelSpec, "hidden", 0),
        (ModelSpec, "hidden", 4097),
        (ModelSpec, "dropout", 1),
        (ModelSpec, "dropout", -0.1),
        (ModelSpec, "dropout", NAN),
        (ModelSpec, "residual", 1),
        (ModelSpec, "heads", 8),
        (ModelSpec, "aggregation", "mean"),
        (ModelSpec, "activation", "tanh"),
        (ModelSpec, "batch_norm", "before"),
        (ModelSpec, "pool", "attention"),
        (ModelSpec, "steps", 10),
        (ModelSpec, "propagation", Appnp()),
        (Protection, "p_min", -0.1),
        (Protection, "p_max", 1.1),
        (Protection, "p_max", NAN),
        (Protection, "shared", None),
        (TrainingSpec, "mode", "train"),
        (TrainingSpec, "epochs", 0),
        (TrainingSpec, "epochs", 100_001),
        (TrainingSpec, "lr", 0),
        (TrainingSpec, "lr", float("inf")),
        (TrainingSpec, "schedule", "linear"),
        (TrainingSpec, "weight_decay", -1),
        (TrainingSpec, "distillation", 1.5),
        (TrainingSpec, "distillation", None),
        (RunSpec, "graph", "Cora"),
        (RunSpec, "model", None),
        (RunSpec, "quant", [LayerQuant(), LayerQuant()]),
        (RunSpec, "protection", 0.1),
        (RunSpec, "training", {}),
        (RunSpec, "seed", -1),
        (RunSpec, "seed", 2**32),
        (RunSpec, "seed", True),
    ],
)
def test_each_invalid_field_is_named(make: type, field: str, got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        make(**{field: got})
    assert caught.value.field == field


def test_hubs_alone_has_nodes_and_exponent() -> None:
    assert GraphSpec(name="hubs", nodes=10, exponent=2.5).nodes == 10
    for field, got in (("nodes", 9), ("nodes", 10.0), ("exponent", 2), ("exponent", 11)):
        with pytest.raises(SpecError) as caught:
            GraphSpec(name="hubs", **{field: got})
        assert caught.value.field == field


def test_sets_without_a_split_have_folds() -> None:
    assert GraphSpec(name="MUTAG", fold=9).fold == 9
    for got in (10, -1, 1.0):
        with pytest.raises(SpecError, match="an integer from 0 to 9") as caught:
            GraphSpec(name="MUTAG", fold=got)
        assert caught.value.field == "fold"
    with pytest.raises(SpecError, match="only MUTAG, PROTEINS, REDDIT-BINARY have a choice"):
        GraphSpec(name="Cora", fold=1)
    with pytest.raises(SpecError, match="own, since MUTAG is split into folds"):
        GraphSpec(name="MUTAG", split="large")


def test_only_citation_graphs_are_normalized_by_habit() -> None:
    assert GraphSpec(name="Cora").normalizes
    assert not GraphSpec(name="Cora", normalize=False).normalizes
    assert not GraphSpec(name="karate").normalizes
    assert GraphSpec(name="karate", normalize=True).normalizes


def test_quant_has_one_entry_a_layer() -> None:
    with pytest.raises(SpecError, match="got '2 layers', accepts one for each of the model's 3"):
        RunSpec(model=ModelSpec(layers=3))
    with pytest.raises(SpecError, match=re.escape("quant[1]")):
        RunSpec(quant=(LayerQuant(), None))


@pytest.mark.parametrize(
    ("operator", "field", "got", "accepts"),
    [
        ("gat", "hidden", 12, "a multiple of the 8 heads"),
        ("gat", "heads", 3, "a multiple of the 3 heads"),
        ("gat", "heads", 65, "from 1 to 64"),
        ("gin", "heads", 1, "only gat has a choice"),
        ("sage", "aggregation", "sum", "one of mean, max"),
        ("gin", "aggregation", "max", "only sage has a choice"),
        ("smp", "steps", 65, "from 1 to 64"),
        ("appnp", "layers", 0, "from 1 to 64"),
        ("appnp", "pool", "mean", "since appnp scores nodes"),
        ("elastic", "propagation", Smp(), "a value of Elastic"),
    ],
)
def test_what_one_operator_has_is_refused_elsewhere(
    operator: str, field: str, got: Any, accepts: str
) -> None:
    with pytest.raises(SpecError) as caught:
        ModelSpec(operator=operator, **{field: got})
    assert caught.value.field == ("hidden" if "multiple" in accepts else field)
    assert accepts in caught.value.accepts


def test_a_component_that_the_layer_lacks_is_refused() -> None:
    held = QuantSpec(bits=8)
    with pytest.raises(SpecError, match=re.escape("quant[1].logit")):
        RunSpec(quant=(LayerQuant(), LayerQuant(logit=held)))
    with pytest.raises(SpecError, match=re.escape("quant[0].norm")):
        RunSpec(model=ModelSpec(operator="gat"), quant=(LayerQuant(norm=held), LayerQuant()))
    headed = ModelSpec(operator="gin", pool="sum")
    RunSpec(model=headed, quant=(*[LayerQuant()] * 2, LayerQuant(aggregate=held), LayerQuant()))
    with pytest.raises(SpecError, match=re.escape("quant[3].aggregate")):
        RunSpec(model=headed, quant=(*[LayerQuant()] * 3, LayerQuant(aggregate=held)))


@pytest.mark.parametrize(
    ("model", "layer", "component"),
    [
        (ModelSpec(operator="gin", pool="sum"), 2, "aggregate"),
        (ModelSpec(operator="gin", pool="sum"), 2, "feature"),
        (ModelSpec(operator="gin", pool="sum"), 3, "input"),
        (ModelSpec(operator="elastic", steps=2), 2, "message"),
    ],
)
def test_only_rows_of_nodes_have_widths_by_degree(
    model: ModelSpec, layer: int, component: str
) -> None:
    spec = QuantSpec(bits=8, buckets=(Bucket(degree=4, bits=4),))
    quant = [LayerQuant()] * model.depth
    quant[layer] = LayerQuant(**{component: spec})
    with pytest.raises(SpecError, match="no in-degree") as error:
        RunSpec(model=model, quant=tuple(quant))
    assert error.value.field == f"quant[{layer}].{component}.buckets"
    quant[layer] = LayerQuant()
    quant[1] = LayerQuant(input=spec, output=spec)
    RunSpec(model=model, quant=tuple(quant))


def test_habits_of_the_operators() -> None:
    habits = {
        operator: (ModelSpec(operator=operator).activates, ModelSpec(operator=operator).normalizes)
        for operator in ("gcn", "gat", "gin", "sage")
    }
    assert habits == {
        "gcn": ("relu", False),
        "gat": ("elu", False),
        "gin": ("relu", True),
        "sage": ("relu", False),
    }
    assert ModelSpec(operator="gat", activation="relu").activates == "relu"
    assert not ModelSpec(operator="gin", batch_norm=False).normalizes


def test_layers_of_a_stack() -> None:
    first, second, last = ModelSpec(layers=3, residual=True).layer_specs(64, 10)
    shapes = [(layer.inputs, layer.outputs) for layer in (first, second, last)]
    assert shapes == [(64, 16), (16, 16), (16, 10)]
    assert [layer.activation for layer in (first, second, last)] == ["relu", "relu", "none"]
    assert [layer.residual for layer in (first, second, last)] == [False, True, False]


def test_layers_of_each_operator() -> None:
    hidden, last = ModelSpec(operator="gat", heads=4).layer_specs(64, 10)
    assert (hidden.heads, last.heads, hidden.activation) == (4, 1, "elu")
    hidden, last = ModelSpec(operator="sage", aggregation="max").layer_specs(64, 10)
    assert hidden.aggregation == last.aggregation == "max"
    hidden, last = ModelSpec(operator="gin").layer_specs(64, 10)
    assert (hidden.batch_norm, hidden.hidden_norm, hidden.hidden) == ("before", True, 16)
    assert (last.batch_norm, last.hidden_norm, last.hidden) == ("none", True, 16)


def test_layers_of_a_network_for_graphs() -> None:
    spec = ModelSpec(operator="gin", layers=3, pool="max", residual=True)
    layers = spec.layer_specs(64, 10)
    assert len(layers) == spec.depth == 5
    assert [layer.operator for layer in layers] == ["gin"] * 3 + ["linear"] * 2
    assert [layer.pool for layer in layers] == ["none"] * 3 + ["max", "none"]
    assert [layer.batch_norm for layer in layers] == ["before"] * 3 + ["none"] * 2
    assert [layer.residual for layer in layers] == [False, True, True, False, False]
    assert layers[-1].activation == "none"


def test_layers_of_a_propagation() -> None:
    spec = ModelSpec(operator="smp", layers=3, hidden=64, steps=4, residual=True, dropout=0.8)
    layers = spec.layer_specs(100, 7)
    assert len(layers) == spec.depth == 7
    assert [layer.operator for layer in layers] == ["linear"] * 3 + ["smp"] * 4
    shapes = [(layer.inputs, layer.outputs) for layer in layers]
    assert shapes == [(100, 64), (64, 64), (64, 7), *[(7, 7)] * 4]
    assert [layer.activation for layer in layers[:4]] == ["relu", "relu", "none", "none"]
    assert [layer.residual for layer in layers[:4]] == [False, True, False, False]
    assert [layer.dropout for layer in layers[:4]] == [0.8, 0.8, 0.8, 0]
    assert [(layer.step, layer.steps) for layer in layers[3:]] == [(s, 4) for s in (1, 2, 3, 4)]
    assert ModelSpec(operator="appnp").propagated == 10
    plain = ModelSpec(operator="appnp", layers=1, steps=2, propagation=Appnp(teleport=0))
    first, *steps = plain.layer_specs(100, 7)
    assert (first.operator, first.inputs, first.outputs) == ("linear", 100, 7)
    assert [step.propagates for step in steps] == [Appnp(teleport=0)] * 2
    assert ModelSpec().propagated == 0


@given(model=..., other=...)
def test_every_field_of_a_model_moves_the_key(model: ModelSpec, other: ModelSpec) -> None:
    keys = {
        RunSpec(model=shape, quant=(LayerQuant(),) * shape.depth).key for shape in (model, other)
    }
    assert (len(keys) == 1) == (model == other)


def test_p_max_is_at_least_p_min() -> None:
    with pytest.raises(SpecError, match=r"p_max: got 0\.1, accepts at least p_min, 0\.2"):
        Protection(p_min=0.2, p_max=0.1)
    assert Protection().is_off
    assert not Protection(p_max=0.1).is_off


def test_keys_never_move() -> None:
    """A released default, name or spelling that changes orphans every stored run."""
    quantized = RunSpec(
        graph=GraphSpec(name="hubs", nodes=1000),
        model=ModelSpec(layers=3, residual=True),
        quant=(
            LayerQuant(weight=QuantSpec(bits=4, granularity="channel", gradient="gc")),
            LayerQuant(input=QuantSpec(bits=8, signed=False, range=Ema())),
            LayerQuant(message=QuantSpec(bits=2, range=Percentile(tail=0.01, running="extremum"))),
        ),
        protection=Protection(p_max=0.25),
        training=TrainingSpec(mode="finetune", lr=0.005),
        seed=7,
    )
    assert RunSpec().key == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert quantized.key == "0dbe5c78a1172a68cb45d542878b1e453415ca3dccf9724839c5eae6a89de54c"


@pytest.mark.parametrize("mode", ["float", "ptq"])
def test_only_trained_quantizers_are_distilled(mode: Any) -> None:
    with pytest.raises(
        SpecError, match=f"distillation: got 0.5, accepts 0, since {mode} trains no"
    ):
        TrainingSpec(mode=mode, distillation=0.5)


@pytest.mark.parametrize(
    ("fields", "got"),
    [
        ({"narrowing": [8]}, [8]),
        ({"narrowing": (8, 32)}, 32),
        ({"narrowing": (True,)}, True),
        ({"narrowing": (4, 8)}, (4, 8)),
        ({"narrowing": (8, 8)}, (8, 8)),
        ({"narrowing": (8,), "mode": "ptq"}, (8,)),
        ({"narrowing": (8,), "mode": "float"}, (8,)),
        ({"narrowing": (8, 4), "epochs": 2}, (8, 4)),
    ],
)
def test_narrowing_is_widths_that_fall(fields: dict[str, Any], got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        TrainingSpec(**fields)
    assert (caught.value.field, caught.value.got) == ("narrowing", got)


def test_narrowing_survives_json() -> None:
    spec = RunSpec(training=TrainingSpec(narrowing=(8, 4)))
    assert loads(RunSpec, dumps(spec)) == spec
    assert spec.key != RunSpec().key


@pytest.mark.parametrize(
    ("training", "starts", "needs"),
    [
        (TrainingSpec(mode="float"), False, False),
        (TrainingSpec(mode="ptq"), True, True),
        (TrainingSpec(mode="finetune"), True, True),
        (TrainingSpec(mode="retrain"), False, False),
        (TrainingSpec(mode="retrain", distillation=0.1), False, True),
    ],
)
def test_what_the_float_model_is_for(training: TrainingSpec, starts: bool, needs: bool) -> None:
    assert (training.starts_from_float, training.needs_float) == (starts, needs)


def test_defaults_never_change() -> None:
    """They are left out of every key."""
    defaults = {
        kind.__name__: {field.name: field.default for field in fields(kind)}
        for kind in (
            GraphSpec,
            ModelSpec,
            Protection,
            TrainingSpec,
            Ema,
            LearnedStep,
            LearnedRange,
            Percentile,
            PairNorm,
            DiffGroupNorm,
            Appnp,
            Elastic,
            Smp,
        )
    }
    assert defaults == {
        "GraphSpec": {
            "name": "digits-knn",
            "nodes": None,
            "exponent": None,
            "normalize": None,
            "fold": None,
            "split": "own",
        },
        "ModelSpec": {
            "operator": "gcn",
            "layers": 2,
            "hidden": 16,
            "dropout": 0.5,
            "residual": False,
            "heads": None,
            "aggregation": None,
            "activation": None,
            "batch_norm": None,
            "pool": "none",
            "steps": None,
            "propagation": None,
            "normalization": None,
        },
        "Protection": {"p_min": 0.0, "p_max": 0.0, "shared": True},
        "TrainingSpec": {
            "mode": "retrain",
            "epochs": 200,
            "lr": 0.01,
            "schedule": "constant",
            "weight_decay": 5e-4,
            "batch": 128,
            "distillation": 0.0,
            "narrowing": (),
        },
        "Ema": {"momentum": 0.01},
        "LearnedStep": {"lr": None},
        "LearnedRange": {"base": Ema(momentum=0.1), "lr": 1e-4},
        "Percentile": {"tail": 0.001, "running": "ema", "momentum": 0.01},
        "PairNorm": {"scale": 1.0, "by_node": False},
        "DiffGroupNorm": {"groups": 10, "weight": 0.01},
        "Appnp": {"teleport": 0.1},
        "Elastic": {"lambda1": 3.0, "lambda2": 3.0},
        "Smp": {
            "eta": 0.1,
            "mu": 9.0,
            "epsilon": 1e-5,
            "lambda0": 1e-3,
            "slack0": 1e-3,
            "eta_lambda": 1e-5,
            "eta_slack": 1e-5,
        },
    }


@given(one=..., other=...)
def test_key_is_the_values_identity(one: RunSpec, other: RunSpec) -> None:
    assert re.fullmatch("[0-9a-f]{64}", one.key)
    assert loads(RunSpec, dumps(one)).key == one.key
    assert (one == other) == (one.key == other.key)


@given(one=..., other=...)
def test_every_field_moves_the_key(one: RunSpec, other: RunSpec) -> None:
    changed = {name: getattr(other, name) for name in ("graph", "protection", "training", "seed")}
    changed["model"] = replace(one.model, residual=other.model.residual)
    output = replace(other.quant[0].output, buckets=())  # the last rows may be graphs
    changed["quant"] = (*one.quant[:-1], LayerQuant(output=output))
    for name, held in changed.items():
        same = held == getattr(one, name)
        assert (replace(one, **{name: held}).key == one.key) == same
