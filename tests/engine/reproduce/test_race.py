"""Races: the answer of a search, what it is judged by, and the tables."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.reproduce import (
    Entrant,
    Race,
    Searched,
    Spread,
    Standing,
    lpgnas,
    race_to_json,
    race_to_markdown,
    runs_again,
)
from engine.search import METHODS, Corner, Proposal, SearchSpec, Trial, leanest
from engine.spec import GraphSpec, RunSpec, decode, scheme

CORNER = Corner(rank=0.25, model_bytes=400, buffer_bytes=400)
ENTRANT = Entrant(
    graph="karate",
    space="widths",
    method="random",
    searches=tuple(SearchSpec(seed=seed) for seed in range(2)),
    again=2,
)


def trial(number: int, validation: float, model_bytes: int) -> Trial:
    return Trial(
        proposal=Proposal(number=number, spec=scheme("qat", bits=8, seed=number)),
        validation=validation,
        result=validation - 0.05,
        model_bytes=model_bytes,
        buffer_bytes=200,
        float_model_bytes=400,
    )


SEARCHES = [
    [trial(0, 0.75, 200), trial(1, 0.742, 100), trial(2, 0.5, 50)],
    [trial(3, 0.85, 100)],
]
METRICS = [{"accuracy": {"integer": value}} for value in (0.7, 0.8)]
SEARCHED = tuple(
    Searched.of(spec, trials, CORNER, METRICS)
    for spec, trials in zip(ENTRANT.searches, SEARCHES, strict=True)
)
STANDING = Standing(entrant=ENTRANT, searched=SEARCHED)


def test_answers_are_judged_by_fresh_seeds() -> None:
    answers = [leanest(trials).spec for trials in SEARCHES]
    found = zip(ENTRANT.searches, answers, strict=True)
    again = [spec for search, answer in found for spec in runs_again(ENTRANT, search, answer)]
    assert len({spec.seed for spec in again}) == len(again) == 4
    assert min(spec.seed for spec in again) >= 1000
    assert replace(again[0], seed=1) == answers[0]
    assert replace(again[-1], seed=3) == answers[1]


def test_a_standing_is_over_searches() -> None:
    standing = STANDING
    # halvings: one of the buffers; of the model one, two and three
    volumes = [0.5 * 1 + 0.492 * 1 + 0.25 * 1, 0.6 * 2]
    wanted = Spread.of(volumes)
    assert (standing.volume.mean, standing.volume.sd) == pytest.approx((wanted.mean, wanted.sd))
    assert standing.test_volume.mean < standing.volume.mean
    assert (standing.accuracy.mean, standing.accuracy.sd) == pytest.approx((0.75, 0.0577), abs=1e-3)
    assert (standing.model_bytes, standing.buffer_bytes) == (100, 200)
    assert (standing.trainings, standing.runs) == (2.0, 2)
    assert [decode(RunSpec, held.answer).seed for held in SEARCHED] == [1, 3]
    assert Spread.of([3.0]) == Spread(mean=3.0, sd=0.0)


def test_tables_name_what_made_them() -> None:
    other = replace(ENTRANT, method="tpe")
    race = Race(name="lpgnas", title="A title", notes=("One.",), entrants=(ENTRANT, other))
    text = race_to_markdown(race, [STANDING], "graphbits reproduce x")
    assert text.startswith("# A title\n\nOne.\n\n## karate: widths\n\n| method | hypervolume |")
    row = next(line for line in text.splitlines() if line.startswith("| random"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3:] == ["2", "2", "2.0", "75.00 ± 5.77", "100", "200"]
    assert "```sh\ngraphbits reproduce x\n```" in text
    assert "Not run:\n\n- karate: widths: tpe\n" in text
    (data,) = json.loads(json.dumps(race_to_json(race, [STANDING], "x")))["rows"]
    assert [held["key"] for held in data["searches"]] == [spec.key for spec in ENTRANT.searches]
    assert data["accuracy"]["mean"] == pytest.approx(0.75)
    fewer = race_to_markdown(race, [replace(STANDING, searched=SEARCHED[:1])], "x")
    assert "| 1 of 2 |" in fewer


def test_every_rival_has_the_same_work_on_the_same_space() -> None:
    race = lpgnas()
    by_space: dict[Any, list[Entrant]] = {}
    for entrant in race.entrants:
        by_space.setdefault((entrant.graph, entrant.space), []).append(entrant)
    large = {f"{name}, 60 : 20 : 20" for name in ("Cora", "CiteSeer", "PubMed")}
    own = {"Cora", "CiteSeer", "PubMed", "Photo", "Computers"}
    assert {graph for graph, _ in by_space} == own | large
    for entrants in by_space.values():
        methods = [entrant.method for entrant in entrants]
        assert methods[0] == "lpgnas"
        assert {"random", "tpe"} < set(methods) <= set(METHODS)
        first = entrants[0].searches
        assert [spec.seed for spec in first] == list(range(5))
        assert {spec.budget.trainings for spec in first} == {16}
        for entrant in entrants[1:]:
            told = [replace(s, method=first[0].method) for s in entrant.searches]
            assert told == list(first)
    smoke = lpgnas(seeds=1, epochs=2, smoke=True)
    assert {s.space.graph for e in smoke.entrants for s in e.searches} == {GraphSpec(name="karate")}
