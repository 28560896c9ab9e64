"""The wheel holds the code and all it reads at run time, and nothing else."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
PLACES = {
    "engine": "engine",
    "explorer": "explorer",
    "assets": "explorer/assets",
    "notebooks": "explorer/notebooks",
}
UNWANTED = {"__pycache__", ".ipynb_checkpoints", "pictures"}
"""What is made while one works, and the README's pictures; assets/ has what makes these, too."""


def test_wheel_holds_what_the_command_needs(tmp_path: Path) -> None:
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, place in PLACES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not UNWANTED & set(path.parts)
        if not (folder == "assets" and path.suffix == ".py")
    }
    assert held == wanted


def test_places_in_the_wheel_are_free() -> None:
    taken = [
        place for folder, place in PLACES.items() if place != folder and (ROOT / place).exists()
    ]
    assert not taken, f"{taken} in the repository would hide what the wheel puts there"
