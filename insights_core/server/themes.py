"""Endpoints of analysis themes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from insights_core.client import InsightsClient
from insights_core.entities.theme_runs import ThemePreview, ThemeTest
from insights_core.server.requests import route
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute
from insights_core.server.theme_bodies import (
    AlertBody,
    AlertsResponse,
    ThemeBody,
    ThemeIdResponse,
    ThemeItem,
    ThemeResponse,
    ThemeRunsResponse,
    ThemesResponse,
    TrendBody,
    TrendsResponse,
)

router = APIRouter(prefix="/themes", tags=["Themes"], route_class=InsightsRoute, responses=ERROR_RESPONSES)


@route(router)
def list_theme_standings(client: InsightsClient, experiment_id: str) -> ThemesResponse:
    return ThemesResponse(
        themes=[ThemeItem.model_validate(item) for item in client.list_theme_standings(experiment_id)]
    )


@route(router)
def get_theme(client: InsightsClient, **given: Any) -> ThemeResponse:
    return ThemeResponse(theme=ThemeBody.model_validate(client.get_theme(**given)))


@route(router)
def create_theme(client: InsightsClient, **given: Any) -> ThemeIdResponse:
    return ThemeIdResponse(theme_id=client.create_theme(**given))


@route(router)
def update_theme(client: InsightsClient, **given: Any) -> ThemeResponse:
    return ThemeResponse(theme=ThemeBody.model_validate(client.update_theme(**given)))


@route(router)
def delete_theme(client: InsightsClient, theme_id: str, experiment_id: str) -> ThemeIdResponse:
    client.delete_theme(theme_id, experiment_id)
    return ThemeIdResponse(theme_id=theme_id)


@route(router)
def copy_theme(client: InsightsClient, **given: Any) -> ThemeIdResponse:
    return ThemeIdResponse(theme_id=client.copy_theme(**given))


@route(router)
def preview_theme(client: InsightsClient, **given: Any) -> ThemePreview:
    return client.preview_theme(**given)


@route(router)
def test_theme(client: InsightsClient, **given: Any) -> ThemeTest:
    return client.test_theme(**given)


@route(router)
def run_themes(client: InsightsClient, **given: Any) -> ThemeRunsResponse:
    return ThemeRunsResponse(runs=client.run_themes(**given, background=True))


@route(router)
def list_topic_trends(client: InsightsClient, **given: Any) -> TrendsResponse:
    return TrendsResponse(trends=[TrendBody.model_validate(one) for one in client.list_topic_trends(**given)])


@route(router)
def list_alerts(client: InsightsClient, **given: Any) -> AlertsResponse:
    return AlertsResponse(alerts=[AlertBody.model_validate(one) for one in client.list_alerts(**given)])


@route(router)
def test_alerts(client: InsightsClient, **given: Any) -> AlertsResponse:
    return AlertsResponse(alerts=[AlertBody.model_validate(one) for one in client.test_alerts(**given)])
