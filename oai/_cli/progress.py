"""Progress bars of the command line for uploads and downloads.

They are drawn by tqdm on the standard error, if that is a terminal and tqdm is installed. A transport around the
default one counts the bytes, so that retries, redirects and cassettes work as they do without bars.
"""

from __future__ import annotations

import copy
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._cli.output import drop

if TYPE_CHECKING:
    from typing import Self

    from oai._http.messages import Body, Headers, Reply, Request, Transport
    from oai._table.rows import Row


def shows_bars(option: bool | None, row: Row) -> bool:
    """Return whether a call shows progress bars: if it transfers files, and by the option or the terminal.

    Args:
        option: `True` for `--progress`, `False` for `--no-progress`, `None` for neither.
        row: the operation.

    Raises:
        UsageError: `--progress` is set, but tqdm is not installed.
    """
    return bool(row.files or row.response == "bytes") and can_draw(option)


def can_draw(option: bool | None) -> bool:
    """Return whether progress bars can be drawn, and the option or the terminal wants them.

    Raises:
        UsageError: `--progress` is set, but tqdm is not installed.
    """
    if option is False:
        return False
    from importlib.util import find_spec

    installed = find_spec("tqdm") is not None
    if option and not installed:
        raise UsageError("--progress needs tqdm, which is not installed: pip install 'oai[progress]'")
    return option or (installed and sys.stderr is not None and sys.stderr.isatty())


class Screen:
    """The standard error as a file for tqdm that ignores a closed pipe, which must not abort an upload."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> None:
        """Write text, unless the reader is gone."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            drop(sys.stderr)


def _width() -> int:
    """Return the width of the terminal; 80 if it reports 0 columns, as in some containers, or none at all."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Bar:
    """A progress bar, erased when it is closed.

    Args:
        text: the label in front of it.
        total: the total number of bytes, if known.
        unit: what is counted: bytes, or rows of a file.
    """

    def __init__(self, text: str, total: int | None, unit: str = "B") -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no monitor thread; and an own lock, since the default one loads multiprocessing
        tqdm.set_lock(threading.RLock())
        self._bar = tqdm(
            desc=text,
            total=total,
            unit=unit,
            unit_scale=True,
            unit_divisor=1024 if unit == "B" else 1000,
            miniters=0,  # draw also when the rate drops; by default tqdm adapts to the fastest rate seen
            leave=False,
            ncols=_width(),
            file=Screen(),
        )

    def at(self, done: int) -> None:
        """Set the number of bytes transferred, which falls when an attempt is retried."""
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Erase it."""
        self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class UploadProgress:
    """The `progress` callback for helpers that send several requests: one bar for the whole upload."""

    _bar: Bar | None = None

    def __call__(self, done: int, total: int) -> None:
        """Set the number of bytes sent; at the end the bar is erased, since a helper may still wait for the server."""
        if self._bar is None:
            self._bar = Bar("uploading", total)
        self._bar.at(done)
        if done >= total:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


class RowProgress:
    """The `progress` callback of `oai map`: one bar that counts rows."""

    _bar: Bar | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Set the number of finished rows."""
        if self._bar is None:
            self._bar = Bar("mapping", total, unit=" rows")
        self._bar.at(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


class MeteredTransport:
    """The default transport with a progress bar for each body of several pieces and each binary response."""

    def __init__(self) -> None:
        from oai._client.default_transport import find_transport
        from oai.transports.http import HTTPTransport

        self._own = HTTPTransport()  # opens nothing before it sends
        self._transport: Transport = find_transport(None, is_async=False) or self._own

    @property
    def needs_key(self) -> bool:
        """Whether a client needs a key."""
        return getattr(self._transport, "needs_key", True)

    def send(self, request: Request) -> Reply:
        """Send with the default transport."""
        from oai._request.multipart import PIECE

        body = request.body
        if body is None or isinstance(body, bytes) or body.length <= PIECE:
            reply = self._transport.send(request)
        else:
            with Bar("uploading", body.length) as bar:
                metered = copy.copy(request)
                metered.body = _MeteredBody(body, bar)
                reply = self._transport.send(metered)
        is_file = request.operation is not None and request.operation.row.response == "bytes"
        return _MeteredReply(reply) if is_file and 200 <= reply.status < 300 else reply

    def close(self) -> None:
        """Close the connections."""
        self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _MeteredBody:
    def __init__(self, body: Body, bar: Bar) -> None:
        self.length = body.length
        self._body = body
        self._bar = bar

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        self._bar.at(0)
        for piece in self._body:
            yield piece
            done += len(piece)
            self._bar.at(done)


class _MeteredReply:
    def __init__(self, reply: Reply) -> None:
        self.status: int = reply.status
        self.headers: Headers = reply.headers
        self._reply = reply

    def read(self) -> bytes:
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        length = self.headers.get("content-length", "")
        done = 0
        with Bar("downloading", int(length) if length.isdecimal() else None) as bar:
            for piece in self._reply:
                done += len(piece)
                bar.at(done)
                yield piece

    def close(self) -> None:
        self._reply.close()
