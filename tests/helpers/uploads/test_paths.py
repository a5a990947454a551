"""Strings as files of the upload helpers: paths, unless the client forbids them; content in a tuple."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import oai
from oai.testing import Answer, Loopback


def responses(seen: Any) -> Answer:
    if seen.path.endswith("/uploads"):
        return Answer.of_json({"id": "upload_1", "object": "upload", "status": "pending"})
    if seen.path.endswith("/parts"):
        return Answer.of_json({"id": "part_1", "object": "upload.part"})
    if seen.path.endswith("/complete"):
        return Answer.of_json({"id": "upload_1", "object": "upload", "status": "completed", "file": {"id": "f"}})
    return Answer.of_json({"id": "f", "object": "file", "status": "completed"})


@pytest.mark.parametrize("helper", ["chunked", "vector store"])
def test_string_is_a_path_unless_the_client_forbids_it(
    helper: str, play: Callable[..., Any], server: Loopback, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"from a file")
    server.default = responses

    def send(client: Any, file: Any) -> Any:
        if helper == "chunked":
            return client.uploads.upload_file_chunked(file=file, mime_type="text/plain", purpose="assistants")
        return client.vector_stores.files.upload(vector_store_id="vs", file=file)

    def scenario(client: Any) -> Any:
        yield send(client, str(path))
        yield send(client, ("n.txt", str(path)))
        strict = client.with_options(upload_paths=False)
        yield send(strict, path)
        with pytest.raises(TypeError, match="is a string; this client has upload_paths=False"):
            yield send(strict, str(path))

    play(scenario)
    sent = [part.content for seen in server.requests if b"form-data" in seen.body for part in seen.form()]
    sent = [content for content in sent if content != b"assistants"]
    assert sent == [b"from a file", str(path).encode(), b"from a file"]


def test_open_file_is_sent_whole(play: Callable[..., Any], server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"from a file")
    server.default = responses

    def scenario(client: Any) -> Any:
        with path.open("rb") as file:
            file.read(5)
            yield client.vector_stores.files.upload(vector_store_id="vs", file=file)
            yield client.uploads.upload_file_chunked(
                file=file, filename="n.txt", mime_type="text/plain", purpose="assistants"
            )
        assert isinstance(client, (oai.OpenAI, oai.AsyncOpenAI))

    play(scenario)
    sent = [part.content for seen in server.requests if b"form-data" in seen.body for part in seen.form()]
    assert [content for content in sent if content != b"assistants"] == [b"from a file"] * 2
