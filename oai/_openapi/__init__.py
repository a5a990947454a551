"""Import of OpenAPI documents: `oai import` turns a document into rows of a table.

`document` reads and resolves the document, `names` derives call paths, `types` translates schemas to struct source,
`row_builder` makes the row of an operation, and `rows` writes the table.

This room makes no call that the document describes; it treats the document as untrusted text.
"""
