"""An in-memory server of uploads in parts, and of files of vector stores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from oai.testing import Answer, Loopback, Seen


class Store:
    """The uploads API behind a server: parts are joined when the upload is completed."""

    def __init__(self, server: Loopback, fail: Callable[[int], Answer | None] = lambda _: None) -> None:
        self.server, self.fail = server, fail
        self.created: list[Any] = []
        self.parts: list[bytes] = []  # in the order of their responses
        self.completed: Any = None
        self.content = b""
        server.default = self

    def __call__(self, request: Seen) -> Answer:
        if request.path == "/v1/uploads":
            self.created.append(request.json())
            return Answer(json=self.upload("pending"))
        if request.path == "/v1/uploads/upload_1/parts":
            (part,) = request.form()
            if failure := self.fail(len(self.parts)):
                return failure
            self.parts.append(part.content)
            return Answer(json={"id": f"part_{len(self.parts) - 1}", "object": "upload.part", "upload_id": "upload_1"})
        self.completed = request.json()
        self.content = b"".join(self.parts[int(part_id[5:])] for part_id in self.completed["part_ids"])
        if self.completed.get("md5", hashlib.md5(self.content).hexdigest()) != hashlib.md5(self.content).hexdigest():
            return Answer.error(400, "the digest differs")
        return Answer(json=self.upload("completed"))

    def upload(self, status: str) -> dict[str, Any]:
        return {"id": "upload_1", "object": "upload", "status": status, "expires_at": int(time.time()) + 3600}


def stored(status: str) -> dict[str, Any]:
    return {"id": "vsf_1", "object": "vector_store.file", "vector_store_id": "vs_1", "status": status}
