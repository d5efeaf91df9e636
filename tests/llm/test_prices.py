"""What models cost."""

from __future__ import annotations

import pytest

from insights_core.errors import InvalidParameterError
from insights_core.llm import Price, count_tokens, price_of
from insights_core.llm.tokens import tokens_bound


@pytest.mark.parametrize(
    "name", ["gpt-4o-mini", "GPT-4o-mini", "openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini:free"]
)
def test_a_model_is_known_by_every_spelling(name):
    assert price_of(name) == Price(0.15, 0.6)


def test_versions_and_makers_are_told_apart():
    assert price_of("gpt-4o-2024-05-13") != price_of("gpt-4o-2024-08-06") == price_of("gpt-4o")
    assert price_of("claude-haiku-4-5-20251001") == price_of("claude-haiku-4-5")
    assert price_of("gpt-oss-120b") == price_of("openai/gpt-oss-120b")
    assert price_of("gpt-4o-mini-tuned-by-me") is None and price_of("") is None
    assert price_of("text-embedding-3-small") == Price(0.02, 0.0)


def test_the_users_prices_win_and_the_others_stay(tmp_path, monkeypatch):
    file = tmp_path / "prices.yaml"
    file.write_text("models:\n  gpt-4o-mini: [1, 2]\n  my-llama: [0, 0]\n")
    monkeypatch.setenv("INSIGHTS_PRICES", str(file))
    assert price_of("gpt-4o-mini") == Price(1, 2)
    assert price_of("gpt-4o-mini-2024-07-18") == Price(1, 2)
    assert price_of("my-llama") == Price(0, 0)
    assert price_of("gpt-4o") is not None


@pytest.mark.parametrize(
    "text",
    ["models:\n  a: 3\n", "models:\n  a: [1]\n", "models:\n  a: [-1, 2]\n", "a: [1, 2]\n", "models: [\n", "- 1\n"],
)
def test_a_wrong_price_file_is_named(tmp_path, monkeypatch, text):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    monkeypatch.setenv("INSIGHTS_PRICES", str(file))
    with pytest.raises(InvalidParameterError, match=r"mine\.yaml"):
        price_of("gpt-4o-mini")


def test_a_missing_price_file_is_named(monkeypatch):
    monkeypatch.setenv("INSIGHTS_PRICES", "nowhere.yaml")
    with pytest.raises(InvalidParameterError, match=r"nowhere\.yaml"):
        price_of("gpt-4o-mini")


def test_tokens_are_estimated_within_reach():
    from pathlib import Path

    import wordllama
    from tokenizers import Tokenizer

    # The one tokenizer that comes with the dependencies; newer models cut less finely than this one.
    folder = Path(wordllama.__file__).parent / "tokenizers"
    tokenizer = Tokenizer.from_file(str(folder / "l2_supercat_tokenizer_config.json"))
    for text in (
        "I would like to cancel my reservation from Boston to Seattle and get a full refund, because the airline changed the time. "
        * 5,
        '{"tool": "book_reservation", "arguments": {"user_id": "mia_li_36", "cabin": "economy", "price": 243.5}, "ok": true}'
        * 5,
        "Ich möchte meinen Flug stornieren und den vollen Betrag zurückerhalten, weil sich die Zeiten geändert haben. "
        * 5,
    ):
        tokens = len(tokenizer.encode(text, add_special_tokens=False).ids)
        assert 0.65 * tokens <= count_tokens(text) <= 1.1 * tokens
        assert tokens_bound(text) >= tokens
    assert count_tokens("") == 0


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o",
        "claude-opus-4-5",
        "gemini-2.5-pro",
        "mistral-large-latest",
        "command-r-plus",
        "deepseek-chat",
        "grok-4",
    ],
)
def test_the_catalog_inside_mlflow_lists_every_maker(name):
    price = price_of(name)
    assert price is not None
    assert 0 < price.input_usd_per_million < price.output_usd_per_million
