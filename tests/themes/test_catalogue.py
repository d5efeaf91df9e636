"""Themes as people make, change, copy, send around and delete them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from insights_core import InsightsClient
from insights_core.entities.schedule import next_due, read_schedule
from insights_core.entities.theme import DateRange, Theme
from insights_core.errors import InvalidParameterError, ThemeNotFoundError
from insights_core.themes.checks import checked_theme
from insights_core.themes.files import builtin_themes
from insights_core.themes.specs import spec_of, with_theme
from insights_core.traces.search import count_traces

OWN = {
    "name": "Payment errors",
    "description": "What goes wrong while paying.",
    "base_filters": ["tags.agent = 'shop'"],
    "theme_filters": ["trace.status = 'ERROR'"],
    "prompt": "Look for {name}. {description}",
    "schedule": "every 10 minutes",
}


@pytest.fixture
def client(tracking_uri: str) -> InsightsClient:
    return InsightsClient(tracking_uri)


def test_five_themes_come_with_the_program_and_every_store_can_read_their_filters(client, experiment_id):
    themes = client.list_themes(experiment_id)
    wanted = ["error_analysis", "ux_issues", "feature_requests", "success_patterns", "performance_issues"]
    assert [theme.theme_id for theme in themes] == wanted
    for theme in themes:
        assert "theme_relevant" in theme.prompt_text() and theme.description in theme.prompt_text()
        assert theme.signals and checked_theme(theme)
        assert "span." not in " ".join(theme.conditions)
        assert count_traces(client, spec_of(theme, experiment_id).scope) == 0


def test_a_theme_is_created_changed_and_deleted_and_keeps_its_history(client, experiment_id):
    theme_id = client.create_theme(OWN, experiment_id, author="Ada")
    assert theme_id == "payment_errors"
    assert client.create_theme(OWN, experiment_id) == "payment_errors_2"
    changed = client.update_theme(theme_id, {"sample_rate": 0.5}, experiment_id, reason="too many", author="Bo")
    assert changed.sample_rate == 0.5
    found = InsightsClient(client.tracking_uri).get_theme(theme_id, experiment_id)
    assert found.sample_rate == 0.5 and found.base_filters == OWN["base_filters"]
    last = client.theme_history(theme_id, experiment_id)[-1]
    assert (last.author, last.field, last.before, last.after, last.why) == ("Bo", "sample_rate", 1.0, 0.5, "too many")
    client.delete_theme(theme_id, experiment_id)
    with pytest.raises(ThemeNotFoundError, match=r"error_analysis.*payment_errors_2"):
        client.get_theme(theme_id, experiment_id)


def test_of_a_built_in_theme_only_its_running_can_be_set_and_deleting_resets_it(client, experiment_id):
    changed = client.update_theme("ux_issues", {"enabled": False, "schedule": "daily"}, experiment_id)
    assert (changed.enabled, changed.schedule) == (False, "daily")
    assert client.get_theme("ux_issues", experiment_id).prompt == builtin_themes()["ux_issues"].prompt
    assert len(client.list_themes(experiment_id)) == 5
    with pytest.raises(InvalidParameterError, match=r"prompt of the built-in theme .* themes copy ux_issues"):
        client.update_theme("ux_issues", {"prompt": "Other"}, experiment_id)
    client.delete_theme("ux_issues", experiment_id)
    assert client.get_theme("ux_issues", experiment_id).enabled
    with pytest.raises(InvalidParameterError, match="built in and cannot be deleted"):
        client.delete_theme("ux_issues", experiment_id)
    with pytest.raises(InvalidParameterError, match="belongs to a built-in theme"):
        client.create_theme({"theme_id": "ux_issues", "name": "Mine"}, experiment_id)


def test_a_copy_of_a_built_in_theme_is_ones_own(client, experiment_id):
    copied = client.copy_theme("error_analysis", experiment_id=experiment_id)
    assert copied == "error_analysis_copy"
    changed = client.update_theme(copied, {"prompt": "Only timeouts. {name}"}, experiment_id)
    assert changed.prompt_text() == "Only timeouts. Error analysis (copy)"
    assert changed.signals == builtin_themes()["error_analysis"].signals


def test_a_theme_goes_through_a_file_into_another_experiment(client, mlflow_client, experiment_id, tmp_path):
    client.create_theme(OWN, experiment_id)
    text = client.export_theme("payment_errors", experiment_id, tmp_path / "theme.yaml")
    assert "base_filters" in text and "created_at" not in text and "sample_rate" not in text
    other = mlflow_client.create_experiment("Other", artifact_location=str(tmp_path / "other"))
    assert client.import_theme(tmp_path / "theme.yaml", other) == "payment_errors"
    kept = {"created_at", "updated_at", "history"}
    assert client.get_theme("payment_errors", other).model_dump(exclude=kept) == client.get_theme(
        "payment_errors", experiment_id
    ).model_dump(exclude=kept)
    with pytest.raises(InvalidParameterError):
        client.import_theme(tmp_path / "theme.yaml", other)
    changed = text.replace("every 10 minutes", "weekly")
    client.import_theme(None, other, text=changed, replace=True)
    assert client.get_theme("payment_errors", other).schedule == "weekly"


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"promt": "x"}, "promt", "Did you mean 'prompt'"),
        ({"theme_filters": ["trace.status = 'OK'", "latency > 3 OR"]}, "theme_filters", "condition 2"),
        ({"base_filters": "tags.a = 'b"}, "base_filters", "condition 1"),
        ({"base_filters": ["  "]}, "base_filters", "condition 1 is empty"),
        (
            {"prompt": "Look at\nthe {trace_id} of {name}"},
            "prompt",
            r"\{trace_id\} at position 13 \(line 2, column 5\)",
        ),
        ({"prompt": "{text}"}, "prompt", "follows the prompt by itself"),
        ({"schedule": "sometimes"}, "schedule", "every N minutes"),
        ({"sample_rate": 0}, "sample_rate", "greater than 0"),
        ({"signals": ["anger"]}, "signals", "error"),
        ({"clustering_config": {"metod": "kmeans"}}, "clustering_config", "metod"),
        ({"date_range": {"last_days": 3, "start": "2026-01-01"}}, "date_range", "neither start nor end"),
        ({"theme_id": "../x"}, "theme_id", "pattern"),
    ],
)
def test_what_cannot_run_is_refused_with_its_place(fields, place, said):
    with pytest.raises(InvalidParameterError, match=said) as refused:
        checked_theme({"theme_id": "t", "name": "T", **fields})
    assert refused.value.details["field"] == place
    assert place in refused.value.message


def test_braces_that_name_no_placeholder_stay_and_doubled_ones_are_braces():
    theme = Theme(theme_id="t", name="T", prompt='{"a": 1} {name} {{name}}')
    assert theme.prompt_text() == '{"a": 1} T {name}'


def test_a_theme_fills_in_what_a_specification_leaves_open():
    theme = checked_theme({"theme_id": "t", **OWN, "date_range": "last 7 days", "sample_rate": 0.3, "model": "m"})
    moment = datetime(2026, 3, 8, tzinfo=UTC)
    spec = spec_of(theme, "1", moment)
    assert spec.scope.filter_string == "tags.agent = 'shop' AND trace.status = 'ERROR'"
    assert spec.scope.start_time_ms == round((moment - timedelta(days=7)).timestamp() * 1000)
    assert (spec.scope.sample_rate, spec.model, spec.theme_id, spec.name) == (0.3, "m", "t", "Payment errors")
    assert spec.instruction == OWN["description"]
    assert spec.theme and spec.theme.prompt == OWN["prompt"]
    assert with_theme(spec, theme, moment + timedelta(days=9)) == spec


def test_an_insight_takes_a_theme_that_there_is_and_names_those_when_there_is_not(client, experiment_id):
    spec = spec_of(builtin_themes()["ux_issues"], experiment_id).model_copy(update={"theme": None})
    assert client.estimate_insight(spec).matching_traces == 0
    with pytest.raises(InvalidParameterError, match=r"no theme 'nope'.*ux_issues"):
        client.estimate_insight(spec.model_copy(update={"theme_id": "nope"}))


def test_a_schedule_wants_one_run_in_each_slot_and_does_not_drift():
    assert read_schedule("Every  5 min") == "every 5 minutes"
    at = datetime(2026, 3, 4, 2, 0, 7, tzinfo=UTC)  # a Wednesday
    assert next_due("manual", at, at) is None
    assert next_due("daily", None, at) == at
    assert next_due("daily", at, at) == datetime(2026, 3, 5, tzinfo=UTC)
    assert next_due("weekly", at, at) == datetime(2026, 3, 9, tzinfo=UTC)
    assert next_due("hourly", at, at) == datetime(2026, 3, 4, 3, tzinfo=UTC)
    assert next_due("every 10 minutes", at, at) == datetime(2026, 3, 4, 2, 10, tzinfo=UTC)


def test_a_date_range_is_absolute_or_rolls():
    assert str(DateRange.model_validate("last 7 days")) == "the last 7 days"
    absolute = DateRange(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 2, 1, tzinfo=UTC))
    assert absolute.bounds_ms(datetime.now(UTC)) == (1767225600000, 1769904000000)
