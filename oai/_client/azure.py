"""The clients of Azure OpenAI: the same table and calls, with the differences that `providers.toml` declares."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from oai._errors import OpenAIError
from oai._request.client_core import core_of
from oai._request.dialect import Dialect
from oai._request.options import OptionValueError, check_constructor
from oai._request.profile import Profile
from oai._table.operation import DOT_SEGMENTS
from oai._table.providers import ProviderRow, find_shipped

if TYPE_CHECKING:
    from oai._typed import AsyncOpenAI, OpenAI
else:
    from oai._client.async_client import AsyncOpenAI
    from oai._client.sync_client import OpenAI


AZURE_ARGUMENTS = ("azure_endpoint", "azure_deployment", "api_version", "azure_ad_token", "azure_ad_token_provider")
"""The arguments of the constructor that `OpenAI` does not have."""


def azure_row() -> ProviderRow:
    """Return the row of Azure in `providers.toml`."""
    return find_shipped("azure")


class Azure(Profile):
    """The dialect of Azure: its URLs, and the header of its key.

    Args:
        deployment: the deployment of every call that needs one; `None` to use the name of the model.
        token: whether the key is a token of Microsoft Entra.
    """

    unread = ()  # the official SDK reads `OPENAI_ORG_ID` and the like for Azure too
    needs_key = True

    def __init__(self, deployment: str | None, *, token: bool) -> None:
        if deployment in DOT_SEGMENTS:
            raise OptionValueError(f"azure_deployment must be the name of a deployment, not {deployment!r}")
        super().__init__("azure", azure_row())
        self.deployment = deployment
        self.token = token
        self.key_function = "azure_ad_token_provider" if token else "api_key"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.deployment, self.token)

    def deployment_of(self, body: Any) -> Any:
        """Return the name of the deployment for a call: the client's, else its model."""
        return self.deployment or super().deployment_of(body)

    def environment_headers(self) -> dict[str, str]:
        """Return those of `OPENAI_CUSTOM_HEADERS`, which the official SDK reads for Azure too."""
        return Dialect.environment_headers(self)

    def authorization(self, key: str) -> tuple[str, str]:
        """Return the header field that carries a key."""
        return Dialect.authorization(self, key) if self.token else super().authorization(key)


def _restore(deployment: str | None, token: bool) -> Azure:
    return Azure(deployment, token=token)


class _AzureClient:
    """The constructor, options and pickling of both Azure clients."""

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
        """Create a client; it takes the options of `OpenAI` in addition to these.

        Args:
            azure_endpoint: the resource, such as `https://example.openai.azure.com` (`AZURE_OPENAI_ENDPOINT`).
            azure_deployment: the deployment of all calls; by default the `model` of a call names its deployment.
            api_version: the `api-version` in the query of every request (`OPENAI_API_VERSION`).
            api_key: the key of the resource (`AZURE_OPENAI_API_KEY`), or a function called for each attempt.
            azure_ad_token: a token of Microsoft Entra (`AZURE_OPENAI_AD_TOKEN`).
            azure_ad_token_provider: a function that returns such a token, called for each attempt.
            base_url: the URL before the path of an operation, instead of `azure_endpoint`.
            default_query: query parameters of every request.
            **options: those of `OpenAI`.

        Raises:
            OpenAIError: endpoint, version or key is missing, or two of the credentials are passed.
            TypeError: there is no option of that name.
        """
        check_constructor(options, AZURE_ARGUMENTS)
        option, key = _credential(
            api_key=api_key, azure_ad_token=azure_ad_token, azure_ad_token_provider=azure_ad_token_provider
        )
        version = api_version or _environment("api_version")
        if version is None:
            raise OptionValueError("There is no API version: pass api_version, or set OPENAI_API_VERSION")
        endpoint = azure_endpoint or _environment("azure_endpoint")
        if base_url is not None and azure_endpoint is not None:
            raise OptionValueError("base_url and azure_endpoint exclude each other: pass one of them")
        if base_url is None and endpoint is None:
            raise OptionValueError(
                "There is no endpoint: pass azure_endpoint or base_url, or set AZURE_OPENAI_ENDPOINT"
            )
        self._azure = {"azure_deployment": azure_deployment, "api_version": version}
        base: Any = super()  # `OpenAI` or `AsyncOpenAI`
        base.__init__(
            api_key=key,
            base_url=base_url or azure_row().base_url.format(azure_endpoint=str(endpoint).rstrip("/")),
            default_query=_query(version, default_query),
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
        """Return a copy with some options replaced, over the same transport, see `OpenAI.with_options`.

        Raises:
            OpenAIError: two of the credentials are passed.
        """
        keys = {"azure_ad_token": azure_ad_token, "azure_ad_token_provider": azure_ad_token_provider}
        if any(key is not None for key in (*keys.values(), options.get("api_key"))):
            option, options["api_key"] = _credential(api_key=options.get("api_key"), **keys)
            options["dialect"] = Azure(self._azure["azure_deployment"], token=option != "api_key")
        query = "default_query" if options.get("set_default_query") is None else "set_default_query"
        if api_version is not None or options.get(query) is not None:
            version = api_version or str(self._azure["api_version"])
            options[query] = _query(version, options.get(query))
        base: Any = super()  # `OpenAI` or `AsyncOpenAI`
        other: Self = base.with_options(**options)
        other._azure = {**self._azure, **({} if api_version is None else {"api_version": api_version})}
        return other

    copy = with_options

    # Packages read these of the official SDK's clients, by these names.

    @property
    def _api_version(self) -> str | None:
        return self._azure["api_version"]

    @property
    def _azure_deployment(self) -> str | None:
        return self._azure["azure_deployment"]

    @property
    def _azure_endpoint(self: Any) -> str:
        return str(core_of(self).config.base_url).partition("/openai")[0]

    def _state(self: Any) -> dict[str, Any]:
        """Return the options that a pickled client carries."""
        config = core_of(self).config
        state = {**config.state(), **self._azure}
        if isinstance(config.dialect, Azure) and config.dialect.token and "api_key" in state:
            key = state.pop("api_key")
            state["azure_ad_token_provider" if callable(key) else "azure_ad_token"] = key
        if state.get("api_key") is _no_key:
            del state["api_key"]
        state.pop("dialect", None)
        return state


class AzureOpenAI(_AzureClient, OpenAI):
    """`OpenAI` for Azure: the same calls, with the deployment in the URL and the key in the header `api-key`."""


class AsyncAzureOpenAI(_AzureClient, AsyncOpenAI):
    """`AsyncOpenAI` for Azure, see `AzureOpenAI`."""


def _query(version: str, query: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a query with the API version, which overrides one in the query, as in the official SDK."""
    own = {name: text.format(api_version=version) for name, text in azure_row().query.items()}
    return {**own, **(query or {}), **own}


def _credential(**options: Any) -> tuple[str, Any]:
    """Return the option that has the credential, and the credential; arguments override the environment."""
    passed = {name: value for name, value in options.items() if value is not None}
    if len(passed) > 1:
        raise OptionValueError(f"{' and '.join(passed)} exclude each other: pass one of them")
    for name in ("azure_ad_token", "api_key"):
        if not passed and (value := _environment(name)) is not None:
            return name, value
    return next(iter(passed.items()), ("api_key", _no_key))


def _no_key() -> str:
    """Take the place of a missing key, so that `OPENAI_API_KEY` is not used: it belongs to another service."""
    raise OpenAIError(
        "There is no key: pass api_key, azure_ad_token or azure_ad_token_provider, "
        "or set AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN"
    )


def _environment(option: str) -> str | None:
    return os.environ.get(azure_row().environment[option], "").strip() or None
