"""The options of a client, resolved from its arguments, then the environment, then the defaults.

A `Config` is immutable; `with_options` creates another. It holds the keys, so its repr shows nothing but the base URL.
It knows headers and URLs, not the table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from oai._http.messages import Timeout
from oai._request.dialect import PLAIN, Dialect, chosen_provider, residency_base_url
from oai._request.headers import JSON, HeaderMap, override
from oai._request.hooks import Hooks
from oai._request.options import (
    ARGUMENTS,
    DEFAULT_BASE_URL,
    as_timeout,
    count,
    key_or,
    option,
    seconds,
    size,
    text_or,
    unknown_option,
    url_or,
)
from oai._support.omit import omit
from oai._version import __version__

if TYPE_CHECKING:
    from oai._request.hooks import Hook
    from oai._table.operation import Operation


USER_AGENT: Final = f"oai/{__version__} Python/{sys.version_info[0]}.{sys.version_info[1]}"
STANDING: Final = override({}, {"Accept": JSON, "Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT})
"""The headers of every request, whatever the options."""

DEFAULT_TIMEOUT: Final = Timeout(600.0, connect=5.0)
DEFAULT_MAX_RETRIES: Final = 2
DEFAULT_MAX_BODY: Final = 2**30
DEFAULT_MAX_EVENT: Final = 2**26


class Config:
    """The resolved options of a client.

    Raises:
        OpenAIError: an option is invalid; the message names it and never shows a key.
    """

    api_key: Any = option(
        "str | Callable[[], Any] | None",
        "the key, or a function that returns it, called before every attempt (`OPENAI_API_KEY`).",
        read=key_or("OPENAI_API_KEY"),
        is_key=True,
        keeps=True,
        is_attribute=True,
    )
    admin_api_key: str | None = option(
        "str | None",
        "the key of the administration operations (`OPENAI_ADMIN_KEY`).",
        read=key_or("OPENAI_ADMIN_KEY"),
        is_key=True,
        keeps=True,
        is_attribute=True,
    )
    workload_identity: Any = option(
        "WorkloadIdentity | X509WorkloadIdentity | None",
        "an identity that gets short-lived tokens instead of a key, see `oai.auth`.",
        keeps=True,
        is_attribute=True,
    )
    organization: str | None = option(
        "str | None",
        "sent as `OpenAI-Organization` (`OPENAI_ORG_ID`).",
        read=text_or("OPENAI_ORG_ID"),
        keeps=True,
        is_attribute=True,
    )
    project: str | None = option(
        "str | None",
        "sent as `OpenAI-Project` (`OPENAI_PROJECT_ID`).",
        read=text_or("OPENAI_PROJECT_ID"),
        keeps=True,
        is_attribute=True,
    )
    base_url: str = option(
        "str | None",
        "the URL that the paths of the table are appended to (`OPENAI_BASE_URL`).",
        read=url_or("OPENAI_BASE_URL"),
        keeps=True,
        is_attribute=True,
    )
    timeout: Timeout = option(
        "float | Timeout | Omit | None",
        "seconds for each single wait, or a `Timeout`; by default 600, and 5 to connect.",
        default=omit,
        read=lambda _, value: as_timeout(value, DEFAULT_TIMEOUT),
        is_attribute=True,
    )
    max_retries: int = option(
        "int",
        "maximum number of retries after a failed attempt.",
        default=DEFAULT_MAX_RETRIES,
        read=count,
        is_attribute=True,
    )
    deadline: float | None = option(
        "float | None",
        "seconds for the whole call: attempts, waits between them, and the body.",
        read=seconds,
    )
    default_headers: dict[str, Any] = option(
        "Mapping[str, str | Omit | None] | None",
        "headers of every request; `None` removes one (`OPENAI_CUSTOM_HEADERS`).",
        read=lambda _, value: dict(value or {}),
        adds=True,
    )
    default_query: dict[str, Any] = option(
        "Mapping[str, Any] | None",
        "query parameters of every request.",
        read=lambda _, value: dict(value or {}),
        adds=True,
    )
    beta: str | None = option("str | None", "the `OpenAI-Beta` header of every request; overrides the row's.")
    on_request: Hook | None = option(
        "Callable[[Attempt], Any] | None",
        "called with the `Attempt` before it is sent; headers that it returns are added.",
    )
    on_reply: Hook | None = option(
        "Callable[[Attempt], Any] | None",
        "called with the `Attempt` when it has ended, with or without a response.",
    )
    on_retry: Hook | None = option(
        "Callable[[Attempt], Any] | None",
        "called with the failed `Attempt` before the wait for the next.",
    )
    on_end: Hook | None = option(
        "Callable[[Attempt], Any] | None",
        "called once for each call, with its last `Attempt`, when its response is read, its stream has ended, or it "
        "has failed.",
    )
    max_body: int | None = option(
        "int | None",
        "maximum bytes of a body that is read into memory, after decompression; by default 1 GiB.",
        default=DEFAULT_MAX_BODY,
        read=size,
    )
    max_event: int | None = option(
        "int | None",
        "maximum bytes of one event of a stream; by default 64 MiB.",
        default=DEFAULT_MAX_EVENT,
        read=size,
    )
    embeddings_as_arrays: bool = option(
        "bool",
        "whether embeddings are arrays of 32-bit floats, which are faster to decode and smaller, instead of lists.",
        default=False,
    )
    upload_paths: bool = option(
        "bool",
        "whether a string as the file of an upload is a path; `False` rejects it, for programs that pass on what users "
        "type.",
        default=True,
    )
    _strict_response_validation: bool = option(
        "bool",
        "whether a response with a missing or mistyped field raises `APIResponseValidationError`.",
        default=False,
    )
    pickle_keys: bool = option(
        "bool",
        "whether a pickled client contains its keys in plain text; otherwise they are read from the environment where "
        "it is unpickled.",
        default=False,
    )
    dialect: Dialect = option(
        "Dialect", "where a service other than the API expects the path and the key.", default=PLAIN
    )
    provider: Any = option(
        "str | Mapping[str, Any] | Provider | None",
        "the service to call instead of OpenAI, with its own key: a name, a row, or one of `oai.providers`.",
        keeps=True,
    )
    data_residency: str | None = option(
        "str | None",
        "a region, whose host replaces `base_url`: `eu`, `us`, `jp` and others.",
        is_stored=False,
    )
    webhook_secret: str | None = option(
        "str | None",
        "the secret with which `webhooks.unwrap` verifies signatures (`OPENAI_WEBHOOK_SECRET`).",
        read=text_or("OPENAI_WEBHOOK_SECRET"),
        is_key=True,
        keeps=True,
        is_attribute=True,
    )
    websocket_base_url: str | None = option(
        "str | None",
        "the base URL of WebSockets, if it differs: `wss://...` or `https://...`.",
        read=lambda _, url: None if url is None else str(url),
        keeps=True,
        is_attribute=True,
    )

    def __init__(self, **options: Any) -> None:
        for name in options:
            if name not in ARGUMENTS:
                raise unknown_option("__init__", name)
        if options.get("data_residency") is not None:
            options["base_url"] = residency_base_url(options)
        options.pop("data_residency", None)
        if options.get("dialect", PLAIN) is PLAIN and (provider := chosen_provider(options)) is not None:
            from oai._request.profile import configure  # few programs need it

            options = configure(provider, options)
        values = DEFAULTS | options
        for name, read in READERS.items():
            values[name] = read(name, values[name])
        vars(self).update(values)
        hooks = self.on_request, self.on_reply, self.on_retry, self.on_end
        self.hooks = Hooks(*hooks) if any(hooks) else None
        if self.websocket_base_url is not None:
            from oai._request.base_url import as_http, split_base_url  # validate it now, not at the first connection

            split_base_url(as_http(self.websocket_base_url), "websocket_base_url")
        self._basic: str | None = None
        self.url_problem: str | None = None
        self.url_query: Mapping[str, Any] = {}  # of the base URL
        self._full_base_url = self.base_url = self.base_url or DEFAULT_BASE_URL
        if self.base_url != DEFAULT_BASE_URL:
            self._split_base_url(self.base_url)
        self.query = {**self.url_query, **self.default_query}  # of every request
        self.headers = self._standing_headers()
        self.authorizes_itself = self._basic is not None or self.authorize((*self._custom, *self.default_headers))
        """Whether the caller set or removed `Authorization` through `default_headers`, the environment or the URL."""
        self._by_operation: dict[tuple[str, bool], HeaderMap] = {}

    def _split_base_url(self, text: str) -> None:
        from oai._request.base_url import SchemeError, split_base_url  # imports a large module for few clients

        try:
            self.base_url, self._full_base_url, self.url_query, self._basic = split_base_url(text, "base_url")
        except SchemeError as error:  # raised by the first call instead
            self.base_url, self.url_problem = error.shown, str(error)

    def __repr__(self) -> str:
        from oai._support.redact import redact_url  # compiles regular expressions

        return f"<Config for {redact_url(self.base_url)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Config holds keys and is not pickled")

    def state(self) -> dict[str, Any]:
        """Return the options that a pickled client contains: keys only with `pickle_keys`.

        Raises:
            TypeError: a header, the query or the URL holds a secret, which the environment could not restore.
        """
        options = self.dialect.pickled({n: value for n, value in self._options().items() if value is not omit})
        if self.pickle_keys:
            return options
        from oai._request.pickling import option_with_secret  # compiles regular expressions

        if secret := option_with_secret(options):
            raise TypeError(f"{secret} holds a secret, which is only pickled if the client has pickle_keys=True")
        return {name: value for name, value in options.items() if name not in KEYS or callable(value)}

    @property
    def sends_keys_in_plain(self) -> bool:
        """Whether a key would be sent unencrypted over a network."""
        if (
            self.base_url.startswith("https:")
            or self.url_problem
            or not (self.api_key or self.admin_api_key or self._basic)
        ):
            return False
        from oai._request.base_url import stays_here

        return not stays_here(self.base_url)

    def replace(self, **options: Any) -> Config:
        """Return a config with some options replaced; a key, name or URL that is `None` keeps its value.

        Headers and query parameters are merged; `set_default_headers` and `set_default_query` replace all of them.
        """
        from oai._request.changes import merged  # few calls need it

        return Config(**merged(self._options(), options))

    def _options(self) -> dict[str, Any]:
        """Return every option, the base URL with its userinfo and query."""
        options = {name: getattr(self, name) for name in OPTIONS} | {"base_url": self._full_base_url}
        return options | {name: omit for name in self.dialect.unread if options[name] is None}

    def for_sockets(self) -> Config:
        """Return the config for WebSockets, whose base URL is `websocket_base_url`."""
        if self.websocket_base_url is None:
            return self
        from oai._request.base_url import as_http

        return self.replace(base_url=as_http(self.websocket_base_url))

    def headers_for(self, operation: Operation, *, sends_json: bool = False) -> HeaderMap:
        """Return the headers of every request of an operation, except the key. They are not to be changed."""
        headers = self._by_operation.get((operation.name, sends_json))
        if headers is None:
            headers = override(self.headers, operation.row.headers)
            if self.beta is not None:
                headers = override(headers, {"OpenAI-Beta": self.beta})
            if sends_json:
                headers["content-type"] = ("Content-Type", JSON)
            self._by_operation[operation.name, sends_json] = headers
        return headers

    @property
    def validates(self) -> bool:
        """Whether responses are validated strictly."""
        return self._strict_response_validation

    def authorize(self, names: Iterable[str]) -> bool:
        """Return whether one of these headers takes the place of the key, or of a key that is missing."""
        own = self.dialect.authorization("")[0].lower()
        replacing = (own, "authorization") if self.api_key is None else (own,)
        return any(str(name).lower() in replacing for name in names)  # `override` rejects names of other types

    def _standing_headers(self) -> HeaderMap:
        self._custom = self.dialect.environment_headers()
        own = {"OpenAI-Organization": self.organization, "OpenAI-Project": self.project, "Authorization": self._basic}
        return override(STANDING, own, self.dialect.headers, self._custom, self.default_headers)


OPTIONS: Final = {name: declared for name, declared in ARGUMENTS.items() if declared.is_stored}
"""The options that are stored in a config, and that `with_options` replaces."""

DEFAULTS: Final = {name: declared.default for name, declared in OPTIONS.items()}
READERS: Final = {name: declared.read for name, declared in OPTIONS.items() if declared.read is not None}

KEYS: Final = frozenset(name for name, declared in OPTIONS.items() if declared.is_key)
NAMED: Final = frozenset(name for name, declared in OPTIONS.items() if declared.keeps)
"""The options that `with_options` keeps where it gets `None`, without reading the environment again."""
