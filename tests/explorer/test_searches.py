"""Searches as they are read: one's own and those shipped, their points over seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.search import Chance, Proposal, SearchLog, SearchSpec, Space, Trial
from engine.search.log import TRIALS
from engine.spec import GraphSpec, scheme
from explorer.searches import Searches, chosen_by, points, uniform_runs

SPACE = Space(graph=GraphSpec(name="karate"))
SPEC = SearchSpec(space=SPACE, method=Chance())


def trial(number: int, validation: float, seed: int = 0, note: str = "", bits: int = 4) -> Trial:
    spec = SPACE.spec(lambda choice: bits, seed)
    proposal = Proposal(number=number, spec=spec, origin=f"drawn {number}")
    sizes = {"model_bytes": 100 * bits, "buffer_bytes": 100, "float_model_bytes": 4000}
    return Trial(proposal=proposal, validation=validation, note=note, **sizes)


def write(spec: SearchSpec, store: Path, *trials: Trial, over: bool = False) -> SearchLog:
    log = SearchLog(spec, store)
    with log.writing():
        for one in trials:
            log.add(one)
        if over:
            log.end()
    return log


def test_ones_own_come_first_and_what_is_shipped_once(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    other = replace(SPEC, seed=1)
    write(SPEC, own, trial(0, 0.5))
    write(SPEC, shipped, trial(0, 0.5), trial(1, 0.9, bits=8), over=True)
    write(other, shipped, trial(0, 0.7, seed=1), over=True)
    reader = Searches(own, (shipped,))
    first, second = reader.all()
    assert (first.spec, len(first.trials), first.is_over) == (SPEC, 2, True)
    assert second.spec == other
    assert first.answer == trial(1, 0.9, bits=8)
    assert first.title == "Random · widths 8, 4, 2 · seed 0 · 2 runs, shipped"
    assert second.name == "Random on karate, seed 1"
    assert Searches(own).all()[0].title.endswith("1 run, stopped after 1 of 16 trainings")


def test_what_has_grown_is_read_again_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(SPEC, tmp_path, trial(0, 0.5))
    reader = Searches(tmp_path)
    assert len(reader.all()[0].trials) == 1
    with log.writing():
        log.add(trial(1, 0.6, bits=8))
        going = reader.all()[0]
        assert going.is_going_on
        assert "2 runs, going on" in going.title
    monkeypatch.setattr(SearchLog, "trials", property(lambda _: pytest.fail("read again")))
    assert len(reader.all()[0].trials) == 2


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    log = write(SPEC, tmp_path, trial(0, 0.5))
    (log.folder / TRIALS).write_text("{}\n")
    assert Searches(tmp_path, (tmp_path / "nowhere",)).all() == ()
    assert write(replace(SPEC, seed=2), tmp_path).trials == ()
    assert Searches(tmp_path).all()[0].answer is None


def test_seeds_of_one_recipe_are_one_point() -> None:
    found = [("Random", trial(0, 0.5)), ("Random", trial(0, 0.7, seed=1))]
    lost = ("Random", trial(1, 0.0, note="It diverged.", bits=2))
    (point, other) = points(
        [*found, lost, ("Uniform", trial(0, 0.6)), ("TPE", trial(2, 1, 0, "", 8))]
    )
    assert [held.validation for held in point.trials] == [0.5, 0.7]
    assert (point.group, point.name) == ("Random", "Random, drawn 0")
    assert point.key == point.spec.key == trial(0, 0.5).spec.key
    assert (other.group, len(other.trials)) == ("TPE", 1)


def test_uniform_runs_are_the_schemes() -> None:
    graph = SPACE.graph
    wanted = [scheme("degree-quant", bits=bits, graph=graph, seed=3) for bits in (8, 4, 2)]
    assert list(uniform_runs(SPACE, 3)) == wanted
    assert set((chosen_by(SPACE, wanted[1]) or {}).values()) == {4}
    assert chosen_by(SPACE, scheme("qat", bits=8)) is None
