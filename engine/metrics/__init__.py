"""What is measured of a run, in NumPy and SciPy: errors, smoothness, agreement and cost."""

from __future__ import annotations

from engine.metrics.agreement import Agreement, SlotAgreement, agreement
from engine.metrics.bands import DegreeBand, degree_bands, extremes
from engine.metrics.cost import StageCost, bit_operations, float_model_bytes, stage_costs
from engine.metrics.errors import class_flip, relative_distance, relative_l2, sqnr_db
from engine.metrics.groups import group_distance_ratio, group_pairs
from engine.metrics.pairs import Pairs, PairSample, pairs
from engine.metrics.rank import effective_rank
from engine.metrics.saturation import saturation
from engine.metrics.smoothness import (
    Smoothness,
    dirichlet,
    dirichlet_normalised,
    mad,
    mad_all,
    smoothness,
    smv,
)

__all__ = [
    "Agreement",
    "DegreeBand",
    "PairSample",
    "Pairs",
    "SlotAgreement",
    "Smoothness",
    "StageCost",
    "agreement",
    "bit_operations",
    "class_flip",
    "degree_bands",
    "dirichlet",
    "dirichlet_normalised",
    "effective_rank",
    "extremes",
    "float_model_bytes",
    "group_distance_ratio",
    "group_pairs",
    "mad",
    "mad_all",
    "pairs",
    "relative_distance",
    "relative_l2",
    "saturation",
    "smoothness",
    "smv",
    "sqnr_db",
    "stage_costs",
]
