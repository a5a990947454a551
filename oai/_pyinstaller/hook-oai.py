"""The hook of PyInstaller for `oai`: its tables, and the modules that it imports by name.

Operations name their types and helpers in a table, and most of the package is imported on first use, so that no
analysis of import statements finds them.
"""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files("oai", excludes=["**/*.pyi", "**/py.typed"])
hiddenimports = collect_submodules("oai", filter=lambda name: not name.startswith(("oai.testing", "oai._pyinstaller")))
# What only an option of the caller's needs: programs that use it import it themselves.
excludedimports = ["IPython", "dask", "distributed", "numpy", "openai", "pandas", "polars", "pyarrow", "pytest", "vcr"]
