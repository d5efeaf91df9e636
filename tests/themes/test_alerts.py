"""Alerts: raised for what is there and not for noise, once, and delivered until they arrive."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from click.testing import CliRunner

from insights_core import InsightsClient
from insights_core.cli import main
from insights_core.entities.alert import AlertKind, AlertRule, Channel
from insights_core.entities.common import now
from insights_core.entities.insight import Cluster, ClusterDetails, InsightSpec, TraceRow, TraceScope, TrustMetrics
from insights_core.entities.theme import Theme
from insights_core.insight.jobs import persist
from insights_core.server.theme_bodies import AlertsResponse
from insights_core.themes import delivery
from insights_core.themes.alerts import alerts_of, raise_alerts
from insights_core.themes.rules import evaluate, replay
from insights_core.themes.traffic import DAY_MS, window_of
from insights_core.themes.trends import topic_trends

NOW = round(now().timestamp() * 1000)
THIS_WEEK = window_of(NOW, 7)


def details(counts: dict[str, list[int]], bad: dict[str, int] | None = None, experiment_id="1", seed=0, sessions=False):
    """A run whose topics have so many traces in each full week before now, oldest first; `bad`: of the last week."""
    chance, rows = np.random.default_rng(seed), []
    weeks = len(next(iter(counts.values())))
    for topic, by_week in counts.items():
        for week, count in enumerate(by_week):
            start = THIS_WEEK - (weeks - week) * 7 * DAY_MS
            for number in range(count):
                failed = week == weeks - 1 and number < (bad or {}).get(topic, 0)
                rows.append(
                    TraceRow(
                        trace_id=f"tr-{topic}-{week}-{number}", cluster_id=topic, nearest_cluster_id=topic, x=0, y=0,
                        title="", summary="", status="ERROR" if failed else "OK",
                        timestamp_ms=start + int(chance.integers(7 * DAY_MS)),
                        session=f"{topic}{week}{number // 10}" if sessions else None,
                    )
                )  # fmt: skip
    clusters = [Cluster(cluster_id=one, level=0, title=one.title(), size=sum(by)) for one, by in counts.items()]
    return ClusterDetails(
        run_id="run-1", experiment_id=experiment_id, instruction="?", overview="", matching_traces=len(rows),
        sampled_traces=len(rows), clusters=clusters, traces=rows, metrics=TrustMetrics(),
        config={"scope": {"start_time_ms": THIS_WEEK - weeks * 7 * DAY_MS}},
    )  # fmt: skip


def found(rule: AlertRule, run: ClusterDetails) -> dict[str, str]:
    return {one.cluster_id: one.message for one in evaluate([rule], "t", [run], NOW)}


GROWS = AlertRule(kind=AlertKind.GROWS, threshold=50)


def test_a_topic_that_doubles_is_found_and_one_that_wavers_is_not():
    run = details({"refund": [50, 50, 120], "login": [50, 50, 60], "late": [3, 2, 5]})
    assert found(GROWS, run) == {"refund": "120 traces in a week, 140 % more than the 50 in the 7 days before."}


def test_traces_of_a_few_sessions_are_no_growth():
    counts = {"refund": [30, 30, 70], "login": [50, 50, 50]}
    assert found(GROWS, details(counts)) and not found(GROWS, details(counts, sessions=True))


def test_a_count_a_share_of_failures_and_a_new_topic_are_found():
    run = details({"refund": [40, 40], "login": [90, 90]}, bad={"refund": 30, "login": 20})
    run.clusters[0].fate = "born"
    assert set(found(AlertRule(kind=AlertKind.EXCEEDS, threshold=80), run)) == {"login"}
    assert set(found(AlertRule(kind=AlertKind.FAILURES, threshold=25), run)) == {"refund"}
    assert set(found(AlertRule(kind=AlertKind.NEW), run)) == {"refund"}


def test_noise_raises_something_in_at_most_one_look_of_twenty():
    chance, looks = np.random.default_rng(1), 200
    rules = [AlertRule(kind=AlertKind.GROWS, threshold=0), AlertRule(kind=AlertKind.FAILURES, threshold=10)]
    alarms = 0
    for look in range(looks):
        weeks = {f"t{n}": chance.poisson(mean, 4).tolist() for n, mean in enumerate((5, 10, 15, 20, 30, 40, 60, 80))}
        bad = {topic: int(chance.binomial(by[-1], 0.1)) for topic, by in weeks.items()}
        alarms += bool(evaluate(rules, "t", [details(weeks, bad, seed=look)], NOW))
    # Five of a hundred, and what chance adds to that in 200 looks.
    assert alarms / looks <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / looks)


def test_rules_are_tried_on_the_past_and_each_event_comes_once():
    run = details({"refund": [50, 50, 130, 130, 50], "login": [60, 60, 60, 60, 60]})
    rules = [GROWS, AlertRule(kind=AlertKind.EXCEEDS, threshold=100)]
    past = replay(rules, "t", [run], NOW)
    week = [round((one.window_start.timestamp() * 1000 - THIS_WEEK) / DAY_MS / 7) for one in past]
    assert [(one.rule.kind, at) for one, at in zip(past, week, strict=True)].count((AlertKind.GROWS, -3)) == 1
    assert sorted(at for one, at in zip(past, week, strict=True) if one.rule.kind == AlertKind.EXCEEDS) == [-3, -2]
    assert len({one.alert_id for one in past}) == 3


def test_a_trend_says_in_words_where_a_topic_came_from():
    trends = {
        one.cluster_id: one for one in topic_trends([details({"refund": [40, 40, 90], "login": [300, 300, 310]})])
    }
    assert trends["refund"].sentence == "19 to 27 % of traffic, up from 10 to 14"
    assert trends["login"].change == "down"
    assert [point.count for point in trends["refund"].points] == [40, 40, 90]
    same = topic_trends([details({"refund": [40, 40, 44], "login": [300, 300, 310]})])
    assert all(one.change == "" and one.sentence.endswith("as before") for one in same)


@pytest.fixture
def receiver():
    """A web server that keeps what is posted; `.answers` are the next statuses, with where they redirect to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, target = server.answers.pop(0) if server.answers else (200, "")
            server.got.append((self.path, body)) if status < 300 else None
            self.send_response(status)
            if target:
                self.send_header("location", target)
            self.end_headers()

        def log_message(self, *_):
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hooks/s3cret"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def raised(tracking_uri, experiment_id, monkeypatch):
    """Raise alerts of a theme whose topic has a hostile title; gives the new ones."""
    monkeypatch.setattr(delivery, "_PAUSE_S", 0.0)
    run = details({"refund": [40, 90]}, experiment_id=experiment_id)
    run.clusters[0].title = "<!channel> @here see http://evil.example"

    def look(*channels: Channel):
        rule = AlertRule(kind=AlertKind.EXCEEDS, threshold=80, notify=list(channels) or [Channel.LOG])
        theme = Theme(theme_id="errors", name="Errors", alert_rules=[rule])
        return raise_alerts(InsightsClient(tracking_uri), theme, run)

    return look


def kept(tracking_uri, experiment_id):
    return list(alerts_of(InsightsClient(tracking_uri), experiment_id).list())


def test_an_event_is_alerted_once_with_nothing_in_it_that_acts(raised, receiver, monkeypatch, caplog):
    monkeypatch.setenv("INSIGHTS_ALERT_WEBHOOK", receiver.url)
    monkeypatch.setenv("INSIGHTS_SLACK_WEBHOOK", receiver.url)
    with caplog.at_level(logging.DEBUG):
        assert len(raised(*Channel)) == 1 and raised(*Channel) == []
    (_, posted), (_, slack) = receiver.got
    assert posted["count"] == 90 and posted["alert_id"] and "http://" not in posted["text"]
    assert "<!" not in slack["text"] and "@here" not in slack["text"] and "&lt;!channel&gt;" in slack["text"]
    assert "90 traces in a week" in caplog.text and "s3cret" not in caplog.text


def test_two_workers_that_find_the_same_event_alert_once(raised, receiver, monkeypatch, tracking_uri, experiment_id):
    monkeypatch.setenv("INSIGHTS_ALERT_WEBHOOK", receiver.url)
    answers = []
    workers = [threading.Thread(target=lambda: answers.extend(raised(Channel.WEBHOOK))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(answers) == len(receiver.got) == len(kept(tracking_uri, experiment_id)) == 1


def test_what_did_not_arrive_is_tried_again_with_the_next_run(
    raised, receiver, monkeypatch, tracking_uri, experiment_id
):
    raised(Channel.WEBHOOK, Channel.LOG)
    [alert] = kept(tracking_uri, experiment_id)
    states = {one.channel: (one.state, one.error) for one in alert.deliveries}
    assert states[Channel.WEBHOOK] == ("failed", "INSIGHTS_ALERT_WEBHOOK is not set.")
    assert states[Channel.LOG] == ("delivered", "")
    monkeypatch.setenv("INSIGHTS_ALERT_WEBHOOK", receiver.url)
    receiver.answers = [(500, ""), (500, ""), (500, "")]
    assert raised(Channel.WEBHOOK, Channel.LOG) == []
    [alert] = kept(tracking_uri, experiment_id)
    assert "s3cret" not in alert.model_dump_json() and "answered 500" in alert.model_dump_json()
    receiver.answers = [(503, "")]
    raised(Channel.WEBHOOK, Channel.LOG)
    [alert] = kept(tracking_uri, experiment_id)
    assert not alert.open and len(receiver.got) == 1 and alert.claimed_at is None


def test_a_redirect_is_followed_on_the_same_host_only(raised, receiver, monkeypatch, tracking_uri, experiment_id):
    monkeypatch.setenv("INSIGHTS_ALERT_WEBHOOK", receiver.url)
    receiver.answers = [(307, "http://localhost:1/elsewhere")]
    raised(Channel.WEBHOOK)
    assert receiver.got == [] and "another host" in kept(tracking_uri, experiment_id)[0].deliveries[0].error
    receiver.answers = [(307, "/moved")]
    raised(Channel.WEBHOOK)
    assert [path for path, _ in receiver.got] == ["/moved"]


def test_rules_of_a_theme_are_tried_on_its_runs_and_its_alerts_are_listed(tracking_uri, experiment_id, raised):
    client = InsightsClient(tracking_uri)
    client.update_theme("ux_issues", {"alert_rules": [{"kind": "exceeds", "threshold": 80}]}, experiment_id)
    assert client.test_alerts("ux_issues", experiment_id) == []
    spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="What is slow?", theme_id="ux_issues")
    run_id = persist.create_insight_run(client, spec, "offline", {})
    persist.write_details(
        client, details({"refund": [40, 90]}, experiment_id=experiment_id).model_copy(update={"run_id": run_id})
    )
    client.mlflow.set_terminated(run_id, "FINISHED")
    assert [one.count for one in client.test_alerts("ux_issues", experiment_id)] == [90]
    assert [one.sentence for one in client.list_topic_trends("ux_issues", experiment_id)]
    assert client.list_alerts(experiment_id) == []
    raised()
    assert [one.theme_id for one in client.list_alerts(experiment_id)] == ["errors"]
    assert client.list_alerts(experiment_id, "ux_issues") == []
    done = CliRunner().invoke(main, ["themes", "alerts", "--experiment-id", experiment_id])
    assert done.exit_code == 0 and "exceeds-80-7d" in done.output and "delivered" in done.output
    tried = CliRunner().invoke(main, ["themes", "test-alerts", "ux_issues", "--experiment-id", experiment_id])
    assert tried.exit_code == 0 and "exceeds-80-7d" in tried.output
    trends = ["themes", "trends", "ux_issues", "--experiment-id", experiment_id, "--output", "json"]
    assert [one["title"] for one in json.loads(CliRunner().invoke(main, trends).output)]
    body = AlertsResponse(alerts=client.list_alerts(experiment_id)).model_dump(mode="json")
    assert isinstance(body["alerts"][0]["window_start"], int)
