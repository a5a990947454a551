"""The clients of Azure's service: the same table, the same calls, and the differences that `azure.toml` lists."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from oai._errors import OpenAIError
from oai._json.strict import convert_strict
from oai._request.client_core import core_of
from oai._request.config import Dialect
from oai._table.operation import PCHAR

if TYPE_CHECKING:
    from typing import Self

    from oai._table.operation import Operation
    from oai._typed import AsyncOpenAI, OpenAI
else:
    from oai._client.async_client import AsyncOpenAI
    from oai._client.sync_client import OpenAI

DIFFERENCES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "azure.toml")


class Differences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `azure.toml` says."""

    path: str
    query: dict[str, str]
    key_header: str
    deployment: str
    deployments: frozenset[str]
    sockets: frozenset[str]
    socket_query: str
    environment: dict[str, str]


_read: list[Differences] = []


def differences() -> Differences:
    """Read `azure.toml`, once."""
    if not _read:
        with open(DIFFERENCES, "rb") as file:
            _read.append(convert_strict(Differences, tomllib.load(file)))
    return _read[0]


class Azure(Dialect):
    """How Azure wants URLs and keys.

    Args:
        deployment: the deployment of every call that belongs to one; the model's name names it where this is `None`.
        token: whether the key is a token of Microsoft Entra.
    """

    def __init__(self, deployment: str | None, *, token: bool) -> None:
        self.deployment = deployment
        self.token = token

    def url(self, base_url: str, operation: Operation, path: str, body: Any) -> str:
        """Return the URL of an operation, below a deployment where it belongs to one."""
        known = differences()
        if operation.row.path not in known.deployments or "/deployments/" in f"{base_url}/":
            return base_url + path
        name = self.deployment or (body.get("model") if isinstance(body, Mapping) else None)
        if not name:
            return base_url + path
        return base_url + known.deployment.format(deployment=quote(str(name), safe=PCHAR)) + path

    def socket_query(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        """Return the query of a WebSocket: its deployment in place of the model, where it belongs to one."""
        known = differences()
        if path not in known.sockets:
            return query
        rest = {name: value for name, value in query.items() if name != "model"}
        name = self.deployment or query.get("model")
        if not name:
            raise OpenAIError("a realtime connection belongs to a deployment: pass model, or azure_deployment")
        return {**rest, known.socket_query: name}

    def authorization(self, key: str) -> tuple[str, str]:
        """Return the header field of a key."""
        return ("Authorization", f"Bearer {key}") if self.token else (differences().key_header, key)


class _AzureClient:
    """What both clients of Azure are."""

    def __init__(
        self,
        *,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
        api_key: str | Callable[[], Any] | None = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: Callable[[], Any] | None = None,
        base_url: str | None = None,
        default_query: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Make a client; it takes the options of `OpenAI` beside these.

        Args:
            azure_endpoint: the resource, such as `https://example.openai.azure.com` (`AZURE_OPENAI_ENDPOINT`).
            azure_deployment: the deployment to ask; without it the model that a call names is the deployment.
            api_version: the `api-version` of every request (`OPENAI_API_VERSION`).
            api_key: the key of the resource (`AZURE_OPENAI_API_KEY`), or a function that returns it.
            azure_ad_token: a token of Microsoft Entra (`AZURE_OPENAI_AD_TOKEN`).
            azure_ad_token_provider: a function that returns such a token, called before every attempt.
            base_url: where paths begin, instead of `azure_endpoint`.
            default_query: sent with every request.
            **options: those of `OpenAI`.

        Raises:
            OpenAIError: endpoint, version or key is missing, or there are two keys.
        """
        option, key = _credential(
            api_key=api_key, azure_ad_token=azure_ad_token, azure_ad_token_provider=azure_ad_token_provider
        )
        version = api_version or _environment("api_version")
        if version is None:
            raise OpenAIError("There is no API version: pass api_version, or set OPENAI_API_VERSION")
        endpoint = azure_endpoint or _environment("azure_endpoint")
        if base_url is not None and azure_endpoint is not None:
            raise OpenAIError("base_url and azure_endpoint exclude each other: give one")
        if base_url is None and endpoint is None:
            raise OpenAIError("There is no endpoint: pass azure_endpoint or base_url, or set AZURE_OPENAI_ENDPOINT")
        self._azure = {"azure_deployment": azure_deployment, "api_version": version}
        base: Any = super()  # that of either client
        base.__init__(
            api_key=key,
            base_url=base_url or str(endpoint).rstrip("/") + differences().path,
            default_query={**_query(version), **(default_query or {})},
            dialect=Azure(azure_deployment, token=option != "api_key"),
            **options,
        )
        if key is _no_key and core_of(self).needs_key:
            _no_key()

    def with_options(
        self,
        *,
        api_version: str | None = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: Callable[[], Any] | None = None,
        **options: Any,
    ) -> Self:
        """Return a client with some options replaced, over the same transport, see `OpenAI.with_options`.

        Raises:
            OpenAIError: there are two keys.
        """
        keys = {"azure_ad_token": azure_ad_token, "azure_ad_token_provider": azure_ad_token_provider}
        if any(each is not None for each in (*keys.values(), options.get("api_key"))):
            option, options["api_key"] = _credential(api_key=options.get("api_key"), **keys)
            options["dialect"] = Azure(self._azure["azure_deployment"], token=option != "api_key")
        query = "default_query" if options.get("set_default_query") is None else "set_default_query"
        if api_version is not None or query == "set_default_query":
            version = api_version or str(self._azure["api_version"])
            options[query] = {**_query(version), **(options.get(query) or {})}
        base: Any = super()  # that of either client
        other: Self = base.with_options(**options)
        other._azure = {**self._azure, **({} if api_version is None else {"api_version": api_version})}
        return other

    copy = with_options

    def _state(self: Any) -> dict[str, Any]:
        """Return the options that a pickled client carries."""
        config = core_of(self).config
        state = {**config.state(), **self._azure}
        if isinstance(config.dialect, Azure) and config.dialect.token and "api_key" in state:
            key = state.pop("api_key")
            state["azure_ad_token_provider" if callable(key) else "azure_ad_token"] = key
        if state.get("api_key") is _no_key:
            del state["api_key"]
        del state["dialect"]
        return state


class AzureOpenAI(_AzureClient, OpenAI):
    """`OpenAI` for Azure's service: the same calls, the deployment in the URL and the key in a header of its own."""


class AsyncAzureOpenAI(_AzureClient, AsyncOpenAI):
    """`AsyncOpenAI` for Azure's service."""


def _query(version: str) -> dict[str, str]:
    return {name: text.format(api_version=version) for name, text in differences().query.items()}


def _credential(**options: Any) -> tuple[str, Any]:
    """Return which option the key comes from, and the key; what is given goes before the environment."""
    given = {name: value for name, value in options.items() if value is not None}
    if len(given) > 1:
        raise OpenAIError(f"{' and '.join(given)} exclude each other: give one")
    for name in ("azure_ad_token", "api_key"):
        if not given and (found := _environment(name)) is not None:
            return name, found
    return next(iter(given.items()), ("api_key", _no_key))


def _no_key() -> str:
    """Stand for a key that nobody gave, which `OPENAI_API_KEY` must not do: it is another service's."""
    raise OpenAIError(
        "There is no key: pass api_key, azure_ad_token or azure_ad_token_provider, "
        "or set AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN"
    )


def _environment(option: str) -> str | None:
    return os.environ.get(differences().environment[option], "").strip() or None
