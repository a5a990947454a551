"""The service of a target: its base URL, and its row of `providers.toml` if it is a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import OpenAIError
from oai._request.dialect import PLAIN, Dialect
from oai._request.multipart import Multipart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oai._http.messages import Request
    from oai._request.profile import Profile


class Service:
    """A server with the API itself.

    Args:
        base_url: its base URL; `None` if requests keep their URL.
    """

    dialect: Dialect = PLAIN
    key: str | None = None
    """The key that the environment has for the service."""
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    def __init__(self, base_url: str | None) -> None:
        self.base_url = base_url

    def has(self, request: Request) -> bool:  # noqa: ARG002 - for `ProviderService`
        """Return whether the service has the operation of a request."""
        return True

    def url(self, request: Request, path: str) -> str:  # noqa: ARG002 - for `ProviderService`
        """Return the URL of the operation of a request, whose path below the base URL this is."""
        return f"{self._base_url}/{path.lstrip('/')}"

    @property
    def _base_url(self) -> str:
        return (self.base_url or "").rstrip("/")


class ProviderService(Service):
    """A provider.

    Args:
        provider: its name, its row, or what `oai.providers.profile` returns.
        base_url: replaces that of its row.

    Raises:
        OpenAIError: there is no such provider, it needs a variable of the environment that is not set, or its requests
            are signed by code.
    """

    dialect: Profile

    def __init__(self, provider: Any, base_url: str | None) -> None:
        from oai._request.profile import Profile, find_profile  # parses a table, which few targets need

        profile = find_profile(provider)
        if not isinstance(profile, Profile):
            raise OpenAIError(f"a target cannot be {provider!r}, whose requests a client signs; pass its base_url")
        options = profile.configure_options({"base_url": base_url})
        super().__init__(options["base_url"])
        self.dialect = profile
        self.headers, self.query = profile.headers, options["default_query"]

    @property
    def key(self) -> str | None:  # type: ignore[override]  # it is read at each request, as where it is unpickled
        """The key that the environment has for the service."""
        return self.dialect.environment_key

    def has(self, request: Request) -> bool:
        """Return whether the service has the operation of a request."""
        return request.operation is None or self.dialect.allows(request.operation.name)

    def url(self, request: Request, path: str) -> str:
        """Return the URL of the operation of a request, whose path below the base URL this is."""
        operation: Any = request.operation
        body = _model_of(request.body) if operation.row.path in self.dialect.row.deployments else None
        return self.dialect.url(self._base_url, operation, f"/{path.lstrip('/')}", body)


def _model_of(body: Any) -> dict[str, Any]:
    """Return the model of a body, which is JSON or a form."""
    if isinstance(body, Multipart):
        return {"model": body.field("model")}
    try:
        return {"model": msgspec.json.decode(body, type=dict[str, Any]).get("model")}
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return {}
