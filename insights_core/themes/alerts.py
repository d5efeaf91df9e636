"""Alerts of themes as they are kept: raised once, delivered until they arrive."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from insights_core.artifacts.base import EntityClient
from insights_core.artifacts.changes import Edit
from insights_core.artifacts.collection import Collection
from insights_core.artifacts.documents import iso
from insights_core.artifacts.kinds import ALERT
from insights_core.entities.alert import Alert
from insights_core.entities.common import now
from insights_core.entities.insight import ClusterDetails
from insights_core.entities.theme import Theme
from insights_core.errors import ConflictError, InvalidParameterError
from insights_core.themes.delivery import DeliveryError, deliver
from insights_core.themes.rules import evaluate

# Longer than every try of one alert on every channel takes; then its worker is dead.
_CLAIM = timedelta(minutes=5)


def raise_alerts(
    client: EntityClient, theme: Theme, details: ClusterDetails, previous: ClusterDetails | None = None
) -> list[Alert]:
    """Look at a theme's newest run by its rules, keep what they find, and deliver it with what is still to deliver.

    An event is kept and delivered once, also where two workers find it at the same time.

    Args:
        client: Where MLflow is.
        theme: With its rules.
        details: The run's result.
        previous: The result of the run before; its traces add to what windows hold.

    Returns:
        The alerts that are new.
    """
    kept = alerts_of(client, details.experiment_id)
    known = {one.alert_id: one for one in kept.list()}
    runs = [previous, details] if previous else [details]
    raised = []
    for alert in evaluate(theme.alert_rules, theme.theme_id, runs, round(now().timestamp() * 1000)):
        if alert.alert_id not in known and (made := _keep(kept, alert)):
            raised.append(_deliver(kept, made))
    for alert in known.values():
        if alert.theme_id == theme.theme_id and alert.open and (mine := _claim(kept, alert)):
            _deliver(kept, mine)
    return raised


def alerts_of(client: EntityClient, experiment_id: str | None) -> Collection[Alert]:
    """The alerts of an experiment, in its Insights run."""
    return Collection(client, ALERT, experiment_id=experiment_id)


def _keep(kept: Collection[Alert], alert: Alert) -> Alert | None:
    """The alert, claimed by us; None where somebody else has raised it."""
    fields = alert.model_dump(mode="json", exclude={"created_at", "updated_at", "history"})
    try:
        return kept.create({**fields, "claimed_at": now().isoformat()})
    except (InvalidParameterError, ConflictError):
        # Its id is made of the event: somebody else has kept the same one, and delivers it.
        return None


class _TakenError(Exception):
    """Another worker delivers it, or has."""


def _claim(kept: Collection[Alert], alert: Alert) -> Alert | None:
    """The alert, claimed by us; None where somebody else is at it."""
    moment, token = now(), uuid4().hex

    def decide(present: Alert) -> Edit:
        busy = present.claimed_at is not None and present.claimed_at > moment - _CLAIM
        if busy or not present.open:
            raise _TakenError
        return Edit(set={"claimed_at": iso(moment), "claimed_by": token})

    try:
        claimed = kept.change(alert.alert_id, decide)
    except _TakenError:
        return None
    return claimed if claimed.claimed_by == token else None


def _deliver(kept: Collection[Alert], alert: Alert) -> Alert:
    """Send it where it has not arrived, and keep what became of that."""
    deliveries = []
    for one in alert.deliveries:
        if one.state != "delivered":
            one = one.model_copy(update={"attempts": one.attempts + 1, "at": now()})
            try:
                deliver(alert, one.channel)
                one.state, one.error = "delivered", ""
            except DeliveryError as error:
                one.state, one.error = "failed", str(error)
        deliveries.append(one.model_dump(mode="json"))
    return kept.update(alert.alert_id, {"deliveries": deliveries, "claimed_at": None})
