"""A program as one .npz file: a JSON header beside plain arrays, no pickle.

The stages are not stored: the operators compose them anew from the layers' shapes.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.integer.assembly import assemble
from engine.integer.packing import IntArray, word_count, word_type
from engine.integer.program import Constant, Program
from engine.integer.stages.stage import Slot, slot_name
from engine.nesting import Nested
from engine.spec import LayerSpec, QuantSpec, decode, encode

FORMAT = "graphbits program"
VERSION = 1

CORRUPT = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    BadZipFile,
    RuntimeError,  # an archive that seems encrypted, or of a kind that is not supported
    zlib.error,
    MemoryError,
)
"""What reading a file that is damaged or made by someone else can raise."""

Arrays = dict[str, NDArray[Any]]


class ProgramFileError(ValueError):
    """A file holds no program that this version reads."""


def write(program: Program, file: BinaryIO) -> None:
    """Write a program into an open file.

    Raises:
        OSError: If it cannot be written.
    """
    constants: dict[str, Any] = {}
    params: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for slot, constant in program.constants.items():
        name = slot_name(slot)
        constants[name] = {"shape": constant.shape}
        if isinstance(constant, IntArray):
            constants[name]["spec"] = encode(constant.params.spec)
            arrays |= {name: constant.words, **_arrays_of(name, constant.params)}
        else:
            arrays[name] = constant
    for slot, held in program.params.items():
        params[slot_name(slot)] = encode(held.spec)
        arrays |= _arrays_of(slot_name(slot), held)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "layers": encode(program.layers),
        "constants": constants,
        "params": params,
    }
    arrays["header"] = np.array(json.dumps(header))
    np.savez(file, **arrays)


def read(file: BinaryIO) -> Program:
    """Return the program in an open file.

    Raises:
        OSError: If the file cannot be read.
        ProgramFileError: If it is corrupt, no program, or of a newer version.
    """
    name = getattr(file, "name", "the file")
    if not is_zipfile(file):
        raise ProgramFileError(f"{name} is no graphbits program, or only part of one")
    file.seek(0)
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {entry: archive[entry] for entry in archive.files}
        return _program(json.loads(str(arrays.pop("header"))), arrays)
    except _NewerVersion as error:
        raise ProgramFileError(f"{name} {error}") from None
    except CORRUPT as error:
        raise ProgramFileError(f"{name} is no graphbits program, or corrupt: {error}") from error


def save(program: Program, path: Path | str) -> None:
    """Write a program to a file of its own, whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            write(program, file)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path | str) -> Program:
    """Return the program in a file of its own; raises as `read` does."""
    with Path(path).open("rb") as file:
        return read(file)


class _NewerVersion(Exception):
    pass


def _program(header: Mapping[str, Any], arrays: Arrays) -> Program:
    if header["format"] != FORMAT:
        raise ValueError(f"its format is {header['format']!r}, wanted {FORMAT!r}")
    version = header["version"]
    if not isinstance(version, int) or version > VERSION:
        raise _NewerVersion(f"is of version {version}, this graphbits reads up to {VERSION}")
    layers = tuple(decode(LayerSpec, spec) for spec in header["layers"])
    constants = {
        _slot(name): _constant(name, entry, arrays) for name, entry in header["constants"].items()
    }
    params = {_slot(name): _params(name, spec, arrays) for name, spec in header["params"].items()}
    return assemble(layers, constants, params)


def _constant(name: str, entry: Mapping[str, Any], arrays: Arrays) -> Constant:
    array, shape = arrays[name], tuple(entry["shape"])
    if "spec" not in entry:
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, wanted {shape}")
        return array
    params = _params(name, entry["spec"], arrays)
    wanted = (*shape[:-1], word_count(shape[-1], params.spec))
    if array.shape != wanted or array.dtype != word_type(params.spec):
        raise ValueError(f"{name} has {array.dtype} words {array.shape}, wanted {wanted}")
    held = IntArray(params, array, shape)
    if held.codes().max(initial=0) > params.spec.qmax:
        raise ValueError(f"{name} has codes above {params.spec.qmax}")
    return held


def _params(name: str, spec: Any, arrays: Arrays) -> QParams:
    held = decode(QuantSpec, spec)
    shift = int(arrays[f"{name}.shift"]) if held.truncation == "skewed" else 0
    places = arrays[f"{name}.nested"].tolist() if held.buckets else []
    nested = tuple(
        Nested(bucket.bits, multiple, below)
        for bucket, (multiple, below) in zip(held.buckets, places, strict=True)
    )
    return QParams(held, arrays[f"{name}.scale"], arrays[f"{name}.zero"], shift, nested)


def _arrays_of(name: str, params: QParams) -> Arrays:
    arrays = {f"{name}.scale": params.scale, f"{name}.zero": params.zero}
    if params.spec.truncation == "skewed":
        arrays[f"{name}.shift"] = np.array(params.shift)
    if params.nested:
        places = [(nested.multiple, nested.below) for nested in params.nested]
        arrays[f"{name}.nested"] = np.array(places, np.uint16)
    return arrays


def _slot(name: str) -> Slot:
    layer, _, component = name.partition(".")
    if not (layer.isascii() and layer.isdigit()):
        raise ValueError(f"{name!r} names no layer")
    return int(layer), component
