"""Upload local files for agents' environments, new (`prepare`) or existing (`upload`).

All files and destinations are checked before the first byte is sent: regular files, no links, valid paths in the
environment. Uploaded files belong to the caller, so errors list those that were uploaded before the failure.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from oai._errors import OpenAIError
from oai._flow.steps import Steps, run_blocking
from oai._request.client_core import core_of
from oai._request.headers import override
from oai._support.named_tuples import readable
from oai.types.beta import HostedEnvironmentFileParam
from oai.types.beta.agents.environments import EnvironmentFile

ROOT = "/workspace/"

PURPOSE = "user_data"


@dataclass
class PreparedAgentFiles:
    """The files that `prepare` has uploaded.

    Attributes:
        files: the value of `files` for a new environment.
        uploaded_file_ids: the uploaded files, which the caller has to delete (`client.files.delete`).
    """

    files: list[HostedEnvironmentFileParam] = field(default_factory=list)
    uploaded_file_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StagedAgentFile:
    """A file that `upload` has put into an environment.

    Attributes:
        uploaded_file_id: the uploaded file, which the caller has to delete.
        file: the file in the environment.
    """

    uploaded_file_id: str
    file: EnvironmentFile


class AgentFilePreparationError(OpenAIError):
    """Raised if a file could not be uploaded; `__cause__` is the reason.

    Attributes:
        prepared: the files uploaded before the failure.
    """

    def __init__(self, message: str, prepared: PreparedAgentFiles) -> None:
        super().__init__(message, prepared)
        self.prepared = prepared

    def __str__(self) -> str:
        return str(self.args[0])


class AgentFileStagingError(OpenAIError):
    """Raised if a file was uploaded but not put into the environment; `__cause__` is the reason.

    Attributes:
        uploaded_file_id: the uploaded file.
    """

    def __init__(self, message: str, uploaded_file_id: str) -> None:
        super().__init__(message, uploaded_file_id)
        self.uploaded_file_id = uploaded_file_id

    def __str__(self) -> str:
        return str(self.args[0])


def prepare(client: Any, *, files: Mapping[str, str | os.PathLike[str]], **options: Any) -> Steps[PreparedAgentFiles]:
    """Upload local files, keyed by destination: `{"/workspace/report.pdf": Path("report.pdf")}`.

    Pass the result's `files` in `environment={"type": "openai_hosted", "files": ...}` of a new session.

    Raises:
        ValueError: a destination is invalid, or a file is missing, not regular, or a link; nothing was sent.
        AgentFilePreparationError: an upload failed; `prepared` lists those before it.
    """
    chosen = yield run_blocking(client, partial(_choose, dict(files)))
    return (yield from _upload_all(client, chosen, options))


def prepare_directory(
    client: Any, *, root: str | os.PathLike[str], destination: str, include: Sequence[str], **options: Any
) -> Steps[PreparedAgentFiles]:
    """Upload the files of a directory that match `include` (patterns of `Path.glob`, such as `["**/*.md"]`).

    Raises:
        ValueError: no file matches, a link does, or a pattern or destination is invalid; nothing was sent.
        AgentFilePreparationError: an upload failed; `prepared` lists those before it.
    """
    chosen = yield run_blocking(client, partial(_choose_below, root, destination, include))
    return (yield from _upload_all(client, chosen, options))


def upload(client: Any, *, environment_id: str, file: Any, path: str, **options: Any) -> Steps[StagedAgentFile]:
    """Upload a file, in any form that `files.create` takes, and put it at `path` in an environment.

    Raises:
        ValueError: the destination is invalid, or a local path is not a regular file; nothing was sent.
        AgentFileStagingError: the file was uploaded but not put in place.
    """
    if not environment_id:
        raise ValueError("Expected a non-empty value for `environment_id`")
    _check_destination(path)
    name, content, *more = file if isinstance(file, tuple) else (None, file)
    if isinstance(content, (str, os.PathLike)):
        local = _local(content)
        with local.opened() as handle:
            entry = (name or local.path.name, handle, *more)
            uploaded = yield client.files.create(file=entry, purpose=PURPOSE, **options)
    else:
        uploaded = yield client.files.create(file=file, purpose=PURPOSE, **options)
    try:
        staged = yield client.beta.agents.environments.files.create(
            environment_id, type="file_id", file_id=uploaded.id, path=path, **options
        )
    except Exception as error:
        message = f"{uploaded.id} was uploaded, but not put at {path!r}: {error}"
        raise AgentFileStagingError(message, uploaded.id) from error
    except BaseException as error:
        error.__dict__["uploaded_file_id"] = uploaded.id
        raise
    return StagedAgentFile(uploaded.id, staged)


def _upload_all(client: Any, chosen: Mapping[str, Local], options: dict[str, Any]) -> Steps[PreparedAgentFiles]:
    headers = override({}, core_of(client).config.default_headers, options.get("extra_headers") or {})
    if len(chosen) > 1 and "idempotency-key" in headers:
        raise ValueError("one Idempotency-Key cannot be used for several uploads; remove it")
    prepared = PreparedAgentFiles()
    path = ""
    try:
        for path, local in chosen.items():
            with local.opened() as handle:
                uploaded = yield client.files.create(file=(local.path.name, handle), purpose=PURPOSE, **options)
            prepared.uploaded_file_ids.append(uploaded.id)
            prepared.files.append({"type": "file_id", "file_id": uploaded.id, "path": path})
    except Exception as error:
        count = f"{len(prepared.files)} of {len(chosen)} were"
        raise AgentFilePreparationError(
            f"the file for {path!r} was not uploaded, {count}: {error}", prepared
        ) from error
    except BaseException as error:
        error.__dict__["prepared"] = prepared
        raise
    return prepared


@readable
class Local(NamedTuple):
    """A regular file, with its identity at the time of the check."""

    path: Path
    identity: tuple[int, ...]

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file; raise if it was replaced or modified since the check."""
        with self.path.open("rb") as file:
            if _identity(os.fstat(file.fileno())) != self.identity:
                raise ValueError(f"{str(self.path)!r} has changed since it was checked")
            yield file


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _local(file: str | os.PathLike[str]) -> Local:
    path = Path(file).absolute()
    try:
        status = path.lstat()
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(path)!r} cannot be uploaded: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise ValueError(f"{str(path)!r} is {kind}; an environment only takes regular files")
    return Local(path, _identity(status))


def _choose(files: Mapping[str, str | os.PathLike[str]]) -> dict[str, Local]:
    for destination in files:
        _check_destination(destination)
    for destination in files:
        for above in map(str, PurePosixPath(destination).parents):
            if above in files:
                raise ValueError(f"{destination!r} is below {above!r}, which is also a file")
    return {destination: _local(file) for destination, file in files.items()}


def _choose_below(root: str | os.PathLike[str], destination: str, include: Sequence[str]) -> dict[str, Local]:
    directory = Path(root).absolute()
    if directory.is_symlink() or not directory.is_dir():
        raise ValueError(f"{str(directory)!r} is not a directory, or a link to one")
    _check_destination(f"{destination}/a")
    _check_patterns(include)
    directory = directory.resolve()
    files: dict[str, str | os.PathLike[str]] = {}
    for pattern in include:
        for path in sorted(directory.glob(pattern)):
            below = path.relative_to(directory)
            links = (part for part in (path, *path.parents[: len(below.parts) - 1]) if part.is_symlink())
            if (link := next(links, None)) is not None:
                raise ValueError(f"{str(link)!r} is a link; exclude it from the patterns")
            if not path.is_dir():
                files[f"{destination}/{below.as_posix()}"] = path
    if not files:
        raise ValueError(f"no file in {str(directory)!r} matches {list(include)}")
    return _choose(files)


def _check_patterns(include: Sequence[str]) -> None:
    if isinstance(include, str) or not include:
        raise ValueError(f'`include` must be a list of patterns such as ["**/*.md"], not {include!r}')
    for pattern in include:
        path = PurePosixPath(pattern)
        if not pattern or path.is_absolute() or ".." in path.parts:
            raise ValueError(f"the pattern {pattern!r} in `include` leads out of the directory")


def _check_destination(path: str) -> None:
    problem = _problem(path)
    if problem:
        raise ValueError(f"{path!r} is not a valid file path in an environment: {problem}")


def _problem(path: str) -> str:
    """Return why a path is invalid for a file in an environment, or an empty text if it is valid."""
    parts = path.removeprefix(ROOT).split("/")
    if not path.startswith(ROOT) or "\x00" in path or "\\" in path:
        return f"it must be an absolute POSIX path below {ROOT}, without NUL and backslash"
    if not {"", ".", ".."}.isdisjoint(parts):
        return "no part of it may be empty, `.` or `..`"
    if parts[0] in (".codex", ".managed-agents") or parts[0].startswith(".managed-agents-") or parts == ["outputs"]:
        return "it is reserved by the environment"
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "it cannot be encoded as UTF-8"
    return ""
