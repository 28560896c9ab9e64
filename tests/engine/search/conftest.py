"""Trials without runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.search import Proposal, Space, Trial
from engine.spec import GraphSpec

SPACE = Space(graph=GraphSpec(name="karate"))
Made = Callable[..., Trial]


@pytest.fixture
def trial() -> Made:
    """Return a function that makes a trial of a number, a validation accuracy and sizes."""

    def made(
        number: int, validation: float, model_bytes: int, buffer_bytes: int = 100, note: str = ""
    ) -> Trial:
        spec = replace(SPACE.spec(lambda choice: choice.options[0]), seed=number)
        return Trial(
            proposal=Proposal(number=number, spec=spec, origin="made"),
            validation=validation,
            result=validation - 0.1 if validation > 0.1 else 0.0,
            model_bytes=model_bytes,
            buffer_bytes=buffer_bytes,
            float_model_bytes=4 * model_bytes,
            note=note,
        )

    return made
