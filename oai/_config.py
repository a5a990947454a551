"""What a client was told: its own arguments, then the environment, then the defaults.

A `Config` does not change; `with_options` makes another. It holds the keys and therefore never shows itself.
It knows headers and URLs, not the table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from oai._errors import OpenAIError
from oai._header_map import HeaderMap, custom_headers, override
from oai._http import Timeout, time_left
from oai._omit import Omit, omit
from oai._request_hooks import Hooks
from oai._version import __version__

if TYPE_CHECKING:
    from oai._operation import Operation
    from oai._request_hooks import Hook

DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"
RESIDENCIES: Final = ("ae", "au", "eu", "in", "jp", "us")
"""Regions that have a host of their own, by the official SDK; `global` is the default."""

DEFAULT_TIMEOUT: Final = Timeout(600.0, connect=5.0)
DEFAULT_MAX_RETRIES: Final = 2
DEFAULT_MAX_BODY: Final = 2**30
DEFAULT_MAX_EVENT: Final = 2**26

OPTIONS: Final = (
    "api_key",
    "admin_api_key",
    "organization",
    "project",
    "base_url",
    "timeout",
    "max_retries",
    "deadline",
    "default_headers",
    "default_query",
    "beta",
    "on_request",
    "on_reply",
    "on_retry",
    "max_body",
    "max_event",
    "pickle_keys",
    "dialect",
    "webhook_secret",
    "websocket_base_url",
)
"""The options that a client takes and `with_options` replaces."""

KEYS: Final = ("api_key", "admin_api_key", "webhook_secret")

NAMED: Final = frozenset({*KEYS, "organization", "project", "base_url", "websocket_base_url"})
"""The options of which `None` says nothing: `with_options` keeps them, and asks the environment no second time."""

ADDED: Final = ("default_headers", "default_query")
"""The options that `with_options` adds to, unless they are given as `set_...`."""


class Dialect:
    """How a service wants URLs and keys; this is how the API itself wants them."""

    def url(self, base_url: str, operation: Operation, path: str, body: Any) -> str:  # noqa: ARG002 - for others
        """Return the URL of an operation whose parameters stand in `path` already."""
        return base_url + path

    def socket_query(self, path: str, query: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the query that a WebSocket is asked for with, whose row has this path."""
        return query

    def authorization(self, key: str) -> tuple[str, str]:
        """Return the header field of a key."""
        return "Authorization", f"Bearer {key}"


PLAIN: Final = Dialect()


class Config:
    """The resolved options of a client.

    Raises:
        OpenAIError: an option cannot be what was given; the message says which and never shows a key.
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], Any] | None = None,
        admin_api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | Omit | None = omit,
        max_retries: int = DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        default_headers: Mapping[str, str | Omit | None] | None = None,
        default_query: Mapping[str, Any] | None = None,
        beta: str | None = None,
        on_request: Hook | None = None,
        on_reply: Hook | None = None,
        on_retry: Hook | None = None,
        max_body: int | None = DEFAULT_MAX_BODY,
        max_event: int | None = DEFAULT_MAX_EVENT,
        pickle_keys: bool = False,
        data_residency: str | None = None,
        dialect: Dialect = PLAIN,
        webhook_secret: str | None = None,
        websocket_base_url: str | None = None,
    ) -> None:
        self.api_key = _key("api_key", api_key, "OPENAI_API_KEY")
        self.admin_api_key = _key("admin_api_key", admin_api_key, "OPENAI_ADMIN_KEY")
        self.organization = organization or _environment("OPENAI_ORG_ID")
        self.project = project or _environment("OPENAI_PROJECT_ID")
        self.timeout = as_timeout(timeout, DEFAULT_TIMEOUT)
        self.max_retries = _count("max_retries", max_retries)
        self.deadline = _seconds("deadline", deadline)
        self.beta = beta
        self.on_request, self.on_reply, self.on_retry = on_request, on_reply, on_retry
        self.hooks = Hooks(on_request, on_reply, on_retry) if on_request or on_reply or on_retry else None
        self.max_body = _size("max_body", max_body)
        self.max_event = _size("max_event", max_event)
        self.pickle_keys = pickle_keys
        self.dialect = dialect
        self.webhook_secret = webhook_secret or _environment("OPENAI_WEBHOOK_SECRET")
        self.websocket_base_url = websocket_base_url
        if websocket_base_url is not None:
            from oai._base_url import as_http, split_base_url

            split_base_url(as_http(websocket_base_url), "websocket_base_url")
        if data_residency is not None:
            base_url = _residency(data_residency, base_url)
        self.base_url, query = _base_url(base_url or _environment("OPENAI_BASE_URL") or DEFAULT_BASE_URL)
        self.default_query: dict[str, Any] = {**query, **(default_query or {})}
        self.default_headers = dict(default_headers or {})
        self._headers = self._standing_headers()
        self._by_operation: dict[str, HeaderMap] = {}

    def __repr__(self) -> str:
        from oai._redact import redact_url  # as below

        return f"<Config for {redact_url(self.base_url)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Config holds keys and is not pickled")

    def state(self) -> dict[str, Any]:
        """Return the options that a pickled client carries: no key, unless `pickle_keys` says so.

        Raises:
            TypeError: a header, the query or the URL holds a secret, which nothing would bring back.
        """
        options = {name: getattr(self, name) for name in OPTIONS}
        if self.pickle_keys:
            return options
        from urllib.parse import quote

        from oai._redact import is_secret_header, redact_url  # regular expressions, which few programs need

        query = "&".join(f"{quote(name)}={quote(str(value))}" for name, value in self.default_query.items())
        kept = [f"default_headers[{name!r}]" for name in self.default_headers if is_secret_header(name)]
        kept += [
            name
            for name, url in (
                ("base_url", self.base_url),
                ("websocket_base_url", self.websocket_base_url or ""),
                ("default_query", f"http://x/{query and '?'}{query}"),
            )
            if redact_url(url) != url
        ]
        if kept:
            raise TypeError(f"{kept[0]} holds a secret, which is only pickled where the client has pickle_keys=True")
        return {name: value for name, value in options.items() if name not in KEYS or callable(value)}

    @property
    def sends_keys_in_plain(self) -> bool:
        """Whether a key would go unencrypted over a network."""
        if self.base_url.startswith("https:") or not (self.api_key or self.admin_api_key):
            return False
        from oai._base_url import stays_here

        return not stays_here(self.base_url)

    def replace(self, **options: Any) -> Config:
        """Return a config with some options replaced; a key, name or URL that is `None` stays.

        Headers and queries are added to those there are, whose place `set_default_headers` and its like take.
        """
        if options.get("data_residency") is not None:
            options["base_url"] = _residency(options["data_residency"], options.get("base_url"))
        options.pop("data_residency", None)
        whole = {name: options.pop(f"set_{name}", None) for name in ADDED}
        for name in options:
            if name not in OPTIONS:
                from oai._nearest import nearest

                right = nearest(name, OPTIONS)
                hint = f". Did you mean '{right}'?" if right else ""
                raise TypeError(f"with_options() got an unexpected keyword argument '{name}'{hint}")
        for name, value in whole.items():
            if value is not None and name in options:
                raise TypeError(f"{name} and set_{name} exclude each other: give one")
            if value is not None:
                options[name] = value
            elif name in options:
                options[name] = {**getattr(self, name), **(options[name] or {})}
        options = {name: value for name, value in options.items() if value is not None or name not in NAMED}
        options |= {name: time_left(options[name]) for name in ("timeout", "deadline") if name in options}
        return Config(**{name: options.get(name, getattr(self, name)) for name in OPTIONS})

    def for_sockets(self) -> Config:
        """Return the config that WebSockets are opened with: `websocket_base_url` is where their paths begin."""
        if self.websocket_base_url is None:
            return self
        from oai._base_url import as_http

        return self.replace(base_url=as_http(self.websocket_base_url))

    def headers_for(self, operation: Operation) -> HeaderMap:
        """Return the fields that every request of an operation carries, the key left out."""
        known = self._by_operation.get(operation.name)
        if known is None:
            known = override(self._headers, operation.row.headers)
            if self.beta is not None:
                known = override(known, {"OpenAI-Beta": self.beta})
            self._by_operation[operation.name] = known
        return known

    @property
    def authorizes_itself(self) -> bool:
        """Whether the caller gave an `Authorization` of their own, or took it away."""
        return self.authorize((*self._custom, *self.default_headers))

    def authorize(self, names: Iterable[str]) -> bool:
        """Tell whether one of these header fields is where a key goes."""
        own = self.dialect.authorization("")[0].lower()
        return any(name.lower() in ("authorization", own) for name in names)

    def _standing_headers(self) -> HeaderMap:
        self._custom = dict(custom_headers(_environment("OPENAI_CUSTOM_HEADERS") or ""))
        standing: dict[str, Any] = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"oai/{__version__} Python/{sys.version_info[0]}.{sys.version_info[1]}",
            "OpenAI-Organization": self.organization,
            "OpenAI-Project": self.project,
        }
        return override({}, standing, self._custom, self.default_headers)


def as_timeout(value: float | Timeout | Omit | None, default: Timeout) -> Timeout:
    """Turn seconds, `None` (without end), a `Timeout` or httpx's class of that name into a `Timeout`."""
    if isinstance(value, Omit):
        return default
    if isinstance(value, Timeout):
        return value
    if value is None or isinstance(value, (int, float)):
        return Timeout(_seconds("timeout", value))
    limits = {name: getattr(value, name, omit) for name in ("connect", "read", "write", "pool")}
    if omit in limits.values():
        raise OpenAIError(f"timeout is of type {type(value).__name__}; it takes seconds, None, or oai.Timeout")
    return Timeout(None, **limits)


def _environment(name: str) -> str | None:
    return (os.environ.get(name) or "").strip() or None


def _key(name: str, value: Any, variable: str) -> Any:
    if value is None:
        value = _environment(variable)
    if isinstance(value, str):
        check_key(name, value)
    elif value is not None and not callable(value):
        raise OpenAIError(f"{name} is of type {type(value).__name__}; it takes text or a function that returns it")
    return value or None


def check_key(name: str, value: str) -> None:
    """Refuse a key that no header could carry, which mostly is one with its line break or its quotes."""
    if not value.isascii() or any(char.isspace() or not char.isprintable() for char in value):
        raise OpenAIError(f"{name} has white space or a character in it that no key has; was it copied whole?")


def _base_url(text: str, option: str = "base_url") -> tuple[str, dict[str, str]]:
    """Return a base URL as requests begin with it, and the query that goes with each."""
    if text == DEFAULT_BASE_URL:
        return text, {}
    from oai._base_url import split_base_url  # with a large module; most clients have the usual one

    return split_base_url(text, option)


def _residency(region: str, base_url: str | None) -> str:
    """Return the base URL of a region."""
    if base_url is not None:
        raise OpenAIError("data_residency and base_url exclude each other: give one")
    if region == "global":
        return DEFAULT_BASE_URL
    if region not in RESIDENCIES:
        raise OpenAIError(f"data_residency is {region!r}; it takes global, {', '.join(RESIDENCIES)}")
    return DEFAULT_BASE_URL.replace("://", f"://{region}.")


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OpenAIError(f"{name} is {value!r}; it takes a whole number from 0 up")
    return value


def _size(name: str, value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise OpenAIError(f"{name} is {value!r}; it takes a whole number of bytes, or None for no limit")
    return value


def _seconds(name: str, value: object) -> float | None:
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0):
        raise OpenAIError(f"{name} is {value!r}; it takes seconds from 0 up, or None for no limit")
    return value
