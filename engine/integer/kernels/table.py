"""The one table that pairs each kernel with its twin; a program runs on either column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.integer.kernels import reference
from engine.integer.kernels.aggregate import aggregate
from engine.integer.kernels.ascend import ascend
from engine.integer.kernels.attend import attend
from engine.integer.kernels.choose import choose
from engine.integer.kernels.combine import combine
from engine.integer.kernels.maximum import maximum
from engine.integer.kernels.mean import mean
from engine.integer.kernels.product import product
from engine.integer.kernels.propagate import propagate
from engine.integer.kernels.pull import pull
from engine.integer.kernels.quantize import quantize
from engine.integer.kernels.recode import recode
from engine.integer.kernels.scale import scale
from engine.integer.kernels.softmax import softmax
from engine.integer.kernels.sparse_gather import sparse_mean, sparse_total
from engine.integer.kernels.sparse_product import sparse_product
from engine.integer.kernels.total import total
from engine.integer.kernels.work import Work, performed


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """One way to run every kernel."""

    quantize: Callable[..., None]
    product: Callable[..., None]
    sparse_product: Callable[..., None]
    sparse_total: Callable[..., None]
    sparse_mean: Callable[..., None]
    scale: Callable[..., None]
    aggregate: Callable[..., None]
    total: Callable[..., None]
    mean: Callable[..., None]
    maximum: Callable[..., None]
    softmax: Callable[..., None]
    attend: Callable[..., None]
    combine: Callable[..., None]
    propagate: Callable[..., None]
    pull: Callable[..., None]
    ascend: Callable[..., None]
    choose: Callable[..., None]
    recode: Callable[..., None]


WORKS: Mapping[str, Callable[..., Sequence[Work]]] = {
    "quantize": quantize,
    "product": product,
    "sparse_product": sparse_product,
    "sparse_total": sparse_total,
    "sparse_mean": sparse_mean,
    "scale": scale,
    "aggregate": aggregate,
    "total": total,
    "mean": mean,
    "maximum": maximum,
    "softmax": softmax,
    "attend": attend,
    "combine": combine,
    "propagate": propagate,
    "pull": pull,
    "ascend": ascend,
    "choose": choose,
    "recode": recode,
}
"""What each compiled kernel does, as works."""

NUMBA = Kernels(**{name: performed(works) for name, works in WORKS.items()})
"""Compiled, parallel, at once."""


def noting(tape: list[Work]) -> Kernels:
    """Return kernels that only note their works, in a list, to be done later."""

    def noted(works: Callable[..., Sequence[Work]]) -> Callable[..., None]:
        return lambda *operands: tape.extend(works(*operands))

    return Kernels(**{name: noted(works) for name, works in WORKS.items()})


NUMPY = Kernels(
    quantize=reference.quantize,
    product=reference.product,
    sparse_product=reference.sparse_product,
    sparse_total=reference.sparse_total,
    sparse_mean=reference.sparse_mean,
    scale=reference.scale,
    aggregate=reference.aggregate,
    total=reference.total,
    mean=reference.mean,
    maximum=reference.maximum,
    softmax=reference.softmax,
    attend=reference.attend,
    combine=reference.combine,
    propagate=reference.propagate,
    pull=reference.pull,
    ascend=reference.ascend,
    choose=reference.choose,
    recode=reference.recode,
)
"""The slow twins."""
