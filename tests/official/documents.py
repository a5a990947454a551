"""The official SDK's documents and examples, and `snippets.toml`, which has what their snippets need to run here.

Their text is not in this repository: the README is in the metadata of the installed `openai`, and everything else in its
source distribution, whose directory `OFFICIAL_SDIST` names.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import tomllib
from pathlib import Path

from paths import TESTS

SDIST = Path(os.environ["OFFICIAL_SDIST"]) if "OFFICIAL_SDIST" in os.environ else None

FENCE = re.compile(r"^```(?:py|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)

PAGES = {
    "bedrock": "bedrock.md",
    "contributing": "CONTRIBUTING.md",
    "helpers": "helpers.md",
    "httpx2": "httpx2.md",
    "lanes": "src/openai/lib/responses_websocket/README.md",
    "transcripts": "examples/live/transcript_grouper.md",
    "vertex": "vertex.md",
}
"""The documents of the source distribution whose snippets run, by the names that they have in `snippets.toml`."""

MISSING = {
    "readme": "the official SDK is not installed (extra `official`)",
    **dict.fromkeys(PAGES, "OFFICIAL_SDIST names no directory of the official SDK's sources (.ci/run fetches it)"),
}
"""Why a document is not there."""

KNOWN = tomllib.loads((TESTS / "official" / "snippets.toml").read_text())


def _readme() -> str | None:
    try:
        found = importlib.metadata.metadata("openai")
    except importlib.metadata.PackageNotFoundError:
        return None
    return str(found.get_payload() or found["Description"])


def _page(path: str) -> str | None:
    return (SDIST / path).read_text() if SDIST is not None and (SDIST / path).exists() else None


DOCUMENTS = {"readme": _readme(), **{name: _page(path) for name, path in PAGES.items()}}


def snippets(document: str) -> list[str]:
    return FENCE.findall(DOCUMENTS[document] or "")


def examples() -> dict[str, str]:
    """Return the text of each program among the examples, by its path."""
    if SDIST is None:
        return {}
    root = SDIST / "examples"
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(root.rglob("*.py"))}


def digest_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def with_our_import(code: str) -> str:
    code = re.sub(r"^(\s*)import openai$", r"\1import oai as openai", code, flags=re.MULTILINE)
    return re.sub(r"^(\s*from) openai\b", r"\1 oai", code, flags=re.MULTILINE)
