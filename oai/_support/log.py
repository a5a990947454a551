"""The package's logger, looked up once.

Under `oai.as_openai` it is the logger `openai._base_client`, by which the official SDK logs requests, and `openai` is
below `oai`: the levels and handlers of all three apply, and each handler gets a record once.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from logging import Logger

OWN: Final = ("oai",)
OFFICIAL: Final = ("oai", "openai", "openai._base_client")


class _Names:
    """The names of the logger and of those above it, the topmost first."""

    chain: tuple[str, ...] = OWN


def use_names(chain: tuple[str, ...]) -> None:
    """Choose the loggers from now on: `OWN` or `OFFICIAL`."""
    if len(_Names.chain) > 1:
        import logging

        logging.getLogger(_Names.chain[1]).parent = logging.root
    _Names.chain = chain
    logger.cache_clear()


@cache
def logger() -> Logger:
    """Return the logger `oai`, or that of the official SDK's requests.

    `logging.getLogger` takes a lock for each look-up. In Python 3.11 an interrupt within it leaves the lock held, and
    every thread that logs hangs. The same lock is taken when a logger determines for the first time whether a level is
    enabled, so that this is done here too.
    """
    import logging  # a large module, which most programs do without

    *_, log = loggers = [logging.getLogger(name) for name in _Names.chain]
    if len(loggers) > 1:
        loggers[1].parent = loggers[0]
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        log.isEnabledFor(level)
    return log
