"""Which service is called, and where it expects paths and keys.

`Dialect` is the API itself, and the base class of the differences: `_request.profile` implements those that a row of
`providers.toml` declares. It knows neither the table nor a transport.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final

from oai._errors import OpenAIError
from oai._http.messages import Request
from oai._request.headers import custom_headers
from oai._request.options import OptionValueError, environment
from oai._table.operation import Operation


class Dialect:
    """Where a service expects the path and the key. This base class is the API itself."""

    key_function = "api_key"
    """The option that holds the function which returns the key, for error messages."""

    fixed_query: tuple[str, ...] = ()
    """Names of the client's query parameters that neither the URL nor the arguments of a WebSocket override."""

    unread: tuple[str, ...] = ()
    """The options for which the environment is not read, because it has those of another service."""

    needs_key = True
    """Whether a request without a key is refused before it is sent."""

    signs = False
    """Whether `sign` adds the credentials of each attempt."""

    follows_redirects = True

    headers: Mapping[str, str] = {}
    """Header fields of every request, which those of the client override."""

    missing_key = (
        "There is no API key: pass api_key (or admin_api_key), or set OPENAI_API_KEY (or OPENAI_ADMIN_KEY). "
        "Without a key, OpenAI(transport=oai.OfflineTransport()) returns generated data."
    )
    """The error of a client without a key."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def url(self, base_url: str, operation: Operation, path: str, body: Any) -> str:  # noqa: ARG002 - for subclasses
        """Return the URL of an operation; `path` has its parameters filled in."""
        return base_url + path

    def socket_query(self, path: str, query: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the query of the WebSocket whose row has this path."""
        return query

    def authorization(self, key: str) -> tuple[str, str]:
        """Return the header that carries a key."""
        return "Authorization", f"Bearer {key}"

    def sign(self, request: Request, transport: Any, io: Any) -> Generator[Any, Any, bool]:
        """Add the credentials of one attempt to its request, by effects of `_flow.drivers`; return whether it did."""
        raise NotImplementedError

    def renew(self, request: Request) -> bool:  # noqa: ARG002 - for subclasses
        """After a response with status 401: return whether other credentials are available, and remove the old ones."""
        return False

    def pickled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a pickle; what configures a dialect leaves it out, and does so again."""
        return options

    def environment_headers(self) -> dict[str, str]:
        """Return the header fields of every request that the environment has."""
        return dict(custom_headers(environment("OPENAI_CUSTOM_HEADERS") or ""))

    def key_hint(self, *, admin: bool) -> str:
        """Return how to pass the key of an operation, for the error of a missing one."""
        option, variable = ("admin_api_key", "OPENAI_ADMIN_KEY") if admin else ("api_key", "OPENAI_API_KEY")
        return f"{option}: pass it to the client, or set {variable}"


PLAIN: Final = Dialect()


def residency_base_url(options: Mapping[str, Any]) -> str:
    """Return the base URL of `data_residency`."""
    from oai._request.base_url import residency_url  # a large module

    if options.get("provider") is not None:
        raise OpenAIError("data_residency and provider exclude each other: pass one")
    if options.get("websocket_base_url") is not None:
        raise OptionValueError("data_residency and websocket_base_url exclude each other: pass one")
    return residency_url(options["data_residency"], options.get("base_url"))


def chosen_provider(options: Mapping[str, Any]) -> Any:
    """Return the provider that the options or the environment name, if any.

    The environment does not count where an argument already says which server is called.
    """
    if options.get("provider") is None and options.get("base_url") is None:
        return environment("OAI_PROVIDER")
    return options.get("provider")
