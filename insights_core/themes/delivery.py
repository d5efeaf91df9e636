"""Alerts on their way out: to the log, a webhook, Slack. Titles come from traces, so nothing in them may act there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from insights_core import settings
from insights_core.entities.alert import Alert, Channel
from insights_core.markdown import without_effect

_log = logging.getLogger(__name__)
_TIMEOUT_S = 10.0
_TRIES = 3
_PAUSE_S = 0.5
_REDIRECTS = 3
_TITLE_CHARS = 200


class DeliveryError(Exception):
    """An alert did not arrive; the message says why, without the address, which is a secret."""


def text_of(alert: Alert) -> str:
    """An alert in a line, as it may be shown anywhere."""
    title = without_effect(alert.title)[:_TITLE_CHARS]
    return f"{without_effect(alert.theme_id)}: “{title}”. {without_effect(alert.message)}"


def deliver(alert: Alert, channel: Channel) -> None:
    """Send an alert.

    Raises:
        DeliveryError: It did not arrive.
    """
    _SENDERS[channel](alert)


def _to_log(alert: Alert) -> None:
    _log.warning("Alert %s: %s", alert.alert_id, text_of(alert))


def _to_webhook(alert: Alert) -> None:
    body = {
        "alert_id": alert.alert_id,
        "theme_id": alert.theme_id,
        "kind": alert.rule.kind.value,
        "threshold": alert.rule.threshold,
        "window_days": alert.rule.window_days,
        "window_start": alert.window_start.isoformat().replace("+00:00", "Z"),
        "cluster_id": alert.cluster_id,
        "title": without_effect(alert.title)[:_TITLE_CHARS],
        "count": alert.count,
        "run_id": alert.run_id,
        "text": text_of(alert),
    }
    _post(settings.INSIGHTS_ALERT_WEBHOOK, body)


def _to_slack(alert: Alert) -> None:
    text = text_of(alert)
    # Slack's own three: without them no mention, channel or link can be written.
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, entity)
    _post(
        settings.INSIGHTS_SLACK_WEBHOOK, {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    )


_SENDERS: dict[Channel, Callable[[Alert], None]] = {
    Channel.LOG: _to_log,
    Channel.WEBHOOK: _to_webhook,
    Channel.SLACK: _to_slack,
}


def _post(setting: settings.Setting[str | None], body: dict[str, Any]) -> None:
    address = setting.get()
    if not address:
        raise DeliveryError(f"{setting.name} is not set.")
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise DeliveryError(f"{setting.name} is no http or https address.")
    for attempt in range(1, _TRIES + 1):
        try:
            status = _send(setting.name, address, body)
        except DeliveryError as error:
            if attempt == _TRIES or not isinstance(error, _PassingError):
                raise
        else:
            if status < 300:
                return
            if attempt == _TRIES or (status < 500 and status != 429):
                raise DeliveryError(f"{setting.name} answered {status}.")
        time.sleep(_PAUSE_S * 2 ** (attempt - 1))


class _PassingError(DeliveryError):
    """One that another try may not meet."""


def _send(name: str, address: str, body: dict[str, Any]) -> int:
    """Post once, following redirects on the same host only; the status of the answer."""
    import requests

    at = address
    with _unlogged(), requests.Session() as session:
        for _ in range(_REDIRECTS + 1):
            try:
                answer = session.post(at, json=body, timeout=_TIMEOUT_S, allow_redirects=False, stream=True)
            except requests.RequestException as error:
                # `from None`: the error itself says the address.
                raise _PassingError(f"{name} did not answer ({type(error).__name__}).") from None
            with answer:
                if not answer.is_redirect:
                    return answer.status_code
                target = urljoin(at, answer.headers["location"])
            if _place(target) != _place(address):
                raise DeliveryError(f"{name} redirects to another host, which is refused.")
            at = target
    raise DeliveryError(f"{name} redirects more than {_REDIRECTS} times.")


def _place(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


@contextmanager
def _unlogged() -> Iterator[None]:
    """At level DEBUG, urllib3 writes paths, which are the secret of such an address."""
    logger = logging.getLogger("urllib3.connectionpool")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
