"""The table of endpoints: rows, their checks, and how they are read.

`rows` declares the keys of a row, `read` parses TOML, `check` validates rows, and `load` merges user tables over the
shipped one, which it keeps compiled. `operation` is a row prepared for calls; `type_expressions` resolves the types
that rows name.

This room sends nothing and builds no method. An invalid row ends here, in one `TableError` that names the file, the
operation, the key and the nearest valid name.
"""
