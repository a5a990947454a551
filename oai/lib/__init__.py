"""Import paths of the official SDK's helpers, such as `oai.lib.azure` and `oai.lib.beta.agents`."""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here
    from oai._support.official_modules import attach_package

    __getattr__, __dir__ = attach_package(__name__)
