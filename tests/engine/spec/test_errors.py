"""The error of a bad value: what it says, also about values that cannot be shown."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from engine.spec.errors import (
    SHOWN,
    SpecError,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_real,
)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_message_says_field_got_and_accepts() -> None:
    error = SpecError("quant[0].bits", "8", "2 to 8")
    assert str(error) == "quant[0].bits: got '8', accepts 2 to 8"
    assert (error.field, error.got, error.accepts) == ("quant[0].bits", "8", "2 to 8")
    assert isinstance(error, ValueError)


def test_within_prefixes_the_path() -> None:
    error = SpecError("bits", 9, "2 to 8")
    assert error.within("quant[1].weight").field == "quant[1].weight.bits"
    assert SpecError("[3]", 9, "a list").within("quant").field == "quant[3]"
    assert error.within("a").got == 9


def test_survives_a_process_boundary() -> None:
    back = pickle.loads(pickle.dumps(SpecError("seed", -1, "0 or more")))
    assert (back.field, back.got, back.accepts) == ("seed", -1, "0 or more")


def test_long_values_are_cut() -> None:
    message = str(SpecError("name", "x" * 10_000, "a name"))
    assert "x" * (SHOWN - 1) + "…" in message
    assert len(message) < SHOWN + 50


@pytest.mark.parametrize("got", [10**5000, nested(100_000)], ids=["digits", "depth"])
def test_values_that_cannot_be_shown_still_have_their_error(got: Any) -> None:
    error = SpecError("seed", got, "an integer")
    assert type(got).__name__ in str(error)
    assert error.got is got


@pytest.mark.parametrize("got", [0, 5, -3])
def test_integer_accepts(got: int) -> None:
    check_integer("n", got, -3, 5)


@pytest.mark.parametrize("got", [-4, 6, True, 1.0, "1", None, [1], 10**400])
def test_integer_refuses(got: Any) -> None:
    with pytest.raises(SpecError, match=r"n: got .*, accepts an integer from -3 to 5"):
        check_integer("n", got, -3, 5)


@pytest.mark.parametrize("got", [0, 1, 0.5, 0.0])
def test_real_accepts(got: float) -> None:
    check_real("p", got, 0, 1)


@pytest.mark.parametrize(
    "got", [-1e-9, 1.0001, float("nan"), float("inf"), True, "0.5", None, 1j, 10**400]
)
def test_real_refuses(got: Any) -> None:
    with pytest.raises(SpecError, match=r"p: got .*, accepts a number from 0 to 1"):
        check_real("p", got, 0, 1)


def test_open_ends_are_refused_and_said() -> None:
    check_real("p", 0, 0, 1, open_high=True)
    check_real("p", 1, 0, 1, open_low=True)
    with pytest.raises(SpecError, match="a number above 0 to 1"):
        check_real("p", 0, 0, 1, open_low=True)
    with pytest.raises(SpecError, match="a number from 0 to below 1"):
        check_real("p", 1, 0, 1, open_high=True)


@pytest.mark.parametrize("got", ["c", "", None, 0, ["a"], {}])
def test_choice_refuses(got: Any) -> None:
    check_choice("mode", "a", ("a", "b"))
    with pytest.raises(SpecError, match=r"mode: got .*, accepts one of a, b"):
        check_choice("mode", got, ("a", "b"))


@pytest.mark.parametrize("got", [0, 1, "true", None])
def test_flag_refuses(got: Any) -> None:
    check_flag("shared", True)
    check_flag("shared", False)
    with pytest.raises(SpecError, match=r"shared: got .*, accepts true or false"):
        check_flag("shared", got)


def test_instance_names_what_it_accepts() -> None:
    check_instance("x", 1, int)
    check_instance("x", "1", (int, str))
    with pytest.raises(SpecError, match="accepts a value of int or str"):
        check_instance("x", 1.0, (int, str))
    with pytest.raises(SpecError, match=r"accepts a value of int$"):
        check_instance("x", 1.0, int)
