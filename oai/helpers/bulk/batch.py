"""The Batch API as a transport: the methods of a client queue instead of sending.

    with client.batch(journal="answers.json") as batch:
        later = [batch.chat.completions.create(model="m", messages=[...]) for ... in ...]
    print(later[0].result())

Requests are written to files as they are queued, one for each endpoint and model, as the API wants them, and a new one
where a limit is reached. Leaving the block uploads them, creates the batches, waits, and hands the answers out. The
journal says which batch stands for which file, by the digest of its content: the same block in a new process goes on
with the batch that is there. A batch is created by one attempt at a time, and before another the list of batches is
asked whether the one before has reached the server.
"""

from __future__ import annotations

import inspect
import time
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    InternalServerError,
    OpenAIError,
    read_error,
    status_error,
)
from oai._flow.retry import may_retry, retry_delay
from oai._flow.steps import Steps, run, run_async, run_concurrently, sleep
from oai._http.messages import Headers
from oai._http.response import Response, SentRequest
from oai._json.encode import encode
from oai._request.arguments import Arguments
from oai._request.client_core import core_of
from oai._request.prepare import prepare
from oai.helpers.bulk.batch_files import (
    MOST_BYTES,
    MOST_INPUTS,
    BatchFile,
    BatchJournal,
    Entry,
    Later,
    Line,
    endpoints_of,
    is_for,
    read_lines,
)

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from oai._table.operation import Operation
    from oai.helpers.polling import Cancel

CLOCKS = 3600
"""Seconds that the server's clock and ours may differ by when batches are looked through."""


class Batch:
    """A queue with the methods of a client: each returns a `Later`. See `client.batch`.

    Attributes:
        batches: the batches at the server, when the block has been left.
    """

    def __init__(
        self,
        client: Any,
        *,
        journal: str | os.PathLike[str] | None = None,
        deadline: float | None = None,
        poll_interval_ms: float | None = None,
        cancel: Cancel | None = None,
        metadata: dict[str, str] | None = None,
        completion_window: str = "24h",
        max_concurrency: int = 4,
    ) -> None:
        self.batches: list[Any] = []
        self._client = client
        self._queue = core_of(client).view(self._add, _refuse)
        self._create = {"metadata": metadata, "completion_window": completion_window}
        self._wait = {"deadline": deadline, "poll_interval_ms": poll_interval_ms, "cancel": cancel}
        self._limit = max_concurrency
        self._files: list[BatchFile] = []
        self._open: dict[tuple[str, str], BatchFile] = {}
        self._count = 0
        self._endpoints = _endpoints(client)
        self._left = False
        self._journal = BatchJournal(journal)

    if not TYPE_CHECKING:  # a checker knows the methods: `_typed/_batch.pyi`

        def __getattr__(self, name: str) -> Any:
            return getattr(self._queue, name)

    def __repr__(self) -> str:
        return f"<Batch of {self._count} requests>"

    def __enter__(self) -> Self:
        if core_of(self._client).is_async:
            raise TypeError("the batch of an async client is entered by `async with`")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            run(self._run())
        else:
            self._close()

    async def __aenter__(self) -> Self:
        if not core_of(self._client).is_async:
            raise TypeError("the batch of a sync client is entered by `with`")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await run_async(self._run())
        else:
            self._close()

    def _add(self, *arguments: Any) -> Later[Any]:
        """Queue the call that a generated function was asked for."""
        given = Arguments(*arguments)
        operation = given.operation
        if self._left:
            raise OpenAIError("the batch has been sent; requests are queued within its `with` block")
        endpoint = f"/v1{operation.row.path}"
        if not is_for(operation.row, self._endpoints):
            known = ", ".join(self._endpoints)
            raise OpenAIError(f"{operation.name} cannot be in a batch, which takes {known}")
        if given.stream or given.extra_headers or given.extra_query:
            raise OpenAIError(f"{operation.name}: a request in a batch has no stream, no headers, no query of its own")
        call = prepare(core_of(self._client).config, *arguments)
        if not isinstance(call.body, bytes) or not call.body.startswith(b"{"):
            raise OpenAIError(f"{operation.name}: a request in a batch has a body of JSON, and no files")
        return self._write(operation, endpoint, call.body, arguments)

    def _write(self, operation: Operation, endpoint: str, body: bytes, arguments: tuple[Any, ...]) -> Later[Any]:
        named = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        custom_id = f"request-{self._count}"
        line = encode({"custom_id": custom_id, "method": "POST", "url": endpoint, "body": msgspec.Raw(body)}) + b"\n"
        inputs = _inputs(named) if operation.name == "embeddings.create" else 0
        key = (endpoint, bytes(named.get("model", msgspec.Raw(b""))).decode())
        file = self._open.get(key)
        if file is None or not file.has_room(len(line), inputs):
            file = self._open[key] = BatchFile(endpoint)
            if not file.has_room(len(line), inputs):
                file.lines.close()
                del self._open[key]
                raise OpenAIError(
                    f"{operation.name}: a request of {len(line)} bytes and {inputs} inputs is more than a batch takes, "
                    f"which is {MOST_BYTES} and {MOST_INPUTS}"
                )
            self._files.append(file)
        file.add(line, inputs)
        url = self._client.base_url + operation.row.path
        later: Later[Any] = Later(custom_id, SentRequest("POST", url, [], operation.name))
        given = Arguments(*arguments)
        kept = dict.fromkeys(given.body or ())  # which names were given, as decoding wants to know, and no more
        file.waiting[custom_id] = later, operation, tuple(given._replace(body=kept))
        self._count += 1
        return later

    def _run(self) -> Steps[None]:
        """Send what was queued, wait, and hand out the answers."""
        self._left = True
        try:
            yield run_concurrently(self._client, [partial(self._do, file) for file in self._files], self._limit)
        finally:
            self._close()

    def _close(self) -> None:
        self._left = True
        for file in self._files:
            file.lines.close()

    def _do(self, file: BatchFile) -> Steps[None]:
        entry = self._journal.entries.setdefault(file.digest, Entry(int(time.time())))
        if entry.batch_id is None:
            yield from self._begin(file, entry)
        wait = {name: value for name, value in self._wait.items() if value is not None}
        batch = yield self._client.batches.poll(entry.batch_id, **wait)
        self.batches.append(batch)
        for name in ("output_file_id", "error_file_id"):
            if getattr(batch, name, None):
                content = yield self._client.files.content(getattr(batch, name))
                self._hand_out(file, content.content)
        for later, _, _ in file.waiting.values():
            later.settle(error=_without_answer(batch, later.request))

    def _begin(self, file: BatchFile, entry: Entry) -> Steps[None]:
        """Upload a file and create its batch, each of them unless it is there."""
        found = None
        if entry.input_file_id is None:
            self._journal.write()
            file.lines.seek(0)
            made = yield self._client.files.create(file=(f"{file.digest[:16]}.jsonl", file.lines), purpose="batch")
            entry.input_file_id = made.id
            self._journal.write()
        else:
            found = yield from self._find(entry)
        batch = found or (yield from self._create_once(file, entry))
        entry.batch_id = batch.id
        self._journal.write()

    def _create_once(self, file: BatchFile, entry: Entry) -> Steps[Any]:
        """Create a batch; after an attempt whose outcome nobody knows, look whether it is there before the next."""
        once = self._client.with_options(max_retries=0)
        given = {name: value for name, value in self._create.items() if value is not None}
        for attempt in range(self._client.max_retries + 1):
            try:
                return (yield once.batches.create(input_file_id=entry.input_file_id, endpoint=file.endpoint, **given))
            except (APIConnectionError, APIStatusError) as error:
                again, after = may_retry(error) if isinstance(error, APIStatusError) else (True, None)
                if again or isinstance(error, InternalServerError):
                    found = yield from self._find(entry)
                    if found is not None:
                        return found
                if not again or attempt == self._client.max_retries:
                    raise
            yield sleep(self._client, retry_delay(attempt, after))
        raise AssertionError  # the last attempt returns or raises

    def _find(self, entry: Entry) -> Steps[Any]:
        """Look for the batch of a file among those that were created since."""
        after: dict[str, str] = {}
        while True:
            page = yield self._client.batches.list(limit=100, **after)
            for batch in page.data or ():
                if batch.input_file_id == entry.input_file_id:
                    return batch
            last = page.data[-1] if page.data else None
            if last is None or not getattr(page, "has_more", False) or last.created_at < entry.began - CLOCKS:
                return None
            after = {"after": last.id}

    def _hand_out(self, file: BatchFile, content: bytes) -> None:
        for line in read_lines(content):
            if line.custom_id in file.waiting:
                later, operation, arguments = file.waiting[line.custom_id]
                try:
                    later.settle(self._result(line, later.request, operation, arguments))
                except OpenAIError as error:
                    later.settle(error=error)

    def _result(self, line: Line, request: SentRequest, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        """Return what an answer holds, or raise the error that it is."""
        if line.response is None:
            message, body = read_error(encode({"error": line.error})) if line.error else ("", None)
            raise APIError(message or "the batch gave no answer, and no reason", request, body=body)
        headers = [("content-type", "application/json")]
        if line.response.request_id:
            headers.append(("x-request-id", line.response.request_id))
        response = Response(line.response.status_code, Headers(headers), request, bytes(line.response.body))
        if not 200 <= response.status_code < 300:
            raise status_error(response)
        return core_of(self._client).decoded(operation, response, arguments)


def batch(client: Any, **options: Any) -> Batch:
    """Return a queue with the methods of the client, to be used in a `with` (or `async with`) block.

    Its methods return a `Later`. Leaving the block sends what was queued as batches, one for each endpoint and model,
    waits until they have ended, and fills in results and errors; leaving it with an exception sends nothing.

    `journal` is a file by which the same block, in a new process after a crash, goes on with the batches that are
    there; it stays, and deleting it begins anew. `deadline` is in seconds and for the wait, which `cancel` ends too,
    see `batches.poll`: with a journal the same block can be run again later. A request's error is in its `Later`.

    Raises:
        PollTimeoutError: a batch had not ended at the deadline.
        OpenAIError: an operation cannot be in a batch, or a request is larger than one.
    """
    return Batch(client, **options)


def _refuse(helper: Any, given: dict[str, Any]) -> Any:  # noqa: ARG001 - called as a client calls its helpers
    raise OpenAIError("a batch takes operations, and this is a helper over several of them")


def _endpoints(client: Any) -> tuple[str, ...]:
    """Return the endpoints that the table says a batch is for."""
    method = attrgetter("batches.create")(client)
    return endpoints_of(str(inspect.signature(method).parameters["endpoint"].annotation))


def _inputs(named: dict[str, msgspec.Raw]) -> int:
    given = msgspec.json.decode(named.get("input", msgspec.Raw(b"null")))
    several = isinstance(given, list) and given and not isinstance(given[0], int)
    return len(given) if several else 1


def _without_answer(batch: Any, request: SentRequest) -> APIError:
    """Make the error of a request that a batch has no answer for, with what the batch says why."""
    errors = getattr(getattr(batch, "errors", None), "data", None) or []
    said = "; ".join(str(each.message) for each in errors[:3] if getattr(each, "message", None))
    why = f": {said}" if said else ""
    body = errors[0].to_dict() if errors and hasattr(errors[0], "to_dict") else None
    return APIError(f"the batch {batch.id} ended as {batch.status!r} without an answer{why}", request, body=body)
