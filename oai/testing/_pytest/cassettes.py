"""What the pytest plugin does when a test has a cassette: where it lies, how it is opened, and how it ends.

It knows pytest's items and markers by their attributes, and recorders; the plugin itself imports it when a test first
needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oai._support.suggest import nearest
from oai.transports.recorder import Recorder

OPTIONS = ("name", "mode", "ignore", "chunks", "pace", "compare_headers", "keep_headers", "allow_unused")
"""What the marker takes: the name of the cassette, and options of `Recorder`."""

PLAIN = re.compile(r"[A-Za-z0-9_.,=+@\[\]-]{1,120}")
"""Names of tests that are names of files as they are. Others are spelt with these, and end in a digest after a `~`,
which no plain name has: so two tests never share a file by accident."""


def cassette_path(node: Any, name: str | None = None) -> str:
    """Return where a test's cassette lies: its own, or under `cassettes/` the one that a marker names."""
    directory = os.path.join(os.path.dirname(node.path), "cassettes")
    if name is not None:
        return os.path.join(directory, name if name.endswith(".cassette") else f"{name}.cassette")
    module = os.path.splitext(os.path.basename(node.path))[0]
    own = node.nodeid.partition("::")[2].replace("::", ".") or node.name
    return os.path.join(directory, module, f"{file_name(own)}.cassette")


def file_name(test: str) -> str:
    """Return a file name for a test's name, different for different ones, also where upper case is lower case."""
    identifier, bracket, params = test.partition("[")
    if PLAIN.fullmatch(test) and params == params.lower():
        return test
    digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    spelt = re.sub(r"[^A-Za-z0-9_.,=+@\[\]-]+", "-", identifier[:60] + bracket + params[:40])
    return f"{spelt}~{digest}"


def marked(node: Any) -> dict[str, Any]:
    """Return the options of a test's markers, the closest first; one given by position is the name.

    Raises:
        pytest.UsageError: a marker has an option that there is not.
    """
    options: dict[str, Any] = {}
    for mark in node.iter_markers("oai_cassette"):
        given = {**dict(zip(("name",), mark.args, strict=False)), **mark.kwargs}
        for option in given:
            if option not in OPTIONS:
                right = nearest(option, OPTIONS)
                hint = f". Did you mean {right!r}?" if right else ""
                there = ", ".join(OPTIONS)
                raise pytest.UsageError(f"{node.nodeid}: oai_cassette has no option {option!r}; it has {there}{hint}")
        if len(mark.args) > 1:
            raise pytest.UsageError(f"{node.nodeid}: the marker oai_cassette takes a name and options by their names")
        options = {**given, **options}
    return options


def make_recorder(node: Any, asked: str | None, otherwise: str, start: float) -> Recorder:
    """Return the recorder of a test's cassette.

    Args:
        node: the test.
        asked: the mode that whoever runs the tests asks for.
        otherwise: the mode where neither they nor the marker do.
        start: when the session of pytest began, in seconds since 1970.
    """
    options = marked(node)
    path = cassette_path(node, options.pop("name", None))
    marked_mode = options.pop("mode", None)
    mode: Any = asked or marked_mode or otherwise
    if mode == "record" and _written_since(path, start):
        # Another test of this session shares the cassette: what it has recorded stays, and answers here as it will
        # in a replay.
        mode = "append"
    return Recorder(path, mode=mode, **options)


def _written_since(path: str, start: float) -> bool:
    try:
        return os.stat(path).st_mtime >= start
    except OSError:
        return False


def finish(recorder: Recorder, *, keep: bool) -> None:
    """Write the cassette of a test that passed, leave that of another as it was, and close the connections."""
    closing = recorder.close() if keep else recorder.abort()
    if inspect.iscoroutine(closing):
        failures: list[BaseException] = []

        def run() -> None:  # in a thread, since this one's event loop is the test's business
            try:
                asyncio.run(closing)
            except BaseException as error:  # noqa: BLE001 - raised below, in the test's thread
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]


class Current:
    """The transport of clients that code under test makes by itself: whatever test runs, its recorder.

    Such clients live long, in globals and caches, and are used by tests that follow. So they are given this one
    object, and not the recorder of the test in which they happened to be made.
    """

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._node: Any = None

    @contextlib.contextmanager
    def during(self, node: Any, recorder: Recorder) -> Iterator[None]:
        """Be the recorder of a test while it runs."""
        before, self._recorder = self._recorder, recorder
        self._node = node
        try:
            yield
        finally:
            self._recorder = before

    @property
    def recorder(self) -> Recorder:
        """The recorder of the test that runs.

        Raises:
            AssertionError: none does that has one.
        """
        if self._recorder is None:
            raise AssertionError(
                f"a client that was made within {self._node.nodeid} is used where no test with a cassette runs: "
                "mark this test with @pytest.mark.oai_cassette, or close the client with its test"
            )
        return self._recorder

    @property
    def needs_key(self) -> bool:
        """Whether requests are sent now to a server that wants a key."""
        return self._recorder is not None and self._recorder.needs_key

    def send(self, request: Any) -> Any:
        """Send by the current test's recorder."""
        return self.recorder.send(request)

    def for_async(self) -> Any:
        """Return this as async clients use it."""
        return _AsyncCurrent(self)

    def close(self) -> None:
        """Do nothing: the test's fixture closes its recorder."""


class _AsyncCurrent:
    def __init__(self, current: Current) -> None:
        self._current = current

    @property
    def needs_key(self) -> bool:
        return self._current.needs_key

    def send(self, request: Any) -> Any:
        return self._current.recorder.for_async().send(request)

    def close(self) -> None:
        self._current.close()


current = Current()
