"""Operations for requests that no row declares."""

from __future__ import annotations

import re
from typing import Any, cast

from oai._errors import OpenAIError
from oai._table.operation import Operation
from oai._table.rows import Row


def undeclared_operation(method: str, path: str, cast_to: Any, files: list[str]) -> Operation:
    """Return the operation for a request that no row declares.

    Raises:
        OpenAIError: the method is invalid, or the path is a whole URL, to which the key would be sent.
    """
    if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", method) is None:  # RFC 9110, section 9.1
        raise OpenAIError(f"{method!r} is not a valid HTTP method")
    if "://" in path:
        raise OpenAIError(f"{path!r} is a whole URL; pass a path below base_url, or use a client with another base_url")
    from urllib.parse import quote, unquote  # a large module, which `_request.config` avoids too

    template = quote(unquote(path if path.startswith("/") else f"/{path}"), safe="/?&=+,:;@!$'()*%[]~")
    row = Row(
        method=cast("Any", method.upper()),
        path=template,
        body="multipart" if files else "json",
        response="Any",
        files=files,
        end=["*"],
    )
    operation = Operation(f"{row.method} {path}", row)
    operation.response_type = cast_to
    return operation
