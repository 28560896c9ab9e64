"""What each search spent and came to, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from engine.metrics.merit import MERITS
from engine.search import Corner, Space, volume
from explorer.captions import size, told
from explorer.searches import Search

COLUMNS = (
    *("Hypervolume", "On test", "Trainings"),
    *("Answer: validation", "Test", "Model", "Buffers"),
)
CAPTION = (
    "What each search's front gains over float32: accuracy × halvings of the model × halvings of "
    "the buffers; and its answer, the leanest run within a point of its best validation accuracy."
)


def standings(drawn: Sequence[Search], corners: Mapping[Space, Corner]) -> str:
    """Return what each search spent and came to as an HTML table, the largest front first.

    Args:
        drawn: The searches.
        corners: What their fronts are measured from, where that is known.
    """
    judged = [(search, search.answer) for search in drawn]
    rows = []
    for search, answer in judged:
        if answer is None:
            continue
        corner, merit = corners.get(search.spec.space), MERITS[answer.merit]
        volumes = [
            0.0 if corner is None else volume(search.trials, corner, test=test)
            for test in (False, True)
        ]
        spent = sum(trial.cost for trial in search.trials)
        cells = (
            *("–" if corner is None else f"{held:.2f}" for held in volumes),
            f"{spent:.3g}",
            told(merit, answer.validation),
            told(merit, answer.result),
            size(answer.model_bytes),
            size(answer.buffer_bytes),
        )
        rows.append((volumes[0], search.title, cells))
    if not rows:
        return ""
    body = "".join(
        f"<tr><th scope=row>{escape(title)}</th>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for _, title, cells in sorted(rows, key=lambda row: -row[0])
    )
    head = "".join(f"<th scope=col>{name}</th>" for name in COLUMNS)
    return (
        f"<table><caption>{CAPTION}</caption><thead><tr><th scope=col>Search</th>{head}</tr>"
        f"</thead><tbody>{body}</tbody></table>"
    )
