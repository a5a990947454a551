"""The prices of models, from a TOML file of the user's; the package has none, since they change.

currency = "USD"

[models."gpt-5*"]       # a name or a pattern; prices are for a million tokens
input = 1.25
cached_input = 0.125
output = 10.0
batch = 0.5             # the part of these prices that a request of a batch costs
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._metering.tokens import TokenUsage

MILLION: Final = 1_000_000


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prices of a model for a million tokens, and for each request; and the part of them that batches cost."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None
    request: float = 0.0
    batch: float = 1.0

    def cost(self, usage: TokenUsage) -> float:
        """Return the cost of these tokens. Cached tokens cost as much as others if they have no price of their own."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        tokens = (usage.input_tokens - cached) * self.input + cached * cached_price + usage.output_tokens * self.output
        return self.request + tokens / MILLION


class Prices:
    """A price table.

    Args:
        source: a TOML file, or its content as a mapping.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not TOML, or a price is invalid.
    """

    def __init__(self, source: str | os.PathLike[str] | Mapping[str, Any]) -> None:
        name = "the price table" if isinstance(source, Mapping) else os.fspath(source)
        table = dict(source) if isinstance(source, Mapping) else _load(name)
        self.currency = table.pop("currency", "USD")
        models = table.pop("models", {})
        if table:
            raise ValueError(f"{name}: unknown key {min(table)!r}; a price table has currency and models")
        is_valid = isinstance(self.currency, str) and isinstance(models, Mapping)
        if not is_valid:
            raise ValueError(f"{name}: currency must be text, and models a table of prices")
        self._prices = {str(model): _price(name, str(model), price) for model, price in models.items()}
        patterns = [model for model in self._prices if any(mark in model for mark in "*?[")]
        self._patterns = sorted(patterns, key=len, reverse=True)

    def of(self, *models: str | None) -> Price | None:
        """Return the price of the first of these names that has one; a name precedes patterns, the longest first."""
        names = [model for model in models if model]
        for model in names:
            if model in self._prices:
                return self._prices[model]
        for model in names:
            for pattern in self._patterns:
                if fnmatchcase(model, pattern):
                    return self._prices[pattern]
        return None


def _load(name: str) -> dict[str, Any]:
    with open(name, "rb") as file:
        try:
            return tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{name} is not TOML: {error}") from None


def _price(name: str, model: str, fields: Any) -> Price:
    names = Price.__struct_fields__
    is_table = isinstance(fields, Mapping)
    if not is_table:
        raise ValueError(f"{name}: the prices of {model!r} must be a table, not {fields!r}")
    for field, value in fields.items():
        if field not in names:
            right = nearest(str(field), names)
            hint = f". Did you mean {right!r}?" if right else f"; allowed are {', '.join(names)}"
            raise ValueError(f"{name}: {model!r} has an unknown price {field!r}{hint}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ValueError(f"{name}: the price {field!r} of {model!r} must be a non-negative number, not {value!r}")
    return Price(**fields)
