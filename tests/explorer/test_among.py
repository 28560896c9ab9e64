"""Results on what is chosen: the same as counting by hand, of runs and of previews."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from explorer.among import metrics_among, shown_among
from explorer.chosen import Degrees, OfClass
from explorer.presets import DEFAULT
from explorer.shown import Shown
from explorer.widths import with_bits

TEST = np.array([True, True, True, False])


def test_classes_are_counted_on_the_chosen_test_units() -> None:
    graph = SimpleNamespace(test=TEST, labels=np.array([0, 1, 1, 0]))
    metrics = {"accuracy": {"float": 0.1, "integer": 0.2, "validation": 0.3}, "size": {}}
    arrays = {"class.float": np.array([0, 0, 1, 0]), "class.integer": np.array([1, 0, 1, 0])}
    among = np.array([True, False, True, True])
    found = metrics_among(metrics, arrays, graph, among)
    assert found == {"accuracy": {"float": 1.0, "integer": 0.5}, "size": {}}
    assert metrics["accuracy"]["float"] == 0.1, "the run's own stay"
    assert metrics_among(metrics, arrays, graph, ~TEST) == {"size": {}}
    assert metrics_among(metrics, {}, graph, among) == {"size": {}}


def test_errors_of_targets_are_averaged() -> None:
    graph = SimpleNamespace(test=TEST, labels=np.zeros((4, 1), np.float32))
    arrays = {"output.integer": np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)}
    found = metrics_among({"mae": {"integer": 9.0}}, arrays, graph, TEST)
    assert found == {"mae": {"integer": 2.0}}


@pytest.mark.parametrize("chosen", [OfClass(3), Degrees(20, 100)])
def test_of_all_that_is_shown_the_chosen_add_up(shown: Shown, chosen) -> None:
    graph, among = shown.measured, chosen.units(shown)
    parts = [shown_among(shown, part)["accuracy"] for part in (among, ~among)]
    counts = [(part & graph.test).sum() for part in (among, ~among)]
    for name in ("float", "simulated", "integer"):
        right = sum(part[name] * count for part, count in zip(parts, counts, strict=True))
        assert right / graph.test.sum() == pytest.approx(shown.metrics["accuracy"][name])


def test_a_preview_is_judged_by_its_scores(shown: Shown) -> None:
    recipe = with_bits(DEFAULT, range(1), "message", 2, "degree-quant")
    analysis = shown.analysis.study.preview(recipe.quant)
    fields = {"origin": "preview", "recipe": recipe, "graph": shown.graph, "analysis": analysis}
    preview = Shown(**fields, run=None, baseline=None)
    everything = np.ones(shown.measured.units, np.bool_)
    found = shown_among(preview, everything)
    assert found["accuracy"] == pytest.approx(preview.metrics["accuracy"])
    assert found["size"] == preview.metrics["size"]
    assert "accuracy" not in shown_among(preview, ~everything)
