"""How every kernel is compiled: parallel, cached on disk, safe to call from several threads.

A kernel takes about a second to compile, a dashboard has one process a tab, and all need the same
few kernels, so machine code is cached. Numba checks a cached kernel against its own file only, not
against the functions it calls from other files; the cache folder is therefore named for the content
of all kernel files. It lies in `NUMBA_CACHE_DIR`, else in the user's cache, because the package's
own folder may be read-only; where no folder can be written, kernels are compiled in each process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, wraps
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, TypeVar

import numba
import numba.extending

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
SMALL = 4_000_000
"""Multiply-adds that one thread does in a few milliseconds. Several threads would have to wait for
each other after every kernel: on a busy machine that was measured to take ten times as long."""

config: Any = numba.config
numba_threads: Any = import_module("numba.np.ufunc.parallel")
_launch = Lock()


def kernel(function: Kernel) -> Kernel:
    """Compile a parallel kernel; several Python threads may call it at once.

    Operands that have an `opened` form, as targets have, are given to it in that.
    """
    compiled = _compile(function, parallel=True)
    turn: AbstractContextManager[Any] = nullcontext() if _threadsafe() else _launch

    @wraps(function)
    def launch(*operands: Any) -> None:
        seen = [o.opened() if hasattr(o, "opened") else o for o in operands]
        with turn:
            compiled(*seen)

    return launch  # type: ignore[return-value]


def inner(function: Kernel) -> Kernel:
    """Compile a function that kernels call for every row, which must not make arrays.

    Nor does it count references: threads that do so for every row of the same arrays were measured
    to take three times as long.
    """
    return _compile(function, parallel=False)


def overload(function: Callable[..., Any]) -> Callable[[Kernel], Kernel]:
    """Let a function return, by the types it is called with, an inner function to compile."""
    overloaded: Any = numba.extending.overload
    decorate: Callable[[Kernel], Kernel] = overloaded(
        function, jit_options={"_nrt": False, "error_model": "numpy", "forceinline": True}
    )
    return decorate


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let kernels call what is emitted as LLVM code by what the function returns."""
    emitted: Any = numba.extending.intrinsic(prefer_literal=True)
    called: Callable[..., Any] = emitted(function)
    return called


def routine(function: Callable[..., None]) -> Any:
    """Compile a function of integers, which kernels call by its ``address``."""
    with _caching() as cached:
        arguments = [numba.types.intp] * function.__code__.co_argcount
        cfunc: Any = numba.cfunc(numba.types.void(*arguments), cache=cached)
        return cfunc(function)


@contextmanager
def threads_for(operations: int) -> Iterator[None]:
    """Let the kernels that this Python thread calls use one thread where the work is small.

    Args:
        operations: Multiply-adds of all of them together.
    """
    outer = numba.get_num_threads()
    numba.set_num_threads(1 if operations < SMALL else outer)
    try:
        yield
    finally:
        numba.set_num_threads(outer)


def _compile(function: Kernel, *, parallel: bool) -> Kernel:
    with _caching() as cached:
        njit: Any = numba.njit
        decorate = njit(
            nogil=True,
            error_model="numpy",
            cache=cached,
            parallel=parallel,
            forceinline=not parallel,
            _nrt=parallel,
        )
        compiled: Kernel = decorate(function)
    return compiled


@contextmanager
def _caching() -> Iterator[bool]:
    """Have what is compiled meanwhile cached in our folder; give whether it can be."""
    folder = _cache_folder()
    outer, config.CACHE_DIR = config.CACHE_DIR, str(folder or "")
    try:
        yield folder is not None
    finally:
        config.CACHE_DIR = outer


@cache
def _cache_folder() -> Path | None:
    content = sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        content.update(file.read_bytes())
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        root = config.CACHE_DIR or Path(home, "graphbits", "kernels")
        folder = Path(root, content.hexdigest()[:16])
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # not writable, or a user without a home
        return None
    return folder


@cache
def _threadsafe() -> bool:
    """Choose threads that several callers may share; Numba's last resort, workqueue, may not be."""
    try:
        return bool(numba_threads.threading_layer() != "workqueue")
    except ValueError:  # no parallel function ran yet, so the layer can still be chosen
        pass
    for pool in ("omppool", "tbbpool"):
        try:
            import_module(f"numba.np.ufunc.{pool}")
        except ImportError:
            continue
        config.THREADING_LAYER = "threadsafe"
        return True
    return False
