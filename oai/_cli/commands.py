"""The commands that are not operations, as data for the help of `main` and for completion."""

from __future__ import annotations

COMMANDS = {
    "cache": "cache.cache",
    "cassette": "cassette.cassette",
    "chat": "chat.chat",
    "completion": "completion.completion",
    "import": "generate.import_document",
    "list": "operations.list_operations",
    "map": "map.map_rows",
    "providers": "providers.list_providers",
    "serve": "serve.serve",
    "show": "operations.show_operation",
    "stubs": "generate.write_stubs",
}
"""The functions of the commands that are not operations; each is imported when it is used, to start fast."""

USAGE_OF = {
    "list": ("[WORD ...]", "List operations; with words, only those in which all the words occur."),
    "show": ("OPERATION", "Show the description, parameters and result of an operation."),
    "chat": ("[model=NAME] [name=text ...]", "Converse with a model in the terminal."),
    "map": (
        "OPERATION --input ROWS [--output RESULTS] [--journal FILE] [--estimate] [name=text ...]",
        "Call an operation for every row of a JSON lines, CSV or Parquet file, or estimate its tokens and cost.",
    ),
    "providers": ("[NAME ...]", "List the services that --provider selects, or show some of them."),
    "import": ("DOCUMENT", "Write a table, and a module with its types, for the server of an OpenAPI document."),
    "stubs": ("TABLE ...", "Write a module with typed calls for your tables, for type checkers."),
    "completion": ("bash | zsh | fish", "Print a script for completion; in bash: source <(oai completion bash)."),
    "serve": ("[--cassette FILE | --offline | --fake MODULE:NAME]", "Run a local server for clients of any kind."),
    "cache": (
        "show [FILE] | clear [FILE] | export [FILE] [--output FILE]",
        "List the responses that a `Cache` keeps, remove them, or write them as JSON lines.",
    ),
    "cassette": (
        "check PATH ... | show PATH ... | import OLD NEW",
        "Search cassettes for secrets, list their exchanges, or convert one from vcrpy.",
    ),
}
"""The arguments and the description of each command that is not an operation."""
