"""What may come in as an event: names, shapes and hashes, and never a payload."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from insights_core.cards import shape_of
from insights_core.cards.queueing import event_of
from insights_core.entities.card import Decision
from insights_core.errors import InvalidParameterError

SECRETS = {
    "query": "DELETE FROM users WHERE email = 'ann@example.com'",
    "limit": 4711,
    "deep": {"a": [{"pin": "0815"}]},
}


def test_a_shape_tells_types_and_lengths_and_nothing_else():
    shape = shape_of(SECRETS)
    assert shape["fields"]["query"] == {"type": "string", "length": 49}
    assert shape["fields"]["deep"]["fields"]["a"]["element"]["type"] == "object"
    text = json.dumps(shape)
    assert not any(word in text for word in ("DELETE", "ann@", "4711", "0815"))
    assert shape["hash"].startswith("sha256:") and shape["hash"] != shape_of({})["hash"]


@pytest.mark.parametrize(
    "payload",
    [
        SECRETS,
        None,
        "text",
        3,
        1.5,
        True,
        b"bytes",
        [],
        {},
        {"ann@example.com": 1, "x y": 2, 3: 4, None: 5},
        {f"field_{'x' * 30}_{number}": {"a": [1, 2, "3"]} for number in range(500)},
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
        [[[[[[[["deep"]]]]]]]],
        {"\ud800": "\ud800"},
        object(),
        {"mixed": {1: 2, "a": 3}},
    ],
)
def test_any_payload_has_a_shape_that_an_event_takes(an_event, payload):
    assert an_event(payload_shape=shape_of(payload)).payload_shape
    assert "ann@example.com" not in json.dumps(shape_of(payload))


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"query": "string", "limit": "integer"},
        {"query": "string[54]", "tags": ["string"]},
        {"type": "object", "size": 120, "hash": "sha256:" + "0" * 64},
    ],
)
def test_plain_forms_of_a_shape_are_taken(an_event, shape):
    assert an_event(payload_shape=shape).payload_shape == shape


def test_decisions_are_taken_as_people_write_them(an_event):
    assert an_event(decision="denied").decision is Decision.DENY
    assert an_event(decision="Escalated").decision is Decision.ESCALATE


def test_times_are_utc_and_the_present_where_none_is_given(an_event):
    assert an_event(timestamp="2026-01-02T03:04:05+02:00").timestamp == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert abs((an_event().timestamp - datetime.now(UTC)).total_seconds()) < 5


def test_a_refusal_names_the_field_and_the_way_out(an_event):
    fields = an_event().model_dump(mode="json")
    with pytest.raises(InvalidParameterError, match=r"payload_shape.query.*shape_of"):
        event_of({**fields, "payload_shape": {"query": "DROP TABLE users"}})
    with pytest.raises(InvalidParameterError, match="no other fields than event_id, tenant_id"):
        event_of({**fields, "payload": "DROP TABLE users"})
    with pytest.raises(InvalidParameterError, match=r"decision.*'allow', 'deny' or 'escalate'"):
        event_of({**fields, "decision": "perhaps"})


def test_a_shape_has_a_largest_size(an_event):
    deep: dict = {}
    for _ in range(20):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="deeper"):
        an_event(payload_shape=deep)
    with pytest.raises(ValueError, match="longer"):
        an_event(payload_shape={f"a{number}": "string" for number in range(1000)})
