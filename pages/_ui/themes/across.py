"""Across themes: placeholder until the next commit."""

from __future__ import annotations


def across(experiment_id: str) -> None:
    """Nothing yet."""
