"""Responses as the API has them, with fields removed, null, new or mistyped, as hypothesis draws them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import Any

from hypothesis import strategies as st

import oai
from oai.transports import OfflineTransport, Request
from tests.official.sides import quiet

CALLS: dict[str, dict[str, Any]] = {
    "chat.completions.create": {"model": "m", "messages": []},
    "chat.completions.retrieve": {"completion_id": "c"},
    "completions.create": {"model": "m", "prompt": "p"},
    "responses.create": {"model": "m", "input": "i"},
    "responses.retrieve": {"response_id": "r"},
    "conversations.create": {},
    "conversations.items.retrieve": {"conversation_id": "c", "item_id": "i"},
    "embeddings.create": {"model": "m", "input": "i", "encoding_format": "float"},
    "moderations.create": {"input": "i"},
    "models.retrieve": {"model": "m"},
    "models.list": {},
    "files.list": {},
    "files.retrieve": {"file_id": "f"},
    "files.delete": {"file_id": "f"},
    "batches.retrieve": {"batch_id": "b"},
    "fine_tuning.jobs.retrieve": {"fine_tuning_job_id": "j"},
    "images.generate": {"prompt": "p"},
    "vector_stores.retrieve": {"vector_store_id": "v"},
    "vector_stores.search": {"vector_store_id": "v", "query": "q"},
    "vector_stores.files.list": {"vector_store_id": "v"},
    "uploads.create": {"bytes": 1, "filename": "f", "mime_type": "m", "purpose": "p"},
    "containers.retrieve": {"container_id": "c"},
    "evals.retrieve": {"eval_id": "e"},
    "beta.threads.create": {},
    "beta.threads.runs.retrieve": {"run_id": "r", "thread_id": "t"},
    "admin.organization.users.list": {},
    "realtime.client_secrets.create": {},
}

OTHERS = [None, True, 0, 1.5, "text", "", [], [1], ["a"], {"type": "new"}, [{"type": "new"}], {}, {"a": 1}]


class _Kept:
    def __init__(self) -> None:
        self.body = b""
        self._offline = OfflineTransport()

    def send(self, request: Request) -> Any:
        self.body = self._offline.send(request).read()
        return self._offline.send(request)

    def close(self) -> None:
        pass


@cache
def sound(name: str) -> str:
    """Return a response that fits, as JSON."""
    kept = _Kept()
    client = oai.OpenAI(api_key="k", admin_api_key="k", transport=kept)
    with quiet():
        attrgetter(name)(client)(**CALLS[name])
    return json.dumps(json.loads(kept.body))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield container and key of every value within."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield value, key
        yield from places(each)


@st.composite
def answers(draw: Any) -> tuple[str, Any, bool]:
    """Draw an operation, a response to it that may fit no more, and whether the tags of its unions are intact."""
    name = draw(st.sampled_from([*CALLS]))
    answer, intact = json.loads(sound(name)), True
    for _ in range(draw(st.integers(0, 3))):
        found = list(places(answer))
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        how = draw(st.sampled_from(["remove", "null", "other", "new"]))
        if key == "type" and how != "new":
            intact = False
        match how:
            case "remove":
                del container[key]
            case "null":
                container[key] = None
            case "other":
                container[key] = copy.deepcopy(draw(st.sampled_from(OTHERS)))
            case "new" if isinstance(container, dict):
                container["new_" + str(key)] = copy.deepcopy(draw(st.sampled_from(OTHERS)))
    return name, answer, intact
