"""Where `oai` differs from the official SDK by fault. Each entry goes when its fault is mended."""

from __future__ import annotations

KNOWN_FAULTS: dict[str, str] = {
    "client: strict validation": "`OpenAI(_strict_response_validation=...)` is refused",
    "client: key with spaces": "`OpenAI(api_key='My API Key')`, the official suite's own, is refused",
    "client: deprecations warn once": "a deprecated operation warns once per process, whatever Python's filter is",
    "raw: is_closed": "raw and streamed responses have no `is_closed`",
    "stream: response.close": "`stream.response` has no `close()`, `aclose()`",
    "offline: streamed responses": "`OfflineTransport` answers `with_streaming_response` of a plain operation with events",
    "request: nested names": "a nested parameter with a Python name (`async_`) is sent as it is",
}
