"""The frozen values that describe a run, their JSON and their errors; standard library only."""

from __future__ import annotations

from engine.spec.errors import SpecError
from engine.spec.json import canonical, decode, dumps, encode, loads
from engine.spec.layer import (
    Activation,
    Aggregation,
    BatchNorm,
    LayerOperator,
    LayerSpec,
    Pool,
)
from engine.spec.own import OwnModel
from engine.spec.propagation import (
    NUDGE,
    PROPAGATIONS,
    Appnp,
    Elastic,
    Propagating,
    Propagation,
    Smp,
)
from engine.spec.quantization import (
    COMPONENTS,
    FP32,
    WIDTHS,
    Component,
    Current,
    Ema,
    Gradient,
    Granularity,
    LayerQuant,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
)
from engine.spec.run import (
    GraphSpec,
    Mode,
    ModelSpec,
    Operator,
    Protection,
    RunSpec,
    TrainingSpec,
)
from engine.spec.schemes import SCHEMES, component_spec, float_twin, scheme
from engine.spec.variation import RULES, vary

__all__ = [
    "COMPONENTS",
    "FP32",
    "NUDGE",
    "PROPAGATIONS",
    "RULES",
    "SCHEMES",
    "WIDTHS",
    "Activation",
    "Aggregation",
    "Appnp",
    "BatchNorm",
    "Component",
    "Current",
    "Elastic",
    "Ema",
    "Gradient",
    "Granularity",
    "GraphSpec",
    "LayerOperator",
    "LayerQuant",
    "LayerSpec",
    "LearnedStep",
    "MinMax",
    "Mode",
    "ModelSpec",
    "Operator",
    "OwnModel",
    "Percentile",
    "Pool",
    "Propagating",
    "Propagation",
    "Protection",
    "QuantSpec",
    "RangeRule",
    "RunSpec",
    "Smp",
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
    "vary",
]
