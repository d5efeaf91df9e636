"""Alerts about a theme's topics: the rules, what they raised, and what they would have raised on the past."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import Theme
from insights_core.entities.alert import Alert, AlertRule, Channel
from insights_core.errors import InsightsError
from pages._ui.look.formats import clock, escape_markdown, plural
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, permissions, states
from pages._ui.themes import theme_data

_MOST = 50
_TRIED = "tried-alerts"
_KINDS = {
    "exceeds": "has more than so many traces",
    "grows": "grows by more than so many percent",
    "failures": "fails in more than so many percent",
    "new": "is new",
}


def alerts(theme: Theme, experiment_id: str, may_write: bool) -> None:
    """What was raised, newest first; then the rules, and a try of them on the runs so far."""
    raised = loaders.client().list_alerts(experiment_id, theme.theme_id)
    with layout.card("Raised", plural(len(raised), "alert"), height="content"):
        _rows(raised, theme.theme_id, "raised")
        if not raised:
            st.caption("Nothing yet. Rules are judged when the theme has run.")
    with layout.card("Rules", height="content"):
        for place, rule in enumerate(theme.alert_rules):
            with layout.row(f"rule-{place}", last=place == len(theme.alert_rules) - 1):
                st.markdown(f":gray[:material/notifications:] {escape_markdown(_words(rule))}", width="stretch")
                if may_write and st.button(
                    "Remove", key=f"remove-rule-{place}", icon=":material/close:", type="tertiary"
                ):
                    _keep(theme, experiment_id, [one for one in theme.alert_rules if one is not rule])
        if may_write:
            _adder(theme, experiment_id)
        if not theme.alert_rules:
            st.caption("Without a rule nobody is told.")
            return
        if st.button("Try them on the past", icon=":material/history:", key="try-alerts"):
            with states.loading("Reading earlier runs", 80):
                st.session_state[_TRIED] = (theme.theme_id, loaders.client().test_alerts(theme.theme_id, experiment_id))
        tried = st.session_state.get(_TRIED)
        if tried and tried[0] == theme.theme_id:
            st.caption(f"They would have raised {plural(len(tried[1]), 'alert')}; nothing was sent.")
            _rows(tried[1], theme.theme_id, "tried")


def _adder(theme: Theme, experiment_id: str) -> None:
    with st.popover("Add a rule", icon=":material/add:", key="add-rule"), st.form("rule-form", border=False):
        kind = st.selectbox("Tell when a topic", list(_KINDS), format_func=_KINDS.__getitem__, key="rule-kind")
        threshold = st.number_input(
            "Traces, or percent", min_value=0.0, value=50.0, key="rule-threshold", help="A new topic needs none."
        )
        days = st.number_input("Within days", min_value=1, max_value=92, value=7, key="rule-days")
        notify = st.multiselect("Where", [str(one) for one in Channel], default=["log"], key="rule-notify")
        if not st.form_submit_button("Add rule", type="primary"):
            return
    rule = {"kind": kind, "window_days": days, "notify": notify} | ({} if kind == "new" else {"threshold": threshold})
    _keep(theme, experiment_id, [*theme.alert_rules, AlertRule.model_validate(rule)])


def _keep(theme: Theme, experiment_id: str, rules: Sequence[AlertRule]) -> None:
    fields = {"alert_rules": [one.model_dump(mode="json") for one in rules]}
    try:
        loaders.client().update_theme(theme.theme_id, fields, experiment_id, author=permissions.author())
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    theme_data.forget()
    st.rerun()


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
