"""The table of endpoints: rows, their checks, and how they are read.

`rows` declares what a row may say, `read` parses TOML, `check` verifies each row against the others, and `load` lays
user tables over the shipped one, which it keeps compiled. `operation` is a row made ready to be called;
`type_expressions` resolves the types that rows name.

This room sends nothing and builds no method. A wrong row ends here, in one `TableError` that names file, operation,
key and the nearest valid name.
"""
