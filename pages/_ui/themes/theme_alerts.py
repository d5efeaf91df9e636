"""Alerts about a theme's topics: the rules, what they raised, and what they would have raised on the past."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import Theme
from insights_core.entities.alert import Alert, AlertRule
from pages._ui.look.formats import clock, escape_markdown, plural
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, states

_MOST = 50
_TRIED = "tried-alerts"


def alerts(theme: Theme, experiment_id: str) -> None:
    """What was raised, newest first; then the rules, and a try of them on the runs so far."""
    raised = loaders.client().list_alerts(experiment_id, theme.theme_id)
    with layout.card("Raised", plural(len(raised), "alert"), height="content"):
        _rows(raised, theme.theme_id, "raised")
        if not raised:
            st.caption("Nothing yet. Rules are judged when the theme has run.")
    with layout.card("Rules", height="content"):
        if not theme.alert_rules:
            st.caption(
                "The theme has no rules. They stand in its YAML under `alert_rules`: export it, add them, import it."
            )
            return
        for rule in theme.alert_rules:
            st.markdown(f":gray[:material/notifications:] {escape_markdown(_words(rule))}")
        if st.button("Try them on the past", icon=":material/history:", key="try-alerts"):
            with states.loading("Reading earlier runs", 80):
                st.session_state[_TRIED] = (theme.theme_id, loaders.client().test_alerts(theme.theme_id, experiment_id))
        tried = st.session_state.get(_TRIED)
        if tried and tried[0] == theme.theme_id:
            st.caption(f"They would have raised {plural(len(tried[1]), 'alert')}; nothing was sent.")
            _rows(tried[1], theme.theme_id, "tried")


def _words(rule: AlertRule) -> str:
    window = "a day" if rule.window_days == 1 else "a week" if rule.window_days == 7 else f"{rule.window_days} days"
    said = {
        "exceeds": f"more than {rule.threshold or 0:g} traces in {window}",
        "grows": f"more than {rule.threshold or 0:g}% more in {window} than before",
        "failures": f"more than {rule.threshold or 0:g}% of the traces of {window} failed",
        "new": "a new topic",
    }
    return f"{said[rule.kind]}, told in {', '.join(rule.notify)}"


def _rows(found: Sequence[Alert], theme_id: str, key: str) -> None:
    for place, one in enumerate(found[:_MOST]):
        states_of = ", ".join(f"{each.channel} {each.state}" for each in one.deliveries)
        with layout.row(f"{key}-{place}", last=place == min(len(found), _MOST) - 1):
            layout.news("notifications", one.message, " · ".join(filter(None, [clock(one.window_start), states_of])))
            navigation.link("theme", "Read", {"theme": theme_id, "run": one.run_id, "cluster": one.cluster_id})
    if len(found) > _MOST:
        st.caption(f"The newest {_MOST} of {plural(len(found), 'alert')} are shown.")
