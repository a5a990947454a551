"""Subject tokens, which a platform issues to a workload, and which are exchanged for tokens of the API.

Names and arguments are those of the official SDK's `auth`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, Literal, NotRequired, TypedDict

from oai._auth.errors import SubjectTokenProviderError
from oai._http.messages import Request, Timeout, TransportError
from oai._http.response import Response

AZURE_URL: Final = "http://169.254.169.254/metadata/identity/oauth2/token"

KUBERNETES_FILE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"

GOOGLE_URL: Final = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"


class SubjectTokenProvider(TypedDict):
    """Where subject tokens come from."""

    token_type: Literal["jwt", "id"]
    get_token: Callable[[], str]


class WorkloadIdentity(TypedDict):
    """An identity whose subject tokens are exchanged for tokens of the API."""

    identity_provider_id: str
    service_account_id: str
    provider: SubjectTokenProvider
    refresh_buffer_seconds: NotRequired[float]
    """Seconds before the expiry of a token at which it is renewed; by default 1200."""


SubjectTokenWorkloadIdentity = WorkloadIdentity


class X509WorkloadIdentity(TypedDict):
    """An identity that the client certificate of the transport proves."""

    type: Literal["x509"]
    identity_provider_id: str
    service_account_id: str
    refresh_buffer_seconds: NotRequired[float]


def x509_workload_identity(
    *, identity_provider_id: str, service_account_id: str, refresh_buffer_seconds: float | None = None
) -> X509WorkloadIdentity:
    """Return an identity that the client certificate proves, for `OpenAI(workload_identity=...)`.

    Args:
        identity_provider_id: the id of the identity provider.
        service_account_id: the id of the service account.
        refresh_buffer_seconds: seconds before the expiry of a token at which it is renewed; by default 1200.
    """
    identity = X509WorkloadIdentity(
        type="x509", identity_provider_id=identity_provider_id, service_account_id=service_account_id
    )
    if refresh_buffer_seconds is not None:
        identity["refresh_buffer_seconds"] = refresh_buffer_seconds
    return identity


def k8s_service_account_token_provider(
    token_file_path: str | os.PathLike[str] = KUBERNETES_FILE,
) -> SubjectTokenProvider:
    """Return the provider of a token in a file, which Kubernetes and others mount and replace.

    Args:
        token_file_path: the file, which is read for each exchange.
    """
    return {"token_type": "jwt", "get_token": FileToken(token_file_path)}


def azure_managed_identity_token_provider(
    resource: str = "https://management.azure.com/",
    *,
    object_id: str | None = None,
    client_id: str | None = None,
    msi_res_id: str | None = None,
    api_version: str = "2018-02-01",
    timeout: float = 10.0,
    http_client: Any = None,
) -> SubjectTokenProvider:
    """Return the provider of a managed identity of Azure, from the metadata service of the machine.

    Args:
        resource: the resource that the token is for.
        object_id: the object id of the identity, if there are several.
        client_id: its client id.
        msi_res_id: its resource id.
        api_version: the version of the metadata service.
        timeout: seconds for each wait.
        http_client: a client of httpx or httpx2 that sends the request.
    """
    optional = {"object_id": object_id, "client_id": client_id, "msi_res_id": msi_res_id}
    query = {"api-version": api_version, "resource": resource}
    query |= {name: value for name, value in optional.items() if value is not None}
    token = MetadataToken("Azure", AZURE_URL, query, ("Metadata", "true"), timeout, http_client)
    return {"token_type": "jwt", "get_token": token}


def gcp_id_token_provider(
    audience: str = "https://api.openai.com/v1", *, timeout: float = 10.0, http_client: Any = None
) -> SubjectTokenProvider:
    """Return the provider of the identity of a machine of Google Cloud, from its metadata service.

    Args:
        audience: the audience that the token is for.
        timeout: seconds for each wait.
        http_client: a client of httpx or httpx2 that sends the request.
    """
    header = ("Metadata-Flavor", "Google")
    token = MetadataToken("Google", GOOGLE_URL, {"audience": audience}, header, timeout, http_client)
    return {"token_type": "id", "get_token": token}


class FileToken:
    """Reads a token from a file. A class, so that clients that use it can be pickled."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def __call__(self) -> str:
        """Return the token.

        Raises:
            SubjectTokenProviderError: the file cannot be read, or is empty.
        """
        try:
            with open(self.path, encoding="utf-8") as file:
                token = file.read().strip()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise SubjectTokenProviderError(f"The token file {self.path} cannot be read: {reason}") from None
        if not token:
            raise SubjectTokenProviderError(f"The token file {self.path} is empty")
        return token


class MetadataToken:
    """Fetches a token from the metadata service of a cloud. A class, so that clients that use it can be pickled."""

    def __init__(
        self, cloud: str, url: str, query: dict[str, str], header: tuple[str, str], timeout: float, http_client: Any
    ) -> None:
        self._cloud = cloud
        self._url = url
        self._query = query
        self._header = header
        self._timeout = timeout
        self._http_client = http_client

    def __call__(self) -> str:
        """Return the token.

        Raises:
            SubjectTokenProviderError: the service cannot be reached, or returned no token.
        """
        status, content, response = self._fetch() if self._http_client is None else self._fetch_over_client()
        if not 200 <= status < 400:
            message = f"The metadata service of {self._cloud} returned no subject token: HTTP {status}"
            raise SubjectTokenProviderError(message, response=response)
        token = _access_token(content) if self._cloud == "Azure" else content.decode("utf-8", "replace").strip()
        if not token:
            message = f"The response of the metadata service of {self._cloud} has no token"
            raise SubjectTokenProviderError(message, response=response)
        return token

    def _fetch(self) -> tuple[int, bytes, Any]:
        from urllib.parse import urlencode

        from oai._flow.drivers import read_within
        from oai.transports.http import HTTPTransport

        url = f"{self._url}?{urlencode(self._query)}"
        request = Request("GET", url, [self._header], timeout=Timeout(self._timeout))
        transport = HTTPTransport()
        try:
            reply = transport.send(request)
            content = read_within(reply, LONGEST)
        except TransportError as error:
            raise SubjectTokenProviderError(
                f"The metadata service of {self._cloud} cannot be reached: {error}"
            ) from error
        finally:
            transport.close()
        return reply.status, content, Response(reply.status, reply.headers, request)

    def _fetch_over_client(self) -> tuple[int, bytes, Any]:
        try:
            headers = dict([self._header])
            response = self._http_client.get(self._url, params=self._query, headers=headers, timeout=self._timeout)
        except Exception as error:
            message = f"The metadata service of {self._cloud} cannot be reached: {error}"
            raise SubjectTokenProviderError(message) from error
        return response.status_code, response.content, response


LONGEST: Final = 2**20
"""Bytes of the longest response that is read."""


def _access_token(content: bytes) -> str:
    from oai._json.decode import parse_json

    try:
        data = parse_json(content)
    except ValueError:
        return ""
    token = data.get("access_token") if isinstance(data, dict) else None
    return token if isinstance(token, str) else ""
