"""Typing stubs, written from the table.

`classes` writes one class per namespace as a type checker sees it, `views` and `batch` its raw, streaming and batch
variants, `websockets` the connections, `types` spells type expressions, and `files` decides which class goes into
which file.

This room describes what `_surface` builds and must agree with it on names, parameters and their order.
"""
