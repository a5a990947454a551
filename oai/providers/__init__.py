"""Providers: services that a client calls instead of OpenAI, for `OpenAI(provider=...)`.

`profile` returns a row of `providers.toml` by its name, `bedrock` and `vertex` are the official SDK's.
"""

from typing import TYPE_CHECKING

from oai._request.profile import Profile as Profile
from oai._request.profile import profile as profile

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here
    from oai._support.official_modules import attach_package

    __getattr__, __dir__ = attach_package(__name__)

    # The modules that have the names of the functions: imported later, they would take the functions' places.
    import oai.providers.bedrock
    import oai.providers.vertex  # noqa: F401 - for its effect on this package

from oai._providers.bedrock import bedrock as bedrock
from oai._providers.vertex import vertex as vertex

__all__ = ["Profile", "bedrock", "profile", "vertex"]
