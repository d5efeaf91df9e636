"""What is new on Home: each row says what happened, why it matters, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import streamlit as st

from insights_core.analytics.models import Change
from insights_core.entities import HypothesisStatus, Insight, InsightStatus, IssueStatus, TraceScope
from insights_core.errors import InsightsError, mlflow_errors
from insights_core.names import SEEN_TAG
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE
from pages._ui.actions import create_insight
from pages._ui.home import home_figures
from pages._ui.insight import standing, topics
from pages._ui.look import badges
from pages._ui.look.formats import duration, local, moment, money, number, plural, share
from pages._ui.parts import layout
from pages._ui.shell import investigations, loaders, navigation, states
from pages._ui.shell.scope import DAY_MS, Scope

_MOST = 6


@dataclass(frozen=True)
class Item:
    """A row of news; plain text. `page` and `params` are where the action leads, or `act` is what it does."""

    icon: str
    what: str
    why: str
    action: str
    page: str = ""
    params: dict[str, str] = field(default_factory=dict)
    act: Callable[[], None] | None = None


def news(scope: Scope) -> None:
    """The card "New since …"."""
    seen = _seen_at(scope)
    with layout.card("New", f"since {moment(seen)}"):
        with states.loading("Looking for what is new", 200):
            items = _items(scope, seen)
        if not items:
            with states.empty(
                "Nothing new",
                "No insight ended, nothing rose beyond the usual noise and no issue was opened since then.",
            ):
                pass
            return
        for place, item in enumerate(items):
            with layout.row(f"news-{place}", last=place == len(items) - 1):
                layout.news(item.icon, item.what, item.why)
                if item.act is None:
                    navigation.link(item.page, item.action, item.params)
                elif st.button(
                    item.action,
                    key=f"news-{place}",
                    type="tertiary",
                    icon=":material/arrow_forward:",
                    icon_position="right",
                ):
                    item.act()
        st.space("stretch")
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(
                "Mark all as seen",
                icon=":material/done_all:",
                type="tertiary",
                help="For everybody who looks at this experiment.",
            ):
                _mark_seen(scope)


def _seen_at(scope: Scope) -> datetime:
    text = _seen_tag(loaders.tracking_uri(), scope.experiment_id)
    begin = datetime.fromtimestamp((scope.start_ms or scope.end_ms - 30 * DAY_MS) / 1000, UTC)
    try:
        return max(begin, datetime.fromisoformat(text)) if text else begin
    except ValueError:
        return begin


@st.cache_data(ttl=30, max_entries=32, show_spinner=False)
def _seen_tag(uri: str, experiment_id: str) -> str | None:
    with mlflow_errors():
        return loaders.client().mlflow.get_experiment(experiment_id).tags.get(SEEN_TAG)


def _mark_seen(scope: Scope) -> None:
    with mlflow_errors():
        loaders.client().mlflow.set_experiment_tag(scope.experiment_id, SEEN_TAG, datetime.now(UTC).isoformat())
    _seen_tag.clear()
    st.rerun()


def _items(scope: Scope, seen: datetime) -> list[Item]:
    insights = loaders.insights(scope.experiment_id)
    found = [
        *_changes(scope),
        *_of_insights(insights, seen),
        *_of_hypotheses(scope, seen),
        *_of_issues(scope, seen),
        *_unread(scope, insights),
    ]
    return [item for item in found if item.act or navigation.exists(item.page)][:_MOST]


def _changes(scope: Scope) -> list[Item]:
    """What is unlike the weeks like it: what rose or fell, and single bad days."""
    answer = home_figures.changes(scope)
    like = f"the same weekdays and hours, {number(answer.windows)} times before" if answer.windows > 1 else ""
    return [_change(scope, one, like or scope.before_label) for one in answer.data]


_MEASURES = {
    "error_rate": ("Errors", share, "traffic"),
    "p90_latency": ("Latency p90", duration, "traffic"),
    "cost": ("Cost of a trace", money, "traffic"),
    "count": ("Traces", number, "traffic"),
}


def _change(scope: Scope, one: Change, like: str) -> Item:
    name, words, page = _MEASURES[one.measure]
    before, now = words(one.before), words(one.now)
    read = ("Read the errors", "traces", {"status": "ERROR"})
    course = ("See the course", page, {})
    if one.kind == "burst" and one.when_ms:
        day = local(one.when_ms)
        what = f"{day.day} {day:%B}: {name[:1].lower()}{name[1:]} {now}, {before} on other days"
        why = "more than days differ by chance"
        if one.measure != "error_rate":
            return Item("bolt", what, why, *course)
        goes_with = _goes_with_errors(
            loaders.tracking_uri(), scope.experiment_id, one.when_ms, min(one.when_ms + DAY_MS, scope.end_ms)
        )
        return Item("bolt", what, why + (f", most of all with {goes_with}" if goes_with else ""), *read)
    verb, icon = ("rose", "trending_up") if one.kind == "rose" else ("fell", "trending_down")
    what, why = f"{name} {verb} from {before} to {now}", f"more than the usual noise, against {like}"
    if one.measure != "error_rate":
        return Item(icon, what, why, *course)
    goes_with = _goes_with_errors(loaders.tracking_uri(), scope.experiment_id, scope.start_ms, scope.end_ms)
    why += f", most of all with {goes_with}" if goes_with else ""
    return Item(icon, what, why, *(("See what goes with it", page, {}) if navigation.exists(page) else read))


@st.cache_data(ttl=120, max_entries=32, show_spinner=False)
def _goes_with_errors(uri: str, experiment_id: str, start_ms: int | None, end_ms: int) -> str | None:
    try:
        found = loaders.client().analytics.correlations(
            [experiment_id],
            start_time=start_ms,
            end_time=end_ms,
            filter_string="trace.status = 'ERROR'",
            correlation_dimensions=["tools", "tags"],
            limit=1,
            max_q=FALSE_DISCOVERY_RATE,
        )
    except InsightsError:
        # The reason is an extra: the news that errors rose holds without it.
        return None
    first = found.data[0] if found.data else None
    # `name=error` is a tool that failed, which a sentence about errors says already.
    return f"the {first.dimension} {first.value.removesuffix('=error')}" if first else None


def _of_insights(insights: list[Insight], seen: datetime) -> list[Item]:
    items: list[Item] = []
    finished = [one for one in insights if one.status == InsightStatus.FINISHED]
    for one in [one for one in insights if one.updated_at > seen][:3]:
        if one.status == InsightStatus.FAILED:
            items.append(
                Item(
                    "error",
                    f"Insight failed: {one.name}",
                    one.progress.message or "it said no reason",
                    "Look at the reason",
                    "insight",
                    {"run": one.run_id},
                )
            )
    if finished and finished[0].updated_at > seen:
        items += _topic_news(finished)
    return items


def _topic_news(finished: list[Insight]) -> list[Item]:
    newest = finished[0]
    details = loaders.insight_details(newest)
    failing = standing.failing_more(details)
    worst = next((one for one in topics.worst_first(topics.tree(details)) if one.cluster_id in failing), None)
    items: list[Item] = []
    if len(finished) > 1:
        fresh = standing.new_topics(loaders.insight_details(finished[1]), details)
        items += [_topic(newest, "New topic", "category", one) for one in fresh[:2]]
    if worst and not any(item.params.get("cluster") == worst.cluster_id for item in items):
        items.append(_topic(newest, "Fails more than the rest", "error", worst))
    return items


def _topic(insight: Insight, kind: str, icon: str, topic: topics.Topic) -> Item:
    why = f"{plural(topic.size, 'trace')}, {topics.rate_words(topic.tally)} · {insight.name}"
    return Item(
        icon,
        f"{kind}: {topic.title}",
        why,
        "Look at the topic",
        "insight",
        {"run": insight.run_id, "cluster": topic.cluster_id},
    )


def _of_hypotheses(scope: Scope, seen: datetime) -> list[Item]:
    items = []
    for analysis in [one for one in investigations.analyses(scope.experiment_id) if one.updated_at > seen][:5]:
        for one in investigations.hypotheses(analysis.id):
            if one.status == HypothesisStatus.VALIDATED and one.updated_at > seen:
                why = f"{plural(one.supports_count, 'piece')} of evidence for it, {number(one.refutes_count)} against · {analysis.title}"
                items.append(
                    Item(
                        "verified",
                        f"Hypothesis validated: {one.title}",
                        why,
                        "Make it an issue",
                        "run",
                        {"run": analysis.id, "hypothesis": one.id},
                    )
                )
    return items[:2]


def _of_issues(scope: Scope, seen: datetime) -> list[Item]:
    items = []
    for one in loaders.issues(scope.experiment_id):
        if one.updated_at > seen and one.status in (IssueStatus.OPEN, IssueStatus.IN_PROGRESS):
            what = "New issue" if one.created_at > seen else "Issue changed"
            why = f"{badges.word(one.severity.value)}, {plural(one.trace_count, 'trace')}, {badges.word(one.status.value).lower()}"
            items.append(
                Item("flag", f"{what}: {one.title}", why, "Decide on the issue", "issues", {"issue": one.issue_id})
            )
    return items[:2]


def _unread(scope: Scope, insights: list[Insight]) -> list[Item]:
    last = next((one for one in insights if one.status == InsightStatus.FINISHED), None)
    since = int(last.created_at.timestamp() * 1000) if last else scope.start_ms
    count = loaders.count_traces(TraceScope(experiment_id=scope.experiment_id, start_time_ms=since))
    if not count:
        return []
    why = f"the last insight began {moment(last.created_at)}" if last else "there is no insight yet"
    what = f"{plural(count, 'trace')} {'is' if count == 1 else 'are'} in no insight yet"

    def estimate() -> None:
        spec = loaders.insight_spec(last.run_id) if last else None
        create_insight.create_insight(
            scope.experiment_id,
            instruction=spec.instruction if spec else "",
            filter_string=(spec.scope.filter_string or "") if spec else "",
        )

    return [Item("hourglass_empty", what, why, "Estimate an update" if last else "Estimate an insight", act=estimate)]
