"""Fixtures for all tests: an environment without keys, proxies and settings of the machine, a server, and clients."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from both import Way
from hypothesis import settings
from planted import KEY, secrets_of_a_test, secrets_of_all

import oai
from oai._flow.steps import run, run_async
from oai.testing import Loopback
from tools import passed_tests

KEPT = "OAI_TOOLS_FACTS"
"""The variable that names what `.ci/run` has read of the installed SDK, which takes ten seconds each time."""

settings.register_profile("offline", deadline=None, max_examples=60)
settings.load_profile("offline")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what has passed before, in the runs of `.ci/run`."""
    if passed_tests.VARIABLE in os.environ:
        config.pluginmanager.register(passed_tests)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without garbage collection, which would search all that has been collected again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        _exempt_what_lives()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that take long first, so that no worker of pytest-xdist ends with one of them, alone."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let workers that are done take over tests of others; each starts with neighbours, which share their fixtures."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture(scope="module", autouse=True)
def _little_to_search() -> None:
    """Keep what modules have imported out of the garbage collections of tests, of which there are hundreds."""
    _exempt_what_lives()


def _exempt_what_lives() -> None:
    """Exempt all living objects from garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Write thousands of cassettes and journals without waiting until each would survive a crash of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if (name.startswith(("OPENAI_", "OAI_")) and name != KEPT) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_secret_in_a_cassette(request: pytest.FixtureRequest) -> Iterator[None]:
    """Search every cassette that the test recorded for every secret that any test planted."""
    yield
    fixtures = getattr(request.node, "funcargs", {})
    if "tmp_path" in fixtures:
        assert secrets_of_a_test(fixtures["tmp_path"]) == []
    elif "tmp_path_factory" in fixtures:
        assert secrets_of_all(fixtures["tmp_path_factory"].getbasetemp()) == []


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without the half a second before the first retry."""
    monkeypatch.setattr("oai._flow.retry.FIRST_DELAY", 0.001)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def client_to(server: Loopback) -> Iterator[Callable[..., oai.OpenAI]]:
    """Return a factory of clients of the server; they do not retry by default."""
    clients: list[oai.OpenAI] = []

    def make(**options: Any) -> oai.OpenAI:
        base = {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0, "timeout": 10}
        clients.append(oai.OpenAI(**{**base, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(client_to: Callable[..., oai.OpenAI]) -> oai.OpenAI:
    return client_to()


@pytest.fixture(params=["sync", "async"])
def play(request: pytest.FixtureRequest, server: Loopback) -> Callable[..., Any]:
    """Run a scenario with the sync and the async client.

    A scenario is a generator function, like the helpers: it yields the return values of the client's methods, and
    receives the results.
    """

    def play(scenario: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        base = {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0, "timeout": 10}
        if request.param == "sync":
            with oai.OpenAI(**{**base, **options}) as client:
                return run(scenario(client, *arguments))

        async def main() -> Any:
            async with oai.AsyncOpenAI(**{**base, **options}) as client:
                return await run_async(scenario(client, *arguments))

        return asyncio.run(main())

    return play


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def way(request: pytest.FixtureRequest, server: Loopback) -> Way:
    """Calls of the server, with the sync and the async client."""
    return Way(request.param, {"api_key": KEY, "base_url": f"{server.url}/v1", "max_retries": 0, "timeout": 10})
