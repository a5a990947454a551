"""Cassettes of the pytest plugin: their paths, and opening and closing them for a test.

This module knows recorders, and pytest's items and markers by their attributes. The plugin imports it when a test
first needs it.
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

from oai._client.default_transport import recorded_transport
from oai._support.suggest import nearest
from oai.transports.recorder import Recorder

OPTIONS = ("name", "mode", "ignore", "chunks", "pace", "compare_headers", "keep_headers", "allow_unused")
"""The options of the marker: the name of the cassette, and options of `Recorder`."""

PLAIN = re.compile(r"[A-Za-z0-9_.,=+@\[\]-]{1,120}")
"""Names of tests that are used unchanged as file names. Others are reduced to these characters and end in `~` and a
digest; since no unchanged name contains `~`, two tests never share a file by accident."""


def cassette_path(node: Any, name: str | None = None) -> str:
    """Return the path of a test's cassette: the one named by a marker, or its own."""
    directory = os.path.join(os.path.dirname(node.path), "cassettes")
    if name is not None:
        return os.path.join(directory, name if name.endswith(".cassette") else f"{name}.cassette")
    module = os.path.splitext(os.path.basename(node.path))[0]
    own = node.nodeid.partition("::")[2].replace("::", ".") or node.name
    return os.path.join(directory, module, f"{file_name(own)}.cassette")


def file_name(test: str) -> str:
    """Return a file name for a test's name, unique also on file systems that ignore case."""
    identifier, bracket, params = test.partition("[")
    if PLAIN.fullmatch(test) and params == params.lower():
        return test
    digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    spelt = re.sub(r"[^A-Za-z0-9_.,=+@\[\]-]+", "-", identifier[:60] + bracket + params[:40])
    return f"{spelt}~{digest}"


def marked(node: Any) -> dict[str, Any]:
    """Return the options of a test's markers, merged; the closest marker wins. A positional argument is the name.

    Raises:
        pytest.UsageError: a marker has an unknown option.
    """
    options: dict[str, Any] = {}
    for mark in node.iter_markers("oai_cassette"):
        own = {**dict(zip(("name",), mark.args, strict=False)), **mark.kwargs}
        for option in own:
            if option not in OPTIONS:
                right = nearest(option, OPTIONS)
                hint = f". Did you mean {right!r}?" if right else ""
                valid = ", ".join(OPTIONS)
                raise pytest.UsageError(f"{node.nodeid}: oai_cassette has no option {option!r}; it has {valid}{hint}")
        if len(mark.args) > 1:
            raise pytest.UsageError(f"{node.nodeid}: oai_cassette takes one positional argument, the name")
        options = {**own, **options}
    return options


def make_recorder(node: Any, override: str | None, default: str, start: float) -> Recorder:
    """Return the recorder of a test's cassette.

    Args:
        node: the test.
        override: the mode of the command line or the environment, which precedes the marker's.
        default: the mode if neither sets one.
        start: the start of the pytest session, in seconds since 1970.
    """
    options = marked(node)
    path = cassette_path(node, options.pop("name", None))
    marked_mode = options.pop("mode", None)
    mode: Any = override or marked_mode or default
    if mode == "record" and _written_since(path, start):
        # Another test of this session has recorded the same cassette. Recording would discard its exchanges; a replay
        # will serve both tests from one cassette, and so must this run.
        mode = "append"
    return Recorder(path, None if mode == "replay" else recorded_transport(), mode=mode, **options)


def _written_since(path: str, start: float) -> bool:
    try:
        return os.stat(path).st_mtime >= start
    except OSError:
        return False


def finish(recorder: Recorder, *, keep: bool) -> None:
    """Write the cassette if the test passed, keep the old one otherwise, and close the connections."""
    closing = recorder.close() if keep else recorder.abort()
    if inspect.iscoroutine(closing):
        failures: list[BaseException] = []

        def run() -> None:  # in a thread, since this one may have a running event loop
            try:
                asyncio.run(closing)
            except BaseException as error:  # noqa: BLE001 - raised again below, in the test's thread
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]


class Current:
    """The transport of clients that the code under test creates: it delegates to the recorder of the running test.

    Such clients are kept in globals and caches and used by later tests. So they get this one object instead of the
    recorder of the test that happened to create them.
    """

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._node: Any = None

    @contextlib.contextmanager
    def during(self, node: Any, recorder: Recorder) -> Iterator[None]:
        """Delegate to the recorder of a test while it runs."""
        before, self._recorder = self._recorder, recorder
        self._node = node
        try:
            yield
        finally:
            self._recorder = before

    @property
    def recorder(self) -> Recorder:
        """The recorder of the running test.

        Raises:
            AssertionError: the running test has none.
        """
        if self._recorder is None:
            raise AssertionError(
                f"a client created in {self._node.nodeid} is used while no test with a cassette is running; "
                "mark this test with @pytest.mark.oai_cassette, or close the client at the end of its test"
            )
        return self._recorder

    @property
    def needs_key(self) -> bool:
        """Whether a client needs a key: if the running test's recorder sends to a server."""
        return self._recorder is not None and self._recorder.needs_key

    def send(self, request: Any) -> Any:
        """Send with the running test's recorder."""
        return self.recorder.send(request)

    def for_async(self) -> Any:
        """Return the adapter for async clients."""
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
