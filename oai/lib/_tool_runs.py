"""Shared by the tool runners: one run at a time, and functions with an optional parameter `cancelled`."""

from __future__ import annotations

import inspect
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, TypedDict

from oai._support.omit import Omit

IDEMPOTENCY: Final = "Idempotency-Key"


class CloseStatus(TypedDict):
    """The status of a closed runner: `draining` until its run ends."""

    status: Literal["closed", "draining"]


class OneRun:
    """Allows one run at a time, and none after `close`.

    Args:
        name: the name in error messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._active = self._closed = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Allow the run of the `with` block.

        Raises:
            RuntimeError: another one is active, or the runner is closed.
        """
        with self._lock:
            if self._closed or self._active:
                raise RuntimeError(f"{self._name} is {'closed' if self._closed else 'busy with another run'}")
            self._active = True
        try:
            yield
        finally:
            with self._lock:
                self._active = False

    def close(self) -> CloseStatus:
        """Refuse further runs."""
        with self._lock:
            self._closed = True
            return {"status": "draining" if self._active else "closed"}


def call_with_cancelled(function: Callable[..., Any], cancelled: Callable[[], bool] | None) -> Any:
    """Call a function, with `cancelled` if it has a parameter of that name."""
    try:
        parameter = inspect.signature(function).parameters.get("cancelled")
    except (TypeError, ValueError):  # of builtins that have no signature
        parameter = None
    if parameter is None or parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        return function()
    return function(cancelled=cancelled)


def returns_awaitable(function: Callable[..., Any]) -> bool | None:
    """Return whether a function returns an awaitable, without calling it; `None` if that is unknown."""
    function = inspect.unwrap(function)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(type(function), "__call__", None)):  # noqa: B004 - the method itself is inspected
        return True
    try:
        annotation = inspect.signature(function).return_annotation
    except (TypeError, ValueError):
        return None
    text = str(annotation)
    if annotation in (inspect.Signature.empty, Any, object) or text in ("Any", "typing.Any", "object"):
        return None
    return any(name in text for name in ("Awaitable[", "Coroutine[", "Future["))


def next_idempotency_headers(client: Any, own: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Return the extra headers of a further request: with another key, if the first request had one.

    Args:
        client: the client, which may have a key for all its requests.
        own: the extra headers of the first request, which may have its key, or omit the client's.
    """
    extra = dict(own or {})
    keys = [value for name, value in {**client.default_headers, **extra}.items() if _is_key(name)]
    if not keys or isinstance(keys[-1], Omit):
        return None if own is None else extra
    rest = {name: value for name, value in extra.items() if not _is_key(name)}
    return {**rest, IDEMPOTENCY: f"oai-{uuid.uuid4()}"}


def _is_key(name: str) -> bool:
    return name.lower() == IDEMPOTENCY.lower()
