"""Forty everyday operations with random parameters, as hypothesis draws them."""

from __future__ import annotations

import enum
import io
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import pydantic
from hypothesis import strategies as st

from tests.official.faults import KNOWN_FAULTS

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}

OPERATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "chat.completions.create": (CHAT, "temperature stop metadata tools response_format seed user n store"),
    "chat.completions.list": ({}, "after limit metadata model order"),
    "chat.completions.update": ({"completion_id": "c"}, "metadata"),
    "chat.completions.delete": ({"completion_id": "c/d é"}, ""),
    "chat.completions.messages.list": ({"completion_id": "c"}, "after limit order"),
    "completions.create": ({"model": "m", "prompt": "p"}, "best_of echo logit_bias stop suffix"),
    "responses.create": ({}, "input model instructions tools text reasoning metadata include truncation"),
    "responses.retrieve": ({"response_id": "r"}, "include starting_after include_obfuscation"),
    "responses.delete": ({"response_id": "r"}, ""),
    "responses.cancel": ({"response_id": "r"}, ""),
    "responses.compact": ({"model": "m"}, "input instructions previous_response_id"),
    "responses.input_items.list": ({"response_id": "r"}, "after include limit order"),
    "responses.input_tokens.count": ({}, "input model tools text"),
    "conversations.create": ({}, "items metadata"),
    "conversations.update": ({"conversation_id": "c", "metadata": {"a": "b"}}, ""),
    "conversations.items.list": ({"conversation_id": "c"}, "after include limit order"),
    "embeddings.create": ({"model": "m", "input": "i", "encoding_format": "float"}, "dimensions user"),
    "moderations.create": ({"input": "i"}, "model"),
    "models.retrieve": ({"model": "ft:m:a/b"}, ""),
    "models.list": ({}, ""),
    "models.delete": ({"model": "m"}, ""),
    "files.list": ({}, "after limit order purpose"),
    "files.delete": ({"file_id": "f"}, ""),
    "batches.create": (
        {"completion_window": "24h", "endpoint": "/v1/responses", "input_file_id": "f"},
        "metadata output_expires_after",
    ),
    "batches.list": ({}, "after limit"),
    "batches.cancel": ({"batch_id": "b"}, ""),
    "fine_tuning.jobs.create": ({"model": "m", "training_file": "f"}, "hyperparameters integrations metadata seed"),
    "fine_tuning.jobs.list": ({}, "after limit metadata"),
    "fine_tuning.jobs.list_events": ({"fine_tuning_job_id": "j"}, "after limit"),
    "images.generate": ({"prompt": "p"}, "background model n size user"),
    "audio.speech.create": ({"model": "m", "voice": "v", "input": "i"}, "instructions speed"),
    "vector_stores.create": ({}, "chunking_strategy expires_after file_ids metadata name"),
    "vector_stores.list": ({}, "after before limit order"),
    "vector_stores.search": ({"vector_store_id": "v", "query": "q"}, "filters max_num_results ranking_options"),
    "vector_stores.files.create": ({"vector_store_id": "v", "file_id": "f"}, "attributes chunking_strategy"),
    "vector_stores.files.list": ({"vector_store_id": "v"}, "after before filter limit order"),
    "uploads.create": (
        {"bytes": 1, "filename": "f", "mime_type": "text/plain", "purpose": "assistants"},
        "expires_after",
    ),
    "uploads.complete": ({"upload_id": "u", "part_ids": ["p"]}, "md5"),
    "containers.create": ({"name": "n"}, "expires_after file_ids memory_limit"),
    "evals.list": ({}, "after limit order order_by"),
    "beta.threads.create": ({}, "messages metadata tool_resources"),
    "beta.assistants.create": ({"model": "m"}, "description metadata tools response_format temperature"),
    "admin.organization.audit_logs.list": ({}, "actor_ids effective_at event_types limit project_ids"),
    "admin.organization.usage.completions": ({"start_time": 1}, "batch bucket_width group_by models"),
}

FORMS: dict[str, tuple[dict[str, Any], str, str]] = {
    "files.create": ({"purpose": "assistants"}, "file", "expires_after"),
    "audio.transcriptions.create": ({"model": "m"}, "file", "language prompt temperature include chunking_strategy"),
    "audio.translations.create": ({"model": "m"}, "file", "prompt temperature"),
    "images.edit": ({"prompt": "p"}, "image", "background mask n size user"),
    "images.create_variation": ({}, "image", "model n size"),
    "uploads.parts.create": ({"upload_id": "u"}, "data", ""),
    "containers.files.create": ({"container_id": "c"}, "file", "file_id"),
    "videos.create": ({"prompt": "p"}, "input_reference", "model seconds size"),
    "skills.create": ({}, "files", ""),
}


class Colour(enum.StrEnum):
    RED = "red"


class Mood(str, enum.Enum):  # noqa: UP042 - a StrEnum has another text
    GOOD = "good"


class Point(pydantic.BaseModel):
    x: int
    y: Any = None


texts = st.text('abz é&=+/?%#[]"\\\n\U0001f600', max_size=6)
keys = st.text("abz é&=+/?%#[]\U0001f600", min_size=1, max_size=6)  # see ON_PURPOSE about backslashes
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), texts)
floats = st.floats(allow_nan=False, allow_infinity=False)
NAIVE = datetime(2024, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 - without a zone is a form, too
IN_UTC = datetime(2024, 1, 2, tzinfo=UTC)
moments = st.sampled_from([NAIVE] if "request: UTC in JSON" in KNOWN_FAULTS else [NAIVE, IN_UTC])
others = st.sampled_from([date(2024, 1, 2), uuid.UUID(int=7)])
models = st.builds(Point, x=st.integers(0, 9)) | st.builds(Point, x=st.integers(0, 9), y=st.sampled_from([None, ["y"]]))
json_values = st.recursive(
    scalars | floats, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def _bodies() -> st.SearchStrategy[Any]:
    """Values in a JSON body."""
    leaves = st.one_of(scalars, floats, moments, st.sampled_from([*Colour, *Mood]), st.just((1, "a")))
    inner = st.one_of(leaves, models)  # where a list belongs, the SDK would iterate a model
    return leaves | st.recursive(
        inner, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(keys, deeper, max_size=3), max_leaves=6
    ).filter(lambda value: not isinstance(value, Point))


def _flat(*, named: bool) -> st.SearchStrategy[Any]:
    """Values in a query or a form: of a parameter, or of `extra_query`, where the SDK sends the text of a model."""
    found = [scalars, floats, st.sampled_from([Colour.RED])]
    found += [moments, others]
    one = st.one_of(*found)
    whole = one | models if named else one  # see ON_PURPOSE about models within lists and mappings
    return st.one_of(
        whole, st.lists(one, max_size=3), st.dictionaries(keys, one | st.lists(one, max_size=2), max_size=3)
    )


bodies, flat, extra = _bodies(), _flat(named=True), _flat(named=False)
header_values = st.text("abc ,;=", min_size=1, max_size=5).map(str.strip).filter(bool)


@st.composite
def extras(draw: Any, *, body: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        names = st.sampled_from(["X-One", "x-two", "Accept", "OpenAI-Project", "User", "Idempotency-Key"])
        found["extra_headers"] = draw(st.dictionaries(names, header_values, max_size=2))
    if draw(st.booleans()):
        found["extra_query"] = draw(st.dictionaries(st.sampled_from(["limit", "a", "b[c]", "é"]), extra, max_size=2))
    if body and draw(st.booleans()):
        found["extra_body"] = draw(st.dictionaries(st.sampled_from(["metadata", "new", "é"]), json_values, max_size=2))
    if draw(st.booleans()):
        found["timeout"] = draw(st.sampled_from([None, 3, 2.5]))
    return found


HAS_QUERY = ("list", "retrieve", "list_events", "completions", "messages")


def in_query(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last in HAS_QUERY and name != "completions.create"


@st.composite
def calls(draw: Any) -> tuple[str, dict[str, Any]]:
    """Draw an operation without files, and its arguments."""
    name = draw(st.sampled_from([*OPERATIONS]))
    required, optional = OPERATIONS[name]
    values = flat if in_query(name) else bodies
    given = dict(required)
    for key in optional.split():
        if draw(st.booleans()):
            given[key] = draw(values)
    has_body = not in_query(name) and not name.endswith(("delete", "cancel"))
    if "request: extra_body without a body" not in KNOWN_FAULTS:
        has_body = True
    return name, {**given, **draw(extras(body=has_body))}


@st.composite
def file_makers(draw: Any, path: Path) -> Callable[[ExitStack], Any]:
    """Draw a function that makes a file in any form: each client gets one of its own."""
    content = draw(st.binary(min_size=1 if "request: empty files" in KNOWN_FAULTS else 0, max_size=8))
    name = draw(st.sampled_from(["a.txt", "b é.png", 'c"d.json', "noext", "e f.mp3", None]))
    kind = draw(st.sampled_from(["text/plain", "image/png; a=b", None]))

    def stream(files: ExitStack) -> io.BytesIO:
        made = io.BytesIO(content)
        made.name = name or "g.json"  # type: ignore[attr-defined]  # as an open file's
        return made

    def written(files: ExitStack) -> io.BytesIO:
        made = io.BytesIO()
        made.write(content)
        return made

    def opened(files: ExitStack) -> Any:
        return files.enter_context(path.open("rb"))

    forms: list[Callable[[ExitStack], Any]] = [
        lambda files: content,
        lambda files: io.BytesIO(content),
        stream,
        opened,
        lambda files: path,
        lambda files: (name, content),
        lambda files: (name, io.BytesIO(content)),
        lambda files: (name, path),
        lambda files: (name, content, kind),
        lambda files: (name, opened(files), kind),
        lambda files: (name, content, kind, {"X-Part": "1"}),
    ]
    if "request: streams are sent whole" not in KNOWN_FAULTS:
        forms += [written, lambda files: (name, written(files))]
    if "request: text as the content of a file" not in KNOWN_FAULTS:
        forms += [lambda files: (name, "text é")]
    return draw(st.sampled_from(forms))


def _losing(value: Any) -> bool:
    """Whether a list begins with an empty text, which the SDK loses in a form: see ON_PURPOSE."""
    if isinstance(value, list):
        return value[:1] == [""] or any(map(_losing, value))
    return isinstance(value, dict) and any(map(_losing, value.values()))


@st.composite
def uploads(draw: Any, path: Path) -> tuple[str, Callable[[ExitStack], dict[str, Any]]]:
    """Draw an operation with files, and a function that makes its arguments."""
    name = draw(st.sampled_from([*FORMS]))
    required, field, optional = FORMS[name]
    several = field in {"image", "files"} and name != "images.create_variation" and draw(st.booleans())
    makers = draw(st.lists(file_makers(path), min_size=1, max_size=3)) if several else [draw(file_makers(path))]
    given = dict(required)
    for key in optional.split():
        if key != "mask" and draw(st.booleans()):
            given[key] = draw(flat.filter(lambda value: not _losing(value)))
    given |= draw(extras(body=True).filter(lambda found: not _losing(found)))

    def made(opened: ExitStack) -> dict[str, Any]:
        files = [make(opened) for make in makers]
        return {**given, field: files if several else files[0]}

    return name, made


def invoke(name: str, arguments: dict[str, Any]) -> Callable[[Any], Any]:
    def call(client: Any) -> Any:
        return attrgetter(name)(client)(**arguments)

    return call
