"""digits-slant: its targets by hand, and what they are to a person."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.graphs import Graph, load_graph
from engine.graphs.slant import slant_degrees
from engine.spec import GraphSpec


@pytest.fixture(scope="module")
def slant() -> Graph:
    return load_graph(GraphSpec(name="digits-slant"))


def drawn(degrees: float) -> np.ndarray:
    """Return a stroke of 41 rows that leans, each row's ink shared by the two nearest columns."""
    image = np.zeros((41, 41))
    for row in range(41):
        column = 20 - (row - 20) * math.tan(math.radians(degrees))
        left = math.floor(column)
        image[row, left], image[row, left + 1] = 1 - (column - left), column - left
    return image


@pytest.mark.parametrize("degrees", [-30, -5, 0, 5, 30])
def test_a_stroke_leans_as_it_was_drawn(degrees: float) -> None:
    found = slant_degrees(np.stack([drawn(degrees), np.roll(drawn(degrees), 3, axis=1)]))
    assert found == pytest.approx([degrees, degrees], abs=0.1)


def test_slant_by_plain_sums() -> None:
    image = np.random.default_rng(0).integers(0, 17, (8, 8))
    total = image.sum()
    pixels = [(r, c, image[r, c] / total) for r in range(8) for c in range(8)]
    row, column = (sum(ink * at[axis] for *at, ink in pixels) for axis in (0, 1))
    both = sum(ink * (r - row) * (c - column) for r, c, ink in pixels)
    down = sum(ink * (r - row) ** 2 for r, _, ink in pixels)
    expected = math.degrees(math.atan(-both / down))
    assert slant_degrees(image[None]) == pytest.approx([expected])


def test_the_set_is_that_of_superpixels_with_targets(slant: Graph) -> None:
    classes = load_graph(GraphSpec(name="digits-superpixels"))
    assert (slant.outputs, slant.classes, slant.units) == (1, 0, 1797)
    np.testing.assert_array_equal(slant.edge_index, classes.edge_index)
    np.testing.assert_array_equal(slant.test, classes.test)
    assert slant.labels is slant.targets
    assert classes.labels is classes.y


def test_targets_are_degrees_that_differ(slant: Graph) -> None:
    targets = slant.targets[:, 0]
    assert (round(targets.min()), round(targets.max())) == (-19, 18)
    off = np.abs(targets[slant.test] - np.median(targets[slant.train])).mean()
    assert off == pytest.approx(5.6, abs=0.05), "what the docstring says"
