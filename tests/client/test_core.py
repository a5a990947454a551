"""The core of every kind of client."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

import oai
from oai._client.base import Client
from oai._request.client_core import core_of
from oai._request.options import ARGUMENTS

OFFLINE = oai.OfflineTransport()


class Own(oai.OpenAI):
    """A subclass of a program."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.team = "blue"


class AsyncOwn(oai.AsyncOpenAI):
    """An async subclass of a program."""


def azure(cls: type) -> Any:
    return cls(api_key="k", api_version="v", base_url="http://localhost/openai", transport=OFFLINE)


CLIENTS = [
    (oai.OpenAI(transport=OFFLINE), False),
    (oai.AsyncOpenAI(transport=OFFLINE), True),
    (Own(transport=OFFLINE), False),
    (AsyncOwn(transport=OFFLINE), True),
    (azure(oai.AzureOpenAI), False),
    (azure(oai.AsyncAzureOpenAI), True),
]


@pytest.mark.parametrize(("client", "is_async"), CLIENTS)
def test_every_copy_of_a_client_has_its_own_core(client: Any, is_async: bool) -> None:
    twins = [client.with_options(), client.copy(), copy.copy(client), pickle.loads(pickle.dumps(client))]
    cores = [core_of(each) for each in (client, *twins)]
    assert len(set(map(id, cores))) == len(cores)
    assert {core.is_async for core in cores} == {is_async}
    assert {core.needs_key for core in cores} == {False}
    assert {type(each) for each in twins} == {type(client)}


@pytest.mark.parametrize(("client", "is_async"), CLIENTS)
def test_setting_an_option_of_a_copy_leaves_the_original(client: Any, is_async: bool) -> None:
    twin = client.with_options(max_retries=7)
    twin.timeout = 3.0
    assert (core_of(twin).config.max_retries, core_of(twin).config.timeout.read) == (7, 3.0)
    assert core_of(client).config.max_retries == 2
    assert core_of(client).config.timeout.read == 600.0


@pytest.mark.parametrize(("client", "is_async"), CLIENTS)
def test_dir_of_a_client_hides_its_core(client: Any, is_async: bool) -> None:
    core = core_of(client)
    inner = {name for name in (*vars(core), *vars(type(core))) if not name.startswith("_")}
    shown = {"transport", "with_raw_response", "with_streaming_response", "close", "batch"}
    assert not inner & {name for name in dir(client) if not name.startswith("_")} - shown


def test_view_of_a_view_and_copy_of_a_view_work() -> None:
    client = Own(transport=OFFLINE)
    view = client.with_raw_response
    assert view.models.retrieve("m").parse().id == "m"
    assert view.with_raw_response.models.retrieve("m").parse().id == "m"
    assert view.with_options(max_retries=1).models.retrieve("m").id == "m"
    assert pickle.loads(pickle.dumps(client)).with_raw_response.models.retrieve("m").parse().id == "m"


@pytest.mark.parametrize("cls", [oai.OpenAI, oai.AsyncOpenAI])
def test_the_constructor_shows_and_documents_every_declared_option(cls: type) -> None:
    parameters = inspect.signature(cls.__init__).parameters
    assert [*inspect.signature(cls).parameters] == [*parameters][1:]  # without `self`
    for name, declared in ARGUMENTS.items():
        assert parameters[name].default is declared.default
        assert parameters[name].annotation == declared.takes
        assert f"{name}: {declared.doc}" in str(cls.__init__.__doc__)
        assert hasattr(Client, name) == (declared.is_attribute or name in ("default_headers", "default_query"))


def test_unknown_option_is_named_with_a_suggestion() -> None:
    client = oai.OpenAI(transport=OFFLINE)
    for make in (oai.OpenAI, client.with_options):
        with pytest.raises(TypeError, match="unexpected keyword argument 'max_retrys'. Did you mean 'max_retries'"):
            make(max_retrys=1)
        with pytest.raises(TypeError, match="'transprt'. Did you mean 'transport'"):
            make(transprt=OFFLINE)
    with pytest.raises(TypeError, match="'tabel'. Did you mean 'table'"):
        oai.OpenAI(tabel="my.toml")
    with pytest.raises(TypeError, match="'table'$"):
        client.with_options(table="my.toml")


@pytest.mark.parametrize(
    ("cls", "wrong", "right"),
    [
        (oai.AzureOpenAI, "azure_endpont", "azure_endpoint"),
        (oai.AsyncAzureOpenAI, "max_retrys", "max_retries"),
        (oai.BedrockOpenAI, "aws_regin", "aws_region"),
        (oai.AsyncBedrockOpenAI, "deadlin", "deadline"),
    ],
)
def test_clients_of_other_services_suggest_their_own_options(cls: type[Any], wrong: str, right: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{wrong}'. Did you mean '{right}'"):
        cls(**{wrong: "x"})
