"""Import of OpenAPI documents: `oai import` turns a document into rows of a table.

`document` reads and resolves the document, `names` derives call paths, `types` translates schemas to struct source, and
`rows` writes the table.

This room calls nothing that it reads about: the document is untrusted text.
"""
