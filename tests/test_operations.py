"""Send every operation through the recording transport, record it, and replay it identically, sync and async."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from operations import ROWS, called, recorded, without_pace

import oai
from oai._http.messages import Request, body_bytes
from oai._support.redact import REDACTED

SECRETS = {
    "admin.organization.admin_api_keys.create": ["value"],
    "admin.organization.projects.service_accounts.api_keys.create": ["value"],
    "beta.chatkit.sessions.cancel": ["client_secret"],
    "beta.chatkit.sessions.create": ["client_secret"],
    "beta.realtime.sessions.create": ["client_secret", "value"],
    "beta.realtime.transcription_sessions.create": ["client_secret", "value"],
    "webhooks.create": ["signing_secret"],
    "webhooks.rotate_secret": ["signing_secret"],
}
"""Fields of responses that hold a secret, which the recording redacts."""


def sent(name: str, *, is_async: bool) -> list[Any]:
    """Return the requests of an operation, without the random boundary of a form."""
    calls, _ = recorded(name, is_async=is_async)
    return [(each.request.method, each.request.url, *content(each.request)) for each in calls]


def content(request: Request) -> tuple[dict[str, str], bytes]:
    headers = dict(request.headers)
    kind = headers.get("Content-Type", "")
    boundary = kind.partition("boundary=")[2]
    body = body_bytes(request.body)
    if boundary:
        headers["Content-Type"] = kind.replace(boundary, "")
        headers.pop("Content-Length", None)
        body = body.replace(boundary.encode(), b"")
    return headers, body


@pytest.mark.parametrize("name", ROWS)
def test_sync_and_async_send_and_record_the_same(name: str) -> None:
    assert sent(name, is_async=False) == sent(name, is_async=True)
    cassettes = [recorded(name, is_async=is_async)[1].decode() for is_async in (False, True)]
    assert without_pace(cassettes[0]) == without_pace(cassettes[1])


def without_secret(name: str, result: Any) -> Any:
    """Return the result of an operation with its secret redacted; the secret must exist."""
    *outer, last = SECRETS.get(name, [None])
    if last is not None:
        holder = result
        for step in outer:
            holder = holder[step]
        assert holder[last]
        assert holder[last] != REDACTED
        holder[last] = REDACTED
    return result


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", ROWS)
def test_a_recording_replays_the_recorded_result(name: str, is_async: bool, tmp_path: Path) -> None:
    calls, cassette = recorded(name, is_async=is_async)
    path = tmp_path / "cassette"
    path.write_bytes(cassette)
    replayed = called(name, oai.Recorder(path, mode="replay", allow_unused=False), is_async=is_async)
    assert replayed == [without_secret(name, copy.deepcopy(each.result)) for each in calls]


def test_call_with_other_arguments_is_a_cassette_miss(tmp_path: Path) -> None:
    """A recording matches only the same operation with the same arguments."""
    path = tmp_path / "cassette"
    path.write_bytes(recorded("moderations.create")[1])
    for other in ("embeddings.create", "moderations.create"):
        if other == "moderations.create":
            path.write_bytes(path.read_bytes().replace(b"some input", b"some other input"))
        with pytest.raises(oai.transports.CassetteMiss):
            called(other, oai.Recorder(path, mode="replay"), is_async=False)
