"""Which settings of two recipes differ, and how, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import groupby
from typing import Any

from engine.spec import COMPONENTS, OwnModel, QuantSpec, RunSpec
from explorer.captions import graph_title, model_title, scheme_title
from explorer.presets import CUSTOM, preset_of

UNSET = "usual"
"""What a setting is called that leaves the choice to the network or graph."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting in two recipes.

    Args:
        what: The setting.
        before: Its value in the first.
        after: Its value in the second.
    """

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} → {self.after}"


def differences(before: RunSpec, after: RunSpec) -> list[Difference]:
    """Return the settings in which two recipes differ; none where they are the same run."""
    found = list(_of_fields("graph", before.graph, after.graph))
    if type(before.model) is not type(after.model) or isinstance(before.model, OwnModel):
        if before.model != after.model:
            found.append(Difference("model", model_title(before), model_title(after)))
    else:
        found += _of_fields("", before.model, after.model)
    presets = preset_of(before), preset_of(after)
    if CUSTOM not in presets or len(before.quant) != len(after.quant):
        if presets[0] != presets[1] or CUSTOM in presets:
            found.append(Difference("preset", scheme_title(before), scheme_title(after)))
    else:
        found += _of_widths(before, after)
        found += _of_fields("protection", before.protection, after.protection)
    found += _of_fields("training", before.training, after.training)
    if before.seed != after.seed:
        found.append(Difference("seed", str(before.seed), str(after.seed)))
    return found


def _of_fields(of: str, before: Any, after: Any) -> Iterator[Difference]:
    """Yield the fields in which two values of one type differ."""
    if of == "graph" and before.name != after.name:
        yield Difference("graph", graph_title(before), graph_title(after))
        return
    for field in fields(before):
        pair = getattr(before, field.name), getattr(after, field.name)
        if pair[0] != pair[1]:
            what = f"{of} {field.name.replace('_', ' ')}".strip()
            yield Difference(what, *map(_told, pair))


def _of_widths(before: RunSpec, after: RunSpec) -> Iterator[Difference]:
    """Yield how components differ, neighbouring layers that do alike together."""
    for component in COMPONENTS:
        pairs = [
            (a[component], b[component]) for a, b in zip(before.quant, after.quant, strict=True)
        ]
        by_layer = [(layer, _of_specs(*pair)) for layer, pair in enumerate(pairs)]
        for found, layers in groupby(by_layer, key=lambda item: item[1]):
            numbers = [layer + 1 for layer, _ in layers]
            span = str(numbers[0])
            if len(numbers) > 1:
                span += f"–{numbers[-1]}"
            for name, *values in found:
                yield Difference(f"{component} {span} {name}".strip(), *values)


def _of_specs(before: QuantSpec, after: QuantSpec) -> tuple[tuple[str, str, str], ...]:
    """Return what differs in two specs: the bits, whose rules follow from them, or the rules."""
    if before.bits != after.bits:
        return (("", _bits(before), _bits(after)),)
    return tuple(
        (field.name, _told(getattr(before, field.name)), _told(getattr(after, field.name)))
        for field in fields(before)
        if getattr(before, field.name) != getattr(after, field.name)
    )


def _bits(spec: QuantSpec) -> str:
    return "float" if spec.is_float else f"{spec.bits} bits"


def _told(value: Any) -> str:
    """Return a field's value as a person says it."""
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if is_dataclass(value):
        held = ", ".join(_told(getattr(value, field.name)) for field in fields(value))
        return type(value).__name__ + (f"({held})" if held else "")
    return str(value)
