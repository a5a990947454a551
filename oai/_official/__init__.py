"""The private modules of the official SDK that other packages import: `openai._types`, `openai._models`, ...

`official.txt`, which is generated, maps each of their names to the one here. Names without a counterpart in the package
are defined in the modules of this room, or are placeholders (`missing`), which raise an error when they are used.

`oai.as_openai` maps the SDK's names onto this package, so that `oai._client` stays the room of the clients.
"""

from oai._support.official_modules import attach_package

__getattr__, __dir__ = attach_package(__name__)
