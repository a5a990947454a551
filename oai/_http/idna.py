"""The host of a URL in ASCII, by one rule for base URLs and transports."""

from __future__ import annotations

import re
from unicodedata import category, normalize

HOST = re.compile(r"[a-z0-9._~!$&'()*+,;=-]+|\[[0-9a-f:.]+(%25[a-z0-9._~-]+)?\]", re.IGNORECASE)
"""A host in ASCII (RFC 3986, section 3.2.2), without percent-encoding, which DNS does not have."""

FULL_STOPS = str.maketrans("\u3002\uff0e\uff61", "...")
"""Ideographic full stops, which separate labels as a dot does (RFC 3490, section 3.1)."""


def ascii_host(host: str) -> str | None:
    """Return a host in ASCII, `None` if it is not valid.

    Labels are normalized and encoded as UTS 46 does without transitional rules, which is what browsers and httpx use.
    """
    if not host.isascii():
        labels = normalize("NFKC", host.translate(FULL_STOPS)).lower().split(".")
        if not all(char in "-_" or category(char)[0] in "LMN" for label in labels for char in label):
            return None
        labels = [label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels]
        host = ".".join(labels)
    return host if HOST.fullmatch(host) else None
