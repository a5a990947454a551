"""The operations that only generate: they change nothing that others show, and show nothing that others change."""

from __future__ import annotations

from typing import Final

GENERATING: Final = (
    "audio.speech.create",
    "audio.transcriptions.create",
    "audio.translations.create",
    "chat.completions.create",
    "completions.create",
    "embeddings.create",
    "moderations.create",
    "responses.create",
)
"""The operations that are cached, and repeated at another server, by default."""
