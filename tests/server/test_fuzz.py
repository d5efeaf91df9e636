"""Whatever a caller sends, the answer is no server error and has the contract's body."""

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from insights_core.server.app import openapi_document

EXAMPLES = 12


def test_no_input_makes_a_server_error(insights_server):
    schema = schemathesis.openapi.from_dict(openapi_document())
    with httpx.Client(base_url=insights_server, timeout=60) as client:
        for operation in schema.get_all_operations():
            _fuzz(client, operation.ok())


def _fuzz(client: httpx.Client, operation) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case) -> None:
        answer = client.request(
            case.method, case.formatted_path, json=case.body if isinstance(case.body, (dict, list)) else None
        )
        assert answer.status_code < 500, (case.path, case.body, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["error"]["code"], answer.text

    send()


def test_junk_bodies_make_no_server_error(insights_server):
    junk = [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b'{"experiment_ids": [null]}',
        b'{"experiment_ids": ["0"], "start_time": 1e400}',
        b'{"experiment_ids": ["0"], "start_time": 99999999999999999999999}',
        b'{"experiment_ids": ["\\u0000"]}',
        b"[" * 5000,
    ]
    with httpx.Client(base_url=insights_server, timeout=60) as client:
        for path in openapi_document()["paths"]:
            for body in junk:
                answer = client.post(path, content=body, headers={"content-type": "application/json"})
                assert answer.status_code < 500, (path, body[:60], answer.text)
