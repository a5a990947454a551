"""Arguments that clients of other libraries take: the error says what to pass instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import oai
from oai._request.options import ARGUMENTS, CLIENT_ARGUMENTS
from oai._support.suggest import OTHER_NAMES

KINDS: dict[str, Callable[..., Any]] = {
    "sync": lambda **options: oai.OpenAI(api_key="k", **options),
    "async": lambda **options: oai.AsyncOpenAI(api_key="k", **options),
    "with_options": lambda **options: oai.OpenAI(api_key="k").with_options(**options),
    "copy": lambda **options: oai.AsyncOpenAI(api_key="k").copy(**options),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("api_base", ". Did you mean 'base_url'?"),
        ("openai_api_base", ". Did you mean 'base_url'?"),
        ("url", ". Did you mean 'base_url'?"),
        ("openai_api_key", ". Did you mean 'api_key'?"),
        ("token", ". Did you mean 'api_key'?"),
        ("org_id", ". Did you mean 'organization'?"),
        ("retries", ". Did you mean 'max_retries'?"),
        ("request_timeout", ". Did you mean 'timeout'?"),
        ("headers", ". Did you mean 'default_headers'?"),
        ("params", ". Did you mean 'default_query'?"),
        ("client", ". Did you mean 'http_client'?"),
        ("session", ". Did you mean 'http_client'?"),
        (
            "proxies",
            "; set HTTPS_PROXY and NO_PROXY in the environment, or pass http_client=oai.DefaultHttpxClient(proxy=",
        ),
        (
            "proxy",
            "; set HTTPS_PROXY and NO_PROXY in the environment, or pass http_client=oai.DefaultHttpxClient(proxy=",
        ),
        ("verify", "; pass transport=oai.HTTPTransport(ssl_context=...), or AsyncHTTPTransport to AsyncOpenAI"),
        ("cert", "; pass transport=oai.HTTPTransport(ssl_context=...), or AsyncHTTPTransport to AsyncOpenAI"),
        ("limits", "; pass transport=oai.HTTPTransport(connections=...), or AsyncHTTPTransport to AsyncOpenAI"),
        ("http2", "; pass http_client=oai.DefaultHttpxClient(http2=...), or DefaultAsyncHttpxClient to AsyncOpenAI"),
        ("trust_env", "; to ignore the proxies of the environment, pass transport=oai.HTTPTransport(proxies=False)"),
        ("event_hooks", "; its hooks are on_request, on_reply, on_retry and on_end"),
        ("debug", "; set OAI_LOG to info or debug"),
        ("api_type", "; create an AzureOpenAI for Azure, or pass provider=... for another service"),
        ("api_version", "; create an AzureOpenAI, which takes it"),
        ("engine", "; the model, or the deployment of Azure, is the model=... of each call"),
        ("model", "; pass it to each call, such as client.chat.completions.create(model=...)"),
        ("temperature", "; pass it to each call, such as client.chat.completions.create(temperature=...)"),
        ("stream", "; pass it to each call, such as client.chat.completions.create(stream=...)"),
        ("nothing_like_it", "'"),
    ],
)
def test_argument_of_another_client(name: str, hint: str, kind: str) -> None:
    with pytest.raises(TypeError) as raised:
        KINDS[kind](**{name: "x"})
    assert f"unexpected keyword argument '{name}'{hint}".replace("''", "'") in str(raised.value)


@pytest.mark.parametrize(
    ("name", "right"),
    [("api_base", "azure_endpoint"), ("engine", "azure_deployment"), ("deployment", "azure_deployment")],
)
def test_argument_of_another_client_of_azure(name: str, right: str) -> None:
    for kind in (oai.AzureOpenAI, oai.AsyncAzureOpenAI):
        make: Any = kind
        with pytest.raises(TypeError, match=f"'{name}'. Did you mean '{right}'"):
            make(api_key="k", azure_endpoint="https://x.invalid", api_version="v", **{name: "x"})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("engine", ". Did you mean 'model'?"),
        ("request_timeout", ". Did you mean 'timeout'?"),
        ("headers", ". Did you mean 'extra_headers'?"),
        ("params", ". Did you mean 'extra_query'?"),
        ("json", ". Did you mean 'extra_body'?"),
        ("prompt", ". Did you mean 'messages'?"),
        ("api_base", ". Did you mean the client's option 'base_url'?"),
        ("proxies", "; use extra_body for parameters"),
    ],
)
def test_argument_of_another_client_in_a_call(name: str, hint: str) -> None:
    client: Any = oai.OpenAI(transport=oai.OfflineTransport())
    with pytest.raises(TypeError) as raised:
        client.chat.completions.create(messages=[], **{"model": "m", name: "x"})
    assert f"unexpected keyword argument '{name}'{hint}" in str(raised.value)


def test_every_argument_of_httpx_has_a_hint_or_is_an_option() -> None:
    names = set(inspect.signature(httpx.Client).parameters) | set(inspect.signature(httpx.AsyncClient).parameters)
    known = {*ARGUMENTS, *CLIENT_ARGUMENTS}
    for name in names - known - {"default_encoding", "app"}:
        with pytest.raises(TypeError) as raised:
            KINDS["sync"](**{name: "x"})
        assert not str(raised.value).endswith(f"'{name}'"), name


def test_other_names_are_no_options() -> None:
    for names, others in OTHER_NAMES.items():
        options = set(names.split())
        assert not (set(others.split()) - options) & {*ARGUMENTS, *CLIENT_ARGUMENTS}
