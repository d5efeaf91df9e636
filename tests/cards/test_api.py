"""The API: who may ask what, and that nobody ever sees another tenant's cards."""

from __future__ import annotations

import json
import re

import pytest
from fastapi.testclient import TestClient

from insights_core.cards.explain import OfflineExplainer
from insights_core.cards.queueing import queue_events
from insights_core.cards.reading import Cards
from insights_core.errors import InvalidParameterError
from insights_core.server.cards import create_app

SECRET = "internal-secret-of-this-test"
TENANTS = ("acme", "other", "third")
TOKENS = [
    {"token": f"{tenant}-{role}-token-0123456789", "tenant_id": tenant, "role": role}
    for tenant in TENANTS
    for role in ("emitter", "auditor", "admin")
]


def bearer(tenant: str, role: str = "auditor", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {tenant}-{role}-token-0123456789", **more}


@pytest.fixture
def api(redis_url, monkeypatch):
    monkeypatch.setenv("INTERNAL_SECRET", SECRET)
    monkeypatch.setenv("INSIGHTS_CARD_TOKENS", json.dumps(TOKENS))
    return TestClient(create_app(), client=("203.0.113.9", 1234))


@pytest.fixture
def open_api(redis_url):
    """The API where neither secret nor tokens are configured, asked from this machine."""
    return TestClient(create_app(), base_url="http://localhost:8014", client=("127.0.0.1", 1234))


@pytest.fixture
def events(client, an_event, working, until):
    """Two explained events of each tenant, with agents that all have and agents of their own."""
    made = {
        tenant: [
            an_event(tenant_id=tenant, agent_id=f"agent-of-{tenant}", event_id=f"{tenant}-1"),
            an_event(tenant_id=tenant, agent_id="common/agent", event_id=f"{tenant}-2", findings=[], decision="allow"),
        ]
        for tenant in TENANTS
    }
    queue_events(client, [event for of in made.values() for event in of])
    with working(OfflineExplainer()):
        until(lambda: not any(Cards(tenant, client).standing().waiting for tenant in TENANTS))
    return made


def ids(answer) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {item["event_id"] for item in answer.json()["data"]["items"]}


def test_cards_are_read_as_the_examples_say(api, events):
    headers = bearer("acme", **{"X-Tenant-ID": "acme"})
    [latest, first] = api.get("/insights/recent?limit=10", headers=headers).json()["data"]["items"]
    assert {latest["event_id"], first["event_id"]} == {"acme-1", "acme-2"}
    card = api.get("/insights/acme-1", headers=headers).json()["data"]
    assert card["summary"] == "A call of run_sql was denied for destructive_sql."
    assert (card["agent"], card["finding"], card["status"]) == ("agent-of-acme", "destructive_sql", "explained")
    assert card["label"] == "Generated, not authoritative"
    assert ids(api.get("/insights/recent?limit=1", headers=headers)) == {latest["event_id"]}
    assert ids(api.get("/insights/by-agent/common/agent", headers=headers)) == {"acme-2"}
    assert ids(api.get("/insights/recent?decision=allow", headers=headers)) == {"acme-2"}
    assert ids(api.get("/insights/recent?finding=destructive_sql", headers=headers)) == {"acme-1"}


def test_no_route_shows_a_tenant_anything_of_another(api, events):
    paths = [path for path, verbs in api.app.openapi()["paths"].items() if "get" in verbs]
    asked = set()
    for mine in TENANTS:
        for role in ("auditor", "admin"):
            for theirs in (tenant for tenant in TENANTS if tenant != mine):
                for path in paths:
                    for event in events[theirs]:
                        url = path.replace("{event_id}", event.event_id).replace("{agent_id}", event.agent_id)
                        asked.add(path)
                        answer = api.get(url, headers=bearer(mine, role))
                        assert f"{theirs}-1" not in answer.text, url
                        assert f"{theirs}-2" not in answer.text, url
                        assert f"agent-of-{theirs}" not in answer.text, url
                        assert f'tenant_id="{theirs}"' not in answer.text, url
                        if path == "/insights/{event_id}":
                            nothing = api.get("/insights/never-was", headers=bearer(mine, role))
                            assert (answer.status_code, answer.json()) == (404, nothing.json())
                        # Nor by naming the other tenant, which is refused as one that does not exist is.
                        named = api.get(url, headers=bearer(mine, role, **{"X-Tenant-ID": theirs}))
                        unknown = api.get(url, headers=bearer(mine, role, **{"X-Tenant-ID": "nobody"}))
                        if path.startswith("/insights"):
                            assert named.status_code == unknown.status_code == 403
                            assert named.json() == unknown.json()
    assert {"/insights/recent", "/insights/{event_id}", "/insights/by-agent/{agent_id}", "/metrics"} <= asked


def test_another_tenants_event_costs_redis_what_none_does(api, events, client):
    """No difference in what is done, so none in how long it takes."""

    def asked(event_id: str) -> dict[str, int]:
        client.config_resetstat()
        assert api.get(f"/insights/{event_id}", headers=bearer("acme")).status_code == 404
        return {name: one["calls"] for name, one in client.info("commandstats").items() if "config" not in name}

    assert asked("other-1") == asked("nobody-1") == {"cmdstat_get": 1}


def test_a_tenant_cannot_emit_for_another(api, an_event, client):
    event = an_event(tenant_id="other").model_dump(mode="json")
    assert api.post("/insights/events", json=event, headers=bearer("acme", "emitter")).status_code == 403
    assert Cards("other", client).recent() == []


def test_roles(api, an_event, client):
    event = an_event().model_dump(mode="json")
    assert api.post("/insights/events", json=event, headers=bearer("acme", "auditor")).status_code == 403
    sent = api.post("/insights/events", json=event, headers=bearer("acme", "emitter"))
    assert (sent.status_code, sent.json()) == (202, {"data": {"event_id": event["event_id"], "result": "queued"}})
    again = api.post("/insights/events", json=event, headers=bearer("acme", "admin"))
    assert again.json()["data"]["result"] == "known"
    for path in ("/insights/recent", f"/insights/{event['event_id']}", "/insights/by-agent/billing", "/metrics"):
        assert api.get(path, headers=bearer("acme", "emitter")).status_code == 403
        assert api.get(path, headers=bearer("acme", "admin")).status_code == 200


def test_the_internal_secret_opens_every_tenant_by_name(api, events):
    for given in ({"X-Internal-Secret": SECRET}, {"Authorization": f"Bearer {SECRET}"}):
        for tenant in TENANTS:
            assert ids(api.get("/insights/recent", headers={**given, "X-Tenant-ID": tenant})) == {
                f"{tenant}-1",
                f"{tenant}-2",
            }
        unnamed = api.get("/insights/recent", headers=given)
        assert unnamed.status_code == 400 and "X-Tenant-ID" in unnamed.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer "},
        {"X-Internal-Secret": "wrong"},
        {"X-Internal-Secret": SECRET + "x", "X-Tenant-ID": "acme"},
        {"Authorization": "Bearer \u00fc".encode("latin-1").decode("latin-1")},
    ],
)
def test_whoever_has_no_token_is_told_so_and_nothing_else(api, events, headers, caplog):
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/insights/recent", "/insights/acme-1", "/insights/by-agent/x", "/metrics"):
        answer = api.get(path, headers=encoded)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert SECRET not in answer.text
    assert api.post("/insights/events", json={}, headers=encoded).status_code == 401
    assert SECRET not in caplog.text and "token-0123456789" not in caplog.text


def test_without_a_secret_only_this_machine_is_answered(open_api, redis_url, an_event):
    event = an_event(tenant_id="default").model_dump(mode="json")
    assert open_api.post("/insights/events", json=event).status_code == 202
    assert ids(open_api.get("/insights/recent")) == {event["event_id"]}
    assert ids(open_api.get("/insights/recent", headers={"X-Tenant-ID": "acme"})) == set()
    elsewhere = TestClient(create_app(), base_url="http://localhost:8014", client=("203.0.113.9", 1234))
    refused = [
        elsewhere.get("/insights/recent"),
        open_api.get("/insights/recent", headers={"X-Forwarded-For": "203.0.113.9"}),
        open_api.get("/insights/recent", headers={"Host": "rebound.example:8014"}),
        open_api.get("/insights/recent", headers={"Host": "evil]"}),
    ]
    foreign_page = open_api.post("/insights/events", content=json.dumps(event), headers={"Content-Type": "text/plain"})
    assert foreign_page.status_code == 400
    for answer in refused:
        assert answer.status_code == 403
        assert "INTERNAL_SECRET" in answer.json()["message"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many"])
def test_a_wrong_limit_is_refused_by_name(api, limit):
    answer = api.get(f"/insights/recent?limit={limit}", headers=bearer("acme"))
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "limit" in answer.json()["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"[" * 50_000, b"{" + b" " * 70_000 + b"}", b'{"payload": "DROP TABLE"}']
)
def test_a_body_that_is_no_event_is_refused_without_repeating_it(api, body):
    headers = bearer("acme", "emitter", **{"Content-Type": "application/json"})
    answer = api.post("/insights/events", content=body, headers=headers)
    assert answer.status_code == 400
    assert "Content-Type" not in answer.text
    assert "DROP" not in answer.text


def test_a_full_queue_is_said(api, an_event, monkeypatch):
    monkeypatch.setattr("insights_core.cards.keys.QUEUE", 1)
    codes = [
        api.post("/insights/events", json=an_event().model_dump(mode="json"), headers=bearer("acme", "emitter"))
        for _ in range(2)
    ]
    assert [answer.status_code for answer in codes] == [202, 429]
    assert codes[1].json()["error_code"] == "RATE_LIMITED"


def test_health_and_what_is_not_there(api, monkeypatch):
    assert api.get("/health").json() == {"status": "ok", "redis": "redis"}
    assert api.get("/nothing").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert api.delete("/insights/recent", headers=bearer("acme")).status_code == 400
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    assert api.get("/health").status_code == 503
    away = api.get("/insights/recent", headers=bearer("acme"))
    assert away.status_code == 504
    assert "hunter2" not in away.text


def samples(text: str) -> dict[str, float]:
    """Prometheus' text as name and labels -> value; every line must be one, a help or a type."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = re.fullmatch(r'([a-z_]+(?:\{(?:\w+="[^"\\\n]*",?)+\})?) (\S+)', line)
            assert match, line
            found[match[1]] = float(match[2])
    return found


def test_metrics_have_the_promised_names_and_labels(api, events, client, an_event, monkeypatch):
    monkeypatch.setattr("insights_core.cards.keys.QUEUE", 1)
    queue_events(client, [an_event(), an_event()])
    everybodys = samples(api.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"}).text)
    for tenant in TENANTS:
        assert everybodys[f'acp_insight_events_consumed_total{{tenant_id="{tenant}",result="explained"}}'] == 2
        assert everybodys[f'acp_insight_rate_limited_total{{tenant_id="{tenant}"}}'] == 0
    assert everybodys['acp_insight_events_dropped_total{tenant_id="acme",reason="full"}'] == 1
    assert everybodys["acp_insight_stream_depth"] == 1
    assert everybodys["acp_insight_dlq_size"] == 0
    assert everybodys["acp_insight_event_latency_seconds_count"] == 6
    assert everybodys['acp_insight_event_latency_seconds_bucket{le="+Inf"}'] == 6
    assert everybodys["acp_insight_event_latency_seconds_sum"] > 0
    mine = api.get("/metrics", headers=bearer("other")).text
    assert samples(mine)["acp_insight_stream_depth"] == 0
    assert "acme" not in mine and "third" not in mine


@pytest.mark.parametrize(
    "tokens",
    [
        "not a file",
        "[",
        '[{"token": "short", "tenant_id": "acme"}]',
        '[{"token": "0123456789abcdef-secret", "tenant_id": "a:b"}]',
        '[{"token": "0123456789abcdef-secret", "tenant_id": "a", "role": "king"}]',
        '[{"token": "0123456789abcdef-secret", "tenant_id": "a"}, {"token": "0123456789abcdef-secret", "tenant_id": "b"}]',
    ],
)
def test_a_server_does_not_start_with_wrong_tokens_and_repeats_none(monkeypatch, tokens):
    monkeypatch.setenv("INSIGHTS_CARD_TOKENS", tokens)
    with pytest.raises(InvalidParameterError, match="INSIGHTS_CARD_TOKENS cannot be used") as refused:
        create_app()
    assert "0123456789abcdef" not in refused.value.message


def test_tokens_may_lie_in_a_file(redis_url, monkeypatch, tmp_path):
    (tmp_path / "tokens.json").write_text(json.dumps(TOKENS))
    monkeypatch.setenv("INSIGHTS_CARD_TOKENS", str(tmp_path / "tokens.json"))
    api = TestClient(create_app(), client=("203.0.113.9", 1234))
    assert ids(api.get("/insights/recent", headers=bearer("acme"))) == set()
    assert api.get("/insights/recent").status_code == 401
