"""The version of this package, by the name that the official SDK has for it."""

from oai._version import __version__

__all__ = ["VERSION"]

VERSION: str = __version__
