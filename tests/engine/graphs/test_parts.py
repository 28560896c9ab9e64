"""The parts of a set that a run is measured on, and that its ranges are found on."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graphs import Graph, GraphError, calibration_part, measured_part, subset
from engine.graphs.parts import CALIBRATED_ON


def test_a_single_graph_is_its_own_parts(karate: Graph) -> None:
    assert measured_part(karate) is karate
    assert calibration_part(karate) is karate


def test_a_set_is_measured_on_its_graphs_for_testing(rings: Graph) -> None:
    measured = measured_part(rings)
    assert measured.units == rings.test.sum()
    np.testing.assert_array_equal(measured.y, rings.y[rings.test])
    assert measured.test.all()


def test_ranges_are_found_on_the_first_graphs_for_training(rings: Graph) -> None:
    found = calibration_part(rings)
    assert found.units == rings.train.sum() < CALIBRATED_ON
    np.testing.assert_array_equal(found.y, rings.y[rings.train])
    many = subset(rings, np.tile(np.arange(rings.units), 12))
    assert calibration_part(many).units == CALIBRATED_ON


def test_a_part_of_no_graphs_is_refused(rings: Graph) -> None:
    trained = subset(rings, rings.train)
    with pytest.raises(GraphError, match="no graphs"):
        measured_part(trained)
    with pytest.raises(GraphError, match="no graphs"):
        calibration_part(subset(rings, rings.test))
