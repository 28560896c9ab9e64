"""Training curves, live and ended."""

from __future__ import annotations

import math

import pytest

from engine.metrics.merit import MAE
from explorer.figures.curves import curves

EPOCHS = [
    {"epoch": 1, "loss": 2.0, "train": 0.2, "validation": 0.3},
    {"epoch": 2, "loss": 1.0, "train": 0.5, "validation": 0.6},
    {"epoch": 3, "loss": 0.5, "train": 0.8, "validation": 0.6},
]


def test_lines_and_best_epoch(seen) -> None:
    figure = curves(EPOCHS, planned=10)
    loss, train, validation, best = seen(figure)["data"]
    assert loss["x"] == [1, 2, 3]
    assert loss["y"] == [2.0, 1.0, 0.5]
    assert train["y"] == pytest.approx([0.2, 0.5, 0.8])
    assert validation["y"] == pytest.approx([0.3, 0.6, 0.6])
    assert (best["x"], best["y"]) == ([2], [0.6]), "the earliest of equals"
    assert figure.layout.meta["summary"] == (
        "Epoch 3 of 10, still running: loss 0.5; best validation accuracy 60.0 % at epoch 2."
    )


def test_where_errors_count_the_lowest_is_best(seen) -> None:
    figure = curves(EPOCHS, merit=MAE)
    drawn = seen(figure)
    _, train, validation, best = drawn["data"]
    assert (train["name"], validation["name"]) == (
        "training mean absolute error",
        "validation mean absolute error",
    )
    assert (best["x"], best["y"]) == ([1], [0.3])
    assert drawn["layout"]["yaxis2"]["title"]["text"] == "Mean absolute error"
    assert "tickformat" not in drawn["layout"]["yaxis2"]
    assert "best validation mean absolute error 0.3 at epoch 1" in figure.layout.meta["summary"]


def test_axis_stands_still_while_epochs_come(seen) -> None:
    ranges = [
        seen(curves(EPOCHS[:count], planned=10))["layout"]["xaxis"]["range"] for count in (1, 3)
    ]
    assert ranges[0] == ranges[1]
    assert ranges[0][1] >= 10


def test_diverged_run_says_so(seen) -> None:
    last = {"epoch": 4, "loss": math.nan, "train": None, "validation": math.inf}
    figure = curves([*EPOCHS, last], status="diverged", note="The loss is not finite.")
    drawn = seen(figure)
    assert drawn["layout"]["annotations"][0]["text"] == "<b>diverged at epoch 4</b>"
    assert math.isnan(drawn["data"][0]["y"][3])
    assert drawn["data"][3]["x"] == [2]
    assert figure.layout.meta["summary"].endswith("The loss is not finite.")
    assert figure.layout.meta["table"]["rows"][3] == [4, None, None, None]


def test_long_runs_are_thinned_but_their_ends_and_best_kept(seen) -> None:
    epochs = [
        {"epoch": e, "loss": 1 / e, "train": 0.5, "validation": 0.9 if e == 7 else 0.5}
        for e in range(1, 4001)
    ]
    figure = curves(epochs, planned=4000, status="finished")
    loss, _, _, best = seen(figure)["data"]
    assert 1000 < len(loss["x"]) <= 1500
    assert loss["x"][-1] == 4000
    assert loss["y"][-1] == pytest.approx(1 / 4000)
    assert best["x"] == [7]


def test_nothing_yet(seen) -> None:
    assert seen(curves([]))["data"] == []
    one = seen(curves(EPOCHS[:1]))
    assert one["data"][0]["mode"] == "markers", "a line through one point is invisible"


def test_run_without_validation_has_no_best(seen) -> None:
    figure = curves([{"epoch": 1, "loss": 1.0, "train": 0.5, "validation": None}])
    assert len(seen(figure)["data"]) == 3
