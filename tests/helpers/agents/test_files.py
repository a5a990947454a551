"""Files of agents: local files uploaded for environments, and artifacts of a turn found by path."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import oai
from oai.helpers.agents.files import (
    AgentFilePreparationError,
    AgentFileStagingError,
    PreparedAgentFiles,
    StagedAgentFile,
)
from oai.helpers.agents.results import AgentTurnResult
from oai.testing import Answer, Loopback, Seen

Play = Callable[..., Any]

TURN = {
    "id": "turn_1",
    "object": "agent.session.turn",
    "agent_id": "a",
    "created_at": 1,
    "session_id": "sess_1",
    "status": "completed",
}


class Files:
    """A fake of the Files API and the environment `env`: upload number `fail` fails, `refuse` fails the environment."""

    def __init__(self, server: Loopback, fail: int | None = None, *, refuse: bool = False) -> None:
        self.fail, self.refuse = fail, refuse
        self.uploads: list[tuple[str | None, bytes, str]] = []
        self.staged: list[Any] = []
        server.default = self

    def __call__(self, seen: Seen) -> Answer:
        if seen.path == "/v1/agents/environments/env/files":
            self.staged.append(seen.json())
            if self.refuse:
                return Answer.error(409, "no more files")
            file = {"environment_id": "env", "object": "agent.environment.file", "path": "/x", "size_bytes": 3}
            return Answer(json=file)
        if len(self.uploads) == self.fail:
            return Answer.error(400, "this one not")
        form = {part.name: part for part in seen.form()}
        self.uploads.append((form["file"].filename, form["file"].content, form["purpose"].content.decode()))
        return Answer(json={"id": f"file-{len(self.uploads)}", "object": "file"})


def use(client: Any, name: str, *arguments: Any, **options: Any) -> Any:
    return (yield getattr(client.beta.agents.environments.files, name)(*arguments, **options))


def tree(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}")


def test_files_are_uploaded_in_order(play: Play, server: Loopback, tmp_path: Path) -> None:
    files = Files(server)
    tree(tmp_path, "a.txt", "b.txt")
    chosen = {"/workspace/in/one.txt": tmp_path / "a.txt", "/workspace/two": str(tmp_path / "b.txt")}
    prepared = play(lambda client: use(client, "prepare", chosen, extra_headers={"X-Own": "1"}))
    assert prepared == PreparedAgentFiles(
        [
            {"type": "file_id", "file_id": "file-1", "path": "/workspace/in/one.txt"},
            {"type": "file_id", "file_id": "file-2", "path": "/workspace/two"},
        ],
        ["file-1", "file-2"],
    )
    assert files.uploads == [
        ("a.txt", b"content of a.txt", "user_data"),
        ("b.txt", b"content of b.txt", "user_data"),
    ]
    assert [seen.header("x-own") for seen in server.requests] == ["1", "1"]


@pytest.mark.parametrize("fail", [0, 1, 2])
def test_failed_upload_error_lists_uploaded_files(fail: int, play: Play, server: Loopback, tmp_path: Path) -> None:
    Files(server, fail)
    tree(tmp_path, *"abc")
    with pytest.raises(AgentFilePreparationError, match=f"'/workspace/{'abc'[fail]}'.*{fail} of 3") as caught:
        play(lambda client: use(client, "prepare", {f"/workspace/{name}": tmp_path / name for name in "abc"}))
    assert caught.value.prepared.uploaded_file_ids == ["file-1", "file-2"][:fail]
    assert [file["path"] for file in caught.value.prepared.files] == ["/workspace/a", "/workspace/b"][:fail]
    assert isinstance(caught.value.__cause__, oai.BadRequestError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.prepared) == (str(caught.value), caught.value.prepared)


def test_file_changed_after_the_check_is_not_uploaded(play: Play, server: Loopback, tmp_path: Path) -> None:
    files = Files(server)
    tree(tmp_path, "a", "b")

    def answer(seen: Seen) -> Answer:
        (tmp_path / "b").write_text("something else, and longer")
        return files(seen)

    server.default = answer
    with pytest.raises(AgentFilePreparationError, match="changed since") as caught:
        play(lambda client: use(client, "prepare", {"/workspace/a": tmp_path / "a", "/workspace/b": tmp_path / "b"}))
    assert caught.value.prepared.uploaded_file_ids == ["file-1"]


def test_interrupt_carries_uploaded_files(server: Loopback, tmp_path: Path) -> None:
    Files(server)
    tree(tmp_path, "a", "b")
    attempts: list[Any] = []

    def interrupt(attempt: Any) -> None:
        attempts.append(attempt)
        if len(attempts) == 2:
            raise KeyboardInterrupt

    client = oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", on_request=interrupt)
    with client, pytest.raises(KeyboardInterrupt) as caught:
        client.beta.agents.environments.files.prepare({f"/workspace/{name}": tmp_path / name for name in "ab"})
    assert caught.value.__dict__["prepared"].uploaded_file_ids == ["file-1"]


DESTINATIONS = [
    "relative",
    "/elsewhere/a",
    "/workspace",
    "/workspace/",
    "/workspace/a/",
    "/workspace//a",
    "/workspace/./a",
    "/workspace/../a",
    "/workspace/a\\b",
    "/workspace/a\x00",
    "/workspace/\udcff",
    "/workspace/outputs",
    "/workspace/.codex/a",
    "/workspace/.managed-agents",
    "/workspace/.managed-agents-x/a",
]


@pytest.mark.parametrize("path", DESTINATIONS)
@pytest.mark.parametrize("name", ["prepare", "upload"])
def test_invalid_destination_raises_before_any_request(
    name: str, path: str, play: Play, server: Loopback, tmp_path: Path
) -> None:
    tree(tmp_path, "a", "b")
    files = {"/workspace/b": tmp_path / "b", path: tmp_path / "a"}

    def scenario(client: Any) -> Any:
        arguments = {"files": files} if name == "prepare" else {"environment_id": "env", "file": b"x", "path": path}
        return use(client, name, **arguments)

    with pytest.raises(ValueError, match="is not a valid file path in an environment"):
        play(scenario)
    assert server.requests == []


def wrong_files(root: Path) -> dict[str, Path]:
    tree(root, "real")
    (root / "link").symlink_to(root / "real")
    (root / "directory").mkdir()
    os.mkfifo(root / "pipe")
    return {name: root / name for name in ("missing", "link", "directory", "pipe")}


@pytest.mark.parametrize("kind", ["missing", "link", "directory", "pipe"])
@pytest.mark.parametrize("name", ["prepare", "upload", "upload of a tuple"])
def test_only_regular_files_are_uploaded(name: str, kind: str, play: Play, server: Loopback, tmp_path: Path) -> None:
    path = wrong_files(tmp_path)[kind]

    def scenario(client: Any) -> Any:
        if name == "prepare":
            return use(client, name, {"/workspace/a": tmp_path / "real", "/workspace/b": path})
        file = path if name == "upload" else ("name", path)
        return use(client, "upload", "env", file=file, path="/workspace/a")

    with pytest.raises(ValueError, match=f"{kind}'.* (cannot be uploaded|is a link|is not a regular file)"):
        play(scenario)
    assert server.requests == []


def test_destination_below_another_raises(play: Play, server: Loopback, tmp_path: Path) -> None:
    tree(tmp_path, "a")
    chosen = {"/workspace/a/b/c": tmp_path / "a", "/workspace/a": tmp_path / "a"}
    with pytest.raises(ValueError, match="'/workspace/a/b/c' is below '/workspace/a'"):
        play(lambda client: use(client, "prepare", chosen))
    assert server.requests == []


@pytest.mark.parametrize("place", ["the client", "the call"])
def test_idempotency_key_is_rejected_for_several_uploads(
    place: str, play: Play, server: Loopback, tmp_path: Path
) -> None:
    files = Files(server)
    tree(tmp_path, "a", "b")
    key = {"idempotency-KEY": "k"}
    options = {"default_headers": key} if place == "the client" else {}
    call: dict[str, Any] = {"extra_headers": key} if place == "the call" else {}
    several = {"/workspace/a": tmp_path / "a", "/workspace/b": tmp_path / "b"}
    with pytest.raises(ValueError, match="Idempotency-Key"):
        play(lambda client: use(client, "prepare", several, **call), **options)
    assert files.uploads == []
    play(lambda client: use(client, "prepare", {"/workspace/a": tmp_path / "a"}, **call), **options)
    assert server.requests[0].header("idempotency-key") == "k"
    if place == "the client":
        play(lambda client: use(client, "prepare", several, extra_headers={"Idempotency-Key": None}), **options)
        assert len(files.uploads) == 3


ODD = ["with space.md", "sub/ünïcode 文.md", "sub/deep/%41&=+.md", 'sub/quote".md', "new\nline.md", ".hidden.md"]


def test_prepare_directory_matches_patterns(play: Play, server: Loopback, tmp_path: Path) -> None:
    files = Files(server)
    tree(tmp_path, *ODD, "other.txt", "sub.md/inner.txt")
    prepared = play(
        lambda client: use(
            client, "prepare_directory", tmp_path, destination="/workspace/docs", include=["other.txt", "**/*.md"]
        )
    )
    paths = [file["path"] for file in prepared.files]
    assert sorted(paths) == sorted(f"/workspace/docs/{name}" for name in [*ODD, "other.txt"])
    assert paths[0] == "/workspace/docs/other.txt"
    contents = {content.decode() for _, content, _ in files.uploads}
    assert contents == {f"content of {name}" for name in [*ODD, "other.txt"]}


def links(root: Path) -> None:
    tree(root, "tree/a.md", "tree/sub/b.md", "outside/secret.md")
    (root / "tree" / "link.md").symlink_to(root / "outside" / "secret.md")
    (root / "tree" / "linked").symlink_to(root / "outside")
    (root / "tree" / "dangling").symlink_to(root / "nowhere")
    (root / "root").symlink_to(root / "tree")


REFUSED = {
    "a link": ("tree", "/workspace", ["*.md"], "link.md' is a link"),
    "below a link": ("tree", "/workspace", ["linked/*"], "linked' is a link"),
    "a link to nowhere": ("tree", "/workspace", ["dang*"], "dangling' is a link"),
    "a root that is a link": ("root", "/workspace", ["**/*.md"], "not a directory, or a link"),
    "a root that is a file": ("tree/a.md", "/workspace", ["*"], "not a directory"),
    "no root": ("nowhere", "/workspace", ["*"], "not a directory"),
    "nothing": ("tree", "/workspace", ["*.pdf"], "no file in"),
    "directories alone": ("tree", "/workspace", ["su*"], "no file in"),
    "no pattern": ("tree", "/workspace", [], "list of patterns"),
    "text": ("tree", "/workspace", "a.md", "list of patterns"),
    "an empty pattern": ("tree", "/workspace", ["a.md", ""], "leads out"),
    "out of it": ("tree", "/workspace", ["../outside/*"], "leads out"),
    "an absolute pattern": ("tree", "/workspace", ["/etc/*"], "leads out"),
    "a destination": ("tree", "/tmp", ["a.md"], "is not a valid file path"),
    "a destination with a slash": ("tree", "/workspace/", ["a.md"], "is not a valid file path"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_selection_raises_before_any_request(case: str, play: Play, server: Loopback, tmp_path: Path) -> None:
    links(tmp_path)
    root, destination, include, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        play(lambda client: use(client, "prepare_directory", tmp_path / root, destination=destination, include=include))
    assert server.requests == []


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "open", "tuple", "tuple of a path"])
def test_file_is_put_into_an_environment(kind: str, play: Play, server: Loopback, tmp_path: Path) -> None:
    files = Files(server)
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    with path.open("rb") as opened:
        file = {
            "path": path,
            "str": str(path),
            "bytes": b"abc",
            "open": opened,
            "tuple": ("own.txt", b"abc", "text/plain"),
            "tuple of a path": ("own.txt", path),
        }[kind]
        staged = play(lambda client: use(client, "upload", "env", file=file, path="/workspace/in/a.txt"))
    assert isinstance(staged, StagedAgentFile)
    assert (staged.uploaded_file_id, staged.file.environment_id) == ("file-1", "env")
    name = {"bytes": "upload"}.get(kind, "own.txt" if "tuple" in kind else "a.txt")
    assert files.uploads == [(name, b"abc", "user_data")]
    assert files.staged == [{"type": "file_id", "file_id": "file-1", "path": "/workspace/in/a.txt"}]


def test_staging_error_names_the_uploaded_file(play: Play, server: Loopback) -> None:
    Files(server, refuse=True)
    with pytest.raises(AgentFileStagingError, match=r"file-1 was uploaded.*no more files") as caught:
        play(lambda client: use(client, "upload", "env", file=b"x", path="/workspace/a"))
    assert caught.value.uploaded_file_id == "file-1"
    assert isinstance(caught.value.__cause__, oai.ConflictError)
    assert pickle.loads(pickle.dumps(caught.value)).uploaded_file_id == "file-1"
    Files(server, fail=0)
    with pytest.raises(oai.BadRequestError, match="this one not"):
        play(lambda client: use(client, "upload", "env", file=b"x", path="/workspace/a"))
    with pytest.raises(ValueError, match="environment_id"):
        play(lambda client: use(client, "upload", "", file=b"x", path="/workspace/a"))


def result(turn: str = "turn_1") -> AgentTurnResult[Any]:
    from oai.types.beta.agents.sessions import Turn

    return AgentTurnResult(Turn(**{**TURN, "id": turn}), [])  # type: ignore[arg-type]


def artifact(number: int, path: str, turn: str = "turn_1", session: str = "sess_1") -> dict[str, Any]:
    return {
        "id": f"art_{number}",
        "object": "agent.session.artifact",
        "created_at": 1,
        "environment_id": "env",
        "path": path,
        "session_id": session,
        "size_bytes": 3,
        "turn_id": turn,
    }


REPORT = "/workspace/outputs/report.md"


def shelf(server: Loopback, *pages: list[dict[str, Any]], content: Answer | None = None) -> None:
    """Serve a list of artifacts in pages, and their contents."""

    def listed(seen: Seen) -> Answer:
        after = seen.query.removeprefix("after=")
        number = next((n + 1 for n, page in enumerate(pages) if after and page[-1]["id"] == after), 0)
        return Answer(json={"object": "list", "data": pages[number], "has_more": number + 1 < len(pages)})

    server.route("GET", "/v1/agents/sessions/sess_1/artifacts", listed)
    for item in (item for page in pages for item in page):
        answer = content or Answer(body=f"content of {item['id']}", content_type="application/octet-stream")
        server.route("GET", f"/v1/agents/sessions/sess_1/artifacts/{item['id']}/content", answer)


PAGES = (
    [artifact(1, REPORT, turn="turn_0"), artifact(2, "/workspace/outputs/other")],
    [artifact(3, REPORT, session="sess_2")],
    [artifact(4, REPORT), artifact(5, REPORT, turn="turn_2")],
)


def test_artifact_of_a_turn_is_found_by_path(play: Play, server: Loopback, tmp_path: Path) -> None:
    shelf(server, *PAGES)

    def scenario(client: Any) -> Any:
        artifacts = client.beta.agents.sessions.artifacts.for_result(result())
        assert "turn_1 in sess_1" in repr(artifacts)
        read = yield artifacts.content(REPORT, extra_headers={"X-Own": "1"})
        saved = yield artifacts.download(REPORT, to=tmp_path / "report.md", timeout=5)
        return read.content, saved.id

    assert play(scenario) == (b"content of art_4", "art_4")
    assert (tmp_path / "report.md").read_bytes() == b"content of art_4"
    assert [seen.header("x-own") for seen in server.requests] == ["1"] * 4 + [None] * 4
    assert all(seen.header("openai-beta") == "agents=v1" for seen in server.requests)
    assert list(tmp_path.iterdir()) == [tmp_path / "report.md"]


@pytest.mark.parametrize("method", ["content", "download"])
@pytest.mark.parametrize(("path", "count"), [("/workspace/outputs/none", "no artifact"), (REPORT, "2 artifacts")])
def test_missing_or_ambiguous_artifact_raises(
    method: str, path: str, count: str, play: Play, server: Loopback, tmp_path: Path
) -> None:
    shelf(server, *PAGES, [artifact(6, REPORT)])

    def scenario(client: Any) -> Any:
        artifacts = client.beta.agents.sessions.artifacts.for_result(result())
        yield getattr(artifacts, method)(path, **({"to": tmp_path / "x"} if method == "download" else {}))

    with pytest.raises(ValueError, match=f"the turn turn_1 has {count} at '{path}'"):
        play(scenario)
    assert list(tmp_path.iterdir()) == []


def test_cut_download_leaves_the_existing_file_unchanged(play: Play, server: Loopback, tmp_path: Path) -> None:
    cut = Answer(body=b"a" * 1000, truncate=500, content_type="application/octet-stream")
    shelf(server, [artifact(1, REPORT)], content=cut)
    (tmp_path / "report.md").write_text("as it was")

    def scenario(client: Any) -> Any:
        yield client.beta.agents.sessions.artifacts.for_result(result()).download(REPORT, to=tmp_path / "report.md")

    with pytest.raises(oai.APIConnectionError):
        play(scenario)
    assert (tmp_path / "report.md").read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [tmp_path / "report.md"]
    assert server.until(lambda: not server.open_connections)


def test_unknown_arguments_get_suggestions(client: oai.OpenAI) -> None:
    files: Any = client.beta.agents.environments.files
    with pytest.raises(TypeError, match="Did you mean 'destination'"):
        files.prepare_directory("x", destinaton="/workspace", include=["*"])
    with pytest.raises(TypeError, match="missing 1 required argument: 'files'"):
        files.prepare()
