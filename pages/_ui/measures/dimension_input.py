"""A dimension with its parameters as controls; what is chosen is in the URL."""

from __future__ import annotations

import math

import streamlit as st

from insights_core.analytics.models import Dimension, DimensionParameter, DimensionValue
from pages._ui.look.formats import escape_markdown
from pages._ui.shell import url_state

_WORDS = {
    "ERROR": "Error",
    "OK": "OK",
    "IN_PROGRESS": "In progress",
    "used": "is used",
    "error": "fails",
    "success": "succeeds",
}


def dimension_input(
    label: str, place: str, known: dict[str, Dimension], default: DimensionValue
) -> DimensionValue | None:
    """Draw the controls of one dimension.

    Args:
        label: Name for people: "First".
        place: Prefix of the query parameters and keys: "a" gives a, a-value, a-threshold, a-operator.
        known: Name -> dimension, as discovery finds them.
        default: What to begin with.

    Returns:
        The dimension with its parameters; None while a value is missing.
    """
    start = default.name if default.name in known else next(iter(known))
    parameters = [f"{place}-{name}" for name in ("value", "threshold", "operator")]
    changed = url_state.follow(place, f"dimension-{place}", list(known), start, forget=parameters)
    name = st.selectbox(
        label,
        list(known),
        format_func=lambda one: known[one].display_name if one in known else one,
        key=f"dimension-{place}",
        on_change=changed,
    )
    chosen = known[name]
    given = default.parameters if name == default.name else {}
    values: dict[str, object] = {}
    columns = st.columns([1, 2] if len(chosen.parameters) > 1 else 1)
    # The sign stands before the number.
    ordered = sorted(chosen.parameters, key=lambda one: one.name != "operator")
    for column, parameter in zip(columns, ordered, strict=True):
        with column:
            values[parameter.name] = _parameter(place, name, parameter, given.get(parameter.name))
    if any(value is None or value == "" for value in values.values()):
        st.caption("Give a value.")
        return None
    return DimensionValue(name=name, parameters=values)


def _parameter(place: str, dimension: str, parameter: DimensionParameter, given: object) -> object:
    param = f"{place}-{parameter.name}"
    # A key of its own for each dimension: widgets of another type must not share state.
    key = f"{param}-{dimension}"
    label = parameter.name.capitalize()
    if parameter.type == "number":
        return _number(param, key, label, given)
    if parameter.enum_values:
        options = list(parameter.enum_values)
        start = str(given) if given in options else _likely(options)
        changed = url_state.follow(param, key, options, start)
        return st.selectbox(label, options, format_func=lambda one: _WORDS.get(one, one), key=key, on_change=changed)
    changed = url_state.follow(param, key, default=str(given or ""))
    return st.text_input(label, key=key, on_change=changed, help=escape_markdown(parameter.description or "")).strip()


def _likely(options: list[str]) -> str:
    """What people ask about first: errors and failures."""
    return next((one for one in ("ERROR", "error", "false") if one in options), options[0])


def _number(param: str, key: str, label: str, given: object) -> float | None:
    text = st.query_params.get(param)
    try:
        value = float(text) if text else None if given is None else float(str(given))
    except ValueError:
        value = None
    st.session_state[key] = value if value is not None and math.isfinite(value) else 0.0
    return st.number_input(label, key=key, on_change=lambda: _keep(param, key), format="%.6g")


def _keep(param: str, key: str) -> None:
    url_state.put(param, f"{st.session_state[key]:.10g}")


def words(value: DimensionValue, known: dict[str, Dimension]) -> str:
    """status is Error, latency > 5000 ms, tool charge_card fails, tag channel = web. Plain text."""
    kind, _, rest = value.name.partition(".")
    given = value.parameters
    if kind == "tools":
        return f"tool {rest} {_WORDS[str(given['value'])]}"
    unit = " ms" if value.name == "latency" else ""
    kinds = {"tags": "tag", "assessment": "assessment"}
    name = f"{kinds[kind]} {rest}" if kind in kinds else known[value.name].display_name.lower()
    if "threshold" in given:
        return f"{name} {given['operator']} {float(given['threshold']):g}{unit}"
    sign = "is" if value.name in ("status", "span.type") else "="
    return f"{name} {sign} {_WORDS.get(str(given['value']), given['value'])}"
