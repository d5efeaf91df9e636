"""What commands share: the client, tables and JSON, one-line errors with the right exit code."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pydantic import BaseModel

    from insights_core.client import InsightsClient

F = TypeVar("F", bound=Callable[..., Any])

_CELL_CHARS = 60
# Wide enough for a table in a log or a pipe, where there is no terminal to ask.
_PIPE_WIDTH = 140


class Failure(click.ClickException):
    """One line on stderr and an exit code: 2 for a user's mistake, 1 for a server's fault."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        # click declares it for the class, and reads it from the instance.
        vars(self)["exit_code"] = exit_code


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn everything that can go wrong into one line and an exit code, never a traceback."""
    from insights_core.errors import InsightsError, from_mlflow

    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except InsightsError as error:
        raise Failure(error.message, error.exit_code) from error
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; a second complaint while Python ends would only confuse.
        sys.stderr.close()
        raise click.exceptions.Exit(0) from None
    except Exception as error:
        if (fault := _wrong_field(error)) is not None:
            raise Failure(fault, 2) from error
        logging.getLogger(__name__).debug("Unexpected", exc_info=True)
        known = from_mlflow(error)
        first = (known.message.splitlines() or [""])[0]
        said = first if type(known) is not InsightsError else f"Unexpected {type(error).__name__}: {first}"
        raise Failure(said, known.exit_code) from error


def _wrong_field(error: Exception) -> str | None:
    """What Pydantic says of a wrong argument, in one line; None for other errors."""
    if type(error).__name__ != "ValidationError" or not hasattr(error, "errors"):
        return None
    first = error.errors()[0]
    option = "--" + str(first["loc"][-1]).replace("_", "-") if first["loc"] else "an argument"
    return f"{option}: {first['msg']}, but {str(first.get('input'))[:100]!r} was given."


def client() -> InsightsClient:
    """The client for the tracking URI of this call."""
    from insights_core.client import InsightsClient

    # MLflow prints a line for every table of a new database.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return InsightsClient()


def output_option(command: F) -> F:
    """The option `--output table|json` that every reading command takes."""
    option = click.option(
        "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
    )
    return option(command)


def experiment_option(command: F) -> F:
    """The option `--experiment-id`, which falls back to MLFLOW_EXPERIMENT_ID, of commands that are no operations."""
    return click.option("--experiment-id", help="The experiment; by default MLFLOW_EXPERIMENT_ID.")(command)


def example(text: str) -> str:
    """The last lines of a command's help."""
    return f"Example: mlflow-insights {text}"


def print_json(content: Any) -> None:
    """Print entities, or anything made of them, as JSON."""
    click.echo(json.dumps(content, default=_to_json, ensure_ascii=False, indent=2))


def _to_json(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    return str(value)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], empty: str) -> None:
    """Print rows as a table.

    Args:
        rows: One mapping a row.
        columns: Key in the rows -> heading, in order.
        empty: What to say where there are no rows.
    """
    if not rows:
        click.echo(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for key, heading in columns.items():
        numeric = heading.endswith("%") or all(isinstance(row.get(key), int | float | None) for row in rows)
        is_id = key.endswith("_id")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=is_id or numeric, overflow="fold")
    for row in rows:
        # Text, not markup: titles come from traces and may hold brackets.
        table.add_row(*(Text(_cell(row.get(key))) for key in columns))
    _console(Console).print(table)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print one entity as lines of name and value."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {_plain(_cell(value, None))}")


def _console(kind: Any) -> Any:
    return kind(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def _cell(value: Any, limit: int | None = _CELL_CHARS) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if hasattr(value, "astimezone"):
        return local_time(value)
    text = _plain(" ".join(str(value).split()))
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def _plain(text: str) -> str:
    """Without control characters, with which a trace could move the cursor or colour the terminal."""
    return "".join(character for character in text if character.isprintable())


def local_time(moment: datetime) -> str:
    """A time as people at this machine read it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def dump(entity: BaseModel) -> dict[str, Any]:
    """An entity as a mapping with native values."""
    return entity.model_dump()


def plain_markdown(text: str) -> str:
    """Markdown of a sentence or two as a terminal shows it."""
    return _plain_lines(re.sub(r"\\([^\w\s])", r"\1", text.replace("**", "")))


def _plain_lines(text: str) -> str:
    return "\n".join(_plain(line) for line in text.splitlines())
