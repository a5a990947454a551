"""`--text` and `--get`: the text of a result that a person would read, and a value within it by its path."""

from __future__ import annotations

import re
from typing import Any

from oai._cli.arguments import UsageError
from oai._errors import OpenAIError
from oai._support.plain_data import as_dict, as_list, is_list, is_object

STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?\d+|\*)\]")
"""A step of a path: a name, an index, or `[*]` for every item."""

SHOWN = 8
"""The names that an error lists."""


def parse_path(path: str) -> list[str | int]:
    """Return the steps of a path such as `choices[0].message.content`.

    Raises:
        UsageError: it is not one.
    """
    steps: list[str | int] = []
    end = 0
    for match in STEP.finditer(path):
        if match.start() != end:
            break
        end = match.end()
        name, index = match.groups()
        steps.append(name if name is not None else "*" if index == "*" else int(index))
    if not path or end != len(path):
        raise UsageError(f"--get {path!r}: a path has names and indices, such as choices[0].message.content")
    return steps


def value_at(data: Any, steps: list[str | int]) -> Any:
    """Return the value at a path in plain data.

    Raises:
        OpenAIError: there is none; names the step and the alternatives.
    """
    for number, step in enumerate(steps):
        if step == "*" and is_list(data):
            return [value_at(item, steps[number + 1 :]) for item in data]
        try:
            if is_object(data) is isinstance(step, str):
                data = data[step]
                continue
        except (LookupError, TypeError):
            pass
        raise OpenAIError(_missing(data, step))
    return data


def _missing(data: Any, step: str | int) -> str:
    if is_object(data):
        names = ", ".join(list(data)[:SHOWN]) + ", ..." * (len(data) > SHOWN)
        return f"--get: there is no {step!r}; the object has {names or 'no fields'}"
    if is_list(data):
        count = f"{len(data)} item{'s' * (len(data) != 1)}"
        hint = "" if isinstance(step, int) else ": [0] is the first, [*] is all of them"
        return f"--get: there is no {step!r}; the list has {count}{hint}"
    return f"--get: {step!r} does not apply to {'null' if data is None else type(data).__name__}"


def text_of(data: Any) -> str:
    """Return the text of a result: a model's output, a transcript, the names of listed objects.

    Raises:
        OpenAIError: it has none.
    """
    texts = [text for text in _texts(data) if text]
    if not texts:
        raise OpenAIError("the result has no text; omit --text to see it, or use --get PATH")
    return "\n".join(texts)


def _texts(data: Any) -> list[str]:
    fields = as_dict(data)
    if isinstance(data, str) or isinstance(fields.get("text"), str):
        return [data if isinstance(data, str) else fields["text"]]
    if "choices" in fields:
        return [_message(as_dict(choice.get("message", choice))) for choice in map(as_dict, as_list(fields["choices"]))]
    if "output" in fields:
        return [text for item in as_list(fields["output"]) for text in _parts(as_dict(item).get("content"))]
    if is_list(fields.get("data")):
        return [text for item in fields["data"] for text in _item(as_dict(item))]
    return _item(fields)


def _message(message: dict[str, Any]) -> str:
    content = message.get("content") or message.get("refusal") or message.get("text")
    return content if isinstance(content, str) else "".join(_parts(content))


def _parts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    texts = []
    for part in map(as_dict, as_list(content)):
        text = part.get("text") or part.get("refusal")
        text = as_dict(text).get("value", text)  # of the Assistants API
        texts += [text] if isinstance(text, str) else []
    return texts


def _item(item: dict[str, Any]) -> list[str]:
    if "content" in item:
        return _parts(item["content"])
    names = [item[name] for name in ("id", "filename", "name", "status") if isinstance(item.get(name), str)]
    return ["  ".join(dict.fromkeys(names))] if names and "embedding" not in item else []
