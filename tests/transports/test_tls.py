"""Which certificates are trusted without an `ssl_context`: the system's, read when a chain needs them."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from paths import ROOT

from oai.testing import Answer, Loopback

PROGRAM = """
import asyncio, sys
from oai.transports import AsyncHTTPTransport, HTTPTransport, Request, Timeout, TransportError
from oai.transports._tls import shared_tls_context

request = Request("GET", sys.argv[1], [], timeout=Timeout(10))

async def main():
    return await (await AsyncHTTPTransport().send(request)).read()

def outcome(call):
    try:
        return call()
    except TransportError as error:
        return error.kind

for call in (lambda: HTTPTransport().send(request).read(), lambda: asyncio.run(main())):
    print(outcome(call), len(shared_tls_context().get_ca_certs()) > 1)
"""


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def url(authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Loopback(Answer(body=b"x"), tls=context) as server:
        yield f"{server.url}/x"


def run(url: str, **environment: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, url]
    options = {"PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, env=options, check=True, capture_output=True, text=True).stdout.splitlines()


def hashed(folder: Path, *certificates: bytes) -> Path:
    """Write certificates as `openssl rehash` names them."""
    for number, pem in enumerate(certificates):
        file = folder / f"{number}.pem"
        file.write_bytes(pem)
        command = ["openssl", "x509", "-in", str(file), "-noout", "-hash"]
        digest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        (folder / f"{digest}.0").write_bytes(pem)
    return folder


@pytest.fixture
def others() -> list[bytes]:
    return [trustme.CA(organization_name=f"Other {number}").cert_pem.bytes() for number in range(3)]


def test_certificates_of_a_hashed_directory_are_read_on_demand(
    url: str, authority: trustme.CA, others: list[bytes], tmp_path: Path
) -> None:
    folder = hashed(tmp_path, authority.cert_pem.bytes(), *others)
    assert run(url, SSL_CERT_DIR=str(folder)) == ["b'x' False"] * 2


def test_a_file_of_certificates_is_read_as_a_whole(
    url: str, authority: trustme.CA, others: list[bytes], tmp_path: Path
) -> None:
    file = tmp_path / "all.pem"
    file.write_bytes(b"".join([authority.cert_pem.bytes(), *others]))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(url, SSL_CERT_FILE=str(file), SSL_CERT_DIR=str(empty)) == ["b'x' True"] * 2


def test_an_unknown_issuer_is_rejected_after_all_certificates_were_read(
    url: str, others: list[bytes], tmp_path: Path
) -> None:
    lines = run(url, SSL_CERT_DIR=str(hashed(tmp_path, *others)))
    assert [line.split()[0] for line in lines] == ["connect", "connect"]


def test_issuer_outside_the_hashed_directory_is_found(
    url: str, authority: trustme.CA, others: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that is hashed in part: the second attempt reads the default file."""
    from oai.transports import AsyncHTTPTransport, HTTPTransport, Request, Timeout, _tls

    folder = hashed(tmp_path, *others)
    pem = authority.cert_pem.bytes().decode()
    request = Request("GET", url, [], timeout=Timeout(10))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda self: self.load_verify_locations(cadata=pem))

    async def main() -> bytes:
        transport = AsyncHTTPTransport()
        content = await (await transport.send(request)).read()
        await transport.close()
        return content

    transport = HTTPTransport()
    for call in (lambda: transport.send(request).read(), lambda: asyncio.run(main())):
        _tls.shared_tls_context.cache_clear()
        _tls._partly_loaded.clear()
        assert call() == b"x"
        transport.close()
    _tls.shared_tls_context.cache_clear()
    _tls._partly_loaded.clear()
