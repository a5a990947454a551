"""Draw the package's rooms from its imports, and fail if imports form a circle or point upwards.

`imports` reads the source, `rooms` groups it by the layers that pyproject.toml declares for import-linter, `circles`
finds circles, `layout` places the rooms, and `drawing` writes the SVG.
"""
