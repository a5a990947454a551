"""Generate the types, the rows and the stubs from facts, and compare them with their sources.

`facts` reads the official SDK's types by introspection, `operations` its methods. `plan` decides what they become here,
by `areas`; `definitions` writes each as source. `write_types` and `write_rows` write the files. Only facts are read:
names, types, paths, tags, never text.
"""
