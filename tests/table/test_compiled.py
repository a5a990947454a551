"""The compiled table: in a wheel, in a zip, cached, damaged, and tampered with."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from paths import ROOT

from oai._table.compiled import SUFFIX, decode_table, encode_table, find_compiled
from oai._table.load import SHIPPED, shipped_table

SOURCE = Path(SHIPPED).read_bytes()
DATA = encode_table(shipped_table(), SOURCE)

LOADED = (
    "import sys; from oai._table.load import shipped_table\n"
    "table = shipped_table(*sys.argv[1:])\n"
    "print(len(table), table['models.list'].path, 'tomllib' in sys.modules)"
)


def load(path: Path | None = None, **environment: str) -> tuple[str, bool]:
    """Load the table at a path in a new process; return what it says of a row, and whether the TOML was parsed."""
    command = [sys.executable, "-c", LOADED, *([str(path)] if path else [])]
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=variables, cwd=os.sep)
    count, row, parsed = run.stdout.split()
    return f"{count} {row}", parsed == "True"


EXPECTED = f"{len(shipped_table())} /models"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Variables of a user with an empty cache directory."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "package" / "endpoints.toml"
    path.parent.mkdir()
    path.write_bytes(SOURCE)
    return path


@pytest.mark.parametrize("position", [0, 7, 8, 9, 100, len(DATA) // 2, len(DATA) - 1])
@pytest.mark.parametrize("bit", [0, 7])
def test_one_flipped_bit_is_noticed(position: int, bit: int) -> None:
    assert decode_table(DATA, lambda: SOURCE) is not None
    damaged = bytearray(DATA)
    damaged[position] ^= 1 << bit
    assert decode_table(bytes(damaged), lambda: SOURCE) is None


@pytest.mark.parametrize("data", [b"", b"x", DATA[:100], DATA[:-1], DATA + b"x", b"\0" * 8])
def test_truncated_or_extended_data_is_noticed(data: bytes) -> None:
    assert decode_table(data, lambda: SOURCE) is None


def test_tampered_content_is_noticed() -> None:
    assert decode_table(DATA.replace(b"/models", b"/evilly"), lambda: SOURCE) is None
    assert decode_table(DATA, lambda: SOURCE + b"\n# edited") is None


def test_source_is_read_only_if_its_time_or_size_has_changed() -> None:
    def unread() -> bytes:
        raise AssertionError

    data = encode_table(shipped_table(), SOURCE, (5, 7))
    assert decode_table(data, unread, (5, 7)) is not None
    for state in ((6, 7), (5, 8), None):
        assert decode_table(data, lambda: SOURCE, state) is not None
        assert decode_table(data, lambda: SOURCE + b"#", state) is None


def test_damaged_cache_is_compiled_again(table: Path, home: dict[str, str]) -> None:
    assert load(table, **home) == (EXPECTED, True)
    assert load(table, **home) == (EXPECTED, False)
    (cache,) = (table.parent / "__pycache__").iterdir()
    cache.write_bytes(cache.read_bytes().replace(b"/models", b"/evilly"))
    assert load(table, **home) == (EXPECTED, True)
    assert load(table, **home) == (EXPECTED, False)
    assert cache.read_bytes() == encode_table(shipped_table(), SOURCE, (table.stat().st_mtime_ns, len(SOURCE)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_caches_are_not_writable_to_others(table: Path, home: dict[str, str]) -> None:
    before = os.umask(0)
    try:
        load(table, **home)
        load(table, **home | {"PYTHONDONTWRITEBYTECODE": "1"})
        shutil.rmtree(table.parent / "__pycache__")
        load(table, **home | {"PYTHONDONTWRITEBYTECODE": "1"})
    finally:
        os.umask(before)
    (cache,) = Path(home["XDG_CACHE_HOME"], "oai").iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.parent.stat().st_mode) == 0o700
    assert load(table, **home) == (EXPECTED, False)
    (beside,) = (table.parent / "__pycache__").iterdir()  # written from the other cache, so that it is read no more
    assert stat.S_IMODE(beside.stat().st_mode) == 0o644
    assert beside.read_bytes() == cache.read_bytes()


def test_table_that_cannot_be_cached_beside_is_cached_for_the_user(table: Path, home: dict[str, str]) -> None:
    (table.parent / "__pycache__").write_text("a file instead of the directory")
    assert [load(table, **home) for _ in range(2)] == [(EXPECTED, True), (EXPECTED, False)]
    cache = Path(home["XDG_CACHE_HOME"], "oai")
    if sys.platform != "win32":
        cache.chmod(0o777)  # in which others could write
        assert load(table, **home) == (EXPECTED, True)
    table.write_bytes(SOURCE.replace(b'path     = "/models"', b'path     = "/modules"', 1))
    assert load(table, **home) == (EXPECTED.replace("models", "modules"), True)


def test_table_without_any_cache_is_parsed(table: Path, home: dict[str, str]) -> None:
    nowhere = {"XDG_CACHE_HOME": str(table / "a file"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert [load(table, **home | nowhere) for _ in range(2)] == [(EXPECTED, True)] * 2
    assert [path.name for path in table.parent.iterdir()] == ["endpoints.toml"]


def test_compiled_table_of_a_wheel_is_used_unchanged(table: Path, home: dict[str, str]) -> None:
    table.with_suffix(SUFFIX).write_bytes(DATA)
    assert load(table, **home | {"PYTHONDONTWRITEBYTECODE": "1"}) == (EXPECTED, False)
    assert {path.name for path in table.parent.iterdir()} == {"endpoints.toml", "endpoints.msgpack"}
    assert not Path(home["XDG_CACHE_HOME"]).exists()
    table.write_bytes(SOURCE.replace(b'path     = "/models"', b'path     = "/modules"', 1))
    assert load(table, **home) == (EXPECTED.replace("models", "modules"), True)
    assert find_compiled(str(table), None, lambda path: SOURCE if path.endswith(".toml") else DATA) is not None


@pytest.mark.parametrize("with_compiled", [True, False])
def test_package_in_a_zip_starts(with_compiled: bool, tmp_path: Path, home: dict[str, str]) -> None:
    archive = tmp_path / "oai.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((ROOT / "oai").rglob("*")):
            if path.suffix in (".py", ".toml"):
                file.write(path, path.relative_to(ROOT))
        if with_compiled:
            file.writestr("oai/endpoints.msgpack", DATA)
    variables = home | {"PYTHONPATH": str(archive), "PYTHONDONTWRITEBYTECODE": "1"}
    assert load(**variables) == (EXPECTED, not with_compiled)
    assert load(**variables) == (EXPECTED, False)  # cached for the user, unless it was compiled before
