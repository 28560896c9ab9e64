"""The frozen values that describe a run, their JSON and their errors; standard library only."""

from __future__ import annotations

from engine.spec.errors import SpecError
from engine.spec.json import canonical, decode, dumps, encode, loads
from engine.spec.quantization import (
    COMPONENTS,
    FP32,
    WIDTHS,
    Component,
    Current,
    Ema,
    Gradient,
    LayerQuant,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
)
from engine.spec.run import GraphSpec, Mode, ModelSpec, Protection, RunSpec, TrainingSpec
from engine.spec.schemes import SCHEMES, component_spec, float_twin, scheme

__all__ = [
    "COMPONENTS",
    "FP32",
    "SCHEMES",
    "WIDTHS",
    "Component",
    "Current",
    "Ema",
    "Gradient",
    "GraphSpec",
    "LayerQuant",
    "LearnedStep",
    "MinMax",
    "Mode",
    "ModelSpec",
    "Percentile",
    "Protection",
    "QuantSpec",
    "RangeRule",
    "RunSpec",
    "SpecError",
    "TrainingSpec",
    "canonical",
    "component_spec",
    "decode",
    "dumps",
    "encode",
    "float_twin",
    "loads",
    "scheme",
]
