"""The official SDK's WebSockets: what its `connect` methods ask with, what comes, and what may be sent.

A method `connect` returns a manager, whose connection has an attribute for each group of events that the client sends,
down to methods that send one each. Read are signatures, annotations, and the syntax trees of the methods.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any

import openai

from tools.generate.facts import Reader
from tools.generate.ir import OfficialSocket, Params
from tools.generate.operations import node_of, resources


def read_sockets(reader: Reader, options: Collection[str]) -> list[OfficialSocket]:
    """Return the WebSockets by call path.

    Args:
        reader: the types.
        options: parameters of every `connect` method, which are not part of the API.
    """
    client = openai.OpenAI(api_key="none")
    found = [(path, getattr(type(resource), "connect", None)) for path, resource in resources(client, "")]
    return [_read(reader, f"{path}.connect", function, options) for path, function in found if function is not None]


def _read(reader: Reader, name: str, function: Any, options: Collection[str]) -> OfficialSocket:
    module = sys.modules[function.__module__]
    reader._alias_of = reader._aliases_in(module)
    signature = inspect.signature(function)
    manager = getattr(module, signature.return_annotation)
    connection = getattr(module, inspect.signature(manager.__enter__).return_annotation)
    path = _path(manager)
    events = node_of(reader, _hints(connection.recv)["return"])
    queue = signature.parameters.get("max_queue_size")
    default = None if queue is None else queue.default
    params = {each: kind for each, kind in _params(reader, function, options).items() if f"{{{each}}}" not in path}
    kinds = {each: parameter.kind for each, parameter in signature.parameters.items()}
    positional = [each for each in params if kinds[each] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    sends = dict(_events(reader, connection))
    return OfficialSocket(name, path, events, default, params, positional, _headers(manager), sends)


def _hints(function: Any) -> dict[str, Any]:
    module = vars(sys.modules[function.__module__])
    hints = {}
    for name, text in function.__annotations__.items():
        try:
            hints[name] = eval(text, module) if isinstance(text, str) else text
        except NameError:  # a class that is only imported for type checkers, of an option
            hints[name] = Any
    return hints


def _params(reader: Reader, function: Any, options: Collection[str] = ()) -> Params:
    hints = _hints(function)
    return {
        name: (node_of(reader, hints[name]), parameter.default is parameter.empty)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and name not in options
    }


def _path(manager: Any) -> str:
    """Return the path template: the longest text of the method that begins with a slash."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(manager._prepare_url)))
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    texts = [each.decode() if isinstance(each, bytes) else each for each in values if isinstance(each, bytes | str)]
    return max((each for each in texts if each.startswith("/")), key=len)


def _headers(manager: Any) -> dict[str, str]:
    """Return the constant header fields: a dict of texts whose names have a hyphen, as no field of an event has."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(manager)))):
        match node:
            case ast.Dict(keys=[ast.Constant(str(name))], values=[ast.Constant(str(value))]) if "-" in name:
                return {name: value}
    return {}


def _events(reader: Reader, owner: Any) -> Iterator[tuple[str, Params]]:
    """Yield the events that a class sends, and those of the classes that its attributes lead to."""
    module = sys.modules[owner.__module__]
    for name, text in inspect.get_annotations(owner).items():
        if not name.startswith("_"):
            yield from _events(reader, getattr(module, text))
    for value in vars(owner).values():
        if isinstance(value, cached_property):
            yield from _events(reader, getattr(module, inspect.signature(value.func).return_annotation))
        elif inspect.isfunction(value) and (event := _sent(value)):
            yield event, _params(reader, value)


def _sent(function: Any) -> str:
    """Return the type of the event that a method sends, nothing if it sends none."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        match node:
            case ast.Dict(keys=[ast.Constant("type"), *_], values=[ast.Constant(str(event)), *_]):
                return event
    return ""
