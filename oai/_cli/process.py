"""Prepare the process of the command line: its standard streams, and the encoding of its arguments and file names."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from oai._cli.arguments import UsageError


def open_closed_streams() -> None:
    """Connect standard streams that the process was started without (`oai list >&-`) to the null device.

    Python has `None` in their place. Besides, the next file that is opened would get the number of the closed stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(null, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - open until the end


def enter_utf8_mode() -> None:
    """Start again in Python's UTF-8 mode where file names are limited to ASCII, which no file system requires.

    That is so in the locale `C` with `PYTHONUTF8=0`; else Python has chosen the mode itself (PEP 540).
    """
    if sys.getfilesystemencoding() == "ascii" and not getattr(sys, "frozen", False):
        with suppress(OSError):  # without it, only arguments and files with other names fail
            os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - no shell


def as_utf8(word: str) -> str:
    """Return an argument decoded as UTF-8, if Python decoded its bytes otherwise, as in the locale `C`.

    Raises:
        UsageError: it is not UTF-8.
    """
    with suppress(UnicodeEncodeError):
        word.encode()
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        raise UsageError(f"the argument {word!a} is not UTF-8") from None


def flush(status: int) -> int:
    """Flush the standard output; return the exit status: another one if what is left of it cannot be written.

    Python would try once more at its exit, and print that error after ours.
    """
    try:
        sys.stdout.flush()
    except OSError:
        from oai._cli.output import drop

        drop(sys.stdout)
        return status or 1
    return status
