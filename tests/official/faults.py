"""Where `oai` differs from the official SDK by fault. Each entry goes when its fault is mended."""

from __future__ import annotations

KNOWN_FAULTS: dict[str, str] = {}

ON_PURPOSE: dict[str, str] = {
    "request: types that JSON lacks": (
        "enums, dates, UUIDs, bytes and sets are sent in their obvious form where the SDK raises `TypeError` or sends"
        " Python's `str()`"
    ),
    "request: headers beyond ASCII": "they are sent as Latin-1; the SDK raises `UnicodeEncodeError`",
    "request: aliases of pydantic models": "they are sent always; the SDK sends field names in typed parameters",
    "request: nested models in a query": (
        "a model within a list or a mapping, or in `extra_query`, is sent by its fields; the SDK sends its `str()`"
    ),
    "request: backslashes in names of a form": "they are sent as they are (HTML 5); the SDK doubles them",
    "request: leading empty texts": "the SDK loses an empty text at the head of a list in a form",
    "request: a stream called None": "the SDK sends `filename='None'` for a stream whose `name` is `None`",
    "raw: json": "raw responses have `json()` and `request`, binary ones `headers` and `status_code`",
    "client: base_url": "it has no slash at its end",
    "results: text is a str": "text formats give a `str` that knows its response (`_request_id`)",
    "results: numbers as text": 'the SDK makes `"12"` a number within optional fields; here it stays as it came',
    "results: unions without a tag": "an object whose tag is null or no text stays plain data; the SDK takes the first variant",
    "results: reserved names in model_dump": (
        "`model_dump()` has `schema_` alone; the SDK's has `schema`, too, if the data does not fit"
    ),
    "results: pages": "pages declare `first_id` and `last_id`, which the API sends",
    "results: parsed values": "`to_dict()` is what the server sent, without `parsed`; `model_dump()` has it, as the SDK's",
    "streams: partial values": (
        "`parsed` of a delta has texts as far as they go, and a number once it is complete; the SDK's lacks unfinished"
        " texts and has `1` for the beginning of `12`"
    ),
    "streams: unfinished choices raise at once": (
        "a chat stream raises for `length` at its end, with the usage and the other choices; the SDK at the chunk of the"
        " choice, which it does not yield"
    ),
    "streams: done without a finish reason": (
        "a chat stream that ends with `[DONE]` and without a finish reason yields the done events; the SDK none"
    ),
    "streams: interleaved calls": "the `done` of a call waits until its arguments are whole; the SDK's has what came so far",
    "streams: new numbers": "the last number of a field that is not declared counts; the SDK adds them up",
    "streams: roles": "a message without a role is the assistant's, and a repeated role is not doubled",
    "streams: custom tools": "the calls of custom tools are put together; the SDK raises",
    "streams: null deltas": "a null delta says nothing; the SDK raises `AttributeError`",
    "streams: error events raise": "a stream raises after its `error` event; the SDK's ends without a word",
    "streams: errors within": "an error within a stream is a `StreamError`, which is an `APIError`",
    "streams: malformed answers": "JSON that does not parse raises at its end and by name; the SDK `ValueError` at a delta",
    "streams: order of choices": "a choice may come before those of lower index; the SDK raises `IndexError`",
    "streams: fields of single chunks": (
        "a snapshot keeps `system_fingerprint`, `service_tier` and new fields of any chunk; the SDK those of the first,"
        " or overwrites them with null"
    ),
    "streams: index of finished calls": "the SDK leaves `index` in the tool calls of a final completion",
    "streams: unfinished responses": "`get_final_response()` returns a failed or incomplete one; the SDK raises `RuntimeError`",
    "streams: changed ids of responses": "the last one counts; the SDK raises `RuntimeError`",
    "streams: changed ids of items": "the item that came last counts; the SDK raises `RuntimeError`",
    "streams: items announced twice": "the last announcement counts; the SDK raises `RuntimeError`",
    "streams: items without an end": "an item is kept as far as it came; the SDK raises `RuntimeError`",
    "streams: items without a beginning": "the first event of an item creates it; the SDK raises `RuntimeError`",
    "streams: empty final outputs": "the items that were streamed count; the SDK's final response has none",
    "schemas: loose types": (
        "types that strict mode rejects (bare `list`, `Any`, tuples, `dict[str, int]`, `RootModel[list[int]]`) raise, unless"
        " `strict=False`; the SDK sends them, and the API responds with an error"
    ),
    "schemas: unused definitions": "definitions that nothing refers to are left out",
    "schemas: indented descriptions": "a docstring is sent without its indentation",
    "schemas: unions with a discriminator": "`oneOf` becomes `anyOf`, which strict mode demands; the SDK sends it as it is",
    "errors: lists": "of `[{'message': ..., 'code': ...}]` (as Gemini has it) the first object is read",
}
"""Where `oai` differs from the official SDK on purpose: the tests draw nothing of this."""
