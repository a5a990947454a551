"""The private modules of the official SDK that other packages import: `openai._types`, `openai._models`, ...

`official.txt`, which is generated, says what each of their names is here. Names without a counterpart in the package
are defined in the modules of this room; what has none at all is a placeholder (`missing`) that says so when it is used.

`oai.as_openai` maps the SDK's names onto this package, so that `oai._client` stays the room of the clients.
"""

from oai._support.official_modules import attach_package

__getattr__, __dir__ = attach_package(__name__)
