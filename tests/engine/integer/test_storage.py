"""A program's file gives the program back, or says why not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer import IntArray, Program, ProgramFileError, load, save

OPERATORS = ("gcn", "gat", "gin", "sage", "linear")


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(case: Callable, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    drawn = case(seed, operators=OPERATORS, pool=bool(seed % 2))
    program = drawn.random_program((1, 2, 3, 8, 16, 32))
    path = tmp_path_factory.mktemp("program") / "program.npz"
    save(program, path)
    again = load(path)
    assert again.layers == program.layers
    assert again.stages == program.stages
    assert again.model_bytes == program.model_bytes
    assert content(again) == content(program)
    assert os.listdir(path.parent) == ["program.npz"]


@pytest.fixture
def path(case: Callable, tmp_path: Path) -> Path:
    save(case(3, features=5).random_program((4,)), tmp_path / "program.npz")
    return tmp_path / "program.npz"


def content(program: Program) -> dict[Any, Any]:
    """Return all that a program holds, as values that compare."""
    held = {}
    for slot, constant in program.constants.items():
        packed = isinstance(constant, IntArray)
        array = constant.words if packed else constant
        held[slot] = (constant.shape, array.dtype, array.tobytes())
    slots = {*program.params, *program.constants}
    for slot, params in {slot: program.params_of(slot) for slot in slots}.items():
        if params is not None:
            held[slot, "params"] = (params.spec, params.scale.tolist(), params.zero.tolist())
            held[slot, "shift"] = params.shift
    return held


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays["header"]))
    change(header, arrays)
    np.savez(path, **{**arrays, "header": np.array(json.dumps(header))})


def add_constant(header: dict[str, Any], arrays: dict[str, Any], name: str) -> None:
    header["constants"][name] = header["constants"]["0.bias"]
    arrays[name] = arrays["0.bias"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda h, a: h.update(version=2), "of version 2, this graphbits reads up to 1"),
        (lambda h, a: h.update(format="cake"), "'cake'"),
        (lambda h, a: h["layers"][0].update(outputs=-1), "outputs: got -1"),
        (lambda h, a: h["layers"].pop(0), r"layers\[0\]\.weight"),
        (lambda h, a: add_constant(h, a, "0.colour"), "those of the layers"),
        (lambda h, a: h.update(layers=[]), "at least one"),
        (lambda h, a: h["layers"][0].update(operator="sage"), r"layers\[0\]\.own_weight"),
        (lambda h, a: h.pop("params"), "params"),
        (lambda h, a: h["params"].update({"0.input": {"bits": 9}}), "bits: got 9"),
        (lambda h, a: h["params"].update(nothing={"bits": 8}), "'nothing' names no layer"),
        (lambda h, a: a.pop("0.weight"), r"0\.weight"),
        (lambda h, a: a.update({"0.weight": a["0.weight"][:-1]}), r"0\.weight has"),
        (lambda h, a: a.update({"0.weight": a["0.weight"].astype(np.int16)}), r"0\.weight has"),
        (lambda h, a: a.update({"0.bias": a["0.bias"][:-1]}), r"0\.bias has shape"),
        (lambda h, a: a.update({"0.bias": a["0.bias"] * np.inf}), r"0\.bias"),
        (lambda h, a: a.update({"0.input.scale": -a["0.input.scale"]}), "scale"),
        (lambda h, a: h["constants"]["0.weight"]["spec"].update(bits=3), "codes above"),
    ],
)
def test_says_what_is_wrong(path: Path, change: Callable, says: str) -> None:
    def make_full(header: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays["0.weight"] = np.full_like(arrays["0.weight"], 255)
        change(header, arrays)

    rewrite(path, make_full)
    with pytest.raises(ProgramFileError, match=says):
        load(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"not a program" * 100])
def test_refuses_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ProgramFileError, match="no graphbits program"):
        load(tmp_path / "file")


def test_refuses_every_damaged_file(path: Path) -> None:
    whole = path.read_bytes()
    for cut in range(1, len(whole), 197):
        path.write_bytes(whole[:cut])
        with pytest.raises(ProgramFileError):
            load(path)
    for place in range(0, len(whole), 197):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(ProgramFileError):  # a flip in what ZIP repeats or ignores is harmless
            load(path)


def test_refuses_pickled_arrays(path: Path) -> None:
    rewrite(path, lambda h, a: a.update({"0.bias": np.array([{}], object)}))
    with pytest.raises(ProgramFileError):
        load(path)


def test_other_operating_system_errors_pass(path: Path, case: Callable, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError):
        save(case(0).reference, tmp_path / "no folder" / "program.npz")
    assert sorted(os.listdir(tmp_path)) == ["program.npz"]
