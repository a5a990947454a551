"""The model and the limits that a request contains, and an estimate of its tokens before it is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oai._json import strict

if TYPE_CHECKING:
    from oai._http.messages import Body

CHARACTERS_PER_TOKEN: Final = 4
"""Of ASCII text in English; other characters count as a token each, which overestimates."""

TOKENS_PER_MESSAGE: Final = 4
TOKENS_PER_FILE: Final = 1000
"""For an image, a sound or a file within a request, whose tokens its data does not determine."""

DATA_FIELDS: Final = frozenset({"data", "file_data", "image_url", "url", "b64_json"})
"""Fields whose text is a file or an address, not text for the model."""

OUTPUT_LIMITS: Final = ("max_output_tokens", "max_completion_tokens", "max_tokens")

LONGEST_FORM_START: Final = 64
"""Pieces of a form that are searched for its model; fields come before files."""

VOCABULARIES: Final = "https://openaipublic.blob.core.windows.net/encodings/"


class RequestFacts(msgspec.Struct):
    """The fields of a request about its model and its response; each may be missing or of any type."""

    model: Any = None
    stream: Any = None
    stream_options: Any = None
    n: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None

    @property
    def model_name(self) -> str | None:
        """The name of the model, if it is text."""
        return self.model if isinstance(self.model, str) else None

    @property
    def most_output(self) -> int | None:
        """The most tokens that the request allows the response to have, or `None` if it sets no limit."""
        limits = (getattr(self, name) for name in OUTPUT_LIMITS)
        limit = next((limit for limit in limits if isinstance(limit, int) and not isinstance(limit, bool)), None)
        choices = self.n if isinstance(self.n, int) and self.n > 0 else 1
        return None if limit is None else max(limit, 0) * choices


_decoder: msgspec.json.Decoder[RequestFacts] = strict.decoder(RequestFacts)


def request_facts(body: bytes | Body | None) -> RequestFacts:
    """Read the facts of a request's body: JSON, or a form."""
    if body is None:
        return RequestFacts()
    if not isinstance(body, bytes):
        return RequestFacts(model=_model_of_form(body))
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return RequestFacts()


def _model_of_form(body: Body) -> str | None:
    """Return the field `model` of a form, without opening its files."""
    pieces: Iterator[bytes] = iter(body)
    is_model = False
    for _ in range(LONGEST_FORM_START):
        piece = next(pieces, None)
        if piece is None or b"filename=" in piece:
            return None
        if is_model:
            return piece.decode(errors="replace")
        is_model = b'name="model"' in piece
    return None


def estimated_input(body: bytes | Body | None, model: str | None = None) -> int:
    """Estimate the input tokens of a request.

    `tiktoken` counts them if it is installed (`oai[tiktoken]`) and has the model's vocabulary on this machine: the
    library would download it otherwise. Without it, they are estimated from the number of characters.
    """
    if not isinstance(body, bytes):
        return 0 if body is None else TOKENS_PER_FILE
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _by_characters(body.decode(errors="replace"))
    count = _by_characters if model is None else (_counter(model) or _by_characters)
    tokens = 0
    for field, item in _leaves(value):
        if not isinstance(item, str):
            tokens += TOKENS_PER_MESSAGE
        elif field in DATA_FIELDS or item.startswith("data:"):
            tokens += TOKENS_PER_FILE
        elif field != "model":
            tokens += count(item)
    return tokens


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each text with its field, and `None` for each message, without recursion: bodies may be deep."""
    stack = [("", value)]
    while stack:
        field, item = stack.pop()
        if isinstance(item, str):
            yield field, item
        elif isinstance(item, dict):
            if "role" in item:
                yield field, None
            stack.extend(item.items())
        elif isinstance(item, list) and item and isinstance(item[0], int):
            yield field, " " * CHARACTERS_PER_TOKEN * len(item)  # a list of tokens
        elif isinstance(item, list):
            stack.extend((field, part) for part in item)


def _by_characters(text: str) -> int:
    if text.isascii():
        return -(-len(text) // CHARACTERS_PER_TOKEN)
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // CHARACTERS_PER_TOKEN) + len(text) - plain


@lru_cache(64)
def _counter(model: str) -> Any:
    """Return a function that counts tokens as the model does, or `None` without its vocabulary."""
    try:
        import tiktoken  # an extra, and a large module
        from tiktoken.model import encoding_name_for_model
    except ImportError:
        return None
    try:
        name = encoding_name_for_model(model)
        if not _has_vocabulary(name):
            return None
        encoding = tiktoken.get_encoding(name)
    except (KeyError, ValueError, OSError):
        return None
    return lambda text: len(encoding.encode_ordinary(text))


def _has_vocabulary(name: str) -> bool:
    """Return whether tiktoken has loaded or cached a vocabulary, and so will not download it."""
    import hashlib
    import tempfile

    registry = sys.modules.get("tiktoken.registry")
    if name in getattr(registry, "ENCODINGS", ()):
        return True
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    folder = folder or os.path.join(tempfile.gettempdir(), "data-gym-cache")
    key = hashlib.sha1(f"{VOCABULARIES}{name}.tiktoken".encode(), usedforsecurity=False).hexdigest()
    return os.path.exists(os.path.join(folder, key))
