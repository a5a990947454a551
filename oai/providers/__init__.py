"""Providers: services that a client calls instead of OpenAI, for `OpenAI(provider=...)`.

`profile` returns a row of `providers.toml` by its name. The other names are the official SDK's.
"""

from typing import TYPE_CHECKING

from oai._request.profile import Profile as Profile
from oai._request.profile import profile as profile

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here
    from oai._support.official_modules import attach_package

    __getattr__, __dir__ = attach_package(__name__)
