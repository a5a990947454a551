"""The progress of many calls: a function of the caller's, or a bar on a terminal or in a notebook.

tqdm draws the bar if it is installed (`oai[progress]`). Without it, a terminal shows a line of text, and so does a
notebook.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

Progress = Callable[[int, int | None], object]
"""Called with the number of finished calls and the total, which is `None` if it is not known."""

ProgressOption = Progress | bool | None
"""A function, or `True` for a bar."""

INTERVAL = 0.1
"""Seconds between two updates of a line of text."""


def progress_of(option: ProgressOption, stack: ExitStack) -> Progress | None:
    """Return the function to call; a bar is closed with the stack.

    Raises:
        TypeError: the option is neither a function nor `True`.
    """
    if option is True:
        bar: Progress = stack.enter_context(_bar())
        return bar
    if option is None or option is False:
        return None
    if not callable(option):
        raise TypeError(f"progress must be a function or True, not {option!r}")
    return option


class BatchProgress:
    """The finished requests of all batches of a block, which are polled one by one."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._finished: dict[str, int] = {}

    def of(self) -> Callable[[Any], None] | None:
        """Return the function to call with each state of a batch."""
        return None if self._progress is None else self._report

    def _report(self, batch: Any) -> None:
        counts = getattr(batch, "request_counts", None)
        finished = [getattr(counts, name, None) for name in ("completed", "failed")]
        self._finished[str(batch.id)] = sum(count for count in finished if isinstance(count, int))
        if self._progress is not None:
            self._progress(min(sum(self._finished.values()), self._total), self._total)


def _bar() -> Any:
    try:
        import tqdm.auto  # an extra, and a large module
    except ImportError:
        return Line()
    return Bar(tqdm.auto.tqdm)


class Bar:
    """A bar of tqdm, which in a notebook is a widget, if those are installed."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._drawn: Any = None

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int | None) -> None:
        """Show the number of finished calls and the total."""
        if self._drawn is None:
            self._drawn = self._tqdm(total=total, unit="call")
        self._drawn.total = total
        self._drawn.update(done - self._drawn.n)

    def __exit__(self, *_: object) -> None:
        if self._drawn is not None:
            self._drawn.close()


class Line:
    """A line of text: on a terminal, in a notebook, and nowhere else."""

    def __init__(self) -> None:
        self._shown = -1.0
        self._text = ""
        self._display = _notebook_display()

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int | None) -> None:
        """Show the number of finished calls and the total."""
        self._text = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        now = time.monotonic()
        if now - self._shown >= INTERVAL:
            self._shown = now
            self._write()

    def _write(self, end: str = "") -> None:
        if self._display is not None:
            self._display.update({"text/plain": self._text}, raw=True)
        elif sys.stderr is not None and sys.stderr.isatty():
            with suppress(OSError):  # a reader that is gone must not stop the calls
                sys.stderr.write(f"\r{self._text}{end}")
                sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._text:
            self._write("\n")


def _notebook_display() -> Any:
    """Return the display handle below the running cell of a notebook, `None` elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return ipython.display.display({"text/plain": ""}, raw=True, display_id=True) if ipython is not None else None
