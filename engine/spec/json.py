"""Values to JSON and back: default-valued fields left out, every fault named with its path.

A sum type (the range rules) is told apart by a ``kind``, which a value of the default's kind goes
without, unless it has no fields. Leaving defaults out means that a released default may never
change: it is part of every key.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from engine.spec.errors import SpecError, check_choice

Value = TypeVar("Value")
MAX_CHARACTERS = 1_000_000


def encode(value: Any) -> Any:
    """Return a value as plain JSON data, fields that hold their default left out.

    Equal values give equal data: a real number is a float, however it was given.
    """
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if not is_dataclass(value):
        return value
    kind: type = type(value)
    hints = _hints(kind)
    data: dict[str, Any] = {}
    for field in fields(value):
        held = getattr(value, field.name)
        if float in (hints[field.name], *get_args(hints[field.name])) and held is not None:
            held = float(held) + 0.0  # -0.0 becomes 0.0
        if held == field.default and type(held) is type(field.default):
            continue
        data[field.name] = encode(held)
        if get_origin(hints[field.name]) is UnionType and is_dataclass(held):
            said = {"kind": type(held).__name__}
            if said != _implied(kind, field.name):
                data[field.name] = {**said, **data[field.name]}
    return data


@cache
def _implied(kind: Any, name: str) -> dict[str, str]:
    """Return the kind that a field's value is of where none is said, if any."""
    default = next(field.default for field in fields(kind) if field.name == name)
    has_fields = is_dataclass(default) and fields(default)
    return {"kind": type(default).__name__} if has_fields else {}


def canonical(value: Any) -> str:
    """Return a value's canonical JSON: sorted keys, no spaces, no default-valued fields."""
    return json.dumps(encode(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(kind: type[Value], data: Any) -> Value:
    """Return the value of type ``kind`` that plain JSON ``data`` describes.

    Raises:
        SpecError: Naming the path of the field, what it got and what it accepts.
    """
    value: Value = _decode(kind, data, "")
    return value


def loads(kind: type[Value], text: str) -> Value:
    """Return the value of type ``kind`` in a JSON text.

    Raises:
        SpecError: If the text is not JSON, or a field is invalid or given twice.
    """
    if len(text) > MAX_CHARACTERS:
        raise SpecError("json", f"{len(text)} characters", f"at most {MAX_CHARACTERS}")
    try:
        data = json.loads(text, object_pairs_hook=_without_repeats)
    except SpecError:
        raise
    except (ValueError, RecursionError) as error:
        raise SpecError("json", text[:40], f"a JSON object ({error})") from None
    return decode(kind, data)


def dumps(value: Any, indent: int | None = 2) -> str:
    """Return a value as readable JSON text."""
    return json.dumps(encode(value), indent=indent, allow_nan=False)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, item in pairs:
        if name in data:
            raise SpecError(name, item, "one value, but it is given twice")
        data[name] = item
    return data


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(hint: Any, data: Any, path: str) -> Any:
    if is_dataclass(hint):
        return _decode_dataclass(hint, data, path)
    if get_origin(hint) is UnionType:
        kinds: tuple[type, ...] = get_args(hint)
        members = {kind.__name__: kind for kind in kinds if is_dataclass(kind)}
        if data is None and type(None) in kinds:
            return None
        if not members:
            return _decode(kinds[0], data, path)
        if not isinstance(data, dict):
            raise SpecError(path, data, "a JSON object")
        rest = dict(data)
        check_choice(f"{path}.kind", rest.pop("kind", None), tuple(members))
        return _decode_dataclass(members[data["kind"]], rest, path)
    if get_origin(hint) is tuple:
        if not isinstance(data, list):
            raise SpecError(path, data, "a list")
        return tuple(
            _decode(get_args(hint)[0], item, f"{path}[{i}]") for i, item in enumerate(data)
        )
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return _real(data, path)
    if isinstance(data, float) and not math.isfinite(data):
        raise SpecError(path, data, "a finite number")
    return data


def _real(data: int, path: str) -> float:
    try:
        return float(data)
    except OverflowError:
        raise SpecError(path, "an integer too large", "a finite number") from None


def _decode_dataclass(kind: Any, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise SpecError(path or kind.__name__, data, "a JSON object")
    hints = _hints(kind)
    given: dict[str, Any] = {}
    for name, item in data.items():
        inner = f"{path}.{name}" if path else str(name)
        if name not in hints:
            raise SpecError(inner, item, "no such field; the fields are " + ", ".join(hints))
        if get_origin(hints[name]) is UnionType and isinstance(item, dict):
            item = {**_implied(kind, name), **item}
        given[name] = _decode(hints[name], item, inner)
    for field in fields(kind):
        if field.default is MISSING and field.name not in given:
            missing = f"{path}.{field.name}" if path else field.name
            raise SpecError(missing, None, "a value, since it has no default")
    try:
        return kind(**given)
    except SpecError as error:
        raise (error.within(path) if path else error) from None
