"""Providers by name: the options and the dialect that a row of `providers.toml` stands for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from oai._errors import OpenAIError, UnsupportedOperationError
from oai._request.dialect import Dialect
from oai._support.omit import omit
from oai._table.operation import DOT_SEGMENTS, PCHAR, Operation
from oai._table.providers import ProviderRow, Source, all_providers, find_provider, provider_row
from oai._table.rows import PLACEHOLDER

SEPARATE: Final = ("api_key", "admin_api_key", "organization", "project")
"""The options that default to the environment for the API itself, but not for another service."""


def profile(name: str, *, table: Source | None = None, check_operations: bool = True) -> Profile:
    """Return a provider by name, for `OpenAI(provider=...)`. The name itself stands for `profile(name)`.

    Args:
        name: the name of a row of `providers.toml`, of a table in `OAI_PROVIDERS`, or of `table`.
        table: a TOML file with rows of the caller's.
        check_operations: whether a call of an operation that the provider is not known to have raises
            `UnsupportedOperationError` instead of being sent.

    Raises:
        OpenAIError: there is no such provider.
        TableError: a table is invalid.
    """
    return Profile(name, find_provider(name, table), check_operations=check_operations)


def configure(provider: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a client with those that a provider stands for.

    Raises:
        OpenAIError: it is not a provider, or an option conflicts with it.
    """
    return {**find_profile(provider).configure_options(dict(options)), "provider": provider}


def find_profile(provider: Any) -> Any:
    """Return the provider that a name, a row, or the provider itself stands for.

    Raises:
        OpenAIError: it is not a provider.
    """
    profile = provider
    if isinstance(provider, str):
        profile = _named(provider)
    elif isinstance(provider, Mapping):
        profile = Profile("the provider", provider_row("provider", provider, all_providers()))
    if not callable(getattr(profile, "configure_options", None)):
        raise OpenAIError(
            f"provider must be a name, a mapping of its row, or of oai.providers, not {type(provider).__name__}"
        )
    return profile


def _named(name: str) -> Any:
    """Return the provider of a name: its row, or what the function returns that its row names."""
    row = find_provider(name)
    if row.code is None:
        return Profile(name, row)
    from importlib import import_module

    module, _, function = row.code.partition(":")
    return getattr(import_module(module), function)()


class Profile(Dialect):
    """The dialect of a provider, and the provider itself.

    Args:
        name: its name, for messages.
        row: its row.
        check_operations: whether operations that the row does not list are refused.
    """

    unread: tuple[str, ...] = SEPARATE

    def __init__(self, name: str, row: ProviderRow, *, check_operations: bool = True) -> None:
        self.name = name
        self.row = row
        self.check_operations = check_operations
        self.needs_key = row.key == "required"
        self.headers = row.headers
        self.fixed_query = tuple(row.query)
        self._checked: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        keys = {name: getattr(self.row, name) for name in self.row.__struct_fields__}
        return _restore, (type(self), self.name, keys, self.check_operations)

    @property
    def missing_key(self) -> str:  # type: ignore[override]  # computed, and as read-only as the base class's
        """The error of a client without a key."""
        return f"There is no API key for {self.name}: pass api_key{self._variable(', or set ')}"

    def key_hint(self, *, admin: bool) -> str:
        """Return how to pass the key of an operation, for the error of a missing one."""
        own = "" if admin else self._variable(", or set ")
        return f"{'admin_api_key' if admin else 'api_key'}: pass it to the client{own}"

    def _variable(self, before: str) -> str:
        """Return the environment variable of the key, after some words, if there is one."""
        return "".join(before + self.row.environment[name] for name in ("api_key",) if name in self.row.environment)

    def configure_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a client: those of the caller, then the environment's, then the row's."""
        values = {
            **dict.fromkeys(SEPARATE, omit),
            **{name: value for name, value in options.items() if value is not None},
        }
        if options.get("api_key") is None:
            values["api_key"] = self.environment_key or omit
        if options.get("base_url") is None:
            values["base_url"] = self._environment("base_url") or self._fill(self.row.base_url)
        query = {name: self._fill(text) for name, text in self.row.query.items()}
        values["default_query"] = {**query, **(options.get("default_query") or {})}
        values["dialect"] = self
        return values

    @property
    def environment_key(self) -> str | None:
        """The key in the provider's own variable of the environment."""
        return self._environment("api_key")

    def environment_headers(self) -> dict[str, str]:
        """Return none: those of the environment are for OpenAI."""
        return {}

    def pickled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a pickle: the provider is configured again where it is unpickled."""
        return {name: value for name, value in options.items() if name != "dialect"}

    def _environment(self, option: str) -> str | None:
        """Return the value of an option in the environment."""
        return os.environ.get(self.row.environment.get(option, ""), "").strip() or None

    def _fill(self, text: str) -> str:
        """Return a text with the names in braces filled in from the environment.

        Raises:
            OpenAIError: a variable is not set.
        """

        def value(name: str) -> str:
            setting = self._environment(name)
            if setting is None:
                raise OpenAIError(f"{self.name} needs {name}: set {self.row.environment.get(name, name)}")
            return setting.rstrip("/")

        return PLACEHOLDER.sub(lambda match: value(match[1]), text)

    def has(self, operation: str) -> bool:
        """Return whether the provider has an operation: one of its row, or one that only the user's table declares."""
        from oai._table.load import shipped_table

        shipped = shipped_table()
        return self.row.lists(operation) or not (operation in shipped or operation in shipped.helpers)

    def allows(self, operation: str) -> bool:
        """Return whether an operation may be sent: one that the provider has, or any if they are not checked."""
        return operation in self._checked or not self.check_operations or self.has(operation)

    def _check(self, operation: str) -> None:
        if not self.allows(operation):
            raise UnsupportedOperationError(
                f"{self.name} has no {operation} (as of {self.row.checked or 'its row'}), and nothing was sent. "
                f"provider=oai.providers.profile({self.name!r}, check_operations=False) sends it anyway"
            )
        self._checked.add(operation)

    def url(self, base_url: str, operation: Operation, path: str, body: Any) -> str:
        """Return the URL of an operation, which must be one that the provider has."""
        self._check(operation.name)
        row = self.row
        if operation.row.path in row.deployments and "/deployments/" not in f"{base_url}/":
            name = self.deployment_of(body)
            if name and str(name) in DOT_SEGMENTS:  # which would lead out of the deployments, to another operation
                raise ValueError(f"{operation.name}: `model` must be the name of a deployment, not {name!r}")
            if name:
                return base_url + row.deployment.format(deployment=quote(str(name), safe=PCHAR)) + path
        return base_url + row.paths.get(path, path)

    def deployment_of(self, body: Any) -> Any:
        """Return the name of the deployment for a call: its model."""
        return body.get("model") if isinstance(body, Mapping) else None

    def socket_query(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        """Return the query of a WebSocket, with the deployment in place of the model for those that need one."""
        if path not in self.row.sockets:
            return query
        name = self.deployment_of(query)
        if not name:
            raise OpenAIError("a realtime connection needs a deployment: pass model, or azure_deployment to the client")
        rest = {key: value for key, value in query.items() if key != "model"}
        return {**rest, self.row.socket_query: name}

    def authorization(self, key: str) -> tuple[str, str]:
        """Return the header field that carries a key."""
        return super().authorization(key) if self.row.key_header is None else (self.row.key_header, key)


def _restore(cls: type[Profile], name: str, keys: dict[str, Any], check_operations: bool) -> Profile:
    return cls(name, ProviderRow(**keys), check_operations=check_operations)
