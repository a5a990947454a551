"""What the providers with code share: options that they exclude, pickles without secrets, checks before signing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from oai._errors import OpenAIError
from oai._request.dialect import Dialect
from oai._request.profile import SEPARATE
from oai._support.omit import Omit, omit

if TYPE_CHECKING:
    from oai._http.messages import Request

EXCLUDED: Final = ("api_key", "admin_api_key", "workload_identity", "base_url")
"""The options of a client that a provider replaces."""

NO_CREDENTIALS: Final = (
    "There are no credentials for Bedrock: pass a bearer token or AWS credentials to bedrock(...), "
    "set AWS_BEARER_TOKEN_BEDROCK, or configure AWS's own chain of credentials"
)

Signing = Generator[tuple[Any, ...], Any, bool]
"""The effects of signing, as in `_flow.drivers`."""


class ServiceProvider:
    """A provider for `OpenAI(provider=...)`, as `oai.providers.bedrock` and `vertex` return it.

    Args:
        factory: the function that returned it.
        arguments: those of the function; `omit` and `None` are left out.
        secrets: the names of the arguments that a pickle leaves out.
        configure: returns the base URL and the dialect of a new client.
    """

    def __init__(
        self,
        factory: Callable[..., ServiceProvider],
        arguments: Mapping[str, Any],
        secrets: frozenset[str],
        configure: Callable[[], tuple[str, Dialect]],
    ) -> None:
        self._factory = factory
        self._arguments = {name: value for name, value in arguments.items() if not isinstance(value, Omit)}
        self._secrets = secrets
        self._configure = configure

    def __repr__(self) -> str:
        from oai._support.redact import redact_url  # compiles regular expressions

        shown = (
            f"{name}={redact_url(value) if name == 'base_url' and value else value!r}"
            for name, value in self._arguments.items()
            if name not in self._secrets and not callable(value) and value is not None
        )
        return f"{self._factory.__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arguments without the secrets, which are looked up again where it is unpickled."""
        return _restore, (self._factory, {k: v for k, v in self._arguments.items() if k not in self._secrets})

    def with_secrets(self) -> _Unredacted:
        """Return an object whose pickle holds the secrets, for clients with `pickle_keys`."""
        return _Unredacted(self._factory, self._arguments)

    def configure_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a client of this provider.

        Raises:
            OpenAIError: an option is passed that belongs to the provider.
        """
        name = self._factory.__name__
        if taken := [option for option in EXCLUDED if options.get(option) is not None]:
            raise OpenAIError(
                f"provider and {' and '.join(taken)} exclude each other: pass them to {name}(...), by its names"
            )
        base_url, dialect = self._configure()
        own = {option: value for option, value in options.items() if value is not None}
        return {**dict.fromkeys(SEPARATE, omit), **own, "base_url": base_url, "dialect": dialect}


class _Unredacted:
    """The pickle of a provider with its secrets; unpickled, it is the provider."""

    def __init__(self, factory: Callable[..., ServiceProvider], arguments: dict[str, Any]) -> None:
        self._pickled = factory, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, self._pickled

    def __repr__(self) -> str:
        return f"<{self._pickled[0].__name__} with its secrets>"


def _restore(factory: Callable[..., ServiceProvider], arguments: dict[str, Any]) -> ServiceProvider:
    return factory(**arguments)


class ServiceDialect(Dialect):
    """The dialect of a service that signs each attempt.

    Args:
        name: its name, for messages.
        base_url: the only URL whose requests it signs.
    """

    needs_key = False
    signs = True
    unread = SEPARATE

    def __init__(self, name: str, base_url: str) -> None:
        self.name = name
        self._origin = origin(base_url)

    def environment_headers(self) -> dict[str, str]:
        """Return none: those of the environment are for OpenAI."""
        return {}

    def pickled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a pickle, with the secrets of the provider only if it has those of the client."""
        options = {name: value for name, value in options.items() if name not in ("dialect", "base_url")}
        provider = options["provider"]
        if options["pickle_keys"] and isinstance(provider, ServiceProvider):
            options["provider"] = provider.with_secrets()
        return options

    def check(self, request: Request, excluded: tuple[str, ...] = ("authorization",)) -> None:
        """Refuse a request that must not get the credentials.

        Raises:
            OpenAIError: it is for another origin, or has credentials of its own.
        """
        own = next((name for name, _ in request.headers if name.lower() in excluded), None)
        if own is not None:
            raise OpenAIError(f"{self.name} signs its requests itself: remove the header {own}")
        if origin(request.url) != self._origin:
            raise OpenAIError(
                f"{self.name} credentials are only sent to the configured base_url, not to another origin"
            )

    def socket_query(self, path: str, query: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Refuse: the services have no WebSockets that such credentials open."""
        raise OpenAIError(f"{self.name} credentials are not supported by WebSocket connections")


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def resolved_token(token: object, message: str, *, is_async: bool) -> str:
    """Return the token that a function of the caller returned.

    Raises:
        OpenAIError: it is empty or not a string; `message` says so.
    """
    if not is_async and hasattr(token, "__await__"):
        close = getattr(token, "close", None)
        if callable(close):
            close()  # otherwise Python warns that it was never awaited
        raise OpenAIError("an async token provider needs AsyncOpenAI")
    if not isinstance(token, str) or not token.strip():
        raise OpenAIError(message)
    return token
