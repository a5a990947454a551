"""What one turn of an agent has made: `sessions.artifacts.for_result`, which finds artifacts by their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from oai._request.client_core import core_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from oai._flow.steps import Steps
    from oai._http.messages import Timeout
    from oai._results.answer import BinaryResponse
    from oai._support.omit import Omit
    from oai.helpers.agents.results import AgentTurnResult
    from oai.types.beta.agents.sessions import SessionArtifact


class CallOptions(TypedDict, total=False):
    """What any call takes, here for each of those that finding and reading makes."""

    extra_headers: Mapping[str, str | Omit | None] | None
    extra_query: Mapping[str, Any] | None
    extra_body: Mapping[str, Any] | None
    timeout: float | Timeout | Omit | None


class _Artifacts:
    """What both know: whose artifacts they are, and how one is found."""

    def __init__(self, client: Any, result: AgentTurnResult[Any]) -> None:
        self._help = core_of(client).help
        self._session_id = result.session_id
        self._turn_id = result.turn_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._turn_id} in {self._session_id}>"

    def _content(self, client: Any, path: str, options: CallOptions) -> Steps[BinaryResponse]:
        found = yield from self._find(client, path, options)
        artifacts = client.beta.agents.sessions.artifacts
        content: BinaryResponse = yield artifacts.content(found.id, session_id=self._session_id, **options)
        return content

    def _download(
        self, client: Any, path: str, to: str | os.PathLike[str], options: CallOptions
    ) -> Steps[SessionArtifact]:
        found = yield from self._find(client, path, options)
        artifacts = client.with_streaming_response.beta.agents.sessions.artifacts
        answering = artifacts.content(found.id, session_id=self._session_id, **options)
        answer = yield (answering.__aenter__() if core_of(client).is_async else answering.__enter__())
        try:
            yield answer.stream_to_file(to)
        finally:
            yield answer.close()
        return found

    def _find(self, client: Any, path: str, options: CallOptions) -> Steps[SessionArtifact]:
        """Read the list to its end, since a second one of that path would make the first a guess."""
        found: list[SessionArtifact] = []
        page = yield client.beta.agents.sessions.artifacts.list(self._session_id, **options)
        while True:
            found += [each for each in page.data or () if self._is_mine(each) and each.path == path]
            if not page.has_next_page():
                break
            page = yield page.get_next_page()
        if len(found) != 1:
            there = f"are {len(found)} artifacts" if found else "is no artifact"
            raise ValueError(f"there {there} at {path!r} of the turn {self._turn_id}")
        return found[0]

    def _is_mine(self, artifact: SessionArtifact) -> bool:
        return artifact.session_id == self._session_id and artifact.turn_id == self._turn_id


class AgentResultArtifacts(_Artifacts):
    """The artifacts of one completed turn, by their paths in the environment."""

    def content(self, path: str, **options: Unpack[CallOptions]) -> BinaryResponse:
        """Return the content of an artifact.

        Raises:
            ValueError: the turn has none at this path, or several.
        """
        content: BinaryResponse = self._help(self._content, {"path": path, "options": options})
        return content

    def download(self, path: str, *, to: str | os.PathLike[str], **options: Unpack[CallOptions]) -> SessionArtifact:
        """Write an artifact to a file as it arrives, whole or not at all, and return what it is.

        Raises:
            ValueError: the turn has none at this path, or several.
            OSError: the file cannot be written.
        """
        found: SessionArtifact = self._help(self._download, {"path": path, "to": to, "options": options})
        return found


class AsyncAgentResultArtifacts(_Artifacts):
    """`AgentResultArtifacts` for asyncio."""

    async def content(self, path: str, **options: Unpack[CallOptions]) -> BinaryResponse:
        """Return the content of an artifact, see `AgentResultArtifacts`."""
        content: BinaryResponse = await self._help(self._content, {"path": path, "options": options})
        return content

    async def download(
        self, path: str, *, to: str | os.PathLike[str], **options: Unpack[CallOptions]
    ) -> SessionArtifact:
        """Write an artifact to a file as it arrives, and return what it is, see `AgentResultArtifacts`."""
        found: SessionArtifact = await self._help(self._download, {"path": path, "to": to, "options": options})
        return found


def for_result(client: Any, *, result: AgentTurnResult[Any]) -> Any:
    """Give it a result of a turn; `content(path)` and `download(path, to=...)` find what that turn made."""
    kind = AsyncAgentResultArtifacts if core_of(client).is_async else AgentResultArtifacts
    return kind(client, result)
