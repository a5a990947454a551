"""Write rows of `oai/endpoints.toml` for the official SDK's operations.

A row that is in the table stays as it is: people edit rows. What the table lacks is written in the order of the call
paths, each with a summary made from its name and path, for people to better.
"""

from __future__ import annotations

from typing import Any

from oai._table.websocket_row import WebSocketRow
from tools.generate.areas import area_of
from tools.generate.ir import (
    ANY,
    NONE,
    Key,
    Lit,
    Map,
    Official,
    OfficialSocket,
    OneOf,
    Params,
    Prim,
    Ref,
    Seq,
    Type,
    refs,
)
from tools.generate.plan import Plan

ENDS = {
    "responses.ResponseStreamEvent": ["response.completed", "response.failed", "response.incomplete"],
    "beta.BetaResponseStreamEvent": ["response.completed", "response.failed", "response.incomplete"],
    "ImageEditStreamEvent": ["image_edit.completed"],
    "ImageGenStreamEvent": ["image_generation.completed"],
    "audio.TranscriptionStreamEvent": ["transcript.text.done"],
    "beta.AgentSessionEvent": ["*"],
}
"""Event types that end a stream in addition to `[DONE]`; `*` for streams without an end marker."""

PARTS = {
    "realtime.calls.create": {"parts": {"sdp": "application/sdp", "session": "application/json"}, "raw": "sdp"},
}
"""Forms whose fields have content types, and the field that goes alone as the body where it is the only one."""

RESPONSE_BY = {
    "audio.transcriptions.create": {
        "response_format": {
            "json": "audio.Transcription",
            "verbose_json": "audio.TranscriptionVerbose",
            "diarized_json": "audio.TranscriptionDiarized",
            **dict.fromkeys(("text", "srt", "vtt"), "str"),
        }
    },
    "audio.translations.create": {
        "response_format": {
            "json": "audio.Translation",
            "verbose_json": "audio.TranslationVerbose",
            **dict.fromkeys(("text", "srt", "vtt"), "str"),
        }
    },
}
"""Parameters whose value chooses the type of the answer."""

STREAM_ONLY = frozenset({"beta.agents.sessions.events.stream"})
"""Operations that always stream."""


class Rows:
    """Operations to rows, as plain data in the order of a row's keys."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._roots = {key: name for name, key in plan.facts.exports["openai.types"].items()}

    def row(self, operation: Official) -> dict[str, Any]:
        """Return the keys of an operation's row."""
        response = self.show(operation.response)
        row: dict[str, Any] = {
            "doc": summary(operation),
            "method": operation.method,
            "path": operation.path,
            "body": operation.body,
            "response": f"{operation.page}[{response}]" if operation.page else response,
        }
        if operation.stream is not None:
            row["stream"] = self.show(operation.stream)
            if row["stream"] in ENDS:
                row["end"] = ENDS[row["stream"]]
        if operation.name in STREAM_ONLY:
            row["stream_only"] = True
        placeholders = [piece.split("}")[0] for piece in operation.path.split("{")[1:]]
        if operation.positional != placeholders[-1:]:
            row["args"] = operation.positional
        for key in ("query", "files", "json_without_files", "rename", "headers", "header_params"):
            if getattr(operation, key):
                row[key] = getattr(operation, key)
        row |= PARTS.get(operation.name, {})
        if operation.name in RESPONSE_BY:
            row["response_by"] = RESPONSE_BY[operation.name]
        if operation.auth != "key":
            row["auth"] = operation.auth
        if operation.deprecated:
            row["deprecated"] = deprecation(operation.name)
        row["params"] = {
            name: self._param(operation, name, kind) + ("" if required else "?")
            for name, (kind, required) in operation.params.items()
        }
        return row

    def socket(self, socket: OfficialSocket) -> dict[str, Any]:
        """Return the keys of the row of a WebSocket."""
        row: dict[str, Any] = {
            "doc": f"Open the WebSocket of {socket.name.rpartition('.')[0].replace('_', ' ').replace('.', ' ')}.",
            "websocket": socket.path,
            "events": self.show(socket.events),
        }
        if socket.positional:
            row["args"] = socket.positional
        if socket.max_queue_size not in (None, WebSocketRow.__struct_defaults__[-1]):
            row["max_queue_size"] = socket.max_queue_size
        if socket.headers:
            row["headers"] = socket.headers
        if socket.params:
            row["params"] = self._shown(socket.params)
        return row | {"sends": {event: self._shown(params) for event, params in socket.sends.items()}}

    def _shown(self, params: Params) -> dict[str, str]:
        return {name: self.show(kind) + ("" if required else "?") for name, (kind, required) in params.items()}

    def _param(self, operation: Official, name: str, kind: Type) -> str:
        if name not in operation.files:
            return self.show(kind)
        others = [each for each in kind.variants if isinstance(each, Ref)] if isinstance(kind, OneOf) else []
        return " | ".join(["File", *(["list[File]"] if _takes_list(kind) else []), *map(self.show, others)])

    def show(self, node: Type) -> str:
        """Return a type as an expression of the table."""
        match node:
            case Prim(name):
                return name
            case Lit(values):
                return f"Literal[{', '.join(map(repr, values))}]"
            case Ref(key):
                return self._path(key)
            case Seq(outer, item):
                return f"{outer}[{self.show(item)}]"
            case Map(value):
                return f"dict[str, {self.show(value)}]"
            case OneOf(variants, _):
                if ANY in variants:
                    return "Any"
                return " | ".join(self.show(each) for each in sorted(variants, key=lambda each: each == NONE))
        raise TypeError(node)

    def _path(self, key: Key) -> str:
        if key in self._roots:
            return self._roots[key]
        if key in self.plan.exported:
            return f"{area_of(key)}.{self.plan.names.get(key, key[1])}"
        key = self.plan.same.get(key, key)
        return f"{self.plan.home(key).rpartition('.')[0]}.{self.plan.names[key]}"


def _takes_list(kind: Type) -> bool:
    match kind:
        case Seq():
            return True
        case OneOf(variants, _):
            return any(_takes_list(each) for each in variants)
    return False


def wanted(operations: list[Official], sockets: list[OfficialSocket]) -> set[Key]:
    """Return the definitions that the operations and the WebSockets name."""
    nodes = [operation.response for operation in operations]
    nodes += [operation.stream for operation in operations if operation.stream is not None]
    nodes += [kind for operation in operations for kind, _ in operation.params.values()]
    nodes += [node for socket in sockets for node in socket.nodes()]
    return {key for node in nodes for key in refs(node)}


VERBS = {
    "create": "Create {one}.",
    "list": "List {many}.",
    "retrieve": "Look up {one}.",
    "update": "Change {one}.",
    "delete": "Delete {one}.",
    "cancel": "Cancel {one}.",
    "content": "Get the content of {one}.",
}


def summary(operation: Official) -> str:
    """Make one line that says what an operation does, from its name, for people to better."""
    *path, name = operation.name.split(".")
    many = path[-1].replace("_", " ")
    one = singular(many)
    article = _article(one)
    owner = singular(path[-2].replace("_", " ")) if len(path) > 1 and operation.path.count("{") > 1 else ""
    of = f" of {_article(owner)} {owner}" if owner else ""
    if name in VERBS:
        return VERBS[name].format(one=f"{article} {one}{of}", many=f"the {many}{of}")
    if many == "usage":
        return f"Report the usage of {name.replace('_', ' ')}."
    verb, _, rest = name.replace("_", " ").partition(" ")
    if "{" not in operation.path:
        article, one = "", many
    what = f"the {rest} of {article} {one}" if rest else f"{article} {one}"
    return f"{verb.capitalize()} {' '.join(what.split())}{of}."


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" and not noun.startswith("us") else "a"


def singular(many: str) -> str:
    """Return the singular of the API's plurals."""
    if many.endswith("ies"):
        return many[:-3] + "y"
    if many.endswith(("batches", "searches")):
        return many[:-2]
    return many[:-1] if many.endswith("s") and not many.endswith("ss") else many


def deprecation(name: str) -> str:
    """Say in our words what to use instead of what the official SDK marks as deprecated."""
    if name.startswith(("beta.assistants", "beta.threads")):
        return "the Assistants API is deprecated; use responses"
    return "the official SDK marks it as deprecated"
