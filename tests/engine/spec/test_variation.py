"""Mixes: what is asked for changes everywhere it applies, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from engine.spec import (
    Current,
    Ema,
    Gradient,
    Granularity,
    LearnedRange,
    LearnedStep,
    MinMax,
    ModelSpec,
    Percentile,
    RunSpec,
    SpecError,
    loads,
    scheme,
    vary,
)
from engine.spec.json import dumps
from engine.spec.variation import TRAINED

KINDS = {
    "minmax": MinMax,
    "ema": Ema,
    "percentile": Percentile,
    "extremum": Percentile,
    "learned-step": LearnedStep,
    "learned-range": LearnedRange,
}


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_every_mix_can_be_had(operator) -> None:
    base = scheme("degree-quant", bits=4, model=ModelSpec(operator=operator))
    seen = set()
    choices = product(get_args(Gradient), KINDS, get_args(Granularity), (0.0, 0.2))
    for gradient, rule, granularity, tail in choices:
        mixed = vary(
            base, gradient=gradient, rule=rule, granularity=granularity, momentum=0.03, tail=tail
        )
        seen.add(mixed.key)
        assert loads(RunSpec, dumps(mixed)) == mixed
        for before, after in zip(base.quant, mixed.quant, strict=True):
            for (component, old), (_, new) in zip(before.items(), after.items(), strict=True):
                assert (old.bits, old.signed) == (new.bits, new.signed)
                if old.is_float:
                    assert old == new
                    continue
                assert new.gradient == gradient
                if component == "weight":
                    assert new.granularity == granularity
                if component in ("weight", "attention") and rule not in TRAINED:
                    assert new.range == Current()
                else:
                    assert isinstance(new.range, KINDS[rule])
                if rule == "learned-range":
                    assert isinstance(new.observes, type(old.range))
                if isinstance(new.observes, Percentile):
                    wide = "extremum" if rule == "extremum" else "ema"
                    assert (new.observes.running, new.observes.tail) == (wide, tail)
                if isinstance(new.observes, Ema | Percentile):
                    assert new.observes.momentum == 0.03
    # a tail is a percentile's alone, which a learned range replaces none of
    assert len(seen) == 3 * 2 * (3 + 3 * 2)


def test_how_fast_ranges_are_learned() -> None:
    base = scheme("degree-quant", bits=2)
    for rule in TRAINED:
        slow = vary(base, rule=rule, range_lr=0.003)
        rates = {
            held.range.lr for layer in slow.quant for _, held in layer.items() if not held.is_float
        }
        assert rates == {0.003}
    assert vary(base, range_lr=0.003) == base


def test_only_two_bits_are_truncated() -> None:
    base = scheme("qat", bits=4, component_bits={"weight": 2, "message": 2})
    held = vary(base, truncation="skewed")
    for before, after in zip(base.quant, held.quant, strict=True):
        for (_, old), (_, new) in zip(before.items(), after.items(), strict=True):
            assert new == (replace(old, truncation="skewed") if old.bits == 2 else old)


def test_nothing_asked_for_changes_nothing() -> None:
    for name in ("float", "ptq", "qat", "degree-quant"):
        assert vary(scheme(name, bits=4)) == scheme(name, bits=4)
    assert vary(scheme("float"), gradient="gc", rule="ema") == scheme("float")


def test_what_is_shared_is_kept() -> None:
    base = vary(scheme("degree-quant", bits=4), momentum=0.5)
    back = vary(vary(base, rule="extremum"), rule="percentile")
    assert back == base


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(SpecError, match="rule: got 'median', accepts one of current, minmax"):
        vary(scheme("qat"), rule="median")
    with pytest.raises(SpecError, match=r"input.range: got Current\(\)"):
        vary(scheme("qat"), rule="current")
    with pytest.raises(SpecError, match="momentum: got 2"):
        vary(scheme("qat"), momentum=2)
