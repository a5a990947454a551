"""Files of vector stores: upload several at a time, add them, and poll until they are processed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oai._flow.steps import Steps, run_concurrently
from oai._request.client_core import core_of
from oai._request.multipart import content_of
from oai._support.file_types import File
from oai.helpers.uploads.sources import Meter, Progress, Source, Window, open_source

if TYPE_CHECKING:
    from oai._support.file_types import File


def upload_files(client: Any, files: Iterable[File], limit: int, progress: Progress | None = None) -> Steps[list[str]]:
    """Upload files for a vector store, `limit` at a time, and return their ids in the order of the files.

    A note on an error lists the files that were uploaded.
    """
    with ExitStack() as stack:
        paths = core_of(client).config.upload_paths
        uploads = [_as_upload(file, stack, paths=paths) for file in files]
        meter = Meter(sum(size for _, size, _ in uploads), progress)
        ids: dict[int, str] = {}

        def send(number: int, content: Path | Source, size: int, rest: tuple[Any, ...]) -> Steps[None]:
            with ExitStack() as opened:  # opened only while it is sent: more paths may be passed than may be open
                source = Source(content, opened) if isinstance(content, Path) else content
                window = Window(source, 0, size, number, meter)
                upload = yield client.files.create(file=(rest[0], window, *rest[1:]), purpose="assistants")
            ids[number] = upload.id

        try:
            tasks = [partial(send, number, *upload) for number, upload in enumerate(uploads)]
            yield run_concurrently(client, tasks, limit)
        except Exception as error:
            if ids:
                error.add_note(
                    f"These files were uploaded; pass them as file_ids: {[ids[number] for number in sorted(ids)]}"
                )
            raise
    return [ids[number] for number in range(len(uploads))]


def _as_upload(file: Any, stack: ExitStack, *, paths: bool) -> tuple[Path | Source, int, tuple[Any, ...]]:
    """Return the path or source of a file, its size, and the name and further elements of its tuple."""
    if isinstance(file, tuple):
        name, content, *more = file
        content = content.encode() if isinstance(content, str) else content  # content, not a path, as in any upload
    else:
        content, name = content_of("files", file, paths=paths)
        more = []
    if isinstance(content, (str, os.PathLike)):
        path = Path(content)
        with ExitStack() as here:  # an unreadable file must fail before any is sent
            return path, open_source(path, here)[0].size, (name, *more)
    source, _ = open_source(content, stack)
    return source, source.size, (name, *more)


def upload(
    client: Any, *, vector_store_id: str, file: Any, progress: Progress | None = None, **arguments: Any
) -> Steps[Any]:
    """Upload a file and add it to the vector store, without waiting until it is processed; see `upload_and_poll`."""
    ids = yield from upload_files(client, [file], 1, progress)
    return (yield client.vector_stores.files.create(vector_store_id, file_id=ids[0], **arguments))


def upload_and_poll(
    client: Any, *, vector_store_id: str, file: Any, progress: Progress | None = None, **arguments: Any
) -> Steps[Any]:
    """Upload a file, add it to the vector store, and wait until it has been processed, successfully or not.

    `deadline` (seconds) limits the wait, see `poll`.
    """
    ids = yield from upload_files(client, [file], 1, progress)
    return (yield client.vector_stores.files.create_and_poll(ids[0], vector_store_id=vector_store_id, **arguments))


def upload_batch_and_poll(
    client: Any,
    vector_store_id: str,
    *,
    files: Iterable[File],
    max_concurrency: int = 5,
    file_ids: Iterable[str] = (),
    progress: Progress | None = None,
    **arguments: Any,
) -> Steps[Any]:
    """Upload files, `max_concurrency` at a time, add them and `file_ids` to the vector store, and wait for the batch.

    `progress(done, total)` counts the bytes of all files together; `deadline` (seconds) limits the wait.
    """
    files = list(files)
    uploaded = list(file_ids)
    if not files and not uploaded:
        raise ValueError("upload_and_poll() needs `files`, or `file_ids` of uploaded files")
    ids = yield from upload_files(client, files, max_concurrency, progress)
    batches = client.vector_stores.file_batches
    return (yield batches.create_and_poll(vector_store_id, file_ids=[*uploaded, *ids], **arguments))
