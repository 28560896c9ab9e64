"""``graphbits run``: from options to a run, and from runs to the JSON and the table."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.__main__ import main
from engine.commands import run
from engine.commands.run import REPORTED, column, pick, runs_of, spec_of, summarize
from engine.graphs import from_arrays, write_npz
from engine.runs import RunStore
from engine.spec import (
    GraphSpec,
    LayerQuant,
    ModelSpec,
    Percentile,
    Protection,
    RunSpec,
    SpecError,
    TrainingSpec,
    scheme,
    vary,
)

OF_THE_ISSUE = (
    "accuracy.float",
    "accuracy.simulated",
    "accuracy.integer",
    "agreement.max_code_difference",
    "agreement.codes_different",
    "agreement.same_class",
    "size.model_bytes",
    "size.float_model_bytes",
    "size.buffer_bytes",
    "latency.integer_ms",
    "latency.float_ms",
    "epoch_ms",
)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))
    return RunStore(tmp_path / "store")


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.add_to(parser.add_subparsers())
    return parser.parse_args(["run", *arguments])


def spec_from(*arguments: str) -> RunSpec:
    return spec_of(parsed(*arguments), Path())


def value(nested: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        nested = nested[part]
    return nested


@pytest.mark.parametrize(
    ("arguments", "spec"),
    [
        ([], scheme("degree-quant")),
        (["--scheme", "float"], scheme("float")),
        (["--scheme", "ptq", "--bits", "4"], scheme("ptq", bits=4)),
        (
            ["--scheme", "qat", "--bits", "weight=4,message=8", "--bits", "6"],
            scheme("qat", bits=6, component_bits={"weight": 4, "message": 8}),
        ),
        (
            ["--graph", "Cora", "--model", "gcn", "--layers", "3", "--hidden", "8"],
            scheme(
                "degree-quant", graph=GraphSpec(name="Cora"), model=ModelSpec(layers=3, hidden=8)
            ),
        ),
        (
            ["--p-min", "0.1", "--p-max", "0.3", "--mask-per-layer"],
            scheme("degree-quant", protection=Protection(p_min=0.1, p_max=0.3, shared=False)),
        ),
        (
            ["--p-max", "0.5"],
            scheme("degree-quant", protection=Protection(p_min=0.0, p_max=0.5)),
        ),
        (
            ["--epochs", "5", "--lr", "0.1", "--weight-decay", "0", "--first-seed", "3"],
            scheme("degree-quant", training=TrainingSpec(epochs=5, lr=0.1, weight_decay=0), seed=3),
        ),
        (
            ["--schedule", "cosine"],
            scheme("degree-quant", training=TrainingSpec(schedule="cosine")),
        ),
        (
            ["--scheme", "qat", "--finetune"],
            scheme("qat", training=TrainingSpec(mode="finetune")),
        ),
        (["--scheme", "ptq", "--finetune"], scheme("ptq")),
        (
            ["--scheme", "qat", "--distillation", "0.5"],
            scheme("qat", training=TrainingSpec(distillation=0.5)),
        ),
        (
            ["--scheme", "qat", "--bits", "2", "--narrowing", "8,4"],
            scheme("qat", bits=2, training=TrainingSpec(narrowing=(8, 4))),
        ),
        (["--scheme", "ptq", "--narrowing", "8"], scheme("ptq")),
        (["--scheme", "smp", "--bits", "2"], scheme("smp", bits=2)),
        (
            ["--scheme", "smp", "--bits", "2", "--distillation", "0"],
            scheme("smp", bits=2, training=TrainingSpec()),
        ),
        (["--scheme", "sgquant", "--buckets", "none"], scheme("qat")),
        (["--scheme", "qat", "--buckets", "4:4,16:2"], scheme("sgquant")),
        (
            [
                "--rule",
                "learned-range",
                "--range-lr",
                "0.002",
                "--bits",
                "2",
                "--truncation",
                "plain",
            ],
            vary(
                scheme("degree-quant", bits=2),
                rule="learned-range",
                range_lr=0.002,
                truncation="plain",
            ),
        ),
    ],
)
def test_options_make_the_run(arguments: list[str], spec: RunSpec) -> None:
    assert spec_from(*arguments) == spec
    assert spec_from(*arguments).key == spec.key


def test_momentum_reaches_every_moving_range() -> None:
    spec = spec_from("--momentum", "0.5")
    rules = [held.range for layer in spec.quant for _, held in layer.items() if not held.is_float]
    moving = [rule for rule in rules if isinstance(rule, Percentile)]
    assert len(moving) == 11
    assert {rule.momentum for rule in moving} == {0.5}
    assert spec_from("--scheme", "ptq", "--momentum", "0.5") == scheme("ptq")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--scheme", "best"], "scheme"),
        (["--bits", "9"], "bits"),
        (["--bits", "message=12"], "bits"),
        (["--bits", "mesage=4"], "--bits"),
        (["--p-min", "0.5"], "p_max"),
        (["--epochs", "0"], "epochs"),
        (["--lr", "0"], "lr"),
        (["--lr", "nan"], "lr"),
        (["--momentum", "0"], "momentum"),
        (["--first-seed", "-1"], "seed"),
        (["--layers", "65"], "layers"),
    ],
)
def test_each_wrong_value_is_named_and_ends_with_1(
    arguments: list[str], field: str, capsys: pytest.CaptureFixture[str], store: RunStore
) -> None:
    with pytest.raises(SpecError) as caught:
        spec_from(*arguments)
    assert caught.value.field == field
    assert main(["run", *arguments]) == 1
    said = capsys.readouterr().err
    assert said == f"graphbits: {caught.value}\n"
    assert not store.folder.exists()


@pytest.mark.parametrize("seeds", ["0", "-1", "10001"])
def test_a_wrong_number_of_seeds(seeds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--seeds", seeds]) == 1
    assert f"--seeds: got {seeds}, accepts an integer from 1 to 10000" in capsys.readouterr().err


def test_the_json_of_two_seeds(
    tmp_path: Path, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "numbers.json"
    arguments = ["--graph", "karate", "--epochs", "2", "--bits", "4", "--seeds", "2"]
    assert main(["run", *arguments, "--first-seed", "5", "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert list(report) == ["seeds", "mean", "sd"]
    spec = spec_from(*arguments)
    for seed, of_seed in zip((5, 6), report["seeds"], strict=True):
        held = store.answer(replace(spec, seed=seed).key)
        assert (of_seed["seed"], of_seed["key"]) == (seed, held.key)
        for name in REPORTED:
            assert value(of_seed, name) == value(held.metrics, name)
    assert set(OF_THE_ISSUE) <= set(REPORTED)
    for name in REPORTED:
        one, two = (value(of_seed, name) for of_seed in report["seeds"])
        assert value(report["mean"], name) == pytest.approx((one + two) / 2)
        assert value(report["sd"], name) == pytest.approx(abs(one - two) / math.sqrt(2))
    assert 0 <= report["mean"]["accuracy"]["integer"] <= 1
    shown = capsys.readouterr().out
    assert "karate · gcn 2×16" in shown
    assert "2 seeds" in shown
    for name in REPORTED:
        assert name in shown
    integer = report["mean"]["accuracy"]["integer"]
    assert f"{100 * integer:.2f} %" in shown


def test_one_seed_has_no_spread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "numbers.json"
    arguments = ["run", "--graph", "karate", "--scheme", "float", "--epochs", "2"]
    assert main([*arguments, "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert set(column([report["sd"]], "accuracy.integer")) == {0.0}
    assert report["mean"]["accuracy"]["integer"] == report["seeds"][0]["accuracy"]["integer"]
    assert "karate · gcn 2×16 · FP32 · float · 1 seed " in capsys.readouterr().out


def test_a_graph_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--graph", "atlantis"]) == 1
    assert "atlantis" in capsys.readouterr().err


def test_a_run_that_diverges_ends_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from engine import experiment

    fit = experiment.fit_narrowing

    def broken(network: Any, *rest: Any) -> Any:
        for epoch in fit(network, *rest):
            yield epoch
            network.layers[0].weight.data.fill_(torch.nan)

    monkeypatch.setattr(experiment, "fit_narrowing", broken)
    assert main(["run", "--graph", "karate", "--epochs", "3", "--seeds", "2"]) == 1
    said = "graphbits: seed 0: The loss was nan at epoch 2; try a lower learning rate.\n"
    assert capsys.readouterr().err == said


def test_pick_nests_by_the_dots() -> None:
    metrics = {"accuracy": {"float": 0.5, "other": 1}, "epoch_ms": 2.0, "more": 3}
    assert pick(metrics, ("accuracy.float", "epoch_ms")) == {
        "accuracy": {"float": 0.5},
        "epoch_ms": 2.0,
    }


def test_summary_by_hand() -> None:
    def of(number: float) -> dict[str, Any]:
        nested: dict[str, Any] = {}
        for name in REPORTED:
            *outer, leaf = name.split(".")
            at = nested
            for part in outer:
                at = at.setdefault(part, {})
            at[leaf] = number
        return nested

    report = summarize([of(1), of(2), of(6)])
    assert report["mean"] == of(3.0)
    assert value(report["sd"], "accuracy.float") == pytest.approx(math.sqrt(14 / 2))


def test_plain_layers_are_no_special_case() -> None:
    assert spec_from("--scheme", "float").quant == (LayerQuant(), LayerQuant())


def test_folds_are_run_one_after_the_other() -> None:
    options = parsed("--graph", "MUTAG", "--folds", "3")
    first = spec_from("--graph", "MUTAG", "--folds", "3")
    assert first.model.pool == "mean"
    runs = runs_of(first, options)
    assert [title for title, _ in runs] == ["fold 0", "fold 1", "fold 2"]
    assert [spec.graph.fold for _, spec in runs] == [0, 1, 2]
    assert {spec.seed for _, spec in runs} == {0}
    for arguments, field in (
        (("--graph", "MUTAG", "--folds", "11"), "--folds"),
        (("--graph", "MUTAG", "--folds", "3", "--seeds", "2"), "--seeds"),
        (("--graph", "karate", "--folds", "3"), "fold"),
    ):
        with pytest.raises(SpecError) as caught:
            runs_of(spec_from(*arguments), parsed(*arguments))
        assert caught.value.field == field


def test_where_targets_are_learned_errors_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = np.arange(40)
    ring = from_arrays(edge_index=[nodes, (nodes + 1) % 40], targets=nodes / 40, x=nodes[:, None])
    write_npz(tmp_path / "ring.npz", ring)
    file = tmp_path / "numbers.json"
    arguments = ["--graph", str(tmp_path / "ring.npz"), "--epochs", "2", "--seeds", "2"]
    assert main(["run", *arguments, "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert set(report["mean"]["mae"]) == {"float", "simulated", "integer", "validation"}
    assert "accuracy" not in report["mean"]
    assert "same_class" not in report["mean"]["agreement"]
    shown = capsys.readouterr().out
    assert "mae.integer" in shown
    assert f"{report['mean']['mae']['integer']:.2f} " in shown
    assert main(["runs"]) == 0
    assert "mae" in capsys.readouterr().out
