"""Forms: files that can be references, and JSON if there is no file."""

from __future__ import annotations

import warnings

import pytest

import oai
from oai._table.check import check_row
from oai.testing import Answer, Loopback


def test_reference_instead_of_a_file_is_a_nested_field(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({}), Answer.of_json({}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.videos.edit(prompt="p", video={"id": "video_1"})
        client.videos.edit(prompt="p", video=b"film")
    first, second = ([(part.name, part.content) for part in seen.form()] for seen in server.requests)
    assert first == [("prompt", b"p"), ("video[id]", b"video_1")]
    assert second == [("prompt", b"p"), ("video", b"film")]


def test_json_without_files_sends_json_if_there_is_no_file(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({}), Answer.of_json({}), Answer.of_json({}))
    client.containers.files.create("cntr_1", file_id="file-1")
    client.containers.files.create("cntr_1", file=b"content")
    client.skills.create(files=[b"one", b"two"])
    reference, upload, several = server.requests
    assert (reference.header("content-type"), reference.json()) == ("application/json", {"file_id": "file-1"})
    assert [(part.name, part.content) for part in upload.form()] == [("file", b"content")]
    assert [(part.name, part.content) for part in several.form()] == [("files[]", b"one"), ("files[]", b"two")]


def test_json_without_files_needs_files() -> None:
    keys = {"method": "POST", "path": "/x", "body": "multipart", "response": "dict", "json_without_files": True}
    with pytest.raises(oai.TableError, match=r"\[x\]: `json_without_files` needs `files`"):
        check_row("my.toml", "x", keys)
