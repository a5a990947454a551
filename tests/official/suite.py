"""Run the official SDK's `tests/api_resources` with either client, and return the requests that each case sent.

A module of the suite is compiled once and executed twice, with an `__import__` of its own: one leaves its imports as they
are, the other gives it `oai` for `openai`. Fixtures are made here; types are not checked, since requests are compared.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from oai.transports import OfflineTransport, Request
from tests.official.faults import KNOWN_FAULTS
from tests.official.sides import Exchange, Reply, Sent, client, oai, openai, quiet

KEYS = {"api_key": "My API Key", "admin_api_key": "My Admin API Key"}
"""The suite's own."""

TELEMETRY = "X-Stainless-Lang"

VARIANTS = {"client": ("loose", "strict"), "async_client": ("loose", "strict", "aiohttp")}
"""How the suite parametrizes its clients. The HTTP library is replaced by a transport in memory in each of them."""


@dataclass(frozen=True)
class Outcome:
    """The requests of a case, and how it ended: `None`, or the exception."""

    requests: list[Sent]
    error: str | None


class _Relaxed(ast.NodeTransformer):
    """Take out of the suite what does not concern requests, and what would only repeat a fault that is known."""

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list = []  # parameters and fixtures are this module's business
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - as `ast` calls it

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        text = ast.unparse(node)
        unchecked = TELEMETRY in text or ("is_closed" in text and "raw: is_closed" in KNOWN_FAULTS)
        return ast.copy_location(ast.Pass(), node) if unchecked else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) == "pytest.raises":
            node.keywords = [each for each in node.keywords if each.arg != "match"]  # messages are each client's own
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        closing = ast.unparse(node.value).endswith((".response.close()", ".response.aclose()"))
        return ast.copy_location(ast.Pass(), node) if closing and "stream: response.close" in KNOWN_FAULTS else node

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        warns = ast.unparse(node.items[0]).startswith("pytest.warns")
        return node.body if warns and "client: deprecations warn once" in KNOWN_FAULTS else node


def compiled(path: Path) -> CodeType:
    tree = _Relaxed().visit(ast.parse(path.read_text(encoding="utf-8")))
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def _import_for(module: Any) -> Any:
    """Return an `__import__` for which `openai` is the module, and what only serves to check types is a mock."""

    def find(name: str, names: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if name.startswith("tests"):
            return MagicMock(unsafe=True)
        if module is openai or name.partition(".")[0] != "openai":
            return builtins.__import__(name, names, locals, fromlist, level)
        if name == "openai._legacy_response":
            return SimpleNamespace(_legacy_response=SimpleNamespace(HttpxBinaryResponseContent=oai.BinaryResponse))
        if name in {"openai.pagination", "openai._utils"}:
            return MagicMock(unsafe=True)
        return importlib.import_module(name.replace("openai", "oai", 1)) if fromlist else oai

    return find


class Player:
    """One module of the suite, executed with either client."""

    def __init__(self, path: Path) -> None:
        self._answer: Reply | None = None
        self._offline = OfflineTransport()
        self._exchange = Exchange(self._take)
        self._code = compiled(path)

    def cases(self) -> Iterator[tuple[str, Outcome, Outcome]]:
        """Yield name, ours and theirs for each case. Theirs gets the responses that ours got."""
        with asyncio.Runner() as runner, quiet():
            ours, theirs = self._loaded(oai), self._loaded(openai)
            clients: dict[Any, Any] = {}
            for group, name, fixture in _functions(theirs):
                for variant in VARIANTS[fixture]:
                    self._answers: list[Reply] = []
                    played = []
                    for module, source in ((oai, ours), (openai, theirs)):
                        key = (module, fixture, variant)
                        if key not in clients:
                            clients[key] = self._client(module, fixture, variant)
                        function = getattr(source[group](), name)
                        played.append(self._play(module, function, fixture, clients[key], runner))
                    yield f"{group}.{name}[{variant}]", *played

    def _loaded(self, module: Any) -> dict[str, Any]:
        found = {"__builtins__": {**vars(builtins), "__import__": _import_for(module)}, "__name__": "suite"}
        exec(self._code, found)
        return found

    def _client(self, module: Any, fixture: str, variant: str) -> Any:
        options: dict[str, Any] = {**KEYS, "_strict_response_validation": variant != "loose"}
        if module is oai and "client: strict validation" in KNOWN_FAULTS:
            del options["_strict_response_validation"]
        if "client: key with spaces" in KNOWN_FAULTS:
            options |= {name: text.replace(" ", "-") for name, text in KEYS.items()}
        return client(module, self._exchange, is_async=fixture == "async_client", **options)

    def _play(self, module: Any, function: Any, fixture: str, made: Any, runner: asyncio.Runner) -> Outcome:
        self._module, self._count, self._mocked, error = module, 0, None, None
        self._exchange.requests = []
        arguments = {fixture: made}
        if "respx2_mock" in inspect.signature(function).parameters:
            arguments["respx2_mock"] = SimpleNamespace(get=self._route, post=self._route)
        try:
            result = function(**arguments)
            if inspect.isawaitable(result):
                runner.run(_awaited(result))
        except Exception as caught:  # noqa: BLE001 - how the case ended is compared
            error = f"{type(caught).__name__}: {caught}"
        except BaseException as caught:  # how `pytest.raises` fails
            if type(caught).__name__ != "Failed":
                raise
            error = str(caught)
        return Outcome(self._exchange.requests, error)

    def _route(self, path: str) -> Any:
        return SimpleNamespace(mock=self._mock)

    def _mock(self, return_value: Any) -> None:
        headers = tuple((name.decode(), value.decode()) for name, value in return_value.headers.raw)
        self._mocked = Reply(return_value.status_code, headers, (return_value.content,))

    def _take(self, request: Request) -> Reply:
        if self._mocked is not None:
            return self._mocked
        if self._module is oai:
            reply = self._offline.send(request)
            self._answers.append(Reply(reply.status, tuple(reply.headers.multi_items()), tuple(reply)))
            return self._answers[-1]
        self._count += 1
        return self._answers[self._count - 1] if self._count <= len(self._answers) else Reply()


async def _awaited(result: Any) -> Any:
    return await result


def _functions(module: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for group, made in list(module.items()):  # a warning registers itself in it
        if group.startswith("Test") and inspect.isclass(made):
            for name, function in vars(made).items():
                fixtures = [
                    each for each in VARIANTS if each in getattr(getattr(function, "__code__", None), "co_varnames", ())
                ]
                if name.startswith("test_") and fixtures:
                    yield group, name, fixtures[0]
