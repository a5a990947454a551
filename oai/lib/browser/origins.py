"""The origin of a tab's URL. The rest of the URL does not leave the process, since it may contain secrets."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

from oai._http.idna import ascii_host
from oai.lib.browser.values import text

BLANK: Final = "about:blank"
LONGEST: Final = 2048
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

AUTHORITY: Final = re.compile(r"(https?)://([^/?#\x00-\x20\x7f\\]+)(?:[/?#]|\Z)", re.IGNORECASE)
HOST_AND_PORT: Final = re.compile(r"(\[.*\]|[^:]*)(?::([0-9]*))?")
LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
FOUR_NUMBERS: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")


def origin(url: str) -> str:
    """Return the origin of a URL, or its scheme and a colon if it has none.

    Raises:
        ValueError: it is not an absolute URL, or its origin is too long.
    """
    if url == BLANK:
        return url
    scheme, netloc = urlsplit(url)[:2]
    if not scheme:
        raise ValueError("no scheme")
    shown = f"{scheme}:"
    if scheme in DEFAULT_PORTS:
        host, port = _host_and_port(netloc.rpartition("@")[2])
        shown = _join(scheme, host, port)
    return text(shown, LONGEST)


def strict_origin(url: str) -> str:
    """Return the origin of a URL of HTTP, as browsers write it.

    Raises:
        ValueError: it is another URL, or the host is not one of DNS and no IP address in its usual form.
    """
    if text(url) == BLANK:
        return url
    match = AUTHORITY.match(url)
    if match is None:
        raise ValueError("no URL of HTTP")
    authority = match[2].rpartition("@")[2]
    if "%" in authority:
        raise ValueError("escaped bytes")
    host, port = _host_and_port(authority)
    if not host.startswith("["):
        _check_name(host, authority)
    return text(_join(match[1].lower(), host, port), LONGEST)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    """Return the host in ASCII, an IPv6 address in its shortest form, and the port if there is one."""
    match = HOST_AND_PORT.fullmatch(authority)
    if match is None or not match[1]:
        raise ValueError("no host")
    host, port = match[1], int(match[2]) if match[2] else None
    if host.startswith("["):
        host = f"[{IPv6Address(host[1:-1]).compressed}]"
    elif FOUR_NUMBERS.fullmatch(host):
        host = str(IPv4Address(host))
    name = ascii_host(host)
    if name is None or (port or 0) > 0xFFFF:
        raise ValueError("invalid host or port")
    return name.lower(), port


def _join(scheme: str, host: str, port: int | None) -> str:
    is_default = port is None or port == DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}" if is_default else f"{scheme}://{host}:{port}"


def _check_name(host: str, authority: str) -> None:
    """Check a host that is not an IPv6 address.

    A name whose last label is a number is an IPv4 address for browsers, which know more forms of it than there are here
    (WHATWG URL, section 3.5): it must be in the form that they write.
    """
    labels = host.removesuffix(".").split(".")
    if not all(map(LABEL.fullmatch, labels)):
        raise ValueError("not a name of DNS")
    if NUMBER.fullmatch(labels[-1]) and (str(IPv4Address(host)) != host or not authority.startswith(host)):
        raise ValueError("an unusual form of an IPv4 address")
