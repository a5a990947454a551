"""The base of the conformance suite: the server, the transport under test, and the selection of cases.

A case names the flags it needs, `@needs("tls")`. If the class sets `tls = False`, it does not have the case, so that
nothing is reported as skipped.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any, ClassVar, TypeVar

import pytest

from oai._http.messages import Body, Headers, Request, Timeout, TransportError
from oai.testing._cases.drivers import Driver, nothing
from oai.testing.loopback import Answer, Loopback

Case = TypeVar("Case", bound=Callable[..., None])

MEMORY_VARIABLE = "OAI_CONFORMANCE_BYTES"


class _Off:
    """A placeholder for a case that does not apply; pytest ignores it, since it is not callable."""

    def __repr__(self) -> str:
        return "<not a case of this transport>"


OFF = _Off()


def needs(flag: str, value: bool = True) -> Callable[[Case], Case]:
    """Mark a case that applies only if the class's flag is on (or, with `value=False`, off)."""

    def mark(case: Case) -> Case:
        vars(case)["needs"] = {**vars(case).get("needs", {}), flag: value}
        return case

    return mark


class Suite:
    """The conformance suite without its cases; see `TransportConformance`."""

    is_async = False
    tls = find_spec("trustme") is not None
    proxies = True
    pickles = True
    forks = hasattr(os, "fork")
    flat_memory = True
    exact_limits = True
    interim = True
    owns_connections = False
    lingers = False
    patience = 5.0
    memory_size = int(os.environ.get(MEMORY_VARIABLE) or 64 * 1024 * 1024)
    memory_limit = 8 * 1024 * 1024
    driver_type: type[Driver] = Driver

    def make_transport(self) -> Any:
        """Return a new transport, which is closed after the case."""
        raise NotImplementedError("override make_transport to return a new transport")

    def dispose(self, transport: Any) -> Any:
        """Close resources that `make_transport` creates in addition to the transport, such as a pool."""

    make_trusting: Any = None
    """Takes an `ssl.SSLContext` and returns a new transport that uses it; `None` if the transport cannot."""

    own_cases: ClassVar[dict[str, Callable[..., None]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.own_cases = {
            name: value for name, value in vars(cls).items() if name.startswith("test_") and callable(value)
        }
        cases: dict[str, Callable[..., None]] = {}
        for each in reversed(cls.__mro__):
            cases.update(vars(each).get("own_cases", {}))
        for name, case in cases.items():
            wanted: dict[str, bool] = getattr(case, "needs", {})
            if any(bool(getattr(cls, flag)) != value for flag, value in wanted.items()):
                setattr(cls, name, OFF)
            elif getattr(cls, name) is OFF:
                setattr(cls, name, case)

    def setup_method(self) -> None:
        """Prepare a case: a server, no proxies in the environment. pytest calls this before each."""
        self.open = ExitStack()
        self.environment = self.open.enter_context(pytest.MonkeyPatch.context())
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                self.environment.delenv(name)
        self.server = self.open.enter_context(Loopback())
        self._driver: Driver | None = None

    def teardown_method(self) -> None:
        """Close what a case has opened; pytest calls this after each."""
        self.open.close()

    @property
    def driver(self) -> Driver:
        """The driver of the transport under test, created on first use."""
        if self._driver is None:
            self._driver = self.drive(self.make_transport, self.dispose)
        return self._driver

    @property
    def transport(self) -> Any:
        """The transport under test, created on first use."""
        return self.driver.transport

    def drive(self, make: Callable[[], Any], dispose: Callable[[Any], Any] = nothing) -> Any:
        """Return a driver for the transport that `make` creates; it ends after the case."""
        driver = self.driver_type(make, dispose)
        self.open.callback(driver.end)
        return driver

    def request(
        self, path: str = "/x", *, headers: Any = (), body: bytes | Body | None = None, method: str = "", **limits: Any
    ) -> Request:
        """Return a request to the server. Limits are those of `Timeout`."""
        timeout = Timeout(limits.pop("timeout", 10), **limits)
        method = method or ("GET" if body is None else "POST")
        url = path if "://" in path else self.server.url + path
        return Request(method, url, list(headers), body, timeout=timeout, stream=True)

    def send(self, *arguments: Any, **fields: Any) -> Any:
        """Send a request to the server and return the reply."""
        return self.driver.send(self.request(*arguments, **fields))

    def fetch(self, *arguments: Any, **fields: Any) -> bytes:
        """Send a request to the server and return the body of the response."""
        return bytes(self.send(*arguments, **fields).read())

    def is_clear(self) -> bool:
        """Return whether all connections of the server end in time."""
        return self.server.until(lambda: not self.server.open_connections, 1.5 * self.patience)

    def leaves_nothing(self, driver: Driver, use: Callable[[], object]) -> None:
        """Perform an action, end the driver, and check that no connection, task or unclosed object is left."""
        gc.collect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            use()
            driver.end()
            gc.collect()
        assert self.is_clear(), f"{self.server.open_connections} connections are still open"
        # Objects of other event loops belong to other tests.
        ours = [each for each in caught if getattr(each.source, "_loop", driver.loop) is driver.loop]
        assert not [str(each.message) for each in ours if issubclass(each.category, ResourceWarning)]
        assert not driver.leftover, "tasks are still running"

    def has_not_finished_an_upload(self) -> None:
        """Check that the server got no complete body; on a busy machine it may not even have got the head."""
        assert not any(seen.complete for seen in self.server.requests if seen.method == "POST")

    def serves_again(self) -> None:
        """Check that the transport still works."""
        self.server.route("GET", "/again", Answer(body=b"again"))
        assert self.fetch("/again") == b"again"


class Pieces:
    """A streamed body that counts how often it is iterated."""

    def __init__(self, *pieces: bytes, times: int = 1) -> None:
        self.sent = 0
        self.length = sum(map(len, pieces)) * times
        self._pieces, self._times = pieces, times

    def __iter__(self) -> Iterator[bytes]:
        self.sent += 1
        for _ in range(self._times):
            yield from self._pieces


def fails(kind: str | tuple[str, ...], action: Callable[[], object]) -> TransportError:
    """Check that an action raises `TransportError` of a kind, and return the error."""
    kinds = (kind,) if isinstance(kind, str) else kind
    with pytest.raises(TransportError) as caught:
        action()
    assert caught.value.kind in kinds, f"{caught.value.kind!r} for {caught.value}"
    assert str(caught.value), "the error has no message"
    return caught.value


def fields_of(headers: Headers | list[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    """Return the header fields with these names (in lower case), unchanged and in order."""
    pairs = headers.multi_items() if isinstance(headers, Headers) else headers
    return [pair for pair in pairs if pair[0].lower() in names]
