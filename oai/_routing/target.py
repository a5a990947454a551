"""A server to send to: its URL or provider, its key, its names of models, and its limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from oai._errors import OpenAIError
from oai._http.messages import Body, Pairs, Request, Timeout
from oai._incoming.router import match_path
from oai._request.multipart import Multipart
from oai._request.profile import Profile
from oai._routing.service import ProviderService, Service
from oai._support.redact import REDACTED, Redactor, is_secret_header, redact_url

OF_ACCOUNT: Final = frozenset({"openai-organization", "openai-project"})
"""Header fields that name the account at one server."""


@dataclass(frozen=True)
class Target:
    """A server that a `Fallback` or `Balancer` may send to.

    Args:
        transport: sends the requests, and is closed with the one around it; by default the client's usual one.
        name: its name in results and figures; by default the host of its URL.
        base_url: replaces the client's base URL; by default the URL stays as it is.
        provider: the service by its name, such as `"groq"`, its row, or what `oai.providers.profile` returns. It has a
            base URL, a variable of the environment for its key, header fields, paths and operations; a request whose
            operation it lacks goes to other targets.
        api_key: replaces the client's key, or a function that returns the key (an async one for an async client). The
            client's own key is never sent to another server than its own. A pickle leaves a key out; a function stays.
        models: its names of models by those of the requests; `"*"` stands for all others. Other models keep their name.
        headers: header fields to add.
        weight: how many of the requests of a `Balancer` it gets, relative to the others.
        timeout: seconds for which a request waits for a connection, and for each piece of the response.
        in_flight: how many requests it may have at a time.
        requests_per_minute: how many requests may start there within any 60 seconds.

    Raises:
        ValueError: an argument has an invalid value.
        OpenAIError: there is no such provider, or no key for it.
    """

    transport: Any = None
    _: KW_ONLY
    name: str = ""
    base_url: str | None = None
    provider: str | Mapping[str, Any] | Profile | None = None
    api_key: str | Callable[[], Any] | None = field(default=None, repr=False)
    models: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    weight: float = 1.0
    timeout: float | None = None
    in_flight: int | None = None
    requests_per_minute: int | None = None

    def __post_init__(self) -> None:
        """Validate the arguments."""
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight must be a non-negative number, not {self.weight!r}")
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(f"timeout must be positive, not {self.timeout!r}")
        if self.base_url is not None:
            parts = urlsplit(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"base_url must be an http or https URL, not {redact_url(self.base_url)!r}")
        reaches_server = self.transport is None or getattr(self.transport, "needs_key", True)
        if reaches_server and self.provider is not None and self._service.dialect.needs_key and self.key is None:
            raise OpenAIError(self._service.dialect.missing_key)
        if not self.name:
            url = self._service.base_url or ""
            name = self.provider if isinstance(self.provider, str) else urlsplit(url).netloc.rpartition("@")[2]
            object.__setattr__(self, "name", name)

    @cached_property
    def _service(self) -> Service:
        return Service(self.base_url) if self.provider is None else ProviderService(self.provider, self.base_url)

    @property
    def key(self) -> str | Callable[[], Any] | None:
        """The key, or the function that returns it: `api_key`, or that of the environment for the provider."""
        return self._service.key if self.api_key is None else self.api_key

    @property
    def uses_client_key(self) -> bool:
        """Whether the requests keep the key of the client."""
        return self.api_key is None and self.provider is None

    def has(self, request: Request) -> bool:
        """Return whether the server has the operation of a request."""
        return self._service.has(request)

    def __reduce__(self) -> Any:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "_"}
        if isinstance(self.api_key, str):
            fields["api_key"] = _missing_key
        return _restore, (type(self), fields)

    def request(self, request: Request, key: str | None) -> Request:
        """Return a request as this server gets it.

        Args:
            request: the request of the client.
            key: the target's key, if it has one.
        """
        service = self._service
        if key is None and not (service.base_url or self.models or self.headers or self.timeout):
            return request
        changed = request.copy()
        is_other = service.base_url is not None and _origin(service.base_url) != _origin(request.url)
        if self.models:
            changed.body = self._body(request.body)
        if service.base_url is not None:
            changed.url = self._url(service.base_url, changed, is_other=is_other)
        changed.headers = self._headers(request.headers, key, is_other=is_other)
        if self.timeout is not None:
            changed.timeout = _within_waits(request.timeout, self.timeout)
        return changed

    def _url(self, base_url: str, request: Request, *, is_other: bool) -> str:
        parts = urlsplit(request.url)
        match = match_path(request.operation.row.path, parts.path) if request.operation else None
        if match is None:
            url = f"{'://'.join(_origin(base_url))}/{parts.path.lstrip('/')}"
        else:
            url = self._service.url(request, match.below)
        query = _without_secrets(parts.query) if is_other else parts.query
        query = "&".join(filter(None, (query, urlencode(self._service.query))))
        return f"{url}{'?' if query else ''}{query}"

    def _headers(self, headers: Pairs, key: str | None, *, is_other: bool) -> Pairs:
        own = {**self._service.headers, **self.headers}
        replaced = {name.lower() for name in own}
        if is_other:
            headers = [pair for pair in headers if not is_secret_header(pair[0]) and pair[0].lower() not in OF_ACCOUNT]
        if key is not None:
            headers = [pair for pair in headers if pair[0].lower() not in ("authorization", "api-key")]
            headers += [self._service.dialect.authorization(key)] if key else []
        return [*(pair for pair in headers if pair[0].lower() not in replaced), *own.items()]

    def _body(self, body: bytes | Body | None) -> bytes | Body | None:
        if isinstance(body, Multipart):
            model = body.field("model")
            name = None if model is None else self._model(model)
            return body if name is None else body.with_field("model", name)
        if not isinstance(body, bytes):
            return body
        try:
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])  # all other values stay as they are
            model = msgspec.json.decode(fields["model"], type=str)
        except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
            return body
        name = self._model(model)
        if name is None:
            return body
        fields["model"] = msgspec.Raw(msgspec.json.encode(name))
        return msgspec.json.encode(fields)

    def _model(self, model: str) -> str | None:
        return self.models.get(model, self.models.get("*"))


def _missing_key() -> str:
    raise OpenAIError("the key of a target was left out when its transport was pickled; pass a function as api_key")


def _restore(kind: type[Target], fields: dict[str, Any]) -> Target:
    return kind(fields.pop("transport"), **fields)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _without_secrets(query: str) -> str:
    redactor = Redactor()
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if redactor.parameter(name, value) != REDACTED]
    return query if kept == pairs else urlencode(kept)


def _within_waits(timeout: Timeout, seconds: float) -> Timeout:
    """Return time limits of which none but `total` and `pool` is larger than some seconds."""
    connect, read, write = (
        seconds if limit is None else min(limit, seconds) for limit in (timeout.connect, timeout.read, timeout.write)
    )
    return Timeout(connect=connect, read=read, write=write, pool=timeout.pool, total=timeout.total)
