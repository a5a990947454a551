"""Import paths of the official SDK's helpers, such as `oai.lib.azure` and `oai.lib.beta.agents`."""

from oai._support.official_modules import attach_package

__getattr__, __dir__ = attach_package(__name__, has_stubs=True)
