"""Files for the environments of agents: local ones uploaded, then named to a new environment or put into one that is.

Everything is chosen and checked before the first byte is sent: regular files, no links, destinations that an
environment takes. What was uploaded belongs to the caller, so that a failure says what is there already.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from oai._errors import OpenAIError
from oai._flow.steps import Steps, run_blocking
from oai._request.client_core import core_of
from oai._request.headers import override

if TYPE_CHECKING:
    from oai.types.beta import HostedEnvironmentFileParam
    from oai.types.beta.agents.environments import EnvironmentFile

ROOT = "/workspace/"

PURPOSE = "user_data"


@dataclass
class PreparedAgentFiles:
    """What `prepare` has uploaded.

    Attributes:
        files: what a new environment takes as its `files`.
        uploaded_file_ids: the files, which are the caller's to delete (`client.files.delete`).
    """

    files: list[HostedEnvironmentFileParam] = field(default_factory=list)
    uploaded_file_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StagedAgentFile:
    """What `upload` has put into an environment.

    Attributes:
        uploaded_file_id: the uploaded file, which is the caller's to delete.
        file: the file in the environment.
    """

    uploaded_file_id: str
    file: EnvironmentFile


class AgentFilePreparationError(OpenAIError):
    """Not all files could be uploaded; `__cause__` says why.

    Attributes:
        prepared: the `PreparedAgentFiles` of those that are there.
    """

    def __init__(self, message: str, prepared: PreparedAgentFiles) -> None:
        super().__init__(message, prepared)
        self.prepared = prepared

    def __str__(self) -> str:
        return str(self.args[0])


class AgentFileStagingError(OpenAIError):
    """A file was uploaded but could not be put into the environment; `__cause__` says why.

    Attributes:
        uploaded_file_id: the uploaded file.
    """

    def __init__(self, message: str, uploaded_file_id: str) -> None:
        super().__init__(message, uploaded_file_id)
        self.uploaded_file_id = uploaded_file_id

    def __str__(self) -> str:
        return str(self.args[0])


def prepare(client: Any, *, files: Mapping[str, str | os.PathLike[str]], **options: Any) -> Steps[PreparedAgentFiles]:
    """Give local files by their destinations: `{"/workspace/report.pdf": Path("report.pdf")}`, one after the other.

    The result's `files` go into `environment={"type": "openai_hosted", "files": ...}` of a new session.

    Raises:
        ValueError: a destination cannot be, or a file is none, or a link; nothing has been sent.
        AgentFilePreparationError: an upload failed; `prepared` is what is there.
    """
    chosen = yield run_blocking(client, partial(_choose, dict(files)))
    return (yield from _upload_all(client, chosen, options))


def prepare_directory(
    client: Any, *, root: str | os.PathLike[str], destination: str, include: Sequence[str], **options: Any
) -> Steps[PreparedAgentFiles]:
    """Choose the files of a directory by patterns (`include=["**/*.md"]`, as `Path.glob` has them), as `prepare` does.

    Raises:
        ValueError: nothing fits, a link does, or a pattern or destination cannot be; nothing has been sent.
        AgentFilePreparationError: an upload failed; `prepared` is what is there.
    """
    chosen = yield run_blocking(client, partial(_choose_below, root, destination, include))
    return (yield from _upload_all(client, chosen, options))


def upload(client: Any, *, environment_id: str, file: Any, path: str, **options: Any) -> Steps[StagedAgentFile]:
    """Give a file as any upload takes it; a path has to be that of a regular file.

    Raises:
        ValueError: the destination cannot be, or the path is no regular file; nothing has been sent.
        AgentFileStagingError: the file was uploaded and not put in place.
    """
    if not environment_id:
        raise ValueError("Expected a non-empty value for `environment_id`")
    _check_destination(path)
    name, content, *more = file if isinstance(file, tuple) else (None, file)
    if isinstance(content, (str, os.PathLike)):
        local = _local(content)
        with local.opened() as handle:
            given = (name or local.path.name, handle, *more)
            made = yield client.files.create(file=given, purpose=PURPOSE, **options)
    else:
        made = yield client.files.create(file=file, purpose=PURPOSE, **options)
    try:
        staged = yield client.beta.agents.environments.files.create(
            environment_id, type="file_id", file_id=made.id, path=path, **options
        )
    except Exception as error:
        raise AgentFileStagingError(f"{made.id} was uploaded, but not put at {path!r}: {error}", made.id) from error
    except BaseException as error:
        error.__dict__["uploaded_file_id"] = made.id
        raise
    return StagedAgentFile(made.id, staged)


def _upload_all(client: Any, chosen: Mapping[str, Local], options: dict[str, Any]) -> Steps[PreparedAgentFiles]:
    headers = override({}, core_of(client).config.default_headers, options.get("extra_headers") or {})
    if len(chosen) > 1 and "idempotency-key" in headers:
        raise ValueError("one Idempotency-Key cannot stand for the uploads of several files; leave it out")
    prepared = PreparedAgentFiles()
    path = ""
    try:
        for path, local in chosen.items():
            with local.opened() as handle:
                made = yield client.files.create(file=(local.path.name, handle), purpose=PURPOSE, **options)
            prepared.uploaded_file_ids.append(made.id)
            prepared.files.append({"type": "file_id", "file_id": made.id, "path": path})
    except Exception as error:
        there = f"{len(prepared.files)} of {len(chosen)} are there"
        raise AgentFilePreparationError(
            f"the file for {path!r} was not uploaded, {there}: {error}", prepared
        ) from error
    except BaseException as error:
        error.__dict__["prepared"] = prepared
        raise
    return prepared


class Local(NamedTuple):
    """A regular file, as it was when it was chosen."""

    path: Path
    identity: tuple[int, ...]

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file, unless another has taken its place meanwhile."""
        with self.path.open("rb") as file:
            if _identity(os.fstat(file.fileno())) != self.identity:
                raise ValueError(f"{str(self.path)!r} has changed since it was chosen")
            yield file


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _local(file: str | os.PathLike[str]) -> Local:
    path = Path(file).absolute()
    try:
        found = path.lstat()
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(path)!r} cannot be uploaded: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a link" if stat.S_ISLNK(found.st_mode) else "no regular file"
        raise ValueError(f"{str(path)!r} is {kind}; an environment takes regular files")
    return Local(path, _identity(found))


def _choose(files: Mapping[str, str | os.PathLike[str]]) -> dict[str, Local]:
    for destination in files:
        _check_destination(destination)
    for destination in files:
        for above in map(str, PurePosixPath(destination).parents):
            if above in files:
                raise ValueError(f"{destination!r} lies below {above!r}, which is a file itself")
    return {destination: _local(file) for destination, file in files.items()}


def _choose_below(root: str | os.PathLike[str], destination: str, include: Sequence[str]) -> dict[str, Local]:
    directory = Path(root).absolute()
    if directory.is_symlink() or not directory.is_dir():
        raise ValueError(f"{str(directory)!r} is no directory, or a link to one")
    _check_destination(f"{destination}/a")
    _check_patterns(include)
    directory = directory.resolve()
    found: dict[str, str | os.PathLike[str]] = {}
    for pattern in include:
        for path in sorted(directory.glob(pattern)):
            below = path.relative_to(directory)
            link = next((each for each in (path, *path.parents[: len(below.parts) - 1]) if each.is_symlink()), None)
            if link is not None:
                raise ValueError(f"{str(link)!r} is a link; leave it out of the patterns")
            if not path.is_dir():
                found[f"{destination}/{below.as_posix()}"] = path
    if not found:
        raise ValueError(f"no file in {str(directory)!r} fits {list(include)}")
    return _choose(found)


def _check_patterns(include: Sequence[str]) -> None:
    if isinstance(include, str) or not include:
        raise ValueError(f'`include` is {include!r}, not a list of patterns such as ["**/*.md"]')
    for pattern in include:
        path = PurePosixPath(pattern)
        if not pattern or path.is_absolute() or ".." in path.parts:
            raise ValueError(f"`include` has {pattern!r}, which leads out of the directory")


def _check_destination(path: str) -> None:
    problem = _problem(path)
    if problem:
        raise ValueError(f"{path!r} cannot be the place of a file in an environment: {problem}")


def _problem(path: str) -> str:
    """Return why a path cannot be that of a file in an environment, nothing where it can."""
    parts = path.removeprefix(ROOT).split("/")
    if not path.startswith(ROOT) or "\x00" in path or "\\" in path:
        return f"it is an absolute POSIX path below {ROOT}, without NUL and backslash"
    if not {"", ".", ".."}.isdisjoint(parts):
        return "no part of it is empty, `.` or `..`"
    if parts[0] in (".codex", ".managed-agents") or parts[0].startswith(".managed-agents-") or parts == ["outputs"]:
        return "the environment keeps it for itself"
    if any("\ud800" <= each <= "\udfff" for each in path):
        return "it is not UTF-8"
    return ""
