"""Write the stub of `client.batch()`: its methods return a `Later` of the result that the client's methods return.

It has only the operations that the Batch API accepts, without the options that a request in a batch cannot have: a
stream, headers, a query. One class serves both clients, since queueing a call neither blocks nor awaits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from oai._stubs.classes import QUEUE, Shape, Writer
from oai.helpers.bulk.batch_files import endpoints_of, is_for

if TYPE_CHECKING:
    from oai._stubs.types import Speller
    from oai._stubs.writer import Form
    from oai._table.table import Table


class BatchWriter(Writer):
    """Writes the classes of the queue into one file.

    Args:
        table: the rows.
        spell: translates the types and collects the imports.
    """

    prefix = "Batch"
    options = "extra_body: ExtraBody = None,"
    views = False

    def __init__(self, table: Table, spell: Speller) -> None:
        endpoints = endpoints_of((table["batches.create"].params or {})["endpoint"])
        super().__init__(table, spell, is_async=False, own=[path for path in table if is_for(table[path], endpoints)])

    def file(self) -> Iterator[str]:
        """Write the namespaces, then the queue itself."""
        self.spell.modules.add("oai.helpers.bulk.batch")
        self.spell.names.add(("oai.helpers.bulk.batch_files", "Later"))
        for path in self.namespaces:
            yield from self.namespace(path)
        yield from self.client("Batch", QUEUE, "A queue with the methods of the client: each returns a `Later`.")

    def _forms(self, alias: str) -> list[Form]:
        return [form for form in super()._forms(alias) if form.operation in self.own]

    def _shapes(self, form: Form) -> Iterator[Shape]:
        for shape in super()._shapes(form._replace(row=msgspec.structs.replace(form.row, stream=None))):
            yield shape._replace(result=f"Later[{shape.result}]")
