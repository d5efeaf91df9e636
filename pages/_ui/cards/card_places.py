"""Whose cards this dashboard shows, and where they are."""

from __future__ import annotations

from insights_core import settings
from insights_core.cards import connection
from insights_core.cards.local import start_local
from insights_core.cards.reading import Cards


def cards() -> Cards:
    """The cards of the dashboard's tenant; where REDIS_URL is not set, those that this process keeps and explains."""
    start_local()
    return Cards(settings.INSIGHTS_TENANT_ID.get(), connection.shared())


def in_memory() -> bool:
    """Whether the cards are in this process alone."""
    return connection.place() == "memory"


def caption() -> str:
    """The page's line of scope."""
    said = f"Generated explanations of decisions, not authoritative · tenant {settings.INSIGHTS_TENANT_ID.get()}"
    if in_memory():
        return f"{said} · kept in this dashboard's memory and gone with it; set REDIS_URL to keep them in a Redis"
    return f"{said} · Redis at {connection.address()}"
