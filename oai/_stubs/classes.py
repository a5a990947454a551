"""Write the stub classes of rows: a method for each operation, a property for each namespace.

They describe what `_surface.namespaces` builds at run time; names, parameters and their order must be the same.
`_stubs.files` decides which file a class goes into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, NamedTuple

from oai._stubs.views import classes, properties
from oai._stubs.websockets import connection, manager
from oai._stubs.writer import Form, StubWriter, camel
from oai._support.docs import section
from oai._table.docs import parameter_docs
from oai._table.type_expressions import PAGES
from oai._table.websocket_row import WebSocketRow

OPTIONS: Final = (
    "extra_headers: ExtraHeaders = None, extra_query: ExtraQuery = None, extra_body: ExtraBody = None, "
    "timeout: TimeoutLike = omit,"
)
PAGE: Final = re.compile(rf"(?:{'|'.join(PAGES)})\[(.*)\]")

QUEUE: Final = "oai.helpers.bulk.batch.Batch"
"""The class that `client.batch()` returns, whose generated methods only the stub has."""

OPTION_TYPES: Final = ("ExtraHeaders", "ExtraQuery", "ExtraBody", "TimeoutLike")


class Shape(NamedTuple):
    """One overload: its `stream` parameter and its return type."""

    stream: str
    result: str
    chosen: Mapping[str, str] = {}
    """The types of the parameters that select this overload (`response_by`)."""


class Writer(StubWriter):
    """Writes the classes of one file; for the arguments see `StubWriter`."""

    options: ClassVar[str] = OPTIONS
    """The options that every method takes."""
    views: ClassVar[bool] = True
    """Whether the classes have views."""

    def namespace(self, path: str, base: str = "") -> Iterator[str]:
        """Write the class of a namespace."""
        yield from self._class(self.class_name(path), base, f"The operations below `{path}`.", f"{path}.")

    def client(self, name: str, base: str, doc: str) -> Iterator[str]:
        """Write the class of a client."""
        yield from self._class(name, base, doc, "")

    def _class(self, name: str, base: str, doc: str, prefix: str) -> Iterator[str]:
        yield f"\n\nclass {name}({base}):" if base else f"\n\nclass {name}:"
        yield f'    """{doc}"""'
        members = self.members(prefix)
        flat = [alias for alias in self.aliases if alias not in self.segments] if not prefix else []
        self.spell.taken = {*members, *flat}
        for member, is_namespace in members.items():
            path = prefix + member
            if is_namespace and path in self.namespaces:
                yield f"\n    @{self.spell.builtin('property')}"
                yield f"    def {member}(self) -> {self.class_name(path)}:"
                yield from self.body(f"The operations below `{path}`.")
            elif path in self.own:
                yield from self._method(member, [self.form(path)])
        for alias in flat:
            yield from self._method(alias, self._forms(alias))
        if prefix[:-1] in self.aliases:
            yield from self._method("__call__", self._forms(prefix[:-1]))
        if self.views and not self.with_bodies:
            yield from properties(self, name)
            self.spell.taken = set(members)
            yield from classes(self, name, prefix)
        for path in (prefix + member for member in members):
            if path in self.own and isinstance(socket := self.table.helpers.get(path), WebSocketRow):
                yield from connection(self, path, socket)

    def _forms(self, alias: str) -> list[Form]:
        """Return the forms of an alias, which may stand for `list` and `retrieve`."""
        forms = [Form(path, self.table[path], positional) for path, positional in self.table.aliases[alias]]
        return sorted(forms, key=lambda form: len(form.positional))

    def _method(self, name: str, forms: list[Form]) -> Iterator[str]:
        """Write a method, with overloads if it can stream or has two forms."""
        signatures = [(form, shape) for form in forms for shape in self._shapes(form)]
        for form, shape in signatures:
            if len(signatures) > 1:
                self.spell.names.add(("typing", "overload"))
                yield "\n    @overload"
            else:
                yield ""
            if form.row.deprecated is not None:
                self.spell.names.add(("typing_extensions", "deprecated"))
                yield f"    @deprecated({form.row.deprecated!r})"
            yield from self._signature(name, form, shape)
        if len(signatures) > 1 and self.with_bodies:
            self.spell.use("Any")
            yield f"\n    def {name}(self, *args: Any, **kwargs: Any) -> Any: ..."

    def _shapes(self, form: Form) -> Iterator[Shape]:
        row = form.row
        with self.errors_of(form, "response"):
            whole = self.result(form)
        if row.stream is None:
            yield from self._chosen(form, "")
            yield Shape("", whole)
            return
        kind = "AsyncStream" if self.is_async else "Stream"
        self.spell.names.add(("oai._results.stream", kind))
        with self.errors_of(form, "stream"):
            events = f"{kind}[{self.spell.spell(row.stream)}]"
        if bound := row.async_stream_result if self.is_async else row.stream_result:
            with self.errors_of(form, "stream_result"):
                events = self.spell.spell(bound)
        if row.stream_only:
            yield Shape("", events)
            return
        self.spell.use("Literal Omit omit")
        yield from self._chosen(form, "stream: Literal[False] | Omit = omit,")
        yield Shape("stream: Literal[False] | Omit = omit,", whole)
        yield Shape("stream: Literal[True],", events)
        yield Shape("stream: bool | Omit = omit,", f"{whole} | {events}")

    def _chosen(self, form: Form, stream: str) -> Iterator[Shape]:
        """Yield an overload for each result that a parameter selects; the first value is the default."""
        for param, results in form.row.response_by.items():
            default = next(iter(results))
            for expression in dict.fromkeys(results.values()):
                values = [value for value, result in results.items() if result == expression]
                kind = self.spell.spell(f"Literal{values!r}")
                text = self.spell.use(f"{kind} | Omit = omit") if default in values else kind
                with self.errors_of(form, f"response_by.{param}"):
                    yield Shape(stream, self.spell.spell(expression), {param: text})

    def result(self, form: Form) -> str:
        """Return the type of the result, once awaited."""
        if isinstance(form.helper, WebSocketRow):
            return manager(self, form.operation)
        if form.row.response == QUEUE:
            self.spell.names.add(("oai._typed._batch", "Batch"))
            return "Batch"
        text = self.spelled(form)
        if self.is_async and (page := PAGE.fullmatch(text)):
            kind = f"Async{text.partition('[')[0]}"
            self.spell.names.update(("oai._typing", name) for name in ("AsyncPages", kind))
            return f"AsyncPages[{kind}[{page[1]}], {page[1]}]"
        return text

    def _signature(self, name: str, form: Form, shape: Shape) -> Iterator[str]:
        row = form.row
        params = {**(row.params or {}), **row.local}
        required = {*row.path_params, *(param for param, kind in params.items() if not kind.endswith("?"))}
        plain = shape.result.startswith("AsyncPages[") or (form.helper is not None and not form.helper.waits)
        words = "async def" if self.is_async and not plain else "def"
        yield f"    {words} {name}("
        yield "        self,"
        names = [*form.positional, *(name for name in (*row.path_params, *params) if name not in form.positional)]
        for place, param in enumerate(names):
            if place == len(form.positional):
                yield "        *,"
            kind = self._param(form, param, params.get(param, "str"))
            kind = kind if param in required else self.spell.use(f"{kind} | Omit = omit")
            yield f"        {param}: {shape.chosen.get(param, kind)},"
        if len(names) == len(form.positional) and (form.helper is None or form.helper.extends is not None):
            yield "        *,"
        if shape.stream:
            yield f"        {shape.stream}"
        if form.helper is None or form.helper.extends is not None:
            self.spell.names.update(("oai._typing", option) for option in OPTION_TYPES if option in self.options)
            yield f"        {self.spell.use(self.options)}"
        if row.params is None:
            yield f"        {self.spell.use('**params: Any')},"
        yield f"    ) -> {shape.result}:"
        where = "" if form.helper else f" `{row.method} {row.path}`"
        arguments = section("Args", parameter_docs(self.table, form.operation))
        yield from self.body("\n\n".join(filter(None, (f"{row.doc or form.operation}{where}", arguments))))

    def _param(self, form: Form, param: str, expression: str) -> str:
        with self.errors_of(form, f"params.{param}"):
            text = self.spell.spell(expression.removesuffix("?"))
        return self.spell.named(text, f"_{camel(form.operation)}{camel(param)}")
