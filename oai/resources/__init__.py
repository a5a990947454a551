"""The classes of `client.chat.completions` and its kin, at the official SDK's import paths.

They are the very classes that a client's attributes are instances of: to patch or to subclass
`oai.resources.chat.completions.Completions` affects every client of the shipped table.
"""

from oai._support.official_modules import attach_package

__getattr__, __dir__ = attach_package(__name__, has_stubs=True)
