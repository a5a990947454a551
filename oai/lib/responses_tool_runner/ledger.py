"""Checkpoints of a run, which a program saves to resume it after a restart.

A checkpoint is private: it contains the history. Credentials of MCP servers and containers are left out, and the
URLs of MCP servers are replaced by digests, by which a resumed run recognizes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from oai.lib._shapes import (
    LARGEST,
    Check,
    Shape,
    copy_json,
    is_anything,
    is_integer,
    is_nonempty,
    is_text,
    list_of,
    one_of,
)
from oai.types.responses import ResponseInputParam, ToolParam

Phase = Literal["boundary", "pending", "final"]


class ResponsesToolCheckpoint(TypedDict):
    """The state of a run.

    Attributes:
        version: of this format.
        run_id: the id of the run.
        revision: counts the checkpoints of a run from 1.
        phase: `boundary` between turns, where alone a run can be resumed; `pending` within one, where effects may
            have happened that the checkpoint does not have; `final` at the end.
        max_steps: the maximum number of requests over the whole life of the run.
        consumed_requests: the number of requests so far.
        tools: the tools of the run, without credentials.
        output_override_names: functions whose output may be supplied.
        history: the items of input and output so far.
        attempted_call_ids: ids of the calls that were started.
        returned_call_ids: ids of the calls whose output exists. Effects outside are not verified.
        pending_items: items of the turn that is pending.
        returned_outputs: outputs of the turn that is pending.
        final_response: the last response, in the phase `final`.
    """

    version: Literal[1]
    run_id: str
    revision: int
    phase: Phase
    max_steps: int
    consumed_requests: int
    tools: list[ToolParam]
    output_override_names: list[str]
    history: ResponseInputParam
    attempted_call_ids: list[str]
    returned_call_ids: list[str]
    pending_items: list[dict[str, object]]
    returned_outputs: list[Any]
    final_response: dict[str, object] | None


@dataclass(frozen=True)
class ResponsesToolLedger:
    """Where a run saves its checkpoints.

    Attributes:
        run_id: the id of the run; one process at a time may own it.
        save: called with each checkpoint, which it must store durably before it returns. Checkpoints are complete, so
            that their total size grows with the square of the length of a turn.
        resume_from: the checkpoint to continue from, of the phase `boundary`.
    """

    run_id: str
    save: Callable[[ResponsesToolCheckpoint], None]
    resume_from: ResponsesToolCheckpoint | None = None


@dataclass(frozen=True)
class AsyncResponsesToolLedger:
    """`ResponsesToolLedger` for asyncio: `save` is a coroutine function."""

    run_id: str
    save: Callable[[ResponsesToolCheckpoint], Awaitable[None]]
    resume_from: ResponsesToolCheckpoint | None = None


Ledger = ResponsesToolLedger | AsyncResponsesToolLedger


def check_ledger(ledger: Ledger) -> dict[str, Any] | None:
    """Return a copy of the checkpoint that a ledger resumes from.

    Raises:
        ValueError: the ledger is incomplete.
    """
    if type(ledger.run_id) is not str or not ledger.run_id or not callable(ledger.save):
        raise ValueError("a ledger needs a nonempty run_id and a function save")
    if ledger.resume_from is None:
        return None
    checkpoint = copy_json(ledger.resume_from)
    if type(checkpoint) is not dict:
        raise ValueError("resume_from must be a complete checkpoint")
    return checkpoint


def _is_empty(value: Any) -> bool:
    return bool(value == [])


BOUNDARY: Final[dict[str, Check]] = {
    "version": lambda value: type(value) is int and value == 1,
    "run_id": is_nonempty,
    "revision": lambda value: type(value) is int and 1 <= value < LARGEST,
    "phase": one_of("boundary"),
    "max_steps": is_integer,
    "consumed_requests": is_integer,
    "tools": list_of(is_anything),
    "output_override_names": list_of(is_text),
    "history": list_of(lambda item: type(item) is dict),
    "attempted_call_ids": list_of(is_text),
    "returned_call_ids": list_of(is_text),
    "pending_items": _is_empty,
    "returned_outputs": _is_empty,
    "final_response": one_of(None),
}
"""The shape of a checkpoint that a run can resume from."""


def check_resumable(checkpoint: Mapping[str, Any], **run: Any) -> None:
    """Check that a checkpoint was saved between turns, and belongs to this run.

    Args:
        checkpoint: the checkpoint.
        run: the members in which it must be equal to the run.

    Raises:
        ValueError: it is not.
    """
    is_boundary = checkpoint.keys() == BOUNDARY.keys() and Shape(BOUNDARY)(checkpoint)
    if not is_boundary or any(_text(checkpoint[name]) != _text(value) for name, value in run.items()):
        raise ValueError("only a completed boundary of the same run can be resumed; reconcile pending work yourself")


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def saved_tools(tools: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the declarations of tools without credentials."""
    return [_SAVED.get(tool["type"], dict)(tool) for tool in tools]


def _saved_interpreter(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Empty the secrets that a container may send to domains."""
    container = tool["container"]
    policy = container.get("network_policy") if isinstance(container, dict) else None
    if policy is None or policy["type"] != "allowlist" or policy.get("domain_secrets") is None:
        return dict(tool)
    secrets = [{**secret, "value": ""} for secret in policy["domain_secrets"]]
    return {**tool, "container": {**container, "network_policy": {**policy, "domain_secrets": secrets}}}


def _saved_server(tool: Mapping[str, Any]) -> dict[str, Any]:
    saved = {name: value for name, value in tool.items() if name not in ("authorization", "headers")}
    url = saved.get("server_url")
    if isinstance(url, str):
        saved["server_url"] = "sha256:" + hashlib.sha256(without_secrets(url).encode()).hexdigest()
    return saved


_SAVED: Final[dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "code_interpreter": _saved_interpreter,
    "mcp": _saved_server,
}

SECRET_PARAMETERS: Final = frozenset(
    {
        *("apikey", "authorization", "clientsecret", "password", "sessionid", "signingsecret"),
        *("accesstoken", "authtoken", "idtoken", "refreshtoken", "sessiontoken", "token"),
        *("sig", "signature", "xgoogcredential", "xgoogsignature"),
        *("xamzcredential", "xamzsecuritytoken", "xamzsignature"),
    }
)
"""Query parameters whose values change with a login. The set is part of the format of checkpoints."""


def without_secrets(url: str) -> str:
    """Return a URL without user, fragment and the values of secret query parameters, so that a new login keeps it.

    Raises:
        ValueError: it is not an absolute URL.
    """
    parts = urlsplit(url)
    if not parts.scheme or (parts.scheme in ("http", "https") and not parts.hostname):
        raise ValueError("the URL of an MCP server must be absolute")
    query = parse_qsl(parts.query, keep_blank_values=True)
    hidden = [(name, "***" if _is_secret(name) else value) for name, value in query]
    text = parts.query if hidden == query else urlencode(hidden, safe="*")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=text, fragment=""))


def _is_secret(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "")
    return plain in SECRET_PARAMETERS or (plain[:1] == "x" and plain[1:] in SECRET_PARAMETERS)
