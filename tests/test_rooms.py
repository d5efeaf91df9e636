"""Rooms import in one direction, and a room with a front door is entered through it. CONTRIBUTING.md has the list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _rooms() -> tuple[list[str], set[str]]:
    """Rooms from the bottom up, and those with a front door."""
    order, doors = [], set()
    for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines():
        cell = line.split("|")[1] if line.startswith("| `") else ""
        for name in re.findall(r"`([\w.]+)`", cell):
            room = f"insights_core{name}" if name.startswith(".") else name
            order.append(room)
            if "(door)" in cell:
                doors.add(room)
    return order, doors


ORDER, DOORS = _rooms()


def _room_of(module: str) -> str | None:
    return max((room for room in ORDER if module == room or module.startswith(room + ".")), key=len, default=None)


def _files() -> list[Path]:
    return sorted([*(ROOT / "insights_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")])


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {_module(path): path for path in _files()}


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Modules of ours that a file imports anywhere, at its top, in functions and for types, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in MODULES else node.module), node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno


def _arrows() -> Iterator[tuple[str, str, str]]:
    """Importing module, imported module of ours, place."""
    for module, path in MODULES.items():
        for target, line in _imports(path):
            if target in MODULES:
                yield module, target, f"{path.relative_to(ROOT)}:{line} imports {target}"


def test_every_file_is_in_a_room_of_the_list():
    outside = [
        name for name in MODULES if _room_of(name) is None and name not in {"insights_core", "insights_core.insight"}
    ]
    assert not outside


def test_every_module_of_ours_that_is_imported_exists():
    """Also those that a function imports only when it is called."""
    missing = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for path in MODULES.values()
        for target, line in _imports(path)
        if target.split(".")[0] in ("insights_core", "pages") and target not in MODULES and target != "pages"
    ]
    assert not missing, "\n".join(missing)


def test_no_arrow_points_back():
    back = [
        place
        for source, target, place in _arrows()
        if (mine := _room_of(source)) and (theirs := _room_of(target)) and ORDER.index(theirs) > ORDER.index(mine)
    ]
    assert not back, "\n".join(back)


@pytest.mark.parametrize("room", sorted(DOORS))
def test_a_room_is_entered_through_its_front_door(room: str):
    inside = [
        place
        for source, target, place in _arrows()
        if target.startswith(room + ".") and not source.startswith(room) and source != room
    ]
    assert not inside, "\n".join(inside)


def test_no_two_files_import_each_other():
    arrows = {(source, target) for source, target, _ in _arrows()}
    assert not [pair for pair in arrows if pair[::-1] in arrows and pair[0] < pair[1]]


def test_the_core_knows_nothing_of_its_pages():
    for module, path in MODULES.items():
        if module.startswith("insights_core"):
            names = {name.split(".")[0] for name, _ in _imports(path)}
            assert not names & {"streamlit", "pages"}, path
