"""Processes that share the limits of a `Limiter`."""

from __future__ import annotations

import subprocess
import sys

from paths import ROOT

from oai.testing import Answer, Loopback

PROGRAM = """
import sys
import oai
from oai.transports import HTTPTransport, Limiter, Timeout
limiter = Limiter(HTTPTransport(), requests_per_minute=5, shared=sys.argv[2])
client = oai.OpenAI(api_key="k", base_url=sys.argv[1], transport=limiter, timeout=Timeout(20, pool=2), max_retries=0)
sent = 0
try:
    for _ in range(5):
        client.models.retrieve("m")
        sent += 1
except oai.APITimeoutError:
    pass
print(sent)
limiter.close()
"""


def sent_by_processes(server: Loopback, shared: object) -> list[int]:
    """Start three processes that together may send five requests a minute; return how many each has sent."""
    server.default = Answer(json={"id": "m", "object": "model", "created": 1, "owned_by": "o"})
    command = [sys.executable, "-W", "error", "-c", PROGRAM, f"{server.url}/v1", str(shared)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    return [int(process.communicate(timeout=120)[0]) for process in started]
