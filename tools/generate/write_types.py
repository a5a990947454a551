"""Write `oai/types`: the modules of definitions, and the packages around them.

`official.txt` says what the names of the SDK's own modules are called here, for `oai._support.official_modules`.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.generate.definitions import HEADER, Writer
from tools.generate.ir import Key
from tools.generate.layout import format_files, sort_imports, strings, wrapped
from tools.generate.official_stubs import export, stub_of
from tools.generate.plan import Plan

PARSED = {
    ("chat", "parsed_chat_completion"): ("ParsedChatCompletion", "ParsedChatCompletionMessage", "ParsedChoice"),
    ("chat", "parsed_function_tool_call"): ("ParsedFunction", "ParsedFunctionToolCall"),
    ("responses", "parsed_response"): (
        "ParsedResponse",
        "ParsedResponseFunctionToolCall",
        "ParsedResponseOutputMessage",
        "ParsedResponseOutputText",
    ),
}
"""What parsing helpers return, by the area and the module that the SDK has it in.

It is written by hand, in the module `parsed` of the area.
"""

WEBSOCKETS = {
    "websocket_connection_options": {
        ".websockets": "SyncWebSocketConnectionOptions WebSocketConnectionOptions WebsocketConnectionOptions"
    },
    "websocket_reconnection": {
        ".websockets": "ReconnectingOverrides",
        "oai._realtime.reconnect": "ReconnectingEvent",
        "oai._official.missing": "is_recoverable_close=internal.is_recoverable_close",
    },
}
"""The SDK's modules of options for its WebSocket client: what is written by hand, in `websockets`, by its home."""

SAME_PARAMS = {
    ("beta.agent_function_call_output_param", "InputContentParamInputImage"): "InputContentParamInputImage",
    ("beta.agent_function_call_output_param", "InputContentParamInputText"): "InputContentParamInputText",
    ("decision_input_image_param", "PromptCacheBreakpoint"): "DecisionPromptCacheBreakpointParam",
    ("decision_input_text_param", "PromptCacheBreakpoint"): "DecisionPromptCacheBreakpointParam",
}
"""Parameters of the SDK that have no references, and the written ones of the same shape."""

BY_HAND = frozenset({Path("legacy.py"), Path("websockets.py"), *(Path(area, "parsed.py") for area, _ in PARSED)})
"""The modules of `oai.types` that are written by hand."""

OFFICIAL = "    from oai._support.official_modules import install, submodules_of\n\n    install(__name__)\n"
"""What the root package begins with."""

AREA = "    from oai._support.official_modules import submodules_of\n\n"
"""What the package of an area begins with."""

OtherImports = Callable[[str], dict[str, str]]

Modules = dict[str, dict[str, set[str]]]
"""The names of each module of the SDK by the module here that has them, as `official.txt` writes them."""


def write_types(root: Path, plan: Plan, other_imports: OtherImports) -> int:
    """Write all modules and packages below `root`; return how many files there are.

    Args:
        root: the directory.
        plan: the definitions.
        other_imports: returns what a module of the SDK's types has from others than those, and what that is here.
    """
    writer = Writer(plan)
    modules = writer.write()
    packages = _packages(plan, modules)
    _remove_generated(root)
    for module, text in modules.items():
        path = root / Path(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for area, homes in packages.items():
        (root / Path(*area.split(".")) / "__init__.py").write_text(_package(area, homes))
    official = _official(plan, writer.leftovers, other_imports)
    (root / "official.txt").write_text(wrapped(official))
    _write_stubs(root, official)
    sort_imports(root)
    format_files(root)
    return len(modules) + len(packages) + 1


def _packages(plan: Plan, modules: Iterable[str]) -> dict[str, dict[str, set[str]]]:
    """Return the names of each package by the module that has them; `@` marks the full path of a module elsewhere."""
    packages: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for module in modules:
        package, _, home = module.rpartition(".")
        while package:
            parent, _, child = package.rpartition(".")
            packages[parent][child] |= set()
            package = parent
    for key in sorted(plan.kept):
        area, _, home = plan.home(key).rpartition(".")
        packages[area][home].add(plan.names[key])
    for package, names in plan.facts.exports.items():
        area = package.removeprefix("openai.types").removeprefix(".")
        for name, key in names.items():
            key = plan.same.get(key, key)
            home = plan.home(key)
            if area and home.rpartition(".")[0] == area and name == plan.names[key]:
                continue
            packages[area][f"@oai.types.{home}"].add(_pair(name, plan.names[key]))
    for (area, _), own in PARSED.items():
        packages[area]["parsed"] |= {*own}
    for declared in WEBSOCKETS.values():
        packages[""]["websockets"] |= set(declared[".websockets"].split())
    return packages


def _remove_generated(root: Path) -> None:
    """Remove the modules below `root` but those written by hand, and the directories in which none remains."""
    for stub in root.rglob("*.pyi"):
        stub.unlink()
    for module in root.rglob("*.py"):
        if module.relative_to(root) not in BY_HAND:
            module.unlink()
    for directory in [each for each in root.iterdir() if each.is_dir()] if root.exists() else ():
        if not any(directory.rglob("*.py")):
            shutil.rmtree(directory)


def _official(plan: Plan, leftovers: dict[Key, tuple[str, str]], other_imports: OtherImports) -> str:
    """Write a line for each module of the SDK: where its names are here, and what else they are called."""
    modules: Modules = defaultdict(lambda: defaultdict(set))
    _add_by_hand(modules)
    for module, names in plan.facts.modules.items():
        for name, key in names.items():
            key = plan.same.get(key, key)
            if key in plan.kept:
                modules[_below(module)][f".{plan.home(key)}"].add(_pair(name, plan.names[key]))
    _add_leftovers(modules, leftovers)
    _add_params(modules, plan)
    for module in plan.facts.modules:
        for name, target in other_imports(module).items():
            home, _, there = target.rpartition(".")
            modules[_below(module)][home].add(_pair(name, there))
    lines = []
    for module, homes in modules.items():
        declared = "; ".join(f"{home} {' '.join(sorted(names))}" for home, names in sorted(homes.items()))
        lines.append(f"{module}: {declared}\n")
    return "".join([HEADER, *sorted(lines)])


def _below(module: str) -> str:
    return module.removeprefix("openai.types.")


def _pair(name: str, there: str) -> str:
    """Return a name, with what it is called here if that is another."""
    return name if name == there else f"{name}={there}"


def _add_by_hand(modules: Modules) -> None:
    """Add what is written by hand."""
    for module, by_hand in WEBSOCKETS.items():
        modules[module] |= {home: set(names.split()) for home, names in by_hand.items()}
    for (area, stem), own in PARSED.items():
        modules[f"{area}.{stem}"][f".{area}.parsed"] |= {*own}


def _add_leftovers(modules: Modules, leftovers: dict[Key, tuple[str, str]]) -> None:
    """Add the leftover aliases to the modules that have nothing else of their names."""
    for (module, name), (home, there) in leftovers.items():
        homes = modules[_below(module)]
        if not any(pair.partition("=")[0] == name for pairs in homes.values() for pair in pairs):
            homes[f".{home}"].add(f"{name}={there}")


def _add_params(modules: Modules, plan: Plan) -> None:
    """Add the parameters that have the shape of others here, and the bases of those with and without a stream."""
    names_of = {name: key for key, name in plan.names.items()}
    for (module, name), there in SAME_PARAMS.items():
        modules[module][f".{plan.home(names_of[there])}"].add(f"{name}={there}")
    for module, name in plan.facts.structs:
        whole = plan.same.get((module, f"{name[:-4]}NonStreaming"), (module, f"{name[:-4]}NonStreaming"))
        if name.endswith("ParamsBase") and whole in plan.kept:
            modules[_below(module)][f".{plan.home(whole)}"].add(f"{name}={plan.names[whole]}")


def _write_stubs(root: Path, official: str) -> None:
    """Write a stub for each module of the SDK, which checkers read: at run time `official.txt` says the same.

    Where there is no package, there is no stub: its directory would be a package at run time.
    """
    for line in official.splitlines()[1:]:
        module, _, homes = line.partition(": ")
        path = root / Path(*module.split("."))
        if not (path.parent / "__init__.py").exists() or path.exists() or path.with_suffix(".py").exists():
            continue
        path.with_suffix(".pyi").write_text(HEADER + stub_of(homes, "oai.types"))


def _package(area: str, homes: dict[str, set[str]]) -> str:
    """Write the package of an area: names for people and checkers, imported when they are used."""
    package = f"oai.types.{area}".rstrip(".")
    merged: dict[str, set[str]] = defaultdict(set)
    for home, names in homes.items():
        merged[home[1:] if home.startswith("@") else f"{package}.{home}"] |= names
    imports: list[str] = []
    assignments: list[str] = []
    table: list[str] = []
    for module, names in sorted(merged.items()):
        table.append(f"        {module!r}: {strings(' '.join(sorted(names)), ' ' * 12)},\n")
        if not names:
            inner = module.rpartition(".")[2]
            imports.append(f"    from {package} import {inner} as {inner}\n")
        for name in sorted(names):
            here, _, there = name.partition("=")
            export(imports, assignments, module, here, there, "    ")
    kind = f"of `{area}`" if area else "of the API, by area"
    first = AREA if area else OFFICIAL
    return (
        f'{HEADER}"""The types {kind}, imported when they are first used."""\n\n'
        "from typing import TYPE_CHECKING\n\nfrom oai._support.lazy import attach\n\n"
        f"if TYPE_CHECKING:\n{''.join([*imports, *assignments])}"
        # A checker that saw `__getattr__` would take any name for one of the package.
        f"else:\n{first}    __getattr__, __dir__ = attach(\n__name__,\n    {{\n{''.join(table)}    }},\n"
        "    submodules_of(__name__),\n)\n"
    )
