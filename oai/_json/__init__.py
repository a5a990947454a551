"""JSON to structs and back.

`objects` holds `Object`, the base class of all response types. `decode` tries one strict pass in C (`strict`); if the
data does not match, `lenient` builds the same structs from plain data and keeps whatever does not fit its type.
`encode` writes request bodies. `unions` describes tagged and untagged unions, `pages` holds the page classes of lists,
`vectors` decodes base64 embeddings.

This room knows no operation, no header and no client: it turns bytes and a type into a value.
"""
