"""Google Vertex AI, with Google's credentials (google-auth, the extra `oai[vertex]`) or a token of the caller's.

Names, arguments and conditions are those of the official SDK's `providers.vertex`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from oai._errors import APITimeoutError, OpenAIError
from oai._http.response import SentRequest
from oai._providers.service import ServiceDialect, ServiceProvider, Signing, resolved_token
from oai._support.async_library import timeout

if TYPE_CHECKING:
    from oai._flow.drivers import ClientIO
    from oai._http.messages import Pairs, Request
    from oai._request.dialect import Dialect

VertexTokenProvider = Callable[[], "str | Awaitable[str]"]

SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)

EXCLUDED: Final = ("authorization", "api-key", "openai-organization", "openai-project")
"""Header fields that a request must not have: they are for other services."""


def vertex(
    *,
    project: str | None = None,
    location: str | None = None,
    base_url: str | None = None,
    token_provider: VertexTokenProvider | None = None,
    credentials: Any = None,
) -> ServiceProvider:
    """Return the provider of Google Vertex AI, for `OpenAI(provider=vertex(...))`.

    Args:
        project: the id of a Google Cloud project (`GOOGLE_CLOUD_PROJECT`).
        location: its location, such as `us-east5` or `global` (`GOOGLE_CLOUD_LOCATION`).
        base_url: the URL before the path of an operation, instead of both.
        token_provider: a function that returns an access token, called for each attempt.
        credentials: credentials of google-auth; by default Application Default Credentials.

    Raises:
        OpenAIError: an argument is missing or invalid, or both credentials and token provider are passed.
    """
    arguments = dict(locals())
    if token_provider is not None and credentials is not None:
        raise OpenAIError("credentials and token_provider exclude each other: pass one")
    url = _base_url(project, location) if base_url is None else str(base_url).rstrip("/")
    _check_url(url)

    def configure() -> tuple[str, Dialect]:
        if token_provider is not None:
            return url, VertexToken(url, token_provider)
        return url, VertexCredentials(url, credentials)

    return ServiceProvider(vertex, arguments, frozenset({"credentials"}), configure)


def _base_url(project: str | None, location: str | None) -> str:
    project = project or os.environ.get("GOOGLE_CLOUD_PROJECT")
    location = location or os.environ.get("GOOGLE_CLOUD_LOCATION")
    if not project:
        raise OpenAIError("Vertex needs the id of a project: pass project, or set GOOGLE_CLOUD_PROJECT")
    if not location:
        raise OpenAIError("Vertex needs a location: pass location, or set GOOGLE_CLOUD_LOCATION")
    if re.fullmatch(r"[a-zA-Z0-9_-][a-zA-Z0-9_.:-]*", project) is None:  # no segment of dots
        raise OpenAIError(f"project must be the id of a Google Cloud project, not {project!r}")
    if re.fullmatch(r"[a-z0-9-]+", location) is None:
        raise OpenAIError(f"location must be one of Google Cloud, such as us-east5 or global, not {location!r}")
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    return f"https://{host}/v1/projects/{project}/locations/{location}/publishers/openai/v1"


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
    ):
        from oai._support.redact import redact_url  # compiles regular expressions

        raise OpenAIError(
            "base_url of Vertex must be an http or https URL without credentials, query and fragment, "
            f"not {redact_url(url)!r}"
        )
    host = parts.hostname.rstrip(".")
    if parts.scheme != "https" and f".{host}".endswith(".googleapis.com"):
        raise OpenAIError("base_url must begin with https:// for a host of Google, not 'http://'")


class VertexToken(ServiceDialect):
    """The dialect of Vertex with a token of the caller's."""

    follows_redirects = False

    def __init__(self, base_url: str, token_provider: VertexTokenProvider) -> None:
        super().__init__("Vertex", base_url)
        self._token_provider = token_provider

    def sign(self, request: Request, transport: Any, io: ClientIO) -> Signing:  # noqa: ARG002 - of all dialects
        """Add the token of this attempt; an async function has the read timeout to return it."""
        self.check(request, EXCLUDED)
        try:
            token = yield self._token, request.timeout.read, io.is_async
        except TimeoutError:
            raise _timed_out(request) from None
        except Exception:  # noqa: BLE001 - it may hold a secret, and is not shown
            raise OpenAIError("The token provider of Vertex failed") from None
        message = "The token provider of Vertex must return a token that a header can carry"
        text = resolved_token(token, message, is_async=io.is_async)
        if not all("!" <= char <= "~" for char in text):
            raise OpenAIError(message)
        request.headers.append(("Authorization", f"Bearer {text}"))
        return True

    def _token(self, seconds: float | None, is_async: bool) -> Any:
        token = self._token_provider()
        return _within(token, seconds) if is_async and isinstance(token, Awaitable) else token


async def _within(awaitable: Awaitable[Any], seconds: float | None) -> Any:
    async with timeout(seconds):
        return await awaitable


class VertexCredentials(ServiceDialect):
    """The dialect of Vertex with Google's credentials, which are found at the first attempt and refreshed when old.

    Args:
        base_url: that of the client.
        credentials: of google-auth, `None` for Application Default Credentials.
    """

    follows_redirects = False

    def __init__(self, base_url: str, credentials: Any) -> None:
        super().__init__("Vertex", base_url)
        self._credentials = credentials
        self._scoped: Any = None
        self._lock = threading.Lock()  # one refresh for many callers

    def sign(self, request: Request, transport: Any, io: ClientIO) -> Signing:  # noqa: ARG002 - of all dialects
        """Add the token of this attempt, and the project that pays, if the credentials name one."""
        self.check(request, EXCLUDED)
        request.headers += yield io.run, self._headers, request
        return True

    def _headers(self, request: Request) -> Pairs:
        pool = request.timeout.pool
        if not self._lock.acquire(timeout=-1 if pool is None else max(pool, 0.0)):
            raise _timed_out(request)
        try:
            return self._authenticate(request)
        except OpenAIError:
            raise
        except Exception:  # noqa: BLE001 - it may hold a private key, and is not shown
            raise OpenAIError(
                "Google's credentials for Vertex failed: check Application Default Credentials, the project and expiry"
            ) from None
        finally:
            self._lock.release()

    def _authenticate(self, request: Request) -> Pairs:
        try:
            from google.auth import credentials as of_google
            from google.auth import default
        except ImportError:
            raise OpenAIError("Google's credentials need an extra: pip install 'oai[vertex]'") from None
        from oai._providers.google_transport import GoogleTransport

        opened: Any = GoogleTransport(request)  # not a subclass of google-auth's
        with opened as transport:
            if self._scoped is None and self._credentials is None:
                self._scoped, _ = default(scopes=SCOPES, request=transport)
            elif self._scoped is None:
                with_scopes: Any = of_google.with_scopes_if_required  # which has no types
                self._scoped = with_scopes(self._credentials, scopes=SCOPES)
            headers: dict[str, str] = {}
            self._scoped.before_request(transport, request.method, request.url, headers)
        return [("Authorization" if name == "authorization" else name, value) for name, value in headers.items()]


def _timed_out(request: Request) -> APITimeoutError:
    return APITimeoutError(SentRequest.of(request), message="Request timed out before it was signed; nothing was sent.")
