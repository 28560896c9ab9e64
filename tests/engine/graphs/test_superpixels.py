"""The digits as superpixels: regions, edges, split, and the same set every time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from engine.graphs import Graph
from engine.graphs.superpixels import (
    CONTRAST,
    GRID,
    NEIGHBOURS,
    ROUNDS,
    SIDE,
    digits_superpixels,
)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return digits_superpixels()


def doubled(image: np.ndarray) -> np.ndarray:
    """Return an image of twice the side, interpolated between the centres of its pixels."""
    side = len(image)
    at = np.clip((np.arange(2 * side) + 0.5) / 2 - 0.5, 0, side - 1)
    rows = np.stack([np.interp(at, np.arange(side), column) for column in image.T], axis=1)
    return np.stack([np.interp(at, np.arange(side), row) for row in rows])


def regions(image: np.ndarray) -> np.ndarray:
    """Return shade, x and y of each region with ink, by plain loops."""
    middle = [(place + 0.5) * SIDE / GRID - 0.5 for place in range(GRID)]
    centres = [(image[round(r), round(c)], r, c) for r in middle for c in middle]
    for _ in range(ROUNDS):
        members: list[list[tuple[float, int, int]]] = [[] for _ in centres]
        for row in range(SIDE):
            for column in range(SIDE):
                best, chosen = np.inf, -1
                for number, (shade, r, c) in enumerate(centres):
                    down, across = divmod(number, GRID)
                    if (
                        abs(row * GRID // SIDE - down) > 1
                        or abs(column * GRID // SIDE - across) > 1
                    ):
                        continue
                    tone = CONTRAST * (image[row, column] - shade)
                    distance = tone**2 + ((row - r) ** 2 + (column - c) ** 2)
                    if distance < best:
                        best, chosen = distance, number
                members[chosen].append((image[row, column], row, column))
        centres = [
            tuple(np.mean(held, axis=0)) if held else centre
            for held, centre in zip(members, centres, strict=True)
        ]
    kept = [centre for centre, held in zip(centres, members, strict=True) if held and centre[0] > 0]
    return np.array([[shade, (c + 0.5) / SIDE, (r + 0.5) / SIDE] for shade, r, c in kept])


@pytest.mark.parametrize("number", [0, 1, 4, 1000, 1796])
def test_regions_of_one_digit_by_plain_loops(graph: Graph, number: int) -> None:
    assert graph.starts is not None
    low, high = graph.starts[number : number + 2]
    expected = regions(doubled(load_digits().images[number] / 16))
    np.testing.assert_allclose(graph.x[low:high], expected, rtol=1e-6)


def test_labels_are_those_of_scikit_learn(graph: Graph) -> None:
    np.testing.assert_array_equal(graph.y, load_digits().target)


def test_edges_go_to_the_nearest_of_the_digit(graph: Graph) -> None:
    assert graph.starts is not None
    for number in range(0, graph.units, 150):
        low, high = graph.starts[number : number + 2]
        place = graph.x[low:high, 1:].astype(np.float64)
        distance = ((place[:, None] - place) ** 2).sum(axis=2)
        np.fill_diagonal(distance, np.inf)
        for node in range(low, high):
            found = graph.edge_index[1, graph.edge_index[0] == node] - low
            assert len(set(found.tolist())) == NEIGHBOURS
            near, apart = distance[node - low, found], np.sort(distance[node - low])
            np.testing.assert_allclose(np.sort(near), apart[:NEIGHBOURS], rtol=1e-5)


def test_counts(graph: Graph) -> None:
    size = np.diff(graph.starts)
    in_degree = graph.in_degree
    assert (graph.units, graph.nodes, graph.edges) == (1797, 53556, 321336)
    assert (graph.features, graph.classes) == (3, 10)
    assert (size.min(), size.max()) == (22, 36)
    assert (in_degree.min(), np.median(in_degree), in_degree.max()) == (2, 6, 12)
    assert graph.x.min() > 0
    assert graph.x.max() <= 1


def test_split(graph: Graph) -> None:
    counts = [np.bincount(graph.y[part]) for part in (graph.train, graph.val, graph.test)]
    whole = np.bincount(graph.y)
    for count, share in zip(counts, (0.6, 0.2, 0.2), strict=True):
        assert np.abs(count - share * whole).max() <= 1
    assert (graph.train | graph.val | graph.test).all()


def test_released_set_never_changes(graph: Graph) -> None:
    assert graph.digest == "aa392f7f196f396f7efd786692d9dbc34c17e2a1fd0442ecbb9a629f6f406669"
