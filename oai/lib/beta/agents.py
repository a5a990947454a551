"""Helpers for agents, at the official SDK's import path: tools, results of turns, files, artifacts."""

from oai.helpers.agents.artifacts import AgentResultArtifacts, AsyncAgentResultArtifacts
from oai.helpers.agents.calls import AgentToolError
from oai.helpers.agents.files import (
    AgentFilePreparationError,
    AgentFileStagingError,
    PreparedAgentFiles,
    StagedAgentFile,
)
from oai.helpers.agents.results import AgentOutputParseError, AgentTurnResult, AgentTurnResultError
from oai.helpers.agents.streams import (
    AgentSessionEventStream,
    AgentSessionStream,
    AsyncAgentSessionEventStream,
    AsyncAgentSessionStream,
    agent_text_format,
)
from oai.helpers.agents.tools import FunctionTool, function_tool, pydantic_function_tool

__all__ = [
    "AgentFilePreparationError",
    "AgentFileStagingError",
    "AgentOutputParseError",
    "AgentResultArtifacts",
    "AgentSessionEventStream",
    "AgentSessionStream",
    "AgentToolError",
    "AgentTurnResult",
    "AgentTurnResultError",
    "AsyncAgentResultArtifacts",
    "AsyncAgentSessionEventStream",
    "AsyncAgentSessionStream",
    "FunctionTool",
    "PreparedAgentFiles",
    "StagedAgentFile",
    "agent_text_format",
    "function_tool",
    "pydantic_function_tool",
]
