"""Keep the table and the types current: facts in, generated files out.

`facts` reads the official SDK's types by introspection, `operations` its methods; `plan` decides what they become
here; `write_types` and `write_rows` put it into files. Only facts are taken: names, types, paths, tags. No text is.
"""
