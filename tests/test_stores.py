"""Which places are refused as a store, and by which name."""

import pytest

from insights_core import InsightsClient
from insights_core.errors import NotFoundError, UnsupportedStoreError


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("databricks", "Databricks"),
        ("databricks://profile", "Databricks"),
        ("databricks-uc", "Unity Catalog"),
        ("uc:http://127.0.0.1", "Unity Catalog"),
        ("./mlruns", "file store"),
        ("file:///somewhere", "file store"),
    ],
)
def test_each_place_that_holds_no_traces_is_refused_by_its_own_name(uri, named):
    with pytest.raises(UnsupportedStoreError) as refusal:
        InsightsClient(uri)
    assert named in refusal.value.message
    assert ("file store" in refusal.value.message) == (named == "file store")
    assert "sqlite:///" in refusal.value.message


@pytest.mark.parametrize("ask", [lambda c: c.list_analyses("0"), lambda c: c.analytics.volume("0")])
def test_reading_a_database_that_is_not_there_says_so_and_makes_none(tmp_path, ask):
    place = tmp_path / "typing-eror.db"
    with pytest.raises(NotFoundError, match=r"typing-eror\.db"):
        ask(InsightsClient(f"sqlite:///{place}"))
    assert not place.exists()
