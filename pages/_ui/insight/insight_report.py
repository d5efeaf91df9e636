"""The upper part of an insight's page: question, answer, trust, metadata, comparison with an earlier run."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from insights_core.entities import ClusterDetails, Insight, InsightStatus, Tally, TrustMetrics
from pages._ui.insight import topics
from pages._ui.look import badges
from pages._ui.look.formats import (
    duration,
    emphasised,
    escape_markdown,
    moment,
    money,
    number,
    period,
    plural,
    share,
)
from pages._ui.parts import layout
from pages._ui.shell import loaders


def scope_line(insight: Insight) -> str:
    """Insight · 4,812 traces · 12 topics · finished today 11:02 · $2.91"""
    parts = ["Insight"] + ([plural(insight.trace_count, "trace")] if insight.trace_count else [])
    if insight.status == InsightStatus.FINISHED:
        details = loaders.insight_details(insight)
        if details.traces:
            parts.append(period(*topics.time_span(details.traces)))
        parts.append(f"finished {moment(insight.updated_at)}")
    else:
        parts.append(f"started {moment(insight.created_at)}")
    parts.append(
        money(insight.cost_usd) if insight.cost_usd else "offline, no cost" if insight.model == "offline" else "no cost"
    )
    return " · ".join(parts)


def question(insight: Insight) -> None:
    """What was asked."""
    layout.labelled("Instruction", escape_markdown(insight.instruction, 1500))
    if insight.description:
        layout.labelled("Description", escape_markdown(insight.description, 1500))


def stopped(insight: Insight) -> None:
    """Why there is no result, and how to go on."""
    message = insight.progress.message or "It was stopped before it had a result."
    with layout.card(badges.word(insight.status.value), height="content"):
        kind = st.error if insight.status == InsightStatus.FAILED else st.warning
        kind(
            escape_markdown(message),
            icon=":material/error:" if insight.status == InsightStatus.FAILED else ":material/stop_circle:",
        )
        question(insight)
        st.caption("What was summarised so far is kept and is not paid for again.")
        if st.button("Go on", icon=":material/play_arrow:"):
            loaders.client().resume_insight(insight.run_id)
            loaders.forget_lists()
            st.rerun()


def summary(insight: Insight, details: ClusterDetails) -> None:
    """The first row: question and answer beside the trust figures."""
    text, trust = st.columns([5, 6])
    with text, layout.card():
        question(insight)
        layout.labelled("Overview", emphasised(details.overview or "No overview was written."))
    with trust, layout.card():
        with st.container(horizontal=True, vertical_alignment="center", key="trust-head"):
            st.subheader(
                "Can I trust this?",
                anchor=False,
                width="stretch",
                help="Checks on the clustering and on the text. Each says what to do when it is low.",
            )
            if details.skipped:
                _left_out(details)
            with st.popover("How it was made", icon=":material/tune:", type="tertiary"):
                layout.pairs(metadata(insight, details))
        layout.facts(trust_facts(details))


def _left_out(details: ClusterDetails) -> None:
    with st.popover(
        f"{plural(len(details.skipped), 'trace')} left out", icon=":material/filter_alt_off:", type="tertiary"
    ):
        st.caption("These traces matched but are in no topic.")
        st.dataframe(
            pd.DataFrame(
                {"Trace": [one.trace_id for one in details.skipped], "Why": [one.reason for one in details.skipped]}
            ),
            hide_index=True,
        )


def trust_facts(details: ClusterDetails) -> list[tuple[str, str, str]]:
    """(name, value, what it means) for stability, coverage, outliers, separation and claims."""
    metrics, total = details.metrics, len(details.traces)
    clustered = total - metrics.outlier_count
    facts = [
        _stability(metrics),
        ("Coverage", share(metrics.coverage), f"{number(clustered)} of {plural(total, 'trace')} have a topic"),
        (
            "Outliers",
            number(metrics.outlier_count),
            "shown last in the tree, none hidden" if metrics.outlier_count else "every trace is like some others",
        ),
    ]
    if metrics.silhouette is not None:
        facts.append(("Separation", f"{metrics.silhouette:.2f}", _separation(metrics.silhouette)))
    if metrics.claims_checked:
        removed = metrics.claims_checked - metrics.claims_confirmed
        meaning = (
            f"{plural(removed, 'claim')} removed: no line backed them"
            if removed
            else "every cited line says what is claimed"
        )
        few = metrics.claims_checked < 1000
        value = f"{metrics.claims_confirmed} of {metrics.claims_checked}"
        if not few:
            value = share(metrics.claims_confirmed, metrics.claims_checked)
            meaning = f"of {number(metrics.claims_checked)}: {meaning}"
        facts.append(("Claims checked", value, meaning))
    return facts + _failures(details)


def _failures(details: ClusterDetails) -> list[tuple[str, str, str]]:
    """By what a trace counts as failed, and how good the guess is for those of which nobody says it."""
    total, guess = Tally.of(details.traces), details.metrics.guess
    if not total.known_count:
        return [("What failed", "status only", "say which traces failed when you run it again: a tag, a judge, a rule")]
    rule = str(details.config.get("failed_when") or "a rule")
    known = f"of {number(total.known_count)} known by {rule}"
    facts = [("What failed", share(total.failed_count, total.known_count), known)]
    if guess is None:
        return facts
    right = f"{share(guess.hits, guess.flagged)}" if guess.flagged else "–"
    base = f"{share(guess.failed, guess.known)} fail anyway"
    if guess.beats_base_rate:
        meaning = (
            f"right in {share(guess.precision_low)} to {share(guess.precision_high)} of what it flags, "
            f"finds {share(guess.hits, guess.failed)}; {base}"
        )
    else:
        meaning = f"not shown: no better than chance, {base}"
    return [*facts, ("Guess of the rest", right, meaning)]


_WITHOUT_STABILITY = {
    "empty": "there are no traces",
    "identical": "all traces say the same",
    "one": "there is one topic, so no other grouping to compare",
}


def _stability(metrics: TrustMetrics) -> tuple[str, str, str]:
    ari, chance = metrics.stability_ari, metrics.stability_chance
    if ari is None:
        return "Stability", "–", _WITHOUT_STABILITY.get(metrics.topics_verdict or "", "too few traces to run it again")
    again = plural(metrics.stability_runs, "re-run")
    if chance is None:  # a result from before chance was measured
        return "Stability", f"{ari:.2f}", f"{again} on a part; not compared with chance"
    beside = f"random data gives {chance:.2f}"
    if metrics.topics_verdict == "none":
        meaning = f"no topics stand out: hardly better than chance ({beside})"
    elif metrics.topics_verdict == "weak":
        meaning = f"weak: {again} on a part agree little more than by chance ({beside}); trust the large ones"
    else:
        meaning = f"holds: {again} on a part find much the same topics ({beside})"
    return "Stability", f"{ari:.2f}", meaning


def _separation(silhouette: float) -> str:
    if silhouette >= 0.5:
        return "topics lie well apart"
    return "topics touch in places" if silhouette >= 0.2 else "topics overlap: read traces of both before deciding"


def metadata(insight: Insight, details: ClusterDetails) -> dict[str, object]:
    """Run metadata in words."""
    spec = loaders.insight_spec(insight.run_id)
    scope, metrics = spec.scope, details.metrics
    asked = {
        "Filter": scope.filter_string,
        "Run": scope.run_id,
        "Session": scope.session_id,
        "Chosen traces": number(len(scope.trace_ids)) if scope.trace_ids else None,
        "Theme": spec.theme_id,
    }
    removed = ", ".join(f"{number(count)} × {kind}" for kind, count in sorted(metrics.redactions.items()))
    return {
        "Run id": insight.run_id,
        "Model": details.model,
        **{name: value for name, value in asked.items() if value},
        "Matching traces": number(details.matching_traces),
        "Sampled": f"{number(details.sampled_traces)} (seed {scope.seed})",
        "Clustering": str((details.config.get("clustering") or details.config).get("method", spec.clustering.method)),
        "Tokens": f"{number(details.input_tokens)} in, {number(details.output_tokens)} out"
        if details.input_tokens
        else "none: worked offline",
        "Cost": money(details.cost_usd),
        "Took": duration(1000 * details.duration_s),
        "Private data removed": removed or "none found",
    }
