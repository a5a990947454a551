"""The pytest plugin: every test that asks for it has a cassette, named after the test.

    @pytest.mark.oai_cassette                  # clients made anywhere in the code under test use the cassette
    def test_greeting(): ...

    def test_answer(oai_client): ...           # or ask for a client over it; `async_oai_client`, `oai_recorder`

A cassette lies beside the test, in `cassettes/<module>/<test>.cassette`. It is replayed unless `--oai-record`, the
environment's `OAI_RECORD`, the marker or the ini option `oai_record` says otherwise, in this order. A test that does
not pass leaves it as it was.

pytest loads this module in every session of who has `oai` installed. So it imports nothing but pytest; what a test
needs is imported with the test's first fixture.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from oai._client.async_client import AsyncOpenAI
    from oai._client.sync_client import OpenAI
    from oai.testing._pytest.block_network import Blocker
    from oai.transports.recorder import Recorder

MARKER = "oai_cassette"
FIXTURE = "oai_recorder"
MODES = ("replay", "record", "append", "live")

passed: pytest.StashKey[bool] = pytest.StashKey()
start_key: pytest.StashKey[float] = pytest.StashKey()
blocker_key: pytest.StashKey[Blocker] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--oai-record`, `--block-network` and the ini option `oai_record`."""
    group = parser.getgroup("oai", "oai: recorded calls of the OpenAI API")
    group.addoption("--oai-record", choices=MODES, help="what to do with the cassettes of tests; replay is the default")
    parser.addini("oai_record", "what --oai-record is where nothing else says it", default="replay")
    # Whole option strings, and not an optional value: that would take a path that follows for its value.
    for value, string, told in (
        ("external", "", "fail tests that connect to anything but this machine"),
        ("all", "=all", "fail tests that connect to anything"),
        ("none", "=none", "let tests connect, whatever was said before"),
    ):
        options: dict[str, Any] = {"action": "store_const", "const": value, "dest": "oai_block_network"}
        group.addoption(f"--oai-block-network{string}", **options, help=told)
        # pytest-recording has an option of this name too; where it is installed, the name is left to it.
        if find_spec("pytest_recording") is None:
            with contextlib.suppress(ValueError, argparse.ArgumentError):
                group.addoption(f"--block-network{string}", **options, help="the same, in fewer letters")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; take the network away if told to."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(name=None, mode=None, ignore=(), chunks='recorded', allow_unused=True, ...): the test's calls of "
        "the OpenAI API come from its cassette. `name` is below `cassettes/`; the rest are options of oai.Recorder.",
    )
    mode = config.getini("oai_record")
    if mode not in MODES:
        raise pytest.UsageError(f"oai_record is {mode!r}; it is one of {', '.join(MODES)}")
    config.stash[start_key] = getattr(config, "workerinput", {}).get("oai_start") or time.time()
    block = config.getoption("oai_block_network")
    if block in ("external", "all"):
        from oai.testing._pytest.block_network import Blocker

        blocker = config.stash[blocker_key] = Blocker(every=block == "all")
        blocker.start()
        config.add_cleanup(blocker.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist when the session began."""
    node.workerinput["oai_start"] = node.config.stash[start_key]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests that have the marker the fixture, first of all, so that other fixtures may make clients."""
    for item in items:
        names: list[str] | None = getattr(item, "fixturenames", None)
        if names is not None and item.get_closest_marker(MARKER) is not None and FIXTURE not in names[:1]:
            names[:] = [FIXTURE, *(name for name in names if name != FIXTURE)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test has passed so far."""
    report = yield
    item.stash[passed] = report.passed and item.stash.get(passed, True)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Begin anew, also where a test is run again; fail for the network."""
    item.stash[passed] = True
    yield from _phase(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail for the network, and say how this very test is recorded."""
    try:
        yield from _phase(item)
    except AssertionError as error:
        if FIXTURE in getattr(item, "fixturenames", ()) and _is_miss(error):
            error.add_note(f"for this test alone: pytest '{item.nodeid}' --oai-record=append")
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail for the network."""
    yield from _phase(item)


def _phase(item: pytest.Item) -> Generator[None, None, None]:
    """Run a phase of a test, and fail it if something in it has tried to reach a forbidden network."""
    blocker = item.config.stash.get(blocker_key, None)
    try:
        yield
    except BaseException as error:
        if blocker is not None and (blocked := blocker.tried()) and type(error) is not type(blocked):
            error.add_note(str(blocked))
        raise
    if blocker is not None and (blocked := blocker.tried()):
        raise blocked


def _is_miss(error: BaseException) -> bool:
    replies = sys.modules.get("oai._recording.replies")
    return replies is not None and isinstance(error, replies.CassetteMiss)


def _mode(config: pytest.Config) -> tuple[str | None, str]:
    """Return the mode that whoever runs the tests asks for, if they do, and the one that is meant where nobody does."""
    asked = config.getoption("oai_record") or os.environ.get("OAI_RECORD") or None
    return asked, config.getini("oai_record")


@pytest.fixture
def oai_recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """The recorder of this test's cassette. Clients that the test makes, anywhere, use it unless given another."""
    from oai._client.default_transport import default_transport
    from oai.testing._pytest import cassettes as _cassettes

    asked, otherwise = _mode(request.config)
    start = request.config.stash[start_key]
    recorder = _cassettes.make_recorder(request.node, asked, otherwise, start)
    current = _cassettes.current
    with current.during(request.node, recorder), default_transport(current):
        yield recorder
    _cassettes.finish(recorder, keep=request.node.stash.get(passed, False))


@pytest.fixture
def oai_client_options() -> dict[str, Any]:
    """Options for the clients of `oai_client` and `async_oai_client`: override this fixture to give them some."""
    return {}


@pytest.fixture
def oai_client(oai_recorder: Recorder, oai_client_options: dict[str, Any]) -> OpenAI:
    """An `OpenAI` client over this test's cassette; it needs no key while it replays."""
    from oai._client.sync_client import OpenAI

    return OpenAI(**{"transport": oai_recorder, **oai_client_options})


@pytest.fixture
def async_oai_client(oai_recorder: Recorder, oai_client_options: dict[str, Any]) -> AsyncOpenAI:
    """An `AsyncOpenAI` client over this test's cassette."""
    from oai._client.async_client import AsyncOpenAI

    return AsyncOpenAI(**{"transport": oai_recorder, **oai_client_options})
