"""Run programs that import `openai` on `oai`, unchanged.

    python -m oai.as_openai program.py arguments
    python -m oai.as_openai -m pytest tests

Or call `oai.as_openai.install()` before anything imports `openai`, in a `conftest.py` or a `sitecustomize.py`. From
then on `import openai`, `import openai.types.chat` and `from openai import ...` import the modules of `oai` themselves.
Names of the SDK without a counterpart are placeholders, which raise an error with the reason when they are used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

import oai
from oai._client.async_client import AsyncCore
from oai._client.base import BaseURL
from oai._client.removed_names import INSTEAD, explanation
from oai._client.sync_client import SyncCore
from oai._official import missing
from oai._official.version import __version__ as official_version
from oai._support import log
from oai._version import __version__ as own_version

__all__ = ["install", "main", "uninstall"]

NAME: Final = "openai"

own_attribute: Final = vars(oai)["__getattr__"]
"""How `oai` finds its attributes."""

USAGE: Final = """\
usage: python -m oai.as_openai program.py [arguments]
       python -m oai.as_openai -m module [arguments]
       python -m oai.as_openai -c code [arguments]

Run a Python program that imports openai, and give it oai instead.
"""

INTERCEPTORS: Final = ("vcr", "respx", "respx2", "pytest_httpx", "pytest_httpx2")
"""Libraries that answer the requests of httpx in tests."""

REMOVED_CLASSES: Final = frozenset(name for name in INSTEAD if name[0].isupper())
"""The classes that the SDK had before version 1, which programs still import, or look for."""

SHARED: Final = ("_client", "__main__")
"""Private modules that have the SDK's name and its names; the others stand in `oai._official`."""


def install() -> None:
    """Make `import openai` import `oai`, in the whole process. A second call has no effect.

    Raises:
        RuntimeError: something has imported the official SDK, or another module of its name, already.
    """
    if Finder in sys.meta_path:
        return
    imported = sys.modules.get(NAME)
    if imported is not None and imported is not oai:
        place = getattr(imported, "__file__", None)
        raise RuntimeError(
            f"openai is imported already, from {place}: call oai.as_openai.install() before anything imports it"
        )
    sys.meta_path.insert(0, Finder)
    sys.modules[NAME] = oai
    from oai._official import twins, version

    twins.install()
    if "pydantic.main" in sys.modules:
        twins.patch_pydantic(sys.modules["pydantic.main"])
    _show_signatures()
    _take_modules(official=True)
    for core, usual in _usual_transports.items():
        core.default_transport = _transport_of_tests(core, usual)
    BaseURL.ending = "/"
    log.use_names(log.OFFICIAL)
    for alias in ("version", "_version"):  # set here, so that an import does not replace `oai._version`
        sys.modules[f"{NAME}.{alias}"] = version
    vars(oai).pop("BaseModel", None)
    vars(oai).update(__version__=official_version, version=version, __getattr__=_attribute)


def _attribute(name: str) -> Any:
    """Return an attribute of `oai`; the SDK's private modules are attributes too: `from openai import _models`."""
    if name == "BaseModel" and find_spec("pydantic"):
        from oai._json.objects import Object
        from oai._official.twins import twin_of

        return twin_of(Object)
    try:
        return own_attribute(name)
    except AttributeError:
        if name in REMOVED_CLASSES:  # the SDK has placeholders of the same kind
            return getattr(missing, f"v0.{name}")
        if name[:1] != "_" or name[:2] == "__":
            raise
        try:
            return import_module(f"{NAME}.{name}")
        except ModuleNotFoundError:
            pass
        raise


def uninstall() -> None:
    """Undo `install`. Modules that have imported `openai` keep `oai`; later imports find the official SDK."""
    if Finder not in sys.meta_path:
        return
    from oai._official import twins

    twins.uninstall()
    _take_modules(official=False)
    for core, usual in _usual_transports.items():
        core.default_transport = usual
    BaseURL.ending = ""
    log.use_names(log.OWN)
    sys.meta_path.remove(Finder)
    for name in [each for each in sys.modules if each == NAME or each.startswith(f"{NAME}.")]:
        del sys.modules[name]
    vars(oai).update(__version__=own_version, __getattr__=own_attribute)
    vars(oai).pop("version", None)


class Finder:
    """Finds the modules of `openai` in `oai`, before all other finders (PEP 451)."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG004 - the protocol's
        """Return the spec of an alias.

        Raises:
            ModuleNotFoundError: there is no such module; no other finder may find one in the package's directory.
        """
        if name == "pydantic.main":
            return _patching_spec(name, path)
        if not name.startswith(f"{NAME}."):
            return None
        original = module_name(name)
        try:
            module = import_module(original)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{original}.".startswith(f"{error.name}."):
                raise
            hint = explanation(name.removeprefix(f"{NAME}.").partition(".")[0])
            raise ModuleNotFoundError(f"No module named {name!r}{hint}", name=name) from None
        loader: Any = Loader(module)  # a loader needs no base class
        return ModuleSpec(name, loader, is_package=hasattr(module, "__path__"))

    @staticmethod
    def find_distributions(context: Any = None) -> Iterator[Any]:
        """Yield the distribution `openai`, for `importlib.metadata.version("openai")`."""
        if getattr(context, "name", None) != NAME:
            return
        from importlib.metadata import Distribution  # a large module, which is loaded where this is called

        class Pretended(Distribution):
            """The SDK that this package is held against, with no files."""

            def read_text(self, filename: str) -> str | None:
                text = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {official_version}\n"
                return text if filename == "METADATA" else None

            def locate_file(self, path: str | os.PathLike[str]) -> Any:
                return os.path.join(os.path.dirname(oai.__file__), path)

        yield Pretended()


def _patching_spec(name: str, path: Any) -> ModuleSpec | None:
    """Return the spec of pydantic's module of models, which is patched once it is loaded."""
    spec = PathFinder.find_spec(name, path)
    loader: Any = spec and spec.loader
    if loader is not None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            from oai._official.twins import patch_pydantic

            patch_pydantic(module)

        loader.exec_module = exec_module
    return spec


def _take_modules(*, official: bool) -> None:
    """Let clients, streams and exceptions be of the modules that the SDK's are of, by which programs recognize them."""
    from oai import _errors
    from oai._client.async_client import AsyncOpenAI
    from oai._client.azure import AsyncAzureOpenAI, AzureOpenAI
    from oai._client.sync_client import OpenAI
    from oai._results.stream import AsyncStream, Stream

    errors = [each for each in vars(_errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    for cls in (OpenAI, AsyncOpenAI, AzureOpenAI, AsyncAzureOpenAI, Stream, AsyncStream, *errors):
        home = _homes.setdefault(cls, cls.__module__)
        name = f"{NAME}.lib.azure" if "Azure" in cls.__name__ else NAME
        cls.__module__ = name if official and home.startswith("oai.") else home


_homes: Final[dict[type, str]] = {}
"""The modules that classes are of without `as_openai`."""


def _transport_of_tests(core: Any, usual: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a method that creates a client's transport: one over httpx where tests may intercept the requests."""

    def default_transport(self: Any) -> Any:
        if not any(name in sys.modules for name in INTERCEPTORS):
            return usual(self)
        from oai.transports.httpx import AsyncHttpxTransport, HttpxTransport

        return AsyncHttpxTransport() if core.is_async else HttpxTransport()

    return default_transport


_usual_transports: Final[dict[Any, Callable[[Any], Any]]] = {
    core: core.default_transport for core in (SyncCore, AsyncCore)
}


def _show_signatures() -> None:
    """Give constructors their signatures for `inspect.getfullargspec`, which does not follow `__wrapped__`."""
    from inspect import Parameter, signature

    from oai._client.azure import AzureOpenAI
    from oai._client.sync_client import OpenAI

    options = signature(OpenAI.__init__)
    own = signature(AzureOpenAI.__init__)
    merged = {**own.parameters, **options.parameters}
    merged.update(own.parameters)
    keywords = [each for each in merged.values() if each.kind is Parameter.KEYWORD_ONLY]
    vars(OpenAI.__init__)["__signature__"] = options
    vars(AzureOpenAI.__init__)["__signature__"] = own.replace(parameters=[own.parameters["self"], *keywords])


class Loader:
    """Loads an alias: the module that there is.

    Args:
        module: the module.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, _: ModuleSpec) -> ModuleType:
        """Return the module, whose spec the import system then replaces."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec."""
        module.__spec__ = self._spec


def module_name(name: str) -> str:
    """Return the module of `oai` for one of `openai`."""
    below = name.removeprefix(f"{NAME}.")
    head = below.partition(".")[0]
    if below in ("version", "_version"):
        return "oai._official.version"
    return f"oai._official.{below}" if head[0] == "_" and head not in SHARED else f"oai.{below}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command `python -m oai.as_openai`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help") or (words[0] in ("-m", "-c") and len(words) < 2):
        sys.stdout.write(USAGE)
        sys.exit(0 if words and words[0] in ("-h", "--help") else 2)
    install()
    if words[0] == "-m":
        from runpy import run_module

        sys.argv = words[1:]
        sys.path[0] = os.getcwd()
        run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        sys.path[0] = ""
        _run(compile(words[1], "<string>", "exec", dont_inherit=True), None)
    else:
        _run_file(words)


def _run_file(words: list[str]) -> None:
    """Run a script as `python` does, or a directory or a zip file."""
    sys.argv = words
    path = words[0]
    if not os.path.isfile(path) or path.endswith((".zip", ".pyz")):
        from runpy import run_path

        run_path(path, run_name="__main__")
        return
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    _run(code, path)


def _run(code: Any, path: str | None) -> None:
    """Run code in a module `__main__` of its own, which stays: pickles and threads find it there."""
    module = ModuleType("__main__")
    vars(module)["__builtins__"] = __builtins__
    if path is not None:
        vars(module).update(__file__=path, __cached__=None)
    sys.modules["__main__"] = module
    exec(code, vars(module))  # noqa: S102 - the program that is to be run


if __name__ == "__main__":
    from oai.as_openai import main as imported_main  # of the module that others import, not of this second copy

    imported_main()
