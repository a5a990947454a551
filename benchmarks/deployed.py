"""The start as people deploy it: an installed wheel, no bytecode written by the program, and TLS.

The wheel is built from the working tree and unpacked, and its modules are compiled as pip does. The trusted
certificates are in a hashed directory, as Linux distributions have it. What counts is the CPU time of the process
without the interpreter's own start.
"""

from __future__ import annotations

import compileall
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks import server
from benchmarks.clocks import Times

CLIENT = "import {package}; c = {package}.OpenAI(api_key='none', base_url={url!r}); create = c.chat.completions.create"

FIRST = f"{CLIENT}; create(model='m', messages=[]).choices[0]"

STANDARD_LIBRARY = """
import http.client, ssl, msgspec
connection = http.client.HTTPSConnection("localhost", {port}, context=ssl.create_default_context())
connection.request("POST", "/v1/chat/completions", b"{{}}")
msgspec.json.decode(connection.getresponse().read())
"""

TIMED = """
import time
began = time.process_time()
{code}
print(time.process_time() - began)
"""


class Deployment(NamedTuple):
    """An unpacked wheel, and a server with TLS whose certificate is trusted."""

    packages: Path
    certificates: Path
    port: int

    def starts(self, clients: Mapping[str, str], rounds: int) -> Times:
        """Time import and construction in fresh processes."""
        codes = {name: CLIENT.format(package=package, url=self._url) for package, name in clients.items()}
        return self._times({"import msgspec": "import msgspec", **codes}, rounds)

    def first_answers(self, clients: Mapping[str, str], rounds: int) -> Times:
        """Time import, construction and the first response over TLS."""
        codes = {name: FIRST.format(package=package, url=self._url) for package, name in clients.items()}
        return self._times({"standard library": STANDARD_LIBRARY.format(port=self.port), **codes}, rounds)

    @property
    def _url(self) -> str:
        return f"https://localhost:{self.port}/v1"

    def _times(self, codes: Mapping[str, str], rounds: int) -> Times:
        for code in codes.values():
            self._run(code)
        times: Times = {name: [] for name in codes}
        for _ in range(rounds):
            for name, code in codes.items():
                times[name].append(self._run(code))
        return times

    def _run(self, code: str) -> float:
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        kept.pop("SSL_CERT_FILE", None)
        own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.packages), "SSL_CERT_DIR": str(self.certificates)}
        command = [sys.executable, "-c", TIMED.format(code=code)]
        done = subprocess.run(
            command, check=True, env=kept | own, cwd=self.certificates, stdout=subprocess.PIPE, text=True
        )
        return float(done.stdout)


@contextmanager
def deployment() -> Iterator[Deployment]:
    """Build and unpack the wheel, and serve."""
    import trustme  # which only this measure needs

    with tempfile.TemporaryDirectory() as scratch:
        packages, certificates = Path(scratch) / "packages", Path(scratch) / "certificates"
        _unpack(packages)
        authority = trustme.CA()
        certificates.mkdir()
        authority.cert_pem.write_to_path(certificates / "authority.pem")
        subprocess.run(["openssl", "rehash", str(certificates)], check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            threading.Thread(target=_serve, args=(listener, context), daemon=True).start()
            yield Deployment(packages, certificates, listener.getsockname()[1])


def _unpack(packages: Path) -> None:
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(packages.parent)]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (wheel,) = packages.parent.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    compileall.compile_dir(packages, quiet=1)


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    planned = server.answers()
    with suppress(OSError):  # the listener is closed at the end
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection, context, planned), daemon=True).start()


def _answer(connection: socket.socket, context: ssl.SSLContext, planned: dict[bytes, list[bytes]]) -> None:
    with suppress(OSError):
        server.answer(context.wrap_socket(connection, server_side=True), planned)


Measure = Callable[[], Times]


def measures(clients: Mapping[str, str], rounds: int) -> Iterator[tuple[str, Measure]]:
    """Yield both measures by their names in `bounds.toml`."""
    with ExitStack() as stack:
        deployed = cache(lambda: stack.enter_context(deployment()))  # only if one of them is to be measured
        yield "deployed_start", lambda: deployed().starts(clients, rounds)
        yield "deployed_first", lambda: deployed().first_answers(clients, rounds)
