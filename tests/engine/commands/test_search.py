"""``graphbits search``: the space and method that options describe, what is printed and written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.commands.search import choices_of
from engine.search import SearchLog, SearchSpec, Tpe, Trial, searches
from engine.spec import GraphSpec, decode


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))


def search(*options: str) -> int:
    return main(["search", "--graph", "karate", "--epochs", "3", *options])


def the_search(tmp_path: Path) -> SearchLog:
    (found,) = searches(tmp_path / "store")
    return found


def test_a_front_is_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "numbers.json"
    options = ("--method", "uniform", "--trainings", "3", "--json", str(file))
    assert search(*options) == 0
    shown = capsys.readouterr().out
    assert "karate · uniform · seed 0 · 3 runs, 3.0 trainings" in " ".join(shown.split())
    assert "answer" in shown
    (written,) = json.loads(file.read_text(encoding="utf-8"))
    trials = tuple(
        decode(Trial, {name: held for name, held in trial.items() if name != "run"})
        for trial in written["trials"]
    )
    assert trials == the_search(tmp_path).trials
    assert [trial["run"] for trial in written["trials"]] == [trial.spec.key for trial in trials]
    assert decode(SearchSpec, written["search"]).key == written["key"]
    assert written["hypervolume"]["validation"] > 0
    assert set(written["front"]) <= {0, 1, 2}
    first = file.read_text(encoding="utf-8")
    assert search(*options) == 0
    assert file.read_text(encoding="utf-8") == first


def test_options_describe_the_search(tmp_path: Path) -> None:
    options = ("--method", "tpe", "--batch", "1", "--trainings", "1", "--first-seed", "4")
    space = ("--widths", "8", "4", "--choose", "operator=gcn,sage", "--choose", "hidden=8,16")
    trained = ("--scheme", "qat", "--distillation", "0.5")
    assert search(*options, *space, "--choose", "residual=no,yes", *trained) == 0
    spec = the_search(tmp_path).spec
    assert (spec.method, spec.seed, spec.budget.trainings) == (Tpe(batch=1), 4, 1)
    held = spec.space
    assert (held.graph, held.scheme, held.widths) == (GraphSpec(name="karate"), "qat", (8, 4))
    assert (held.operators, held.hidden, held.residual) == (("gcn", "sage"), (8, 16), (False, True))
    assert (held.training.epochs, held.training.distillation) == (3, 0.5)


def test_seeds_are_searches_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beta = ("--beta", "0.5", "2")
    assert search("--trainings", "2.5", "--seeds", "2", *beta) == 0
    assert capsys.readouterr().out.count("lpgnas") == 2
    found = searches(tmp_path / "store")
    assert {log.spec.seed for log in found} == {0, 1}
    method: Any = found[0].spec.method
    assert (method.beta_low, method.beta_high) == (0.5, 2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "luck"), "--method: got 'luck', accepts one of lpgnas, uniform, random"),
        (("--choose", "pool=mean"), "--choose: got 'pool=mean', accepts FIELD=OPTION"),
        (("--choose", "hidden=a"), "--choose: got 'hidden=a', accepts options of hidden"),
        (("--choose", "residual=maybe"), "--choose: got 'residual=maybe'"),
        (("--widths", "1"), "widths: got (1,), accepts a width of more than 1 bit among them"),
        (("--trainings", "0"), "trainings: got 0"),
        (("--seeds", "0"), "--seeds: got 0"),
        (("--workers", "0"), "--workers: got 0"),
        (
            ("--workers", "2", "--cluster", "tcp://a:1"),
            "--cluster: got 'tcp://a:1', accepts nothing",
        ),
        (("--cluster", "tcp://"), "cluster: got 'tcp://', accepts the address of a Dask scheduler"),
        (("--method", "tpe", "--beta", "1"), "--beta: got [1.0], accepts nothing"),
        (("--beta", "1", "2", "3"), "accepts one number, or the lowest and the highest"),
        (("--batch", "2"), "--batch: got 2, accepts nothing, but with tpe, nsga2 or sgquant"),
        (("--floor", "0.1"), "--floor: got 0.1, accepts nothing, but with sgquant"),
    ],
)
def test_wrong_options_are_named(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert search(*options) == 1
    assert message in capsys.readouterr().err


def test_a_cluster_searches_alike(
    tmp_path: Path, dask_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--method", "random", "--trainings", "3")
    assert search(*options, "--cluster", dask_cluster) == 0
    by_cluster = the_search(tmp_path).trials
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "another" / "store"))
    assert search(*options) == 0
    here = {trial.proposal.number: trial for trial in the_search(tmp_path / "another").trials}
    assert len(by_cluster) == 3
    for trial in by_cluster:
        assert replace(trial, seconds=0) == replace(here[trial.proposal.number], seconds=0)


def test_an_answer_that_nothing_is_small_enough_for(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--method", "uniform", "--trainings", "1", "--model-bytes", "10")
    assert search(*options) == 1
    assert "at least those of a trial" in capsys.readouterr().err


def test_choices_are_read_as_what_they_are() -> None:
    assert choices_of(["layers=2,3", "activation=relu,elu", "steps=4"]) == {
        "layers": (2, 3),
        "activations": ("relu", "elu"),
        "steps": (4,),
    }
    assert choices_of(["aggregation=max"]) == {"aggregations": ("max",)}
