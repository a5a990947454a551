"""Progress bars of the command line: of files that are sent, and of answers that are bytes.

They are tqdm's and stand on the standard error, where it is a terminal and tqdm is installed. What goes over the wire
is counted by a transport around the usual one, so that attempts, redirects and cassettes stay what they are.
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


def shows_bars(asked: bool | None, row: Row) -> bool:
    """Tell whether a call shows bars: where it moves files, and somebody can see them or has asked for them.

    Args:
        asked: what `--progress` and `--no-progress` say, `None` where neither is there.
        row: the operation.

    Raises:
        UsageError: they are asked for, and tqdm is not installed.
    """
    if asked is False or not (row.files or row.response == "bytes"):
        return False
    from importlib.util import find_spec

    installed = find_spec("tqdm") is not None
    if asked and not installed:
        raise UsageError("--progress needs tqdm, which is not installed: pip install 'oai[progress]'")
    return asked or (installed and sys.stderr is not None and sys.stderr.isatty())


class Screen:
    """The standard error as a place for bars; that nobody reads it any more must not end an upload."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> None:
        """Show text, if there is anybody to see it."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            drop(sys.stderr)


def _width() -> int:
    """Return the columns of the terminal; one that says to have none, as some containers' do, has the usual 80."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Bar:
    """A bar from its making until it is closed, which wipes it away.

    Args:
        text: what stands before it.
        total: the bytes at its end, where that is known.
    """

    def __init__(self, text: str, total: int | None) -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread, and below no semaphore, which would load multiprocessing
        tqdm.set_lock(threading.RLock())
        self._bar = tqdm(
            desc=text,
            total=total,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            miniters=0,  # a slow piece after fast ones is drawn as well
            leave=False,
            ncols=_width(),
            file=Screen(),
        )

    def at(self, done: int) -> None:
        """Show that so many bytes are done, fewer than before where an attempt begins anew."""
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Wipe it away."""
        self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Whole:
    """The callback of helpers that tell of themselves what they send: one bar for all of it."""

    _bar: Bar | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that so many bytes of all are sent; with the last the bar goes, since a helper may wait after it."""
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


class MeteredTransport:
    """The usual transport with a bar for each body of several pieces, and for each answer that is bytes."""

    def __init__(self) -> None:
        from oai._client.default_transport import find_transport
        from oai.transports.http import HTTPTransport

        self._own = HTTPTransport()  # opens nothing before it sends
        self._transport: Transport = find_transport(None, is_async=False) or self._own

    @property
    def needs_key(self) -> bool:
        """Whether a client must have a key."""
        return getattr(self._transport, "needs_key", True)

    def send(self, request: Request) -> Reply:
        """Send over the transport within."""
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
