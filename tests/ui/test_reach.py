"""Who reaches the dashboard is known from the address it listens on, and said where others do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pages._ui.shell import reach


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.2"])
def test_an_address_of_this_machine_is_not_open(address: str) -> None:
    assert not reach.is_open(address)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "10.0.0.5", "insights.example"])
def test_other_addresses_are_open_and_said(address: str | None, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    assert reach.is_open(address)
    monkeypatch.setattr(reach.st, "get_option", lambda _: address)
    reach.say_at_start()
    assert "no login" in caplog.text
    assert "no login" in reach.about()


def test_as_the_readme_starts_it_the_dashboard_listens_on_this_machine_only() -> None:
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    assert not reach.is_open(config["server"]["address"])
    assert config["browser"]["gatherUsageStats"] is False
