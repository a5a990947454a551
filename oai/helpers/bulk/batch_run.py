"""Complete the files of a batch: upload them, create their batches, wait, and settle the results.

An entry of the journal says how far a file came. What an earlier run left is used: the uploaded file, the batch, the
answers of batches that have ended. Requests that a batch of an earlier run did not answer are sent in a new batch, once
per run, so that a block that is repeated makes progress and never loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oai._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAIError,
    status_error,
)
from oai._flow.retry import may_retry, retry_delay
from oai._flow.steps import Steps, sleep
from oai._http.messages import Headers
from oai._http.response import Response, SentRequest
from oai._json.encode import encode
from oai._json.error_body import read_error
from oai._request.client_core import core_of
from oai._support.excerpt import excerpt
from oai.helpers.bulk.batch_files import BatchFile, BatchJournal, Entry, Line, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from oai._table.operation import Operation

CLOCK_SKEW = 3600
"""Seconds by which the server's clock may differ from ours when batches are searched by their time."""


class BatchRun:
    """The state that the files of one block share.

    Args:
        client: the client.
        journal: the journal of the block.
        create: arguments for the creation of each batch.
        wait: arguments for the wait for each batch.

    Attributes:
        batches: the batches that ended, in the order in which they did.
    """

    def __init__(self, client: Any, journal: BatchJournal, create: Mapping[str, Any], wait: Mapping[str, Any]) -> None:
        self.batches: list[Any] = []
        self._client = client
        self._journal = journal
        self._create = {name: value for name, value in create.items() if value is not None}
        self._wait = {name: value for name, value in wait.items() if value is not None}

    def complete(self, file: BatchFile) -> Steps[None]:
        """Settle every request of a file."""
        try:
            yield from self._complete(file, self._journal.entry(file.digest))
        except APIStatusError as error:
            if self._journal.path is not None:
                error.add_note(f"The journal {self._journal.path} has the batch to resume; delete it to start over.")
            raise

    def _complete(self, file: BatchFile, entry: Entry) -> Steps[None]:
        yield from self._resume(file, entry)
        if file.waiting:
            yield from self._start(file, entry)
            batch = yield self._client.batches.poll(entry.batch_id, **self._wait)
            gone = yield from self._settle(file, batch, final=True)
            for later, _, _ in file.waiting.values():
                later.settle(error=self._unanswered(batch, gone, later.request))
            file.waiting.clear()

    def _resume(self, file: BatchFile, entry: Entry) -> Steps[None]:
        """Settle what the batches of earlier runs have answered."""
        for batch_id in entry.ended:
            if batch := (yield from self._unless_gone(self._client.batches.retrieve, batch_id)):
                yield from self._settle(file, batch, final=False)
        unrecorded = None
        if entry.batch_id is None and entry.input_file_id is not None:
            # The earlier run may have ended between creating the batch and recording it.
            unrecorded = yield from self._find(entry)
            entry.batch_id = unrecorded and unrecorded.id
        if entry.batch_id is None:
            return
        waiting = len(file.waiting)
        batch = yield from self._unless_gone(self._client.batches.poll, entry.batch_id, **self._wait)
        if batch is not None:
            yield from self._settle(file, batch, final=False)
        if file.waiting:
            entry.start_over(entry.batch_id if len(file.waiting) < waiting else None)
        if file.waiting or unrecorded is not None:
            self._journal.save(entry)

    def _unless_gone(self, method: Callable[..., Any], object_id: str, **options: Any) -> Steps[Any]:
        """Call a method with an id; return `None` if the server no longer has the object."""
        try:
            return (yield method(object_id, **options))
        except NotFoundError:
            return None

    def _start(self, file: BatchFile, entry: Entry) -> Steps[None]:
        """Upload a file and create its batch, unless the journal has the uploaded file."""
        uploaded = entry.input_file_id is not None
        if not uploaded:
            yield from self._upload(file, entry)
        try:
            batch = yield from self._create_once(file, entry)
        except (BadRequestError, NotFoundError):
            if not uploaded:
                raise
            # The file of an earlier run may have been deleted since.
            entry.start_over()
            yield from self._upload(file, entry)
            batch = yield from self._create_once(file, entry)
        entry.batch_id = batch.id
        self._journal.save(entry)

    def _upload(self, file: BatchFile, entry: Entry) -> Steps[None]:
        upload = yield self._client.files.create(file=(f"{file.digest[:16]}.jsonl", file.unanswered()), purpose="batch")
        entry.input_file_id = upload.id
        self._journal.save(entry)

    def _create_once(self, file: BatchFile, entry: Entry) -> Steps[Any]:
        """Create a batch; after an attempt of unknown outcome, search for its batch before the next attempt."""
        once = self._client.with_options(max_retries=0)
        options = self._create
        for attempt in range(self._client.max_retries + 1):
            try:
                return (yield once.batches.create(input_file_id=entry.input_file_id, endpoint=file.endpoint, **options))
            except (APIConnectionError, APIStatusError) as error:
                again, after = may_retry(error) if isinstance(error, APIStatusError) else (True, None)
                if again or isinstance(error, InternalServerError):
                    existing = yield from self._find(entry)
                    if existing is not None:
                        return existing
                if not again or attempt == self._client.max_retries:
                    raise
            yield sleep(self._client, retry_delay(attempt, after))
        raise AssertionError  # the last attempt returns or raises

    def _find(self, entry: Entry) -> Steps[Any]:
        """Search the batches created since for the one of a file."""
        after: dict[str, str] = {}
        while True:
            page = yield self._client.batches.list(limit=100, **after)
            for batch in page.data or ():
                if batch.input_file_id == entry.input_file_id:
                    return batch
            last = page.data[-1] if page.data else None
            if last is None or not getattr(page, "has_more", False) or last.created_at < entry.began - CLOCK_SKEW:
                return None
            after = {"after": last.id}

    def _settle(self, file: BatchFile, batch: Any, *, final: bool) -> Steps[list[str]]:
        """Settle the requests that a batch has answered; return the ids of its files that are gone.

        Where it is not `final`, requests without a response, or with one that a call would retry, stay waiting.
        """
        self.batches.append(batch)
        gone = []
        for name in ("output_file_id", "error_file_id"):
            if file_id := getattr(batch, name, None):
                content = yield from self._unless_gone(self._client.files.content, file_id)
                if content is None:
                    gone.append(file_id)
                else:
                    self._settle_lines(file, content.content, final=final)
        return gone

    def _settle_lines(self, file: BatchFile, content: bytes, *, final: bool) -> None:
        for line in read_lines(content):
            if line.custom_id not in file.waiting:
                continue
            later, operation, arguments = file.waiting[line.custom_id]
            try:
                later.settle(self._result(line, later.request, operation, arguments))
            except OpenAIError as error:
                answered = isinstance(error, APIStatusError) and not may_retry(error)[0]
                if not (final or answered):
                    continue
                later.settle(error=error)
            del file.waiting[line.custom_id]

    def _result(self, line: Line, request: SentRequest, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        """Return the result that a line holds, or raise its error."""
        answer = line.answer()
        if answer is None:
            message, body = read_error(encode({"error": line.error}), excerpt) if line.error else ("", None)
            raise APIError(message or "the batch has neither a response nor a reason", request, body=body)
        status, line_response = answer
        headers = [("content-type", "application/json")]
        if line_response.request_id:
            headers.append(("x-request-id", line_response.request_id))
        response = Response(status, Headers(headers), request, bytes(line_response.body))
        if not 200 <= status < 300:
            raise status_error(response)
        return core_of(self._client).decoded(operation, response, arguments)

    def _unanswered(self, batch: Any, gone: list[str], request: SentRequest) -> APIError:
        """Return the error of a request that the batch did not answer, with the batch's reasons."""
        errors = getattr(getattr(batch, "errors", None), "data", None) or []
        reasons = [str(error.message) for error in errors[:3] if getattr(error, "message", None)]
        reasons += [f"the server no longer has its file {file_id}" for file_id in gone]
        message = f"the batch {batch.id} ended as {batch.status!r} without a response"
        if reasons:
            message += f": {'; '.join(reasons)}"
        if self._journal.path is not None:
            message += f" (repeat the block to send the request again; delete {self._journal.path} to start over)"
        body = errors[0].to_dict() if errors and hasattr(errors[0], "to_dict") else None
        return APIError(message, request, body=body)
