"""Remote MCP servers: which of their tools may be called, and which calls were approved.

An approval is for one call with the same server, name and arguments, and is used up by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from oai.lib.responses_tool_runner.errors import RunFailure

RULES: Final = ("always", "never")
SAME: Final = ("server_label", "name", "arguments")
"""Members in which a call is equal to the approved request."""


class Approvals:
    """The approval requests of a history, and those that were approved and not used yet."""

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.answered: set[str] = set()
        self.approved: dict[str, dict[str, Any]] = {}

    def request(self, item: dict[str, Any]) -> None:
        """Add a request.

        Raises:
            ValueError: its id is missing or not new.
        """
        name = item.get("id")
        if type(name) is not str or not name or name in self.requests:
            raise ValueError("the ids of MCP approval requests must be unique")
        self.requests[name] = item

    def respond(self, item: dict[str, Any]) -> None:
        """Add the response to a request.

        Raises:
            ValueError: there is no such request, or it has a response.
        """
        name = item.get("approval_request_id")
        if type(name) is not str or name not in self.requests or name in self.answered:
            raise ValueError("an MCP approval response needs one original request without a response")
        if type(item.get("approve")) is not bool:
            raise ValueError("an MCP approval response must approve or not")
        self.answered.add(name)
        if item["approve"]:
            self.approved[name] = self.requests[name]

    def use(self, call: dict[str, Any]) -> None:
        """Use up the approval that a call names, if it names one.

        Raises:
            ValueError: no such request was approved, or it was for another call.
        """
        name = call.get("approval_request_id")
        if name is None:
            return
        request = self.approved.get(name) if type(name) is str else None
        if request is None or any(request.get(member) != call.get(member) for member in SAME):
            raise ValueError("the MCP call has no matching approved request")
        del self.approved[name]


def approvals_of(history: Iterable[dict[str, Any]]) -> Approvals:
    """Return the approvals of a history that may be incomplete.

    Raises:
        ValueError: a call names an approval that it does not have.
    """
    approvals = Approvals()
    for item in history:
        kind = item.get("type")
        if kind == "mcp_call":
            approvals.use(item)
        elif kind in ("mcp_approval_request", "mcp_approval_response"):
            with suppress(ValueError):  # without a ledger, the server judges the calls that a caller replays
                (approvals.request if kind == "mcp_approval_request" else approvals.respond)(item)
    return approvals


def approval_policy(declaration: Mapping[str, Any], name: str) -> str | None:
    """Return whether a tool of a server needs an approval, `always` or `never`; `None` if that is undefined."""
    policy = declaration.get("require_approval")
    if policy is None or policy in RULES:
        return policy or "always"
    if not isinstance(policy, dict):
        return None
    filters = {rule: policy[rule] for rule in RULES if rule in policy}
    if not all(isinstance(selected, dict) and _is_by_name(selected) for selected in filters.values()):
        return None
    matched = [rule for rule, selected in filters.items() if name in selected.get("tool_names", [name])]
    if len(matched) == 1:
        return matched[0]
    if matched or len(filters) != 1:
        return None
    return "never" if "always" in filters else "always"


def _is_by_name(selected: dict[str, Any]) -> bool:
    return "read_only" not in selected and isinstance(selected.get("tool_names", []), list)


def check_declared(item: dict[str, Any], tools: Iterable[Mapping[str, Any]]) -> None:
    """Check a call, or a request to approve one, against the declaration of its server.

    Raises:
        RunFailure: the declaration does not allow it.
    """
    servers = (tool for tool in tools if tool["type"] == "mcp" and tool["server_label"] == item["server_label"])
    declaration = next(servers, {})
    policy = approval_policy(declaration, item["name"]) if declaration else None
    is_call = item["type"] == "mcp_call"
    if not is_call and policy == "never":
        raise RunFailure("the MCP approval request contradicts require_approval")
    if is_call and policy == "always" and item.get("approval_request_id") is None:
        raise RunFailure("the MCP call needs an approval")
    allowed = declaration.get("allowed_tools")
    if allowed is None or (isinstance(allowed, dict) and "tool_names" not in allowed):
        return
    names = allowed["tool_names"] if isinstance(allowed, dict) else allowed
    if not isinstance(names, list | tuple) or item["name"] not in names:
        raise RunFailure("the response names an MCP tool that allowed_tools excludes")
