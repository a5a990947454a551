"""The official SDK's operations: what its methods send, read from their signatures and their syntax trees.

A method that ends in one call of `_get`, `_post`, `_delete` or `_get_api_list` is an operation. Any other is a helper
that calls operations, and is listed as such.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import typing
from functools import cached_property
from typing import Any, get_args, get_origin

import openai
import typing_extensions
from openai._resource import SyncAPIResource
from openai._types import NotGiven, Omit

from tools.generate.facts import Reader
from tools.generate.ir import ANY, NONE, Key, Official, Prim, Ref, Type, refs

VERBS = {"_get": "GET", "_post": "POST", "_put": "PUT", "_patch": "PATCH", "_delete": "DELETE", "_get_api_list": "GET"}

CALL_OPTIONS = ("self", "extra_headers", "extra_query", "extra_body", "timeout", "stream")

BINARY = "HttpxBinaryResponseContent"


def read_operations(reader: Reader) -> tuple[list[Official], dict[str, str]]:
    """Return the operations by call path, and the helpers with what they are."""
    client = openai.OpenAI(api_key="none")
    operations: list[Official] = []
    helpers: dict[str, str] = {}
    for path, resource in resources(client, ""):
        for name, function in inspect.getmembers(type(resource), inspect.isfunction):
            if name.startswith("_"):
                continue
            call = _call_of(function)
            if call is None:
                helpers[f"{path}.{name}"] = "a helper of the SDK that is not one HTTP operation"
            else:
                operations.append(_Method(reader, f"{path}.{name}", function, call).read())
    return operations, helpers


def resources(owner: Any, prefix: str) -> typing.Iterator[tuple[str, SyncAPIResource]]:
    for name in sorted(dir(type(owner))):
        attribute = inspect.getattr_static(type(owner), name)
        if name.startswith("with_") or not (isinstance(attribute, cached_property) or name in ("chat", "beta")):
            continue
        value = getattr(owner, name)
        if isinstance(value, SyncAPIResource):
            yield prefix + name, value
            yield from resources(value, f"{prefix}{name}.")


def _call_of(function: Any) -> ast.Call | None:
    """Return the call that sends the request, if the method's return statement is one."""
    tree = _tree(function)
    for node in tree.body:
        match node:
            case ast.Return(value=ast.Call(func=ast.Attribute(value=ast.Name("self"), attr=verb)) as call):
                return call if verb in VERBS and tree.name != "parse" else None
    for inner in ast.walk(tree):
        match inner:
            case ast.Return(
                value=ast.Call(
                    args=[ast.Name(), ast.Call(func=ast.Attribute(value=ast.Name("self"), attr=verb)) as call]
                )
            ) if verb in VERBS:
                return call
    return None


def node_of(reader: Reader, hint: Any) -> Type:
    """Return the type of a parameter, which may be left out."""
    variants = [each for each in get_args(hint) if each not in (Omit, NotGiven)]
    if get_origin(hint) is not None and len(variants) != len(get_args(hint)):
        hint = typing.Union[tuple(variants)]  # noqa: UP007 - made of a tuple
    return reader.node(hint)


def _tree(function: Any) -> ast.FunctionDef:
    node = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


class _Method:
    def __init__(self, reader: Reader, name: str, function: Any, call: ast.Call) -> None:
        self.reader = reader
        self.name = name
        self.function = inspect.unwrap(function)
        self.outer = function
        self.module = sys.modules[self.function.__module__]
        self.tree = _tree(function)
        self.call = call
        self.keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}

    def read(self) -> Official:
        assert isinstance(self.call.func, ast.Attribute)
        method = VERBS[self.call.func.attr]
        if "method" in self.keywords:
            method = ast.literal_eval(self.keywords["method"]).upper()
        options = self._options()
        operation = Official(self.name, method, self._path(), "json", ANY)
        with_body, in_query = self._keys(self.keywords.get("body"), "body"), self._keys(options.get("query"), "query")
        path_params = [piece.split("}")[0] for piece in operation.path.split("{")[1:]]
        self._params(operation, path_params)
        operation.headers, operation.header_params = self._headers()
        wires = {name: self._wire(name) for name in operation.params if name not in operation.header_params}
        operation.rename = {name: wire for name, wire in wires.items() if wire != name}
        if "files" in self.keywords or "encode_multipart" in ast.unparse(self.tree):
            operation.body = "multipart"
            operation.files = self._files()
            tests = [ast.unparse(node.test) for node in ast.walk(self.tree) if isinstance(node, ast.If)]
            operation.json_without_files = bool({"files", "extracted_files"} & set(tests))
        elif method in ("GET", "DELETE") and not with_body:
            operation.body = "query"
        if operation.body == "json":
            operation.rename |= self._nested_renames(operation)
        if operation.body != "query":
            operation.query = [name for name in operation.params if name in in_query]
        for name in operation.params:
            places = (with_body, in_query, operation.header_params, operation.files)
            if not any(name in place for place in places):
                raise ValueError(f"{self.name}: {name} is neither in body nor query nor headers")
        self._answer(operation)
        security = options.get("security")
        operation.auth = "admin" if security is not None and "admin" in ast.unparse(security) else "key"
        operation.deprecated = hasattr(self.outer, "__deprecated__") or hasattr(self.function, "__deprecated__")
        return operation

    def _options(self) -> dict[str, ast.expr]:
        call = self.keywords.get("options")
        return (
            {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            if isinstance(call, ast.Call)
            else {}
        )

    def _path(self) -> str:
        match self.call.args[0]:
            case ast.Constant(value=str(path)):
                return path
            case ast.Call(args=[ast.Constant(value=str(path))]):
                return path
        raise ValueError(f"{self.name}: no path in {ast.unparse(self.call.args[0])}")

    def _assigned(self, name: str) -> ast.expr | None:
        found = None
        for node in ast.walk(self.tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    found = found or value
        return found

    def _keys(self, node: ast.expr | None, name: str) -> set[str]:
        """Return the parameters that the dict within an expression gathers."""
        if node is None:
            return set()
        for each in ast.walk(node):
            if isinstance(each, ast.Dict) and each.keys:
                return {value.id for value in each.values if isinstance(value, ast.Name)}
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and (value := self._assigned(each.id)) is not None and value is not node:
                found = self._keys(value, name)
                if found:
                    return found
        return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}

    def _params(self, operation: Official, path_params: list[str]) -> None:
        hints = typing_extensions.get_type_hints(self.function, vars(self.module), include_extras=True)
        self.reader._alias_of = self.reader._aliases_in(self.module)
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name != "self":
                operation.positional.append(name)
            if name in CALL_OPTIONS or name in path_params:
                continue
            if any(word in str(hints[name]) for word in ("type[", "Callable[")):
                continue  # a class to parse into, a function to call back: the SDK's own business
            operation.params[name] = self.node(hints[name]), parameter.default is parameter.empty

    def node(self, hint: Any) -> Type:
        return node_of(self.reader, hint)

    @cached_property
    def _wires(self) -> dict[str, str]:
        """The wire names that the TypedDicts of the operation's own module of parameters give to parameters."""
        modules = {key[0] for key in self._param_modules()}
        structs = [each for each in self.reader.facts.structs.values() if each.param and each.key[0] in modules]
        return {
            each.name: each.wire for struct in reversed(structs) for each in struct.fields if each.wire != each.name
        }

    def _nested_renames(self, operation: Official) -> dict[str, str]:
        """Return the keys within parameters that have another name on the wire, by their dotted paths."""
        structs, aliases = self.reader.facts.structs, self.reader.facts.aliases
        renames: dict[str, str] = {}

        def walk(path: str, node: Type, seen: frozenset[Key]) -> None:
            for key in refs(node) - seen:
                if key in aliases:
                    walk(path, aliases[key].type, seen | {key})
                elif key in structs and structs[key].param:
                    for inner in structs[key].fields:
                        if inner.wire != inner.name:
                            renames[f"{path}.{inner.name}"] = inner.wire
                        walk(f"{path}.{inner.name}", inner.type, seen | {key})

        for name, (node, _) in operation.params.items():
            if name not in operation.query and name not in operation.header_params:
                walk(name, node, frozenset())
        return renames

    def _wire(self, name: str) -> str:
        return self._wires.get(name, name)

    def _param_modules(self) -> list[Key]:
        names = {
            node.value.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        return [(module.__name__, "") for name in names if inspect.ismodule(module := getattr(self.module, name, None))]

    def _headers(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the constant headers, and the parameters that ride in headers."""
        constant: dict[str, str] = {}
        params: dict[str, str] = {}
        for node in ast.walk(self.tree):
            match node:
                case ast.Assign(targets=[ast.Name("extra_headers")], value=ast.Dict(keys=keys, values=values)):
                    for key, value in zip(keys, values, strict=True):
                        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                            constant.setdefault(str(key.value), str(value.value))
                        for inner in ast.walk(value) if key is None else ():
                            match inner:
                                case ast.Call(
                                    func=ast.Name("strip_not_given"), args=[ast.Dict(keys=names, values=fields)]
                                ):
                                    for name, each in zip(names, fields, strict=True):
                                        found = [n.id for n in ast.walk(each) if isinstance(n, ast.Name)]
                                        param = next(
                                            n for n in found if n in inspect.signature(self.function).parameters
                                        )
                                        params[param] = ast.literal_eval(name) if name else ""
        constant.pop("Content-Type", None)
        return constant, params

    def _files(self) -> list[str]:
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Name("extract_files"), keywords=[ast.keyword("paths", value=paths)]):
                    return list(dict.fromkeys(path[0] for path in ast.literal_eval(paths)))
        return []

    def _answer(self, operation: Official) -> None:
        self.reader._alias_of = self.reader._aliases_in(self.module)
        if "page" in self.keywords:
            page = self.keywords["page"]
            assert isinstance(page, ast.Subscript)
            operation.page = ast.unparse(page.value).removeprefix("Sync")
            operation.response = self._type(page.slice)
            return
        operation.response = self._type(self.keywords["cast_to"])
        if "stream_cls" in self.keywords:
            stream = self.keywords["stream_cls"]
            if isinstance(stream, ast.Subscript):
                operation.stream = self._type(stream.slice)
            else:  # a stream class of its own, named after its events
                name = ast.unparse(stream).removesuffix("Stream")
                operation.stream = Ref(next(key for key in self.reader.facts.aliases if key[1] == name))

    def _type(self, node: ast.expr) -> Type:
        match node:
            case ast.Call(func=ast.Name("cast"), args=[_, inner]):
                return self._type(inner)
            case ast.Call(func=ast.Attribute(attr="_unwrapper"), args=_):
                raise ValueError(self.name)
        text = ast.unparse(node)
        if text.endswith(BINARY):
            return Prim("bytes")
        if text == "NoneType":
            return NONE
        if "ResultWrapper" in text or "DataWrapper" in text:
            return self._type(node.slice) if isinstance(node, ast.Subscript) else ANY
        try:
            return self.reader.node(eval(text, vars(self.module)))
        except NameError:  # the type depends on an argument: all that the method may return
            returned = typing_extensions.get_type_hints(self.function, vars(self.module))["return"]
            variants = [each for each in get_args(returned) if get_origin(each) is not openai.Stream]
            return self.reader.node(typing.Union[tuple(variants)])  # noqa: UP007 - made of a tuple
