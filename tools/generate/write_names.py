"""Write the `official.txt` of the packages that have the official SDK's import paths, from the facts of the SDK.

A name is resolved by where the SDK defines it: in `official.toml`, as a name of `oai` itself, as a type, as a
resource, in the modules of `oai._official`, and else as a placeholder with a reason.
"""

from __future__ import annotations

import importlib
import tomllib
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from types import ModuleType

from tools.generate.definitions import HEADER
from tools.generate.layout import path_of, wrapped
from tools.generate.modules import ModuleFacts
from tools.generate.sdk import Sdk

ROOT = "openai"
RULES = tomllib.loads(Path(__file__).with_name("official.toml").read_text())

PACKAGES = ("auth", "lib", "providers", "resources")
"""The SDK's public packages that have a file here; what else is private goes to `_official`."""

LEFT_OUT = ("types", "_extras", "_vendor", "cli", "helpers", "_client", "_version", "pagination", "version")
"""Modules that other files are written for, or none."""

MISSING = "oai._official.missing"
CLASSES = "oai.resources._classes"


class Names:
    """What the names of the SDK's modules are here.

    Args:
        sdk: the facts.
    """

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk
        self._resolved: dict[tuple[str, str], str] = {}

    def write(self, oai: Path) -> dict[str, int]:
        """Write the files below `oai`; return how many modules each declares."""
        lines: dict[str, list[str]] = defaultdict(list)
        for module in self.modules():
            path = module.name.removeprefix(ROOT).removeprefix(".")
            package, _, below = path.partition(".")
            if package not in PACKAGES:
                package, below = "_official", path
            if path:
                lines[package].append(f"{below}: {_homes(self.resolve_all(module))}".rstrip() + "\n")
        for package, own in lines.items():
            (oai / package).mkdir(exist_ok=True)
            (oai / package / "official.txt").write_text(wrapped("".join([HEADER.replace("types`", "names`"), *own])))
        return {package: len(own) for package, own in lines.items()}

    def modules(self) -> list[ModuleFacts]:
        """Return the modules that are declared, sorted by name."""
        left_out = tuple(f"{ROOT}.{each}." for each in LEFT_OUT)
        return [self._sdk.modules[name] for name in sorted(self._sdk.modules) if not f"{name}.".startswith(left_out)]

    def resolve_all(self, module: ModuleFacts) -> dict[str, str]:
        """Return what the names of a module are here: `module.name`; `module` of a placeholder is `MISSING`."""
        own = {name: self.resolve(module.name, name) for name in sorted(self.names_of(module))}
        return {name: target for name, target in own.items() if target}

    def names_of(self, module: ModuleFacts) -> set[str]:
        """Return the public names that a module defines or takes from others of the SDK."""
        path = module.name.removeprefix(f"{ROOT}.")
        listed = {name.removeprefix(f"{path}.") for name in RULES["names"] if name.rpartition(".")[0] == path}
        own = {name for name in (*module.defined, *module.imported) if name[0] != "_" and name in module.values}
        if path.startswith("resources."):
            own &= {*module.defined, *module.listed}
        return own | (listed - module.others)

    def other_imports(self, module: str) -> dict[str, str]:
        """Return what a module of types has from others than those of types: `FileTypes`, `BaseModel`, ..."""
        return {
            name: target
            for name, origin in self._sdk.modules[module].imported.items()
            if name[0] != "_" and not origin[0].startswith(f"{ROOT}.types")
            if not (target := self.resolve(*origin)).startswith(f"{MISSING}.")
        }

    def resolve(self, module: str, name: str) -> str:
        """Return what a name is here, empty for a name that is of no use."""
        if (module, name) not in self._resolved:
            self._resolved[module, name] = self._resolve(module, name)
        return self._resolved[module, name]

    def _resolve(self, module: str, name: str) -> str:
        path = module.removeprefix(f"{ROOT}.")
        if f"{path}.{name}" in RULES["names"]:
            return str(RULES["names"][f"{path}.{name}"])
        if path.startswith("types"):
            return _type(path, name)
        source = self._sdk.modules.get(module)
        if source is None:  # it needs a library that is not installed
            return _missing(path, name)
        if (origin := source.imported.get(name)) is not None and name not in source.defined:
            target = self.resolve(*origin)
            if target.endswith(".connect") and not path.startswith("resources."):
                return ".".join(("oai", origin[0].removeprefix(f"{ROOT}."), origin[1]))  # for stubs, which import it
            return target
        return _defined_here(path, name) or _public(source, name) or self._resource(path, name) or _missing(path, name)

    def _resource(self, path: str, name: str) -> str:
        import oai

        target = self._sdk.resources.get((f"{ROOT}.{path}", name))
        if target is not None:
            try:
                reduce(getattr, target.partition(".")[2].split("."), oai.OpenAI)
            except AttributeError:
                return ""
            return f"{CLASSES}.{target}"
        if path.startswith("resources."):
            is_async = name.startswith("Async")
            if name.endswith("ConnectionManager"):
                return f"oai.helpers.sockets.{'Async' if is_async else ''}ConnectionManager"
            if name.endswith("Connection") and not name.startswith("Base"):
                return f"{CLASSES}.{'async' if is_async else 'sync'}.{path_of(path.removeprefix('resources.'))}.connect"
        return ""


def _defined_here(path: str, name: str) -> str:
    for stem, paths in RULES["defined"].items():
        if any(_matches(path, each) for each in paths):
            ours = importlib.import_module(f"oai._official.{stem}")
            if hasattr(ours, name) and _is_of(ours, name):
                return f"{ours.__name__}.{name}"
    for pattern, homes in RULES["homes"].items():
        for home in homes if _matches(path, pattern) else ():
            ours = importlib.import_module(home)
            if hasattr(ours, name):
                return f"{home}.{name}"
    return ""


def _is_of(module: ModuleType, name: str) -> bool:
    return name in module.__dict__ or callable(module.__dict__.get("__getattr__"))


def _public(source: ModuleFacts, name: str) -> str:
    """Return a name of `oai` itself, if the SDK exports the same thing."""
    import oai

    return next((f"oai.{public}" for public in source.public.get(name, ()) if public in oai.__all__), "")


def _type(path: str, name: str) -> str:
    """Return a type as `oai.types` has it at the SDK's path."""
    try:
        ours = importlib.import_module(f"oai.{path}")
        value = getattr(ours, name)
    except (ImportError, AttributeError):
        return f"{MISSING}.internal.{name}"
    del value
    return f"oai.{path}.{name}"


def _missing(path: str, name: str) -> str:
    patterns = [each for each in RULES["reasons"] if _matches(path, each)]
    return f"{MISSING}.{RULES['reasons'][max(patterns, key=len)]}.{name}"


def _matches(path: str, pattern: str) -> bool:
    if pattern.endswith(".**"):
        return path == pattern[:-3] or path.startswith(pattern[:-2])
    return fnmatchcase(path, pattern)


def _homes(names: dict[str, str]) -> str:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, target in names.items():
        home = next((each for each in (MISSING, CLASSES) if target.startswith(f"{each}.")), target.rpartition(".")[0])
        there = target.removeprefix(f"{home}.")
        homes[home].append(name if there == name else f"{name}={there}")
    return "; ".join(f"{home} {' '.join(own)}" for home, own in sorted(homes.items()))
