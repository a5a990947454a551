"""The areas of the types: packages below `oai.types`, and the module of an area that a definition is written to.

An area is a package of the official SDK; what lies at the official root is put by the resource that it belongs to.
"""

from __future__ import annotations

from tools.generate.ir import Key

ROOT = "openai.types"

ROOT_AREAS = {
    "audio": "audio",
    "auto_file_chunking": "vector_stores",
    "batch": "batches",
    "chat_model": "shared",
    "completion": "completions",
    "container": "containers",
    "content_provenance": "content_provenance_checks",
    "create_embedding": "embeddings",
    "decision": "decisions",
    "deleted_skill": "skills",
    "embedding": "embeddings",
    "eval": "evals",
    "file_chunking": "vector_stores",
    "file": "files",
    "image": "images",
    "model": "models",
    "moderation": "moderations",
    "other_file_chunking": "vector_stores",
    "skill": "skills",
    "static_file_chunking": "vector_stores",
    "upload": "uploads",
    "vector_store": "vector_stores",
    "video": "videos",
}
"""Areas of the modules at the official root, by how their names begin; the longest beginning counts."""

SPLITS = {
    "beta": {
        "beta_": "responses",
        "response": "responses",
        "assistant": "assistants",
        "thread": "assistants",
        "code_interpreter_tool": "assistants",
        "file_search_tool": "assistants",
        "function_tool": "assistants",
        "chatkit": "chatkit",
        "": "agents",
    },
    "shared": {"function": "function"},
}
"""Areas too large for one module, by how the names of the official modules begin; chat needs the functions alone."""


def area_of(key: Key) -> str:
    """Return the area of a definition, such as `beta.threads`."""
    package, _, stem = key[0].removeprefix(f"{ROOT}.").rpartition(".")
    if package:
        return package
    return ROOT_AREAS[max((start for start in ROOT_AREAS if stem.startswith(start)), key=len)]


def home_of(key: Key, kind: str) -> str:
    """Return the module that a definition of a kind is written to, such as `chat.structs`."""
    area, stem = area_of(key), key[0].rpartition(".")[2]
    if kind != "constants":
        for start, part in SPLITS.get(area, {}).items():
            if stem.startswith(start):
                return f"{area}.{part}_{kind}"
    return f"{area}.{kind}"


def camel(stem: str) -> str:
    return "".join(word.title() for word in stem.split("_"))
