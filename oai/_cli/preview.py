"""`--dry-run` and `--verbose`: print the request as a curl command, or the heads of requests and replies.

Credentials are never printed; a curl command has a variable of the shell in their place, so that it can be run.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import STDIN
from oai._http.messages import Headers, body_bytes
from oai._support.redact import is_secret_header, redact_headers, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from oai._http.messages import Pairs, Reply, Request, Transport

HIDDEN = frozenset({"content-length", "content-type", "host"})
"""Header fields that curl sets itself for a form."""


class DryRun(Exception):  # noqa: N818 - the end of a dry run, not an error
    """A request that is printed instead of sent; its text is a curl command."""


class DryRunTransport:
    """A transport that raises `DryRun` instead of sending.

    Args:
        variable: the environment variable that holds the key.

    Attributes:
        paths: the files that the call uploads.
    """

    needs_key = False

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self.paths: list[str] = []

    def send(self, request: Request) -> Reply:
        """Raise `DryRun` with the request."""
        raise DryRun(as_curl(request, self._variable, self.paths))

    def close(self) -> None:
        """Do nothing: nothing is open."""


def as_curl(request: Request, variable: str, paths: Iterable[str] = ()) -> str:
    """Return a request as a curl command, an option on each line.

    Args:
        request: the request.
        variable: the environment variable that holds the key.
        paths: the files that a form uploads, whose parts have only their names.
    """
    content_type = Headers(request.headers).get("content-type", "")
    is_form = content_type.startswith("multipart/")
    lines = [f"curl -X {request.method} {shlex.quote(redact_url(request.url))}"]
    for name, value in request.headers:
        if name.lower() == "accept-encoding":
            lines.append("--compressed")  # without it, curl prints the compressed response
        elif not (is_form and name.lower() in HIDDEN):
            lines.append(f"-H {_header(name, value, variable)}")
    lines += _form(request, content_type, list(paths)) if is_form else _data(request)
    if request.stream:
        lines.append("--no-buffer")
    return " \\\n  ".join(lines)


def _header(name: str, value: str, variable: str) -> str:
    if not is_secret_header(name):
        return shlex.quote(f"{name}: {value}")
    scheme = "Bearer " if value.startswith("Bearer ") else ""
    return f'"{name}: {scheme}${variable}"'  # in double quotes, so that the shell inserts the variable


def _data(request: Request) -> list[str]:
    if request.body is None:
        return []
    content = body_bytes(request.body)
    try:
        return [f"--data {shlex.quote(content.decode())}"]
    except UnicodeDecodeError:
        return [f"--data-binary @-  # {len(content)} bytes"]


def _form(request: Request, content_type: str, paths: list[str]) -> list[str]:
    from oai._incoming.forms import form_boundary, form_parts

    boundary = form_boundary(content_type)
    body = request.body
    if boundary is None or body is None:
        return []
    lines = []
    for head, part in form_parts([body] if isinstance(body, bytes) else body, boundary, hashed=False):
        option, value = "--form-string", (part.content or b"").decode(errors="replace")
        if "filename" in head:
            option, value = "-F", _file(head["filename"], paths) + (f";type={head['type']}" if "type" in head else "")
        lines.append(f"{option} {shlex.quote(head['name'] + '=' + value)}")
    return lines


def _file(name: str, paths: list[str]) -> str:
    """Return curl's form of a file to upload: the first of the paths that ends with its name, and remove that path."""
    path = next((path for path in paths if os.path.basename(path) == name), name)
    if path in paths:
        paths.remove(path)
    elif name == STDIN:
        return f"@-;filename={name}"
    if set(path) & set(',;"'):  # which curl reads as the end of the name
        path = '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"@{path}"


class VerboseTransport:
    """A transport that prints the heads of requests and replies to the standard error, with credentials redacted.

    Args:
        transport: the transport that sends; the default one for `None`.
    """

    def __init__(self, transport: Transport | None) -> None:
        from oai._client.default_transport import find_transport
        from oai.transports.http import HTTPTransport

        self._own = HTTPTransport()  # opens nothing before it sends
        self._transport: Any = transport or find_transport(None, is_async=False) or self._own

    @property
    def needs_key(self) -> bool:
        """Whether a client needs a key."""
        return getattr(self._transport, "needs_key", True)

    def send(self, request: Request) -> Reply:
        """Send and print the heads."""
        _print(">", f"{request.method} {redact_url(request.url)}", request.headers)
        reply: Reply = self._transport.send(request)
        _print("<", str(reply.status), reply.headers.multi_items())
        return reply

    def __enter__(self) -> Self:
        if hasattr(self._transport, "__enter__"):
            self._transport.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(self._transport, "__exit__"):
            self._transport.__exit__(*error)
        self.close()

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()
        self._own.close()


def _print(mark: str, first: str, pairs: Pairs) -> None:
    from oai._cli.output import CONTROLS

    lines = [first, *(f"{name}: {value}" for name, value in redact_headers(pairs)), ""]
    text = "\n".join(f"{mark} {CONTROLS.sub('?', line)}".rstrip() for line in lines)
    print(text, file=sys.stderr, flush=True)  # noqa: T201
