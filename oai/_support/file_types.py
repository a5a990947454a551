"""The types of files that may be uploaded, for annotations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, TypeAlias

Content: TypeAlias = bytes | os.PathLike[str] | str | IO[bytes]

File: TypeAlias = (
    Content
    | tuple[str | None, Content]
    | tuple[str | None, Content, str | None]
    | tuple[str | None, Content, str | None, Mapping[str, str]]
)
"""A file to upload: a path, bytes, an open binary file, or `(name, content[, type[, headers]])`."""
