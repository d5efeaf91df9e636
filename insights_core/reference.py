"""README's tables of names, made from `names` and `settings`: `python -m insights_core.reference [README.md]`.

Without a file the tables are printed; with one, they take the place of what stands between its markers.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from insights_core import names, settings

_WRITTEN = (
    names.RUN_NAME,
    names.RUN_TAG,
    names.ARTIFACT,
    names.PARAM,
    names.METRIC,
    names.ASSESSMENT,
    names.TRACE_TAG,
    names.ASSESSMENT_METADATA,
    names.EXPERIMENT_TAG,
)


def settings_table() -> str:
    """Every setting with its default and what it does."""
    rows = [(f"`{one.name}`", _default(one.default), one.doc) for one in settings.ALL]
    return _table(("setting", "default", "what it does"), rows)


def written_table() -> str:
    """Every name that is written to MLflow."""
    rows = [(kind, f"`{shown}`", name.text) for (kind, shown), name in _in_order() if kind in _WRITTEN]
    return _table(("what", "name", "what it says"), rows)


def errors_table() -> str:
    """Every error code of the REST API."""
    rows = [(f"`{name}`", name.text) for (kind, _), name in names.ALL.items() if kind == names.ERROR_CODE]
    return _table(("error code", "HTTP status, and when"), rows)


TABLES = {"settings": settings_table, "written": written_table, "errors": errors_table}


def with_tables(text: str) -> str:
    """The text with each table between its markers, `<!-- table: NAME -->` and `<!-- end -->`."""
    for name, table in TABLES.items():
        text = re.sub(
            rf"(<!-- table: {name} -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}{table()}{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def _in_order() -> list[tuple[tuple[str, str], names.Name]]:
    return sorted(names.ALL.items(), key=lambda item: _WRITTEN.index(item[0][0]) if item[0][0] in _WRITTEN else -1)


def _default(value: object) -> str:
    return "" if value is None else f"`{str(value).replace(str(Path.home()), '~')}`"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ("---",) * len(head), *rows))


def main(arguments: list[str]) -> None:
    """Print the tables, or write them into the files that are named."""
    for file in map(Path, arguments):
        file.write_text(with_tables(file.read_text()))
    if not arguments:
        print("\n".join(table() for table in TABLES.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
