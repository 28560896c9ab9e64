"""How one tensor is quantized, and which tensors of a layer are: the asked-for state of a width.

QuantSpec (asked for) -> QParams (learned) -> IntArray (stored) -> kernels, metrics, figures
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, get_args

from engine.spec.errors import (
    SpecError,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_real,
)

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 16, 32)
"""Bit widths; 32 means float32. 1 bit is for `MULTIPLIED` components."""

Granularity = Literal["tensor", "channel"]
Gradient = Literal["ste", "gc", "gc-ends"]
Running = Literal["ema", "extremum"]
Truncation = Literal["none", "plain", "skewed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """The min/max of the tensor at hand, nothing remembered; for weights, at hand when exported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MinMax:
    """The running minimum and maximum over all training batches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ema:
    """The exponential moving average of each batch's minimum and maximum.

    Args:
        momentum: Share of the newest batch, in (0, 1].
    """

    momentum: float = 0.01

    def __post_init__(self) -> None:
        check_real("momentum", self.momentum, 0, 1, open_low=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentile:
    """The ``tail`` and ``1 - tail`` quantiles of each batch's non-zero entries.

    Args:
        tail: Share of entries cut off at each end, in [0, 0.5).
        running: ``ema`` averages the quantiles over batches, ``extremum`` keeps the widest.
        momentum: Share of the newest batch in the average, in (0, 1].

    Source:
        Tailor et al., Degree-Quant, ICLR 2021, section 3.2.

    Differs:
        Zero is exact in every range, so zeros say nothing about it: quantiles are of the
        non-zero entries. Over all entries, a 1% tail of a 0.85% dense tensor is an empty range.
        The paper's code keeps the extremum; both are offered.
    """

    tail: float = 0.001
    running: Running = "ema"
    momentum: float = 0.01

    def __post_init__(self) -> None:
        check_real("tail", self.tail, 0, 0.5, open_high=True)
        check_choice("running", self.running, get_args(Running))
        check_real("momentum", self.momentum, 0, 1, open_low=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedStep:
    """A step size trained by gradient, the zero point fixed at 0.

    Args:
        lr: Learning rate of the step's own Adam group, without weight decay; None trains it as the
            layer's weights are.

    Source:
        Esser et al., Learned Step Size Quantization (LSQ), ICLR 2020.
    """

    lr: float | None = None

    def __post_init__(self) -> None:
        if self.lr is not None:
            check_real("lr", self.lr, 0, 10, open_low=True)


Observing = Current | MinMax | Ema | Percentile
"""The rules that look at a tensor; the others train."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedRange:
    """A range that another rule observes, times a factor alpha trained by gradient (QLR).

    Alpha starts where the first batch's mean error is least.

    Args:
        base: The rule.
        lr: Learning rate of alpha's own Adam group, without weight decay.

    Source:
        Wang et al., Low-bit Quantization for Deep Graph Neural Networks with Smoothness-aware
        Message Propagation, CIKM 2023.
    """

    base: Observing = Ema(momentum=0.1)
    lr: float = 1e-4

    def __post_init__(self) -> None:
        check_instance("base", self.base, get_args(Observing))
        check_real("lr", self.lr, 0, 10, open_low=True)


RangeRule = Current | MinMax | Ema | Percentile | LearnedStep | LearnedRange

MOST_BUCKETS = 16
"""Most buckets of one component."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """The nodes from an in-degree on, up to the next bucket's, with a width of their own.

    Args:
        degree: The smallest in-degree, before self-loops are added.
        bits: Width of their codes, 2 to 8 or 16.

    Raises:
        SpecError: Naming the invalid field.
    """

    degree: int
    bits: int

    def __post_init__(self) -> None:
        check_integer("degree", self.degree, 0, 2**31 - 1)
        if isinstance(self.bits, bool) or self.bits not in WIDTHS[1:-1]:
            raise SpecError("bits", self.bits, "2 to 8 or 16")


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantSpec:
    """How one tensor is quantized.

    ``codes = clamp(round_half_even(x / scale) + zero, qmin, qmax)``

    Of 1 bit, and of ternary codes, a range has no ends worth the name: there the rule follows the
    mean magnitude of what is coded other than 0, which leaves the least squared error and is the
    scale. A code of 1 bit is the sign: ``x_hat = scale`` where x > 0, and ``-scale`` elsewhere, or
    0 where codes have no sign.

    Args:
        bits: One of `WIDTHS`; 32 leaves the tensor in float32.
        signed: Codes from -2^(bits-1), of 1 bit -1 and +1; else from 0 (for tensors without
            negative entries).
        granularity: ``tensor`` is affine with one scale and zero point; ``channel`` is
            symmetric with one scale for each output column, and for weights only.
        range: The rule that finds the range; every range contains 0.
        gradient: ``ste`` passes all gradients, ``gc`` none outside the range, ``gc-ends`` none
            for codes equal to an end code either (as the Degree-Quant code does). Of 1 bit, outside
            is where one more code would be: half a step beyond the ends.
        truncation: ``plain`` (BT) makes codes of 2 bits by truncating codes of 8 bits of the same
            range, ``code = round(q / 85)``; ``skewed`` (BT*) shifts these first, by up to half a
            code of 2 bits towards the tensor's longer tail. Only 2 bits have a choice.
        ternary: Codes -1, 0 and +1 alone; only 2 signed bits have a choice.
        buckets: Widths by in-degree, ascending, none wider than ``bits``, which nodes below the
            first have. Each bucket has a range of its own, by the same rule, and a step that is a
            whole multiple of that of ``bits``, so that rows of all widths add up exactly.

    Raises:
        SpecError: Naming the invalid field.

    Source:
        Rastegari et al., XNOR-Net, ECCV 2016, for 1 bit; Li and Liu, Ternary Weight Networks, 2016;
        Feng et al., SGQuant: Squeezing the Last Bit on Graph Neural Networks with Specialized
        Quantization, ICTAI 2020, for buckets.
    """

    bits: int = 32
    signed: bool = True
    granularity: Granularity = "tensor"
    range: RangeRule = MinMax()
    gradient: Gradient = "ste"
    truncation: Truncation = "none"
    ternary: bool = False
    buckets: tuple[Bucket, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or self.bits not in WIDTHS:
            raise SpecError("bits", self.bits, "1 to 8, 16 or 32")
        check_flag("signed", self.signed)
        check_choice("granularity", self.granularity, get_args(Granularity))
        check_instance("range", self.range, get_args(RangeRule))
        check_choice("gradient", self.gradient, get_args(Gradient))
        check_choice("truncation", self.truncation, get_args(Truncation))
        if self.truncation != "none" and self.bits != 2:
            raise SpecError("truncation", self.truncation, "none, since only 2 bits have a choice")
        check_flag("ternary", self.ternary)
        if self.ternary:
            self._check_ternary()
        if self.by_magnitude:
            self._check_magnitude()
        check_instance("buckets", self.buckets, tuple)
        if self.buckets:
            self._check_buckets()

    def _check_buckets(self) -> None:
        """Refuse buckets out of order, wider than the grid, or on no grid at all.

        Raises:
            SpecError: Naming the field.
        """
        if not self.nests:
            accepts = "none: only codes that are rounded to 2 bits or more nest in each other"
            raise SpecError("buckets", self.buckets, accepts)
        if len(self.buckets) > MOST_BUCKETS:
            raise SpecError("buckets", f"{len(self.buckets)} of them", f"at most {MOST_BUCKETS}")
        for index, bucket in enumerate(self.buckets):
            check_instance(f"buckets[{index}]", bucket, Bucket)
            if bucket.bits > self.bits:
                accepts = f"at most the {self.bits} bits of the component"
                raise SpecError(f"buckets[{index}].bits", bucket.bits, accepts)
        for index, (before, bucket) in enumerate(pairwise(self.buckets), start=1):
            if bucket.degree <= before.degree:
                accepts = f"more than {before.degree}, where the bucket before begins"
                raise SpecError(f"buckets[{index}].degree", bucket.degree, accepts)

    def _check_ternary(self) -> None:
        """Refuse what three codes cannot have.

        Raises:
            SpecError: Naming the field.
        """
        if self.bits != 2 or not self.signed:
            raise SpecError("ternary", True, "false, since only 2 signed bits have a choice")
        if self.truncation != "none":
            raise SpecError("truncation", self.truncation, "none, since ternary codes are rounded")

    def _check_magnitude(self) -> None:
        """Refuse rules that no mean magnitude can follow, and gradients that nothing would pass.

        Raises:
            SpecError: Naming the field.
        """
        if self.bits == 1 and self.gradient == "gc-ends":
            raise SpecError(
                "gradient", self.gradient, "ste or gc: both codes of 1 bit are end codes"
            )
        if isinstance(self.observes, Percentile):
            accepts = "Current, MinMax or Ema: a mean magnitude has no tails"
            raise SpecError("range", self.range, accepts)
        if self.bits == 1 and isinstance(self.range, LearnedStep | LearnedRange):
            accepts = "Current, MinMax or Ema: a sign tells a scale nothing"
            raise SpecError("range", self.range, accepts)

    @property
    def is_float(self) -> bool:
        """Whether the tensor stays in float32."""
        return self.bits == 32

    @property
    def nests(self) -> bool:
        """Whether narrower codes fit its grid: not in float, signs, ternary or truncated ones."""
        return not (self.is_float or self.by_magnitude or self.truncation != "none")

    @property
    def widths(self) -> frozenset[int]:
        """Every width that some node's codes have, whatever in-degrees the graph has."""
        whole = bool(self.buckets) and self.buckets[0].degree == 0
        return frozenset(() if whole else (self.bits,)) | {b.bits for b in self.buckets}

    def bits_at(self, degree: int) -> int:
        """Return the width of a node of an in-degree."""
        reached = [bucket.bits for bucket in self.buckets if bucket.degree <= degree]
        return reached[-1] if reached else self.bits

    @property
    def observes(self) -> Observing | None:
        """The rule that looks at the tensor; None where only training finds the range."""
        if isinstance(self.range, LearnedRange):
            return self.range.base
        return None if isinstance(self.range, LearnedStep) else self.range

    @property
    def symmetric(self) -> bool:
        """Whether the zero point is fixed at 0."""
        fixed = self.granularity == "channel" or isinstance(self.range, LearnedStep)
        return fixed or self.by_magnitude

    @property
    def by_magnitude(self) -> bool:
        """Whether the rule follows the mean magnitude, and not the ends."""
        return self.bits == 1 or self.ternary

    @property
    def qmin(self) -> int:
        """Smallest code."""
        if not self.signed:
            return 0
        return -1 if self.by_magnitude else -(1 << (self.bits - 1))

    @property
    def qmax(self) -> int:
        """Largest code."""
        if self.bits == 1:
            return 1
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def stride(self) -> int:
        """From one code to the next: 2 where they are -1 and +1, else 1."""
        return 2 if self.bits == 1 and self.signed else 1

    @property
    def last(self) -> int:
        """The largest code as it is stored, the smallest being 0."""
        return (self.qmax - self.qmin) // self.stride

    @property
    def storage_bits(self) -> int:
        """Bits one code takes when packed: 1, 2, 4, 8, 16, or 32 for float."""
        return next(width for width in (1, 2, 4, 8, 16, 32) if width >= self.bits)


FP32 = QuantSpec()
"""The ordinary member that leaves a tensor as it is."""

Component = Literal[
    "input",
    "weight",
    "feature",
    "norm",
    "attention",
    "logit",
    "coefficient",
    "message",
    "aggregate",
    "output",
]
COMPONENTS: tuple[Component, ...] = get_args(Component)
"""What a layer has widths for; each operator has some of them."""


LEARNED = ("weight", "attention")
"""The components of learned tensors, whose range may be that of the tensor at hand."""

MULTIPLIED = ("input", "weight")
"""The components that products read, which signs suffice for; a sum of signs needs more bits."""


BUCKETED = ("input", "feature", "logit", "message", "aggregate", "output")
"""The components that hold a row for each node, whose width may depend on its in-degree."""


@cache
def accepted_widths(component: Component) -> tuple[int, ...]:
    """Return the bit widths that a component accepts."""
    return tuple(width for width in WIDTHS if width > 1 or component in MULTIPLIED)


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerQuant:
    """One `QuantSpec` for each component; a layer uses those that its operator has.

    Args:
        input: What enters the layer, and what enters gin's second linear map, [N, F].
        weight: The linear maps, [F, F'].
        feature: What leaves a linear map, [N, F'].
        norm: gcn's node coefficients d^-1/2, [N].
        attention: gat's attention vectors, [2, F'].
        logit: The two halves of gat's logits, source's and target's, [N, 2 heads].
        coefficient: gat's attention after the softmax, [E', heads].
        message: What a node sends, once for all its neighbours, [N, F'].
        aggregate: What a node gathered, [N, F'].
        output: With bias and batch normalisation, before the activation, [N, F'].

    Raises:
        SpecError: Naming the component and its field.
    """

    input: QuantSpec = FP32
    weight: QuantSpec = FP32
    feature: QuantSpec = FP32
    norm: QuantSpec = FP32
    attention: QuantSpec = FP32
    logit: QuantSpec = FP32
    coefficient: QuantSpec = FP32
    message: QuantSpec = FP32
    aggregate: QuantSpec = FP32
    output: QuantSpec = FP32

    def __post_init__(self) -> None:
        for component, spec in self.items():
            check_instance(component, spec, QuantSpec)
            if spec.bits not in accepted_widths(component):
                accepts = f"2 to 8, 16 or 32 (1 bit is for {' and '.join(MULTIPLIED)})"
                raise SpecError(f"{component}.bits", spec.bits, accepts)
            if spec.buckets and component not in BUCKETED:
                accepts = f"none; only {', '.join(BUCKETED)} have rows of nodes"
                raise SpecError(f"{component}.buckets", spec.buckets, accepts)
            if not spec.is_float:
                if component != "weight" and spec.granularity == "channel":
                    raise SpecError(
                        f"{component}.granularity", "channel", "tensor (channel is for weights)"
                    )
                if component not in LEARNED and isinstance(spec.observes, Current):
                    raise SpecError(
                        f"{component}.range",
                        spec.range,
                        "a remembered range (Current is for weights)",
                    )

    def __getitem__(self, component: str) -> QuantSpec:
        """Return one component's spec.

        Raises:
            SpecError: If there is no such component.
        """
        check_choice("component", component, COMPONENTS)
        spec: QuantSpec = getattr(self, component)
        return spec

    @property
    def is_by_degree(self) -> bool:
        """Whether a component has widths by in-degree."""
        return any(spec.buckets for _, spec in self.items())

    def items(self) -> Iterator[tuple[Component, QuantSpec]]:
        """Yield each component with its spec, in the order of the forward pass."""
        for component in COMPONENTS:
            yield component, getattr(self, component)

    def map(self, change: Callable[[Component, QuantSpec], QuantSpec]) -> LayerQuant:
        """Return the layer with ``change(component, spec)`` in each place."""
        return LayerQuant(
            **{component: change(component, spec) for component, spec in self.items()}
        )

    @property
    def edge_weight(self) -> QuantSpec:
        """The spec of a weighted graph's edge weights: constants at the norm's width."""
        if self.norm.is_float:
            return FP32
        return QuantSpec(bits=self.norm.bits, signed=False, range=Current())
