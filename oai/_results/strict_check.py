"""`_strict_response_validation=True`: raise for responses that do not match their declared type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import APIResponseValidationError
from oai._http.foreign_types import has_pydantic_model
from oai._json.decode import parse_json
from oai._json.strict import convert_strict

if TYPE_CHECKING:
    from oai._http.response import Response

UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*?)`(?: - at `\$(?P<path>.*)`)?")
DECLARED = {"vector_store.file_batch": "vector_store.files_batch"}
"""Kinds of objects by the spelling of the server, where the official SDK declares another one."""

STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]")


def check_strictly(name: str, kind: Any, response: Response, vectors: str | None) -> None:
    """Raise if a JSON response lacks a required field or has one of another type; new fields are accepted.

    Args:
        name: the call path, for the message.
        kind: the type that the arguments of the call determine.
        response: the response, complete.
        vectors: the place of vectors, which may be base64 instead of numbers.

    Raises:
        APIResponseValidationError: it does not match.
    """
    if "json" not in response.headers.get("content-type", "") and not hasattr(kind, "__struct_fields__"):
        return
    if kind in (None, str, bytes) or has_pydantic_model(kind):  # which validates by itself
        return
    try:
        value = parse_json(response.utf8)
    except msgspec.DecodeError as error:
        message = f"{name}: the response is not JSON ({error}): {response.excerpt(response.utf8)}"
        raise APIResponseValidationError(message, response=response, body=response.excerpt(response.utf8)) from None
    if isinstance(value, dict) and isinstance(spelling := value.get("object"), str):
        value["object"] = DECLARED.get(spelling, spelling)
    if vectors is not None:
        from oai._json.vectors import without_packed

        value = without_packed(value, vectors)
    while True:
        try:
            convert_strict(kind, value)
        except msgspec.ValidationError as error:
            if not _without_new_field(value, str(error)):
                message = f"{name}: the response does not match its type: {error}"
                body = response.hide(parse_json(response.utf8))  # `value` has lost its new fields
                raise APIResponseValidationError(message, response=response, body=body) from None
        else:
            return


def _without_new_field(value: Any, problem: str) -> bool:
    """Remove the undeclared field that a problem names, and return whether there was one."""
    match = UNKNOWN.fullmatch(problem)
    if match is None:
        return False
    for step in STEP.finditer(match["path"] or ""):
        try:
            value = value[step["name"] if step["index"] is None else int(step["index"])]
        except (LookupError, TypeError):
            return False
    return isinstance(value, dict) and value.pop(match["field"], value) is not value
