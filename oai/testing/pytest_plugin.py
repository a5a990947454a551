"""The pytest plugin: a cassette for every test that requests one, named after the test.

    @pytest.mark.oai_cassette                  # clients created anywhere in the code under test use the cassette
    def test_greeting(): ...

    def test_answer(oai_client): ...           # or use a client with the cassette; `async_oai_client`, `oai_recorder`

The cassette is in the directory of the test, at `cassettes/<module>/<test>.cassette`. Its mode is set by
`--oai-record`, the environment variable `OAI_RECORD`, the marker, or the ini option `oai_record`, in this order; the
default is `replay`. If the test does not pass, the cassette is not changed. What is recorded is sent over the transport
that `OAI_TRANSPORT` names, unless that is a library or another cassette.

pytest loads this module in every session of an environment with `oai` installed. So it imports only pytest; the rest
is imported by the first fixture that needs it.
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
    group.addoption("--oai-record", choices=MODES, help="mode of the tests' cassettes (default: replay)")
    parser.addini("oai_record", "default mode of the tests' cassettes (see --oai-record)", default="replay")
    # Each form is an option string of its own: an option with an optional value would take a following path for it.
    for value, string, description in (
        ("external", "", "fail tests that connect to other machines"),
        ("all", "=all", "fail tests that connect to any machine, this one included"),
        ("none", "=none", "let tests connect; cancels an earlier --block-network"),
    ):
        options: dict[str, Any] = {"action": "store_const", "const": value, "dest": "oai_block_network"}
        group.addoption(f"--oai-block-network{string}", **options, help=description)
        # pytest-recording has an option of this name, too, and keeps it if it is installed.
        if find_spec("pytest_recording") is None:
            with contextlib.suppress(ValueError, argparse.ArgumentError):
                group.addoption(f"--block-network{string}", **options, help=f"short for --oai-block-network{string}")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and block the network if the options say so."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(name=None, mode=None, ignore=(), chunks='recorded', allow_unused=True, ...): record or replay the "
        "test's calls of the OpenAI API. `name` is a file below `cassettes/`; the rest are options of oai.Recorder.",
    )
    mode = config.getini("oai_record")
    if mode not in MODES:
        raise pytest.UsageError(f"oai_record must be one of {', '.join(MODES)}, not {mode!r}")
    config.stash[start_key] = getattr(config, "workerinput", {}).get("oai_start") or time.time()
    block = config.getoption("oai_block_network")
    if block in ("external", "all"):
        from oai.testing._pytest.block_network import Blocker

        blocker = config.stash[blocker_key] = Blocker(every=block == "all")
        blocker.start()
        config.add_cleanup(blocker.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the start of the session to a worker of pytest-xdist."""
    node.workerinput["oai_start"] = node.config.stash[start_key]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say that cassettes are recorded in this session, and over what, as that may be invented responses."""
    override, default = _mode(config)
    if (override or default) == "replay":
        return []
    transport = os.environ.get("OAI_TRANSPORT")
    return [f"oai: cassettes in mode {override or default}{f' over {transport}' if transport else ''}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Add the fixture to tests with the marker, as the first, so that other fixtures may create clients."""
    for item in items:
        names: list[str] | None = getattr(item, "fixturenames", None)
        if names is not None and item.get_closest_marker(MARKER) is not None and FIXTURE not in names[:1]:
            names[:] = [FIXTURE, *(name for name in names if name != FIXTURE)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record whether the test has passed so far."""
    report = yield
    item.stash[passed] = report.passed and item.stash.get(passed, True)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Reset the outcome, for tests that are run repeatedly; fail on blocked connections."""
    item.stash[passed] = True
    yield from _phase(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail on blocked connections; add to a cassette miss how to record this test."""
    try:
        yield from _phase(item)
    except AssertionError as error:
        if FIXTURE in getattr(item, "fixturenames", ()) and _is_miss(error):
            error.add_note(f"to record only this test: pytest '{item.nodeid}' --oai-record=append")
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail on blocked connections."""
    yield from _phase(item)


def _phase(item: pytest.Item) -> Generator[None, None, None]:
    """Run a phase of a test, and fail it if it tried to connect while the network is blocked."""
    blocker = item.config.stash.get(blocker_key, None)
    try:
        yield
    except BaseException as error:
        if blocker is not None and (blocked := blocker.pop_error()) and type(error) is not type(blocked):
            error.add_note(str(blocked))
        raise
    if blocker is not None and (blocked := blocker.pop_error()):
        raise blocked


def _is_miss(error: BaseException) -> bool:
    replies = sys.modules.get("oai._recording.replies")
    return replies is not None and isinstance(error, replies.CassetteMiss)


def _mode(config: pytest.Config) -> tuple[str | None, str]:
    """Return the mode of the command line or the environment, if one is set, and the default."""
    override = config.getoption("oai_record") or os.environ.get("OAI_RECORD") or None
    return override, config.getini("oai_record")


@pytest.fixture
def oai_recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """The recorder of this test's cassette; the transport of all clients created during the test without their own."""
    from oai._client.default_transport import default_transport
    from oai.testing._pytest import cassettes as _cassettes

    override, default = _mode(request.config)
    start = request.config.stash[start_key]
    recorder = _cassettes.make_recorder(request.node, override, default, start)
    current = _cassettes.current
    blocker = request.config.stash.get(blocker_key, None)
    with (
        blocker.lifted() if blocker is not None and recorder.mode != "replay" else contextlib.nullcontext(),
        current.during(request.node, recorder),
        default_transport(current),
    ):
        yield recorder
    _cassettes.finish(recorder, keep=request.node.stash.get(passed, False))


@pytest.fixture
def oai_client_options() -> dict[str, Any]:
    """Options for the clients of `oai_client` and `async_oai_client`; override this fixture to set them."""
    return {}


@pytest.fixture
def oai_client(oai_recorder: Recorder, oai_client_options: dict[str, Any]) -> OpenAI:
    """An `OpenAI` client with this test's cassette; it needs no key for a replay."""
    from oai._client.sync_client import OpenAI

    return OpenAI(**{"transport": oai_recorder, **oai_client_options})


@pytest.fixture
def async_oai_client(oai_recorder: Recorder, oai_client_options: dict[str, Any]) -> AsyncOpenAI:
    """An `AsyncOpenAI` client with this test's cassette."""
    from oai._client.async_client import AsyncOpenAI

    return AsyncOpenAI(**{"transport": oai_recorder, **oai_client_options})
