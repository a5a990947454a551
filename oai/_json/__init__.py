"""JSON to structs and back.

`objects` holds `Object`, the base class of all response types. `decode` tries one strict pass in C (`strict`); if the
data does not match, `lenient` builds the same structs from plain data and keeps whatever does not fit its type.
`fields` tells which fields an object has and which of them were set, `dump` returns them as plain data, and
`model_methods` has the methods of pydantic's models; `pydantic_schema` is for pydantic itself. `encode` writes request
bodies. `unions` describes tagged and untagged unions, `pages` holds the page classes of lists, `vectors` decodes base64
embeddings.

This room knows no operation, no header and no client: it turns bytes and a type into a value.
"""
