"""What a model costs, from the catalog that MLflow ships and the user's own list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from insights_core import settings
from insights_core.errors import InvalidParameterError

# The makers first, then who hosts open models: the first that lists a name says its price.
_PROVIDERS = ("openai", "anthropic", "gemini", "mistral", "cohere", "cohere_chat", "deepseek", "xai", "groq")
# What providers add to a model's name without changing the model: a date, an alias, OpenRouter's ":free".
_VERSION = re.compile(r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3})|-latest|:\w+)$")


@dataclass(frozen=True)
class Price:
    """List price of a model in USD per million tokens."""

    input_usd_per_million: float
    output_usd_per_million: float

    def cost_usd(self, input_tokens: float, output_tokens: float) -> float:
        """What a call of this size costs, in USD."""
        return (input_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million) / 1_000_000


def price_of(model: str) -> Price | None:
    """The price of a model, or None where neither INSIGHTS_PRICES nor MLflow's catalog knows it.

    Names are compared without regard to case; where the exact name is not listed, a version date at its end
    and a provider before a slash are ignored: `openai/gpt-4o-mini-2024-07-18` costs what `gpt-4o-mini` costs.

    Raises:
        InvalidParameterError: The file in INSIGHTS_PRICES is missing or not of the right form.
    """
    own = settings.INSIGHTS_PRICES.get()
    lists = [_catalog()]
    if own:
        path = Path(own)
        if not path.is_file():
            raise InvalidParameterError(
                f"INSIGHTS_PRICES names {own!r}, which is not a file. Name a YAML file, or unset it."
            )
        lists.insert(0, _read(path, path.stat().st_mtime))
    for prices in lists:
        for name in _spellings(model):
            if name in prices:
                return prices[name]
    return None


def _spellings(model: str) -> list[str]:
    """The name itself first, then ever plainer forms of it."""
    name = model.strip().lower()
    forms = [name]
    for form in (name, name.rsplit("/", 1)[-1]):
        while form:
            forms.append(form)
            plainer = _VERSION.sub("", form)
            if plainer == form:
                break
            form = plainer
    return list(dict.fromkeys(forms))


@cache
def _catalog() -> dict[str, Price]:
    """Prices of the catalog inside MLflow's package, read without importing MLflow, which takes seconds."""
    import json
    from importlib.util import find_spec

    spec = find_spec("mlflow")
    folder = Path(spec.origin).parent / "utils" / "model_catalog" if spec and spec.origin else Path()
    prices: dict[str, Price] = {}
    plain: dict[str, Price] = {}
    for provider in _PROVIDERS:
        file = folder / f"{provider}.json"
        for name, model in json.loads(file.read_text())["models"].items() if file.is_file() else ():
            listed = model.get("pricing") or {}
            if (asked := listed.get("input_per_million_tokens")) is None:
                continue
            price = Price(float(asked), float(listed.get("output_per_million_tokens") or 0))
            prices.setdefault(name.lower(), price)
            for form in _spellings(name):
                plain.setdefault(form, price)
    return plain | prices


@cache
def _read(path: Path, changed_at: float) -> dict[str, Price]:
    import yaml

    try:
        listed = yaml.safe_load(path.read_text())["models"]
        prices = {str(name).lower(): _price(figures) for name, figures in listed.items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, UnicodeDecodeError) as error:
        raise InvalidParameterError(
            f"The price file {str(path)!r} cannot be used: {str(error).splitlines()[0]}. "
            "It needs a mapping `models`, each with [USD per million input tokens, USD per million output tokens]."
        ) from error
    # A hosted open model is listed as maker/model; its own name alone means the same.
    return {name.rsplit("/", 1)[-1]: price for name, price in prices.items()} | prices


def _price(figures: Any) -> Price:
    input_price, output_price = (float(figure) for figure in figures)
    if input_price < 0 or output_price < 0:
        raise ValueError("a price is below 0")
    return Price(input_price, output_price)
