"""The table of issues: filters, order, bulk changes on a selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pandas as pd
import streamlit as st

from insights_core.entities.investigation import EntitySummary
from insights_core.errors import InsightsError
from pages._ui.investigation.issue_fields import SEVERITIES, STATUSES
from pages._ui.look import badges
from pages._ui.look.formats import escape_markdown, local, moment, number, plural
from pages._ui.parts import dialogs, filters, tables
from pages._ui.shell import investigations, loaders, permissions, states, url_state

_GROUPS = {"all": "All", "open": "Open", "closed": "Closed"}
_CLOSED = ("RESOLVED", "REJECTED")
_MEMBERS = {"open": ("OPEN", "IN_PROGRESS"), "closed": _CLOSED}
_ONE_STATUS = {"": "Any status", **{one: badges.word(one) for one in STATUSES}}
_SORTS = {"traces": "Most traces", "severity": "Severity", "created": "Newest", "status": "Status"}


def issue_table(found: Sequence[EntitySummary], sources: Mapping[str, str], may_write: bool) -> None:
    """Draw it; a click on View puts the issue into the URL.

    Args:
        found: All issues, most traces first.
        sources: Analysis run id -> its name.
        may_write: Whether to offer changes.
    """
    shown = _filtered(found)
    _told()
    if not shown:
        with states.empty("No issue matches", "Clear the search or loosen the filters."):
            if st.button("Clear the filters", icon=":material/filter_alt_off:", type="primary"):
                _clear()
        return

    def head(selected: Sequence[str]) -> None:
        chosen = [one for one in shown if one.id in selected]
        _bulk(chosen) if chosen else _count(shown, found, may_write)

    opened = _table(shown, sources, may_write, head)
    if opened:
        url_state.put("issue", opened)


def _count(shown: Sequence[EntitySummary], found: Sequence[EntitySummary], may_write: bool) -> None:
    critical = sum(one.severity == "CRITICAL" for one in shown)
    of_all = f" of {number(len(found))}" if len(shown) < len(found) else ""
    hint = " Select rows to change several at once." if may_write else ""
    st.caption(f"{plural(len(shown), 'issue')}{of_all}, {number(critical)} critical.{hint}", width="content")


def _clear() -> None:
    for name in ("find", "severity", "created", "group", "status", "sort"):
        st.query_params.pop(name, None)
    st.rerun()


def _filtered(found: Sequence[EntitySummary]) -> list[EntitySummary]:
    with st.container(horizontal=True, vertical_alignment="center", key="issue-filters"):
        words = filters.search("issues-search", "Search titles", 170)
        asked = st.query_params.get("severity", "").split(",")
        st.session_state["issues-severity"] = [one for one in SEVERITIES if one in asked]
        severities = st.pills(
            "Severity",
            SEVERITIES,
            selection_mode="multi",
            format_func=badges.word,
            key="issues-severity",
            on_change=lambda: url_state.put("severity", ",".join(st.session_state["issues-severity"])),
            label_visibility="collapsed",
        )
        changed = url_state.follow("group", "issues-group", list(_GROUPS), "all", forget=("status",))
        group = st.segmented_control(
            "State",
            list(_GROUPS),
            format_func=_GROUPS.__getitem__,
            required=True,
            key="issues-group",
            on_change=changed,
            label_visibility="collapsed",
        )
        status = filters.choose("status", "Status", _ONE_STATUS, "issues-status", "", width=130)
        sort = filters.choose("sort", "Order", _SORTS, "issues-sort", "traces", width=140)
        st.session_state["issues-created"] = _days_of(st.query_params.get("created", ""))
        days = st.date_input(
            "Created between",
            key="issues-created",
            on_change=lambda: url_state.put("created", "_".join(map(str, st.session_state["issues-created"]))),
            label_visibility="collapsed",
            width=212,
            help="Created between these days",
        )
    shown = [
        one
        for one in found
        if words.lower() in one.title.lower()
        and (not severities or one.severity in severities)
        and (group == "all" or one.status in _MEMBERS[group])
        and status in ("", one.status)
        and _within(one, days)
    ]
    return _sorted(shown, sort)


def _days_of(text: str) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(day) for day in text.split("_") if day)[:2]
    except ValueError:
        return ()


def _within(one: EntitySummary, days: object) -> bool:
    if not isinstance(days, tuple) or not days:
        return True
    first, last = days[0], days[-1]
    day = local(one.created_at).date()
    return isinstance(first, date) and first <= day and (len(days) < 2 or day <= last)


def _sorted(shown: list[EntitySummary], sort: str) -> list[EntitySummary]:
    if sort == "severity":
        return sorted(shown, key=lambda one: (SEVERITIES.index(one.severity or "LOW"), -one.trace_count))
    if sort == "status":
        return sorted(shown, key=lambda one: (STATUSES.index(one.status), -one.trace_count))
    if sort == "created":
        return sorted(shown, key=lambda one: one.created_at, reverse=True)
    return shown


def _table(
    shown: Sequence[EntitySummary],
    sources: Mapping[str, str],
    may_write: bool,
    head: Callable[[Sequence[str]], None],
) -> str | None:
    column = st.column_config
    frame = pd.DataFrame(
        {
            "Severity": [[one.severity or "MEDIUM"] for one in shown],
            "Title": [one.title for one in shown],
            "Traces": [one.trace_count for one in shown],
            "Status": [[one.status] for one in shown],
            "Source": [sources.get(one.source_run_id or "", "–") for one in shown],
            "Created": [moment(one.created_at) for one in shown],
            "Updated": [moment(one.updated_at) for one in shown],
        }
    )
    return tables.table(
        frame,
        {one.id: one.title for one in shown},
        "issue-table",
        {
            "Severity": badges.badge_column("Severity", SEVERITIES, 90),
            "Title": column.TextColumn(width=360),
            "Traces": column.NumberColumn(width=60),
            "Status": badges.badge_column("Status", STATUSES, 105),
            "Source": column.TextColumn(width=150),
            "Created": column.TextColumn(width=95),
            "Updated": column.TextColumn(width=95),
        },
        "issue",
        head,
        selectable=may_write,
    )


def _bulk(chosen: Sequence[EntitySummary]) -> None:
    traces = sum(one.trace_count for one in chosen)
    st.markdown(f"**{len(chosen)} selected** :gray[{plural(traces, 'trace')}]", width="content")
    ids = [one.id for one in chosen]
    st.menu_button(
        "Severity",
        SEVERITIES,
        format_func=badges.word,
        key="bulk-severity",
        on_click=_from_menu,
        args=(ids, "severity"),
    )
    status = st.menu_button(
        "Status", STATUSES, format_func=badges.word, key="bulk-status", on_click=_from_menu, args=(ids, "status")
    )
    if st.button("Log assessments", icon=":material/rule:", key="bulk-log"):
        dialogs.forget("log-")
        dialogs.ask("log-assessments", issue_ids=ids)
    if status in _CLOSED:
        dialogs.forget("bulk-text")
        dialogs.ask("bulk-close", issue_ids=ids, status=status)


def _from_menu(ids: Sequence[str], field: str) -> None:
    """Change before the page is drawn again, so that its list has the new values; closing asks for a text first."""
    value = st.session_state[f"bulk-{field}"]
    if value not in _CLOSED:
        change_all(ids, **{field: value})


def change_all(issue_ids: Sequence[str], **changes: str) -> None:
    """Change several issues alike; what could not be changed is said, and the rest is changed all the same."""
    refused = []
    for issue_id in issue_ids:
        try:
            loaders.client().update_issue(issue_id=issue_id, author=permissions.author(), **changes)
        except InsightsError as error:
            refused.append(error.message)
    investigations.forget()
    st.session_state["bulk-told"] = (len(issue_ids) - len(refused), refused)


def _told() -> None:
    told = st.session_state.pop("bulk-told", None)
    if told is None:
        return
    changed, refused = told
    st.toast(f"{plural(changed, 'issue')} changed", icon=":material/done_all:")
    for text in refused[:3]:
        st.toast(escape_markdown(text, 300), icon=":material/error:", duration="long")


def close_all(issue_ids: Sequence[str], status: str) -> None:
    """The inside of the dialog that resolves or rejects several issues with one text."""
    resolving = status == "RESOLVED"
    with st.form("bulk-close-form", border=False, enter_to_submit=False):
        text = st.text_area(
            "Resolution" if resolving else "Reason",
            key="bulk-text",
            placeholder="What was changed, and where can it be checked?" if resolving else "Why is this no problem?",
            height=100,
        )
        label = f"{'Resolve' if resolving else 'Reject'} {plural(len(issue_ids), 'issue')}"
        sent = st.form_submit_button(label, type="primary")
    if sent and not text.strip():
        st.caption(":red[Say why: it stays with the issues.]")
    elif sent:
        kept = {"resolution": text.strip()} if resolving else {"reason": text.strip()}
        change_all(issue_ids, status=status, **kept)
        dialogs.close()
