"""Lessons: the explorer with one question, opened where its answer is, and little else shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

from engine.spec import ModelSpec, RunSpec, SpecError, scheme
from engine.spec.errors import check_choice

HIDE, LESSON = "hide", "lesson"
"""What a link's query calls them."""

PAGES = {
    "error": "Error × degree",
    "map": "Map",
    "depth": "Depth",
    "codes": "Codes",
    "arithmetic": "Arithmetic",
    "degrees": "Degrees",
    "predictions": "Predictions",
    "training": "Training",
    "search": "Search",
    "runs": "Runs",
    "recipe": "Recipe",
}
"""The pages' titles, by the names that hide them."""
CONTROLS = ("graph", "model", "bits", "protection", "run")
"""The panels of controls, by the names that hide them."""
HIDEABLE = (*CONTROLS, *PAGES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """One question.

    Args:
        title: Its title.
        question: What to find out, in a sentence or two.
        recipe: What it opens with; shipped, so that it answers at once.
        page: The page in front, by its name.
        shown: All that is shown besides, by name.
        settings: Values of a panel's controls, by the panel's name and the control's.
    """

    title: str
    question: str
    recipe: RunSpec
    page: str
    shown: tuple[str, ...]
    settings: tuple[tuple[str, str, object], ...] = ()

    @property
    def hidden(self) -> frozenset[str]:
        """What is hidden, by name."""
        return frozenset(HIDEABLE) - {self.page, *self.shown}


LESSONS = {
    "widths": Lesson(
        title="What a bit width is",
        question="Each bit that a number loses halves the levels it can take. Lower a width and "
        "watch the grid: which component can lose bits, and when does the accuracy notice?",
        recipe=scheme("ptq", bits=8),
        page="codes",
        shown=("bits", "error"),
    ),
    "hubs": Lesson(
        title="Why hubs hurt",
        question="A hub adds up many messages, so its sums are large. Compare Degree-Quant 4 with "
        "INT4: whose codes are cut off, and who pays for a range that holds every hub?",
        recipe=scheme("degree-quant", bits=4),
        page="codes",
        shown=("bits", "protection", "error", "map", "degrees"),
        settings=(
            ("codes", "layer", 0),
            ("codes", "component", "aggregate"),
            ("codes", "chart", "saturation"),
        ),
    ),
    "integers": Lesson(
        title="From fake-quant to real integers",
        question="Training only pretends to round. Here is one sum as the integers really compute "
        "it: does it end at the code that the simulation promised?",
        recipe=scheme("degree-quant", bits=4),
        page="arithmetic",
        shown=("bits", "codes", "predictions"),
    ),
    "smoothing": Lesson(
        title="Two bits and oversmoothing",
        question="Each step of a propagation makes neighbours more alike, and two bits leave four "
        "values to tell nodes apart by. Do they still find their classes after ten steps?",
        recipe=scheme("degree-quant", bits=4, model=ModelSpec(operator="appnp")),
        page="depth",
        shown=("bits", "predictions"),
        settings=(("depth", "metric", "mad_all"),),
    ),
    "search": Lesson(
        title="Searching for bits",
        question="There are over a million ways to give this small network its widths, and you can "
        "afford sixteen trainings. How do you find a good one?",
        recipe=scheme("degree-quant", bits=4),
        page="search",
        shown=("bits", "runs"),
        settings=(("search", "cost", "buffer_bytes"),),
    ),
}
"""By name."""


def lesson_named(name: str) -> Lesson:
    """Return a lesson.

    Raises:
        SpecError: If there is none of that name.
    """
    check_choice("lesson", name, tuple(LESSONS))
    return LESSONS[name]


def checked(hide: Iterable[str]) -> frozenset[str]:
    """Return names of what to hide.

    Raises:
        SpecError: Naming the first that is none, or if no page would be left.
    """
    names = frozenset(hide)
    for name in sorted(names):
        check_choice("hide", name, HIDEABLE)
    if names >= PAGES.keys():
        raise SpecError("hide", ",".join(sorted(names)), "names that leave at least one page")
    return names


def from_query(query: str) -> tuple[str | None, frozenset[str]]:
    """Return the lesson that a URL's query string names, if any, and what it hides.

    Raises:
        SpecError: If it names what there is not.
    """
    given = parse_qs(query.removeprefix("?"))
    lesson = given.get(LESSON, [None])[0]
    if lesson is not None:
        lesson_named(lesson)
    listed = ",".join(given.get(HIDE, []))
    return lesson, checked(name.strip() for name in listed.split(",") if name.strip())
