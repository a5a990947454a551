"""Generate typing stubs from the table.

`classes` writes one class per namespace as type checkers see it, `views` and `batch` its raw, streaming and batch
variants, `websockets` the connections, `types` translates type expressions, and `files` decides which class goes into
which file.

The stubs describe what `_surface` builds; names, parameters and their order must be the same.
"""
