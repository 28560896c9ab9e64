"""Standing tests of the house: who may import whom, names, first lines, notebooks, dependencies."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Room:
    """A few files that may import one another, the standard library, and what stands here.

    Args:
        floor: Height in the house; a room may import rooms on lower floors only.
        name: The room's name in this table.
        files: Pattern of its files; where two rooms' patterns fit a file, the longer one counts.
        rooms: Names of the rooms it may import.
        libraries: Libraries it may import.
        late: Rooms and libraries it may import inside functions only, so that it starts fast.
    """

    floor: int
    name: str
    files: str
    rooms: str = ""
    libraries: str = ""
    late: str = ""


# To add a file to a room: nothing to do here. To add a room: one row. Before widening a row, ask
# whether the code would not rather live in another room.
GROUND = "spec affine graphs metrics runs"
WINGS = "datasets learning integer"
# fmt: off
HOUSE = [
    #    floor  room          files                rooms it may import       and libraries
    Room(0, "front",      "engine/__init__.py"),
    Room(0, "spec",       "engine/spec/*"),
    Room(0, "nesting",    "engine/nesting.py",     "",                       "numpy"),
    Room(1, "affine",     "engine/affine.py",      "spec nesting",           "numpy"),
    Room(2, "graphs",     "engine/graphs/*",       "spec affine",
         libraries="numpy platformdirs scipy", late="networkx"),
    Room(2, "metrics",    "engine/metrics/*",      "spec affine",            "numpy scipy"),
    Room(2, "runs",       "engine/runs/*",         "spec affine",            "numpy platformdirs"),
    Room(3, "events",     "engine/events.py",      "runs metrics"),
    Room(3, "integer",    "engine/integer/*",      "spec nesting affine graphs",
         libraries="numpy scipy numba"),
    Room(3, "learning",   "engine/learning/*",     "spec nesting affine graphs metrics",
         libraries="numba numpy scipy torch"),
    Room(3, "datasets",   "engine/learning/datasets.py", "spec graphs",
         libraries="numpy scipy platformdirs torch torch_geometric"),
    Room(4, "analysis",   "engine/analysis/*",     "spec nesting affine graphs metrics integer",
         libraries="numpy scipy"),
    Room(4, "search",     "engine/search/*",       "spec graphs metrics runs integer", "numpy"),
    Room(4, "export",     "engine/export.py",      "spec affine graphs metrics learning integer",
         libraries="numpy scipy torch"),
    Room(4, "peers",      "engine/peers/*",        "spec graphs learning integer",
         libraries="numpy torch", late="torch_geometric"),
    Room(4, "conversion", "engine/conversion/*",   "spec learning",
         libraries="torch torch_geometric"),
    Room(5, "reproduce",  "engine/reproduce/*",    "spec search"),
    Room(5, "experiment", "engine/experiment.py",
         f"{GROUND} {WINGS} events analysis export peers",
         libraries="numpy torch"),
    Room(6, "bench",      "engine/bench/*",
         f"{GROUND} {WINGS} events analysis export peers experiment", "numba numpy scipy torch",
         late="plotly"),
    Room(6, "dispatch",   "engine/dispatch/*",     "spec graphs metrics runs events",
         late="datasets distributed experiment integer"),
    Room(7, "searching",  "engine/searching/*",
         f"{GROUND} {WINGS} events analysis dispatch experiment search",
         libraries="numpy optuna scipy torch", late="sklearn"),
    Room(8, "worker",     "engine/worker.py",      f"{GROUND} search",       "numpy",
         late="datasets dispatch events experiment searching torch"),
    Room(4, "packaged",   "explorer/packaged.py"),
    Room(4, "library",    "explorer/library.py",   libraries="plotly"),
    Room(5, "pages",      "explorer/pages.py",     "packaged library",
         libraries="jupyter_server tornado voila"),
    Room(5, "forked",     "explorer/forked.py",    libraries="jupyter_client"),
    Room(5, "visitors",   "explorer/visitors.py",  libraries="jupyter_server tornado traitlets"),
    Room(6, "explorer",   "explorer/*",
         f"{GROUND} integer analysis search packaged library forked visitors",
         libraries="IPython anywidget ipywidgets numpy plotly traitlets",
         late="pages ipykernel networkx jupyterlab nbformat"),
    Room(6, "entrance",   "explorer/entrance.py",  libraries="jupyter_server tornado"),
    Room(7, "load",       "explorer/load/*",       "front packaged explorer visitors", "tornado"),
    # Only a trained model that a person hands over brings PyTorch into the process that draws.
    Room(7, "given",      "explorer/given.py",     "spec graphs",            late="conversion"),
    Room(8, "page",       "explorer/app.py",
         f"{GROUND} integer analysis packaged explorer given",
         libraries="ipywidgets"),
    Room(9, "opening",    "explorer/__init__.py",  late="page"),
    Room(9, "commands",   "engine/commands/*",     "spec",                   "",
         late=f"{GROUND} {WINGS} events analysis dispatch experiment reproduce bench worker "
         "explorer search searching load rich"),
    Room(10, "command",   "engine/__main__.py",    "spec commands"),
]
# fmt: on
ROOMS = {room.name: room for room in HOUSE}
TORCH = {"torch", "torch_geometric"}
FORBIDDEN_NAMES = re.compile("base|common|config|core|helpers?|manager|misc|utils?")

SOURCES = sorted(path for top in ("engine", "explorer") for path in (ROOT / top).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NOTEBOOKS = [
    path
    for top in ("engine", "explorer", "notebooks")
    for path in sorted((ROOT / top).rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
]


@dataclass(frozen=True)
class Import:
    """One import statement's target: a dotted name and whether only a function runs it."""

    name: str
    late: bool
    line: int


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(node: ast.AST, late: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, late, child.lineno)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(f"{child.module or ''}.{alias.name}", late, child.lineno)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from imports(child, late or function or typing_only)


def room_of(file: str) -> Room:
    fitting = [room for room in HOUSE if fnmatch(file, room.files)]
    assert fitting, f"{file} is in no room: give it one in HOUSE"
    return max(fitting, key=lambda room: len(room.files))


def file_of(name: str) -> str:
    """Return the file that a dotted name is in, for instance engine/affine.py."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        for file in (Path(*parts[:end]).with_suffix(".py"), Path(*parts[:end], "__init__.py")):
            if (ROOT / file).is_file():
                return file.as_posix()
    raise AssertionError(f"{name} is in no file")


def is_of_the_house(name: str) -> bool:
    return name.split(".")[0] in ("engine", "explorer")


def is_of_python(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def test_rooms_import_downwards_only() -> None:
    for room in HOUSE:
        for name in [*room.rooms.split(), *room.late.split()]:
            if name in ROOMS:
                assert ROOMS[name].floor < room.floor, f"{room.name} is not above {name}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_file_imports_what_its_room_may(path: Path) -> None:
    room = room_of(relative(path))
    at_once = {room.name, "front", *room.rooms.split(), *room.libraries.split()}
    for found in imports(parse(path)):
        if is_of_python(found.name):
            continue
        inside = is_of_the_house(found.name)
        target = room_of(file_of(found.name)).name if inside else found.name.split(".")[0]
        allowed = at_once | set(room.late.split()) if found.late else at_once
        where = "outside functions" if target in room.late.split() else "at all"
        assert target in allowed, (
            f"line {found.line} imports {found.name}: {room.name} may not import {target} {where}"
        )


def without_torch() -> set[str]:
    """Return the rooms from which no import, not even a late one, leads to PyTorch."""
    free: set[str] = set()
    for room in sorted(HOUSE, key=lambda room: room.floor):
        reached = {*room.rooms.split(), *room.libraries.split(), *room.late.split()}
        if not reached & TORCH and reached & set(ROOMS) <= free:
            free.add(room.name)
    return free


def loaded_by(*modules: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after importing some."""
    code = "".join(f"import {module}\n" for module in modules) + "import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def module_of(path: Path) -> str:
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_rooms_without_torch_are_those_that_run_and_draw() -> None:
    always = {
        "spec",
        "affine",
        "graphs",
        "metrics",
        "runs",
        "integer",
        "analysis",
        "search",
        "explorer",
    }
    assert always <= without_torch()


def test_rooms_without_torch_load_none() -> None:
    free = without_torch()
    modules = [module_of(path) for path in SOURCES if room_of(relative(path)).name in free]
    assert loaded_by(*modules) & TORCH == set()


@pytest.mark.parametrize(
    "module", ["engine", "explorer", "explorer.app", "engine.worker", "engine.__main__"]
)
def test_what_a_person_waits_for_starts_without_torch(module: str) -> None:
    assert loaded_by(module) & TORCH == set()


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=relative)
def test_name_says_what_the_file_is_for(path: Path) -> None:
    names = path.relative_to(ROOT).with_suffix("").parts
    assert not any(FORBIDDEN_NAMES.fullmatch(name) for name in names)


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=relative)
def test_file_opens_with_a_docstring_and_late_annotations(path: Path) -> None:
    tree = parse(path)
    assert ast.get_docstring(tree), "the file needs a docstring of one line"
    names = [found.name for found in imports(tree)]
    assert "__future__.annotations" in names, "from __future__ import annotations is missing"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebook_is_stored_bare(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"], "strip the widget state: nbstripout does"
    for number, cell in enumerate(notebook["cells"]):
        assert not cell.get("outputs"), f"cell {number} holds outputs: nbstripout strips them"
        assert cell.get("execution_count") is None, f"cell {number} was run: nbstripout forgets it"


def distribution(requirement: str) -> str:
    """Return a requirement's distribution in the one spelling that compares."""
    name = re.match(r"[\w.-]+", requirement)
    assert name, f"{requirement!r} names no distribution"
    return re.sub(r"[-_.]+", "-", name[0]).lower()


OF_THE_REPOSITORY = ("assets", "tests")
"""What tests may import that is neither installed nor shipped."""


def imported_distributions(paths: list[Path]) -> set[str]:
    """Return the distributions that files import, the house and the standard library left out."""
    shipped_by = packages_distributions()
    names = {found.name for path in paths for found in imports(parse(path))}
    outside = {name.split(".")[0] for name in names if not is_of_the_house(name)}
    return {
        distribution(shipped_by.get(name, [name])[0])
        for name in outside
        if not is_of_python(name) and name not in OF_THE_REPOSITORY
    }


@cache
def declared() -> tuple[set[str], set[str], set[str]]:
    """Return the distributions that pyproject.toml declares: to run, to test, for a cluster."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lists = (project["dependencies"], extras["test"], extras["dask"])
    to_run, to_test, clustered = (set(map(distribution, of)) for of in lists)
    return to_run, to_test, clustered


def test_every_import_is_declared() -> None:
    to_run, to_test, clustered = declared()
    assert imported_distributions(SOURCES) <= to_run | clustered
    assert clustered <= imported_distributions(SOURCES)
    assert imported_distributions(TESTS) <= to_run | to_test


def test_every_dependency_is_used() -> None:
    to_run, *_ = declared()
    data_only = {"scikit-learn"}  # its digits are read from its files: importing it takes long
    assert to_run <= imported_distributions(SOURCES) | data_only


def test_every_dependency_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert set.union(*declared()) <= set(map(distribution, lines))
