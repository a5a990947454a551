"""The package's logger, looked up once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


@cache
def logger() -> Logger:
    """Return the logger `oai`.

    `logging.getLogger` takes a lock for each look-up. In Python 3.11 an interrupt within it leaves the lock held, and
    every thread that logs hangs. The same lock is taken when a logger determines for the first time whether a level is
    enabled, so that this is done here too.
    """
    import logging  # a large module, which most programs do without

    log = logging.getLogger("oai")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        log.isEnabledFor(level)
    return log
