"""A theme that is being written: its fields live in the session until it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import streamlit as st

from insights_core.entities import Theme
from insights_core.entities.schedule import MANUAL
from insights_core.errors import InvalidParameterError
from insights_core.themes.catalogue import SETTINGS
from insights_core.themes.checks import checked_theme
from insights_core.themes.files import builtin_themes, id_from_name
from pages._ui.parts import dialogs
from pages._ui.shell import loaders

PREFIX = "edit-theme-"
SIDES = ("base_filters", "theme_filters")
EVERY = "every N minutes"
_OPENED = "edited-theme"
_MINUTES, _DAYS = 10, 7


@dataclass(frozen=True)
class Draft:
    """What is edited, and where it is kept."""

    experiment_id: str
    theme: Theme | None
    """As it is kept; None for a new one."""
    source: Theme | None = None
    """What a new one began as."""

    @property
    def builtin(self) -> bool:
        """Whether only what concerns its running here may be set."""
        return self.theme is not None and self.theme.theme_id in builtin_themes()

    def fixed(self, field: str) -> bool:
        """Whether a field cannot be changed."""
        return self.builtin and field not in SETTINGS

    def values(self) -> dict[str, Any]:
        """The fields as the controls say them, unchecked."""
        value = get
        kept = self.theme.model_dump(mode="json") if self.theme and self.builtin else {}
        every = f"every {value('minutes') or _MINUTES} minutes" if value("schedule") == EVERY else value("schedule")
        said = {
            "name": (value("name") or "").strip(),
            "description": (value("description") or "").strip(),
            "prompt": value("prompt") or "",
            "signals": list(value("signals") or ()),
            **{side: conditions(side) for side in SIDES},
            "sample_rate": (value("share") or 0) / 100,
            "sample_seed": int(value("seed") or 0),
            "max_traces": value("most"),
            "date_range": _date_range(),
            "schedule": every or MANUAL,
            "model": value("model") or None,
            "clustering_config": {
                "method": value("method"),
                "min_cluster_size": value("smallest"),
                "max_levels": value("levels"),
                "seed": int(value("seed") or 0),
            },
            "tag_traces": bool(value("tags")),
            "enabled": bool(value("enabled")),
        }
        return {name: kept[name] if self.fixed(name) else one for name, one in said.items()}

    def carried(self) -> dict[str, Any]:
        """What the form has no control for, of the theme that a new one began as."""
        if self.source is None:
            return {}
        kept = self.source.model_dump(mode="json", exclude={"theme_id", "created_at", "updated_at", "history"})
        return {**kept, "metadata": {**self.source.metadata, "copied_from": self.source.theme_id}}

    def checked(self) -> tuple[Theme | None, InvalidParameterError | None]:
        """The theme, or what is wrong with it. Without a name it is "New theme", until it is saved."""
        values = self.values()
        values["name"] = values["name"] or "New theme"
        kept = {"theme_id": self.theme.theme_id} if self.theme else {"theme_id": id_from_name(values["name"], {})}
        try:
            return checked_theme({**self.carried(), **values, **kept}), None
        except InvalidParameterError as error:
            return None, error


def opened(experiment_id: str, theme_id: str | None, source: str | None) -> Draft:
    """The draft of the address: of a theme, of a new one, or of a new one that begins as another.

    Raises:
        ThemeNotFoundError: There is no such theme.
    """
    client = loaders.client()
    theme = client.get_theme(theme_id, experiment_id) if theme_id else None
    wanted = (experiment_id, theme_id, source)
    # Streamlit drops what widgets hold once another page was open: then it begins anew.
    began = client.get_theme(source, experiment_id) if source and not theme else None
    if st.session_state.get(_OPENED) != wanted or f"{PREFIX}name" not in st.session_state:
        dialogs.forget(PREFIX)
        _fill(theme or began, is_new=theme is None)
        st.session_state[_OPENED] = wanted
    return Draft(experiment_id, theme, began)


def get(name: str) -> Any:
    """What a control holds."""
    return st.session_state.get(f"{PREFIX}{name}")


def put(name: str, value: Any) -> None:
    """Set what a control holds; before it is drawn."""
    st.session_state[f"{PREFIX}{name}"] = value


def begin(name: str) -> None:
    """Give a control that was hidden what it began with: Streamlit drops what hidden widgets hold."""
    if get(name) is None:
        put(name, {"minutes": _MINUTES, "days": _DAYS}[name])


def conditions(side: str) -> list[str]:
    """The conditions of one of SIDES, in order; empty lines are left out."""
    said = [str(get(f"{side}-{number}") or "").strip() for number in get(f"{side}-rows") or ()]
    return [one for one in said if one]


def add_condition(side: str, text: str) -> None:
    """One more line."""
    number = (get("next-row") or 0) + 1
    put("next-row", number)
    put(f"{side}-{number}", text)
    put(f"{side}-rows", [*(get(f"{side}-rows") or ()), number])


def _fill(theme: Theme | None, is_new: bool) -> None:
    one = theme or Theme(theme_id="new", name="New theme")
    every = one.schedule.startswith("every ")
    span = one.date_range
    config = one.clustering_config
    copied = f"{one.name} (copy)" if theme and is_new else one.name if theme else ""
    said = {
        "name": copied,
        "description": one.description,
        "prompt": one.prompt,
        "signals": [str(signal) for signal in one.signals],
        "share": 100 * one.sample_rate,
        "seed": one.sample_seed,
        "most": one.max_traces,
        "range": "days" if span.last_days else "dates" if span.start or span.end else "all",
        "days": span.last_days or _DAYS,
        "start": span.start.date() if span.start else None,
        "end": span.end.date() if span.end else None,
        "schedule": EVERY if every else one.schedule,
        "minutes": int(one.schedule.split()[1]) if every else _MINUTES,
        "model": one.model or "",
        "method": config.method,
        "smallest": config.min_cluster_size,
        "levels": config.max_levels,
        "tags": one.tag_traces,
        "enabled": one.enabled,
    }
    for name, value in said.items():
        put(name, value)
    for side in SIDES:
        put(f"{side}-rows", [])
        for condition in getattr(one, side):
            add_condition(side, condition)


def _date_range() -> dict[str, Any]:
    kind = get("range")
    if kind == "days":
        return {"last_days": int(get("days") or _DAYS)}
    if kind == "dates":
        return {name: _midnight(get(name)) for name in ("start", "end") if get(name)}
    return {}


def _midnight(day: date) -> str:
    return datetime.combine(day, time(), UTC).isoformat()


def close() -> None:
    """Forget it: the next time the page opens, it begins with what is kept."""
    st.session_state.pop(_OPENED, None)
