"""The one error that every invalid value raises: which field, what it got, what it accepts."""

from __future__ import annotations

from typing import Any

SHOWN = 200
"""Characters of an offending value that a message shows."""


class SpecError(ValueError):
    """A field of a value holds something it does not accept.

    Args:
        field: Dotted path of the field, for instance ``quant[0].weight.bits``.
        got: The offending value.
        accepts: What the field accepts, in words.
    """

    def __init__(self, field: str, got: Any, accepts: str) -> None:
        super().__init__(f"{field}: got {_shown(got)}, accepts {accepts}")
        self.field = field
        self.got = got
        self.accepts = accepts

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, Any, str]]:
        return SpecError, (self.field, self.got, self.accepts)

    def within(self, outer: str) -> SpecError:
        """Return the same error seen from the value that holds this one."""
        joint = "" if self.field.startswith("[") else "."
        return SpecError(f"{outer}{joint}{self.field}", self.got, self.accepts)


def check_integer(field: str, got: Any, low: int, high: int) -> None:
    """Refuse anything but an integer of ``low`` to ``high``.

    Raises:
        SpecError: Naming the field.
    """
    if isinstance(got, bool) or not isinstance(got, int) or not low <= got <= high:
        raise SpecError(field, got, f"an integer from {low} to {high}")


def check_real(
    field: str,
    got: Any,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Refuse anything but a real number of ``low`` to ``high`` (ends open where asked).

    Raises:
        SpecError: Naming the field.
    """
    real = isinstance(got, int | float) and not isinstance(got, bool)
    if (
        not real
        or not low <= got <= high
        or (open_low and got == low)
        or (open_high and got == high)
    ):
        left = "above" if open_low else "from"
        right = "to below" if open_high else "to"
        raise SpecError(field, got, f"a number {left} {low:g} {right} {high:g}")


def check_choice(field: str, got: Any, choices: tuple[str, ...]) -> None:
    """Refuse anything but one of ``choices``.

    Raises:
        SpecError: Naming the field.
    """
    if not isinstance(got, str) or got not in choices:
        raise SpecError(field, got, "one of " + ", ".join(choices))


def check_flag(field: str, got: Any) -> None:
    """Refuse anything but ``True`` or ``False``.

    Raises:
        SpecError: Naming the field.
    """
    if not isinstance(got, bool):
        raise SpecError(field, got, "true or false")


def check_instance(field: str, got: Any, kinds: type | tuple[type, ...]) -> None:
    """Refuse anything but an instance of ``kinds``.

    Raises:
        SpecError: Naming the field.
    """
    if not isinstance(got, kinds):
        names = kinds if isinstance(kinds, tuple) else (kinds,)
        raise SpecError(field, got, "a value of " + " or ".join(kind.__name__ for kind in names))


def _shown(got: Any) -> str:
    try:
        text = repr(got)
    except (ValueError, RecursionError):  # too many digits, too deep
        return f"a value of type {type(got).__name__} that is too large to show"
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
