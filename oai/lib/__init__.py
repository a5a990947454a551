"""Import paths of the official SDK's helpers: `from oai.lib.azure import AzureOpenAI`, `from oai.lib.beta.agents import ...`."""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here
    from oai._support.official_modules import attach_package

    __getattr__, __dir__ = attach_package(__name__)
