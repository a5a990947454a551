"""The artifacts of one turn of an agent, found by path: `sessions.artifacts.for_result`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from oai._http.messages import Timeout
from oai._request.client_core import core_of
from oai._results.answer import BinaryResponse
from oai._support.omit import Omit
from oai.helpers.agents.results import AgentTurnResult
from oai.types.beta.agents.sessions import SessionArtifact

if TYPE_CHECKING:
    from oai._flow.steps import Steps


class CallOptions(TypedDict, total=False):
    """The options of any call; they apply to each request that finds or reads an artifact."""

    extra_headers: Mapping[str, str | Omit | None] | None
    extra_query: Mapping[str, Any] | None
    extra_body: Mapping[str, Any] | None
    timeout: float | Timeout | Omit | None


class _Artifacts:
    """Members shared by the sync and the async class."""

    def __init__(self, client: Any, result: AgentTurnResult[Any]) -> None:
        self._help = core_of(client).help
        self._session_id = result.session_id
        self._turn_id = result.turn_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._turn_id} in {self._session_id}>"

    def _content(self, client: Any, path: str, options: CallOptions) -> Steps[BinaryResponse]:
        artifact = yield from self._find(client, path, options)
        artifacts = client.beta.agents.sessions.artifacts
        content: BinaryResponse = yield artifacts.content(artifact.id, session_id=self._session_id, **options)
        return content

    def _download(
        self, client: Any, path: str, to: str | os.PathLike[str], options: CallOptions
    ) -> Steps[SessionArtifact]:
        artifact = yield from self._find(client, path, options)
        artifacts = client.with_streaming_response.beta.agents.sessions.artifacts
        manager = artifacts.content(artifact.id, session_id=self._session_id, **options)
        response = yield (manager.__aenter__() if core_of(client).is_async else manager.__enter__())
        try:
            yield response.stream_to_file(to)
        finally:
            yield response.close()
        return artifact

    def _find(self, client: Any, path: str, options: CallOptions) -> Steps[SessionArtifact]:
        """Find the artifact at a path. Read all pages: if there are two at the path, returning the first is a guess."""
        matches: list[SessionArtifact] = []
        page = yield client.beta.agents.sessions.artifacts.list(self._session_id, **options)
        while True:
            matches += [artifact for artifact in page.data or () if self._is_mine(artifact) and artifact.path == path]
            if not page.has_next_page():
                break
            page = yield page.get_next_page()
        if len(matches) != 1:
            count = f"has {len(matches)} artifacts" if matches else "has no artifact"
            raise ValueError(f"the turn {self._turn_id} {count} at {path!r}")
        return matches[0]

    def _is_mine(self, artifact: SessionArtifact) -> bool:
        return artifact.session_id == self._session_id and artifact.turn_id == self._turn_id


class AgentResultArtifacts(_Artifacts):
    """The artifacts of one completed turn, by path in the environment."""

    def content(self, path: str, **options: Unpack[CallOptions]) -> BinaryResponse:
        """Return the content of an artifact.

        Raises:
            ValueError: the turn has no artifact at this path, or several.
        """
        content: BinaryResponse = self._help(self._content, {"path": path, "options": options})
        return content

    def download(self, path: str, *, to: str | os.PathLike[str], **options: Unpack[CallOptions]) -> SessionArtifact:
        """Stream an artifact to a file, atomically, and return its metadata.

        Raises:
            ValueError: the turn has no artifact at this path, or several.
            OSError: the file cannot be written.
        """
        artifact: SessionArtifact = self._help(self._download, {"path": path, "to": to, "options": options})
        return artifact


class AsyncAgentResultArtifacts(_Artifacts):
    """`AgentResultArtifacts` for asyncio."""

    async def content(self, path: str, **options: Unpack[CallOptions]) -> BinaryResponse:
        """Return the content of an artifact; see `AgentResultArtifacts`."""
        content: BinaryResponse = await self._help(self._content, {"path": path, "options": options})
        return content

    async def download(
        self, path: str, *, to: str | os.PathLike[str], **options: Unpack[CallOptions]
    ) -> SessionArtifact:
        """Stream an artifact to a file and return its metadata; see `AgentResultArtifacts`."""
        artifact: SessionArtifact = await self._help(self._download, {"path": path, "to": to, "options": options})
        return artifact


def for_result(client: Any, *, result: AgentTurnResult[Any]) -> Any:
    """Return the artifacts of a turn's result: `content(path)` reads one, `download(path, to=...)` saves one."""
    kind = AsyncAgentResultArtifacts if core_of(client).is_async else AgentResultArtifacts
    return kind(client, result)
