"""Runs the tools of responses: functions, a browser, a computer, and approvals of remote MCP servers.

Nothing is executed before the whole response was inspected, unless a run is `eager`; nothing is executed twice, and an
error lists the calls that may have had effects. The modules, from the data to the runners: `history` and `mcp` check a
conversation; `request`, `selection`, `registration`, `ledger`, `context` and `options` check and hold what a program
passes; `state` is a run, and `batch` one response of it, which `execution`, `jobs` and `steps` execute.
"""

from oai.lib.responses_tool_runner.context import (
    AsyncContextBudget,
    ContextBudget,
    ContextBudgetDecision,
    ContextBudgetSnapshot,
)
from oai.lib.responses_tool_runner.errors import ToolRunnerCancelledError, ToolRunnerError
from oai.lib.responses_tool_runner.ledger import (
    AsyncResponsesToolLedger,
    ResponsesToolCheckpoint,
    ResponsesToolLedger,
)
from oai.lib.responses_tool_runner.outputs import FunctionResult, ToolOutput
from oai.lib.responses_tool_runner.registration import AsyncRegisteredFunction, EarlyExecution, RegisteredFunction
from oai.lib.responses_tool_runner.runner import AsyncResponsesToolRunner, ResponsesToolRunner
from oai.lib.responses_tool_runner.turns import ResponsesRunnerTurn

__all__ = [
    "AsyncContextBudget",
    "AsyncRegisteredFunction",
    "AsyncResponsesToolLedger",
    "AsyncResponsesToolRunner",
    "ContextBudget",
    "ContextBudgetDecision",
    "ContextBudgetSnapshot",
    "EarlyExecution",
    "FunctionResult",
    "RegisteredFunction",
    "ResponsesRunnerTurn",
    "ResponsesToolCheckpoint",
    "ResponsesToolLedger",
    "ResponsesToolRunner",
    "ToolOutput",
    "ToolRunnerCancelledError",
    "ToolRunnerError",
]
