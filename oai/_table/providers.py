"""Rows of `providers.toml`: how a service differs from the API that `endpoints.toml` describes.

`find_provider` looks a row up: in the tables that the caller passes, then in those of `OAI_PROVIDERS`, then in the
shipped one. Only clients that name a provider import this module.

Annotations are evaluated here, as in `_table.rows`.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from oai._errors import OpenAIError, TableError
from oai._json.strict import convert_strict
from oai._support.resources import read_data
from oai._support.suggest import nearest

SHIPPED = os.path.join(os.path.dirname(os.path.dirname(__file__)), "providers.toml")

VARIABLE = "OAI_PROVIDERS"
"""The environment variable with paths of the user's tables, separated as in `PATH`."""

Source = str | os.PathLike[str]


class ProviderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One service. `docs/table.md` documents the keys."""

    base_url: str
    doc: str = ""
    like: str | None = None
    environment: dict[str, str] = {}
    """The environment variables of `api_key`, `base_url`, and the names in braces in `base_url` and `query`."""
    key: Literal["required", "optional"] = "required"
    key_header: str | None = None
    """The header field that carries the key alone; by default it is a bearer token in `Authorization`."""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    paths: dict[str, str] = {}
    """Other paths for those of `endpoints.toml`."""
    has: list[str] = []
    """Its operations, `files.*` for all below `files`; empty if it has all that are not in `lacks`."""
    lacks: list[str] = []
    quirks: list[str] = []
    code: str | None = None
    """The function that returns the provider, as `module:function`, for services that code signs for."""
    deployment: str = ""
    deployments: frozenset[str] = frozenset()
    sockets: frozenset[str] = frozenset()
    socket_query: str = ""
    source: list[str] = []
    checked: str = ""

    def lists(self, operation: str) -> bool:
        """Return whether the row says that the service has an operation."""
        return (not self.has or _is_among(operation, self.has)) and not _is_among(operation, self.lacks)


def _is_among(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a call path matches a pattern: the path itself, or `files.*` for all paths below `files`."""
    return any(pattern == name or (pattern[-2:] == ".*" and name.startswith(pattern[:-1])) for pattern in patterns)


def find_provider(name: str, table: Source | None = None) -> ProviderRow:
    """Return the row of a provider.

    Raises:
        OpenAIError: there is none of that name; suggests the nearest.
        TableError: a table of the user is invalid.
    """
    rows = all_providers(table)
    if name not in rows:
        suggestion = nearest(name, rows)
        hint = f"did you mean {suggestion!r}?" if suggestion else f"there are {', '.join(sorted(rows))}"
        raise OpenAIError(f"there is no provider {name!r}; {hint}")
    return rows[name]


def all_providers(table: Source | None = None) -> dict[str, ProviderRow]:
    """Return every row by name: the shipped ones, with those of the environment and of `table` over them."""
    rows = dict(_shipped())
    paths: list[Source] = [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]
    for path in [*paths, *([] if table is None else [table])]:
        rows |= parse_providers(os.fspath(path), _read(path), rows)
    return rows


def find_shipped(name: str) -> ProviderRow:
    """Return a shipped row, without those of the user."""
    return _shipped()[name]


@cache
def _shipped() -> dict[str, ProviderRow]:
    return parse_providers(SHIPPED, read_data(SHIPPED), {})


def _read(path: Source) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TableError(f"{os.fspath(path)}: the table of providers cannot be read: {error.strerror}") from error


def parse_providers(path: str, source: bytes, others: Mapping[str, ProviderRow]) -> dict[str, ProviderRow]:
    """Parse a table; a row takes the keys that it lacks from the row that its `like` names, here or in `others`.

    Raises:
        TableError: it is not TOML, or has an invalid row.
    """
    try:
        document = tomllib.loads(source.decode("utf-8-sig").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not valid TOML: {error}") from error
    rows: dict[str, ProviderRow] = {}
    for name, keys in document.items():
        if not isinstance(keys, dict):
            raise TableError(f"{path}: {name}: a provider is a table of keys, not {keys!r}")
        rows[name] = provider_row(f"{path}: {name}", keys, {**others, **rows})
    return rows


def provider_row(place: str, keys: Mapping[str, Any], others: Mapping[str, ProviderRow]) -> ProviderRow:
    """Return the row with these keys; errors begin with its place.

    Raises:
        TableError: a key is unknown, missing, or has a wrong type.
    """
    for key in keys:
        if key not in ProviderRow.__struct_fields__:
            suggestion = nearest(key, ProviderRow.__struct_fields__)
            raise TableError(
                f"{place}: unknown key {key!r}" + (f"; did you mean {suggestion!r}?" if suggestion else "")
            )
    like = keys.get("like")
    if like is not None and like not in others:
        raise TableError(f"{place}: like: there is no provider {like!r} above it")
    base = {} if like is None else msgspec.structs.asdict(others[like])
    try:
        return convert_strict(ProviderRow, {**base, **keys})
    except msgspec.ValidationError as error:
        raise TableError(f"{place}: {error}") from error
