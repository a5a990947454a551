"""The outputs of calls: items of input that the next request sends, whose first part is JSON for the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oai.lib.browser.members import MEMBERS
from oai.lib.browser.reports import BrowserState
from oai.lib.browser.results import file_outcome, input_image, unchanged
from oai.types.responses import ResponseInputItemParamFunctionCallOutput

if TYPE_CHECKING:
    from oai.types.responses import ResponseSteerInputContentParam

Outcome = tuple[ResponseInputItemParamFunctionCallOutput, bool]
"""The output of a call, and whether the call succeeded."""

UNAVAILABLE: Final = "There is no such tool, or the call is incomplete."
SKIPPED: Final = "Not executed, because an earlier action in the browser failed."
READ_REFUSED: Final = "The read was not approved."
URL_REFUSED: Final = "The URL was not approved."
ACTION_REFUSED: Final = "The action was not approved. Do not try it again unless the user asks for it."
ACTION_FAILED: Final = "The action failed."
"""Sent to the model in place of an error's text, which may contain private data."""


def failure(call_id: str, error: str, state: BrowserState | None = None) -> Outcome:
    """Return the output of a call that was refused or failed; without a state if none was read."""
    return _item(call_id, {"ok": False, **({} if state is None else {"state": state}), "error": error})


def success(call_id: str, member: str, result: Any, state: BrowserState) -> Outcome:
    """Return the output of a call that was executed.

    Raises:
        RuntimeError: the result of an action is neither a text nor `None`.
    """
    convert = MEMBERS[member].convert
    if convert is input_image:
        return _item(call_id, {"ok": True, "state": state}, result)
    if convert is unchanged and result is not None and not isinstance(result, str):
        raise RuntimeError(f"the driver's method {member} must return a text or None")
    is_done = convert is not file_outcome or result["status"] == "completed"
    return _item(call_id, {"ok": is_done, "state": state, "result": result})


def _item(call_id: str, payload: dict[str, Any], *parts: ResponseSteerInputContentParam) -> Outcome:
    text: ResponseSteerInputContentParam = {
        "type": "input_text",
        "text": json.dumps(payload),
    }  # in ASCII: a page's text may have lone surrogates
    return {"type": "function_call_output", "call_id": call_id, "output": [text, *parts]}, payload["ok"]
