"""Front doors of rooms: a package names what it offers, and loads each name when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def front_door(package: str, offers: Mapping[str, Sequence[str]]) -> tuple[list[str], Callable[[str], Any]]:
    """`__all__` and `__getattr__` of a package whose modules take long to import.

    Args:
        package: Its `__name__`.
        offers: Module, relative to the package -> the names that come from it.
    """
    homes = {name: module for module, names in offers.items() for name in names}

    def load(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return sorted(homes), load
