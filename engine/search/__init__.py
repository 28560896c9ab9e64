"""Searches as values: what may be chosen, how, with how much work, and what came of it; torch-free.

A search is a function from a budget to a spec: a `SearchSpec` goes in, `Trial`s come out, each with
the `RunSpec` of a run that the store holds, and `best` is the answer.
"""

from __future__ import annotations

from engine.search.corner import corner_of
from engine.search.front import hypervolume, is_on_front
from engine.search.log import SearchLog, searches
from engine.search.method import (
    METHODS,
    OF_SHAPES,
    Chance,
    Greedy,
    Lpgnas,
    Method,
    Nsga2,
    Relaxed,
    Sgquant,
    Tpe,
    Uniform,
    name_of,
)
from engine.search.question import Budget, SearchSpec
from engine.search.space import Choice, Choose, Option, Space
from engine.search.trial import Corner, Proposal, Trial, best, front, leanest, volume

__all__ = [
    "METHODS",
    "OF_SHAPES",
    "Budget",
    "Chance",
    "Choice",
    "Choose",
    "Corner",
    "Greedy",
    "Lpgnas",
    "Method",
    "Nsga2",
    "Option",
    "Proposal",
    "Relaxed",
    "SearchLog",
    "SearchSpec",
    "Sgquant",
    "Space",
    "Tpe",
    "Trial",
    "Uniform",
    "best",
    "corner_of",
    "front",
    "hypervolume",
    "is_on_front",
    "leanest",
    "name_of",
    "searches",
    "volume",
]
