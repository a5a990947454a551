"""The log of programs that run under `oai.as_openai`: they know the loggers of the official SDK."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from paths import ROOT

CALL = """
import logging, sys
import openai

class Count(logging.Handler):
    def __init__(self, name):
        super().__init__()
        self.names = []
        if name is not None:
            logging.getLogger(name or None).addHandler(self)

    def emit(self, record):
        self.names.append(record.name)

def call():
    openai.OpenAI(api_key="k", transport=openai.OfflineTransport()).models.list()

"""


def run(program: str, **environment: str) -> list[str]:
    """Run a program under `as_openai`; return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "oai.as_openai", "-c", CALL + program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).splitlines()


@pytest.mark.parametrize("level", ["openai", "oai", "openai._base_client"])
def test_level_of_each_logger_enables_the_log(level: str) -> None:
    program = f"""
logging.getLogger({level!r}).setLevel(logging.INFO)
handler = Count("")
call()
print(handler.names)
"""
    assert run(program) == ["['openai._base_client']"]


def test_each_handler_gets_a_record_once() -> None:
    program = """
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(name)s")
handlers = [Count(name) for name in ("openai", "oai", "openai._base_client", "")]
call()
print([len(handler.names) for handler in handlers])
"""
    assert run(program) == ["openai._base_client"] * 2 + ["[2, 2, 2, 2]"]


def test_program_silences_the_log_by_the_logger_of_the_official_sdk() -> None:
    program = """
logging.basicConfig(level=logging.INFO)
logging.getLogger("openai._base_client").setLevel(logging.WARNING)
call()
logging.getLogger("openai._base_client").setLevel(logging.NOTSET)
logging.getLogger("openai").setLevel(logging.WARNING)
call()
"""
    assert run(program) == []


def test_configuration_that_names_the_official_logger_alone_applies() -> None:
    program = """
import logging.config
call()
handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "name"}
logging.config.dictConfig({
    "version": 1,
    "formatters": {"name": {"format": "%(name)s"}},
    "handlers": {"out": handler},
    "loggers": {"openai": {"level": "INFO", "handlers": ["out"], "propagate": False}},
})
call()
"""
    assert run(program) == ["openai._base_client"]


def test_environment_variable_of_the_official_sdk_enables_the_log() -> None:
    (line,) = run("call()", OPENAI_LOG="info")
    assert " openai._base_client INFO] models.list: GET " in line


def test_log_has_its_own_name_again_after_uninstalling() -> None:
    program = """
import oai.as_openai
logging.getLogger("oai").setLevel(logging.INFO)
official, handler = Count("openai"), Count("oai")
call()
oai.as_openai.uninstall()
oai.OpenAI(api_key="k", transport=oai.OfflineTransport()).models.list()
print(official.names, handler.names)
print(logging.getLogger("openai").parent.name)
"""
    assert run(program) == ["['openai._base_client'] ['openai._base_client', 'oai']", "root"]
