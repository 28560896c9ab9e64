"""How kernels are compiled: to routines that are called by address, cached on disk.

A dashboard has one process a tab, and all need the same few routines, so machine code is cached.
Numba checks a cached function against its own file only, not against the functions it calls from
other files; the cache folder is therefore named for the content of all kernel files. It lies in
`NUMBA_CACHE_DIR`, else in the user's cache, because the package's own folder may be read-only;
where no folder can be written, routines are compiled in each process. The cache is why a second
process is quick: all routines of a GCN at 8, 4 and 2 bits took 13 s to compile and half a second
to find (2 cores; `graphbits bench start`). Processes that start at once on an empty cache compile
each for itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

import numba
import numba.extending

Function = TypeVar("Function", bound=Callable[..., Any])

config: Any = numba.config
cpu_target: Any = import_module("numba.core.registry").cpu_target  # which carries no types


def inner(function: Function) -> Function:
    """Compile a function that routines call, which must not make arrays."""
    with _caching() as cached:
        njit: Any = numba.njit
        decorate = njit(nogil=True, error_model="numpy", cache=cached, forceinline=True, _nrt=False)
        compiled: Function = decorate(function)
    return compiled


def free(function: Function) -> Function:
    """Compile a function that Python calls and that lets other Python threads run meanwhile."""
    with _caching() as cached:
        njit: Any = numba.njit
        decorate = njit(nogil=True, error_model="numpy", cache=cached, _nrt=False)
        compiled: Function = decorate(function)
    return compiled


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let routines call what is emitted as LLVM code by what the function returns."""
    emitted: Any = numba.extending.intrinsic(prefer_literal=True)
    called: Callable[..., Any] = emitted(function)
    return called


def routine(function: Callable[..., None]) -> int:
    """Compile a function of integers, which must not make arrays, and return its address.

    Each compiled function takes the longer the more it holds; what is called by its address is
    compiled once for all that call it.
    """
    with _caching() as cached:
        arguments = [numba.types.intp] * function.__code__.co_argcount
        options: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
        cfunc: Any = numba.cfunc(numba.types.void(*arguments), cache=cached, **options)
        compiled = cfunc(function)
    _HELD.append(compiled)
    address: int = compiled.address
    return address


@cache
def machine_has(feature: str) -> bool:
    """Return whether the processor that is compiled for has a feature, by LLVM's name for it.

    It is part of the key under which Numba caches.
    """
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]
    return f"+{feature}" in features.split(",")


_HELD: list[Any] = []
"""What was compiled, for as long as there may be addresses of it."""


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
