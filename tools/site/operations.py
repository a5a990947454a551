"""Describe the methods of the table: one Markdown page for each namespace, and the same as plain data.

Everything comes from the table and the types that its rows name. The pages show for each operation what it does, its
method and path, parameters, result, and the call in Python, on the command line and with curl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from oai._table.docs import parameter_docs
from oai._table.load import shipped_table
from oai._table.providers import all_providers
from oai._table.rows import Row
from oai._table.table import Table
from oai._table.type_expressions import resolve
from tools.site.helpers import KINDS, describe_helpers, helper_section
from tools.site.types import anchor, linked_code, type_code

SAMPLES = {"int": "1", "float": "0.5", "bool": "True", "dict": "{}", "bytes": 'b"..."', "File": '"notes.txt"'}
"""A value for a parameter in an example, by the beginning of its type expression."""

KNOWN = {
    "messages": '[{"role": "user", "content": "Hello"}]',
    "input": '"Hello"',
    "prompt": '"Hello"',
    "file": '"notes.txt"',
    "image": '"picture.png"',
    "voice": '"alloy"',
    "purpose": '"user_data"',
}
"""A value for a parameter in an example, by its name."""

MODELS = {
    "audio.speech": "gpt-4o-mini-tts",
    "audio": "whisper-1",
    "embeddings": "text-embedding-3-small",
    "images": "gpt-image-1",
    "moderations": "omni-moderation-latest",
    "realtime": "gpt-realtime",
    "videos": "sora-2",
}
"""A model for an example, by the beginning of the operation's name."""

FILES = ("file", "image")

QUOTE = '"'


def describe(table: Table | None = None) -> list[dict[str, Any]]:
    """Return every operation as plain data, in the order of their call paths."""
    table = shipped_table() if table is None else table
    return [_describe(name, table) for name in sorted(table)]


def _describe(name: str, table: Table) -> dict[str, Any]:
    row = table[name]
    docs = parameter_docs(table, name)
    params = [
        {"name": param, "type": "str", "required": True, "in": "path", "doc": docs.get(param, "")}
        for param in row.path_params
    ] + [
        {
            "name": param,
            "type": expression.removesuffix("?"),
            "required": not expression.endswith("?"),
            "in": _place(row, param),
            "doc": docs.get(param, ""),
        }
        for param, expression in (row.params or {}).items()
    ]
    return {
        "name": name,
        "doc": row.doc,
        "method": row.method,
        "path": row.path,
        "body": row.body,
        "parameters": params,
        "response": row.response,
        "stream": row.stream,
        "aliases": [alias for alias, _ in row.aliases()],
        "deprecated": row.deprecated,
        "auth": row.auth,
        "providers": [provider for provider, each in all_providers().items() if each.has and each.lists(name)],
    }


def _place(row: Row, param: str) -> str:
    if param in row.header_params:
        return "header"
    if row.body == "query" or param in row.query:
        return "query"
    return "form" if row.body == "multipart" else "body"


def pages() -> dict[str, str]:
    """Return the Markdown pages by file name, without the suffix."""
    namespaces: dict[str, list[dict[str, Any]]] = {}
    for method in sorted([*describe(), *describe_helpers(shipped_table())], key=lambda method: str(method["name"])):
        namespaces.setdefault(method["name"].partition(".")[0], []).append(method)
    written = {name: _page(name, methods) for name, methods in namespaces.items()}
    return {"index": _index(namespaces), **written}


def _index(namespaces: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "# Operations",
        "",
        "Every method of a client: the operations of the API, the helpers that make several requests, and the",
        "WebSockets. The search finds them by name, path or description; the same data is in",
        '<a href="../operations.json" download>operations.json</a>.',
        "",
        "```{toctree}",
        ":hidden:",
        "",
        *namespaces,
        "```",
        "",
    ]
    for name, methods in namespaces.items():
        lines += [f"## [{name}]({name}.md)", "", "| operation | request | |", "|---|---|---|"]
        for each in methods:
            link = f"[{each['name']}]({name}.md#{anchor(each['name'])})"
            request = f"`{each['method']} {each['path']}`" if "method" in each else KINDS[each["kind"]]
            lines.append(f"| {link} | {request} | {each['doc']} |")
        lines.append("")
    return "\n".join(lines)


def _page(namespace: str, methods: list[dict[str, Any]]) -> str:
    lines = [f"# {namespace}", ""]
    for method in methods:
        lines += [f"({anchor(method['name'])})=", f"## {method['name']}", ""]
        lines += [*(_section(method) if "method" in method else helper_section(method)), ""]
    return "\n".join(lines)


def _section(operation: dict[str, Any]) -> Iterator[str]:
    yield f"```{{index}} !single: {operation['method']} {operation['path']}\n```"  # by which the search finds a path
    if operation["deprecated"]:
        yield f":::{{warning}}\nDeprecated: {operation['deprecated']}.\n:::\n"
    yield f"{operation['doc']}\n"
    yield f"`{operation['method']} {operation['path']}`" + (
        f" · also `client.{'`, `client.'.join(operation['aliases'])}`" if operation["aliases"] else ""
    )
    yield ""
    yield from _calls(operation)
    yield ""
    if operation["parameters"]:
        yield "| parameter | |"
        yield "|---|---|"
        for each in operation["parameters"]:
            facts = f"{type_code(each['type'])}, in the {each['in']}" + (", required" if each["required"] else "")
            yield f"| `{each['name']}` | {each['doc']}{'<br>' if each['doc'] else ''}{facts} |"
        yield ""
    yield f"Returns {linked_code(operation['response'])}" + (
        f"; with `stream=True`, events of {linked_code(operation['stream'])}." if operation["stream"] else "."
    )
    yield ""
    if operation["providers"]:
        yield f"[Providers](../howto/providers.md) that document it: {', '.join(operation['providers'])}.\n"


def _calls(operation: dict[str, Any]) -> Iterator[str]:
    needed = [{**each, "operation": operation["name"]} for each in operation["parameters"] if each["required"]]
    arguments = ", ".join(f"{each['name']}={_sample(each)}" for each in needed)
    call = f"client.{operation['name']}({arguments})"
    yield "```py"
    yield f"result = {call}"
    yield f"result = await {call.partition('(')[0]}(...)  # with AsyncOpenAI"
    if operation["stream"]:
        yield ""
        yield f"with client.{operation['name']}({arguments}{', ' if arguments else ''}stream=True) as stream:"
        yield "    for event in stream:"
        yield "        print(event)"
    yield "```"
    yield ""
    yield "```sh"
    words = " ".join(_word(each) for each in needed)
    yield f"oai {operation['name']} {words}".rstrip()
    yield _curl(operation, needed)
    yield "```"


def _sample(parameter: dict[str, Any]) -> str:
    name, expression = parameter["name"], parameter["type"]
    if name == "model":
        models = (model for start, model in MODELS.items() if parameter["operation"].startswith(start))
        return json.dumps(next(models, "gpt-5"))
    if name in KNOWN:
        return KNOWN[name]
    if expression.startswith("Literal["):
        return json.dumps(get_args(get_args(resolve(expression))[0] if "|" in expression else resolve(expression))[0])
    if expression.startswith(("list", "Iterable", "Sequence")):
        return "[]"
    return next(
        (value for kind, value in SAMPLES.items() if expression.startswith(kind)),
        '"..."' if "str" in expression else "{}",
    )


def _word(parameter: dict[str, Any]) -> str:
    value = _sample(parameter)
    if value.startswith('"'):
        is_file = parameter["in"] == "form" and parameter["name"] in FILES
        return f"{parameter['name']}{'@' if is_file else '='}{value.strip(QUOTE)}"
    return f"{parameter['name']}:='{value}'" if value[0] in "[{" else f"{parameter['name']}:={value.lower()}"


def _curl(operation: dict[str, Any], needed: list[dict[str, Any]]) -> str:
    path = operation["path"]
    for each in operation["parameters"]:
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", each["name"].upper())
    pieces = [f"curl https://api.openai.com/v1{path}", '-H "Authorization: Bearer $OPENAI_API_KEY"']
    if operation["method"] not in ("GET", "POST"):
        pieces.append(f"-X {operation['method']}")
    sent = [each for each in needed if each["in"] in ("body", "form")]
    if operation["body"] == "multipart":
        pieces += [
            f"-F {each['name']}={'@' if each['name'] in FILES else ''}{_sample(each).strip(QUOTE)}" for each in sent
        ]
    elif operation["body"] == "json" and operation["method"] != "GET":
        body = "{" + ", ".join(f'"{each["name"]}": {_sample(each)}' for each in sent) + "}"
        pieces += ['-H "Content-Type: application/json"', f"-d '{body.replace('True', 'true')}'"]
    return " \\\n  ".join(pieces)


def as_json() -> bytes:
    """Return the description of all operations and helpers as JSON."""
    return msgspec.json.format(
        msgspec.json.encode({"operations": describe(), "helpers": describe_helpers(shipped_table())}), indent=1
    )


__all__ = ["as_json", "describe", "pages"]
