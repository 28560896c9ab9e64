"""How a kernel of the torch wing is compiled: for one thread, its machine code kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating[Any]]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


ANY_ORDER = {"reassoc", "contract", "nsz"}
"""What lets a sum be one of vectors: its order is free, and a product may be added unrounded."""


def kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays, its machine code kept where a folder can be written."""
    return _compiled(function)


def summing_kernel(function: Kernel) -> Kernel:
    """Compile as `kernel` does, sums in whatever order is fastest."""
    return _compiled(function, fastmath=ANY_ORDER)


def _compiled(function: Kernel, **options: Any) -> Kernel:
    compile_cached: Any = numba.njit(nogil=True, error_model="numpy", cache=True, **options)
    compile_anew: Any = numba.njit(nogil=True, error_model="numpy", **options)
    compiled: Kernel
    try:
        compiled = compile_cached(function)
    except RuntimeError:  # no folder for machine code can be written
        compiled = compile_anew(function)
    return compiled
