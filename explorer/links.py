"""A recipe as the short text that a link carries, and back."""

from __future__ import annotations

import base64
import binascii
import zlib
from urllib.parse import parse_qs

from engine.spec import RunSpec, SpecError, canonical, loads

PARAMETER = "r"
VERSION = "1"
MAX_BYTES = 1_000_000


def pack(recipe: RunSpec) -> str:
    """Return a recipe as text that needs no escaping in a URL."""
    packed = zlib.compress(canonical(recipe).encode(), 9)
    return VERSION + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack(text: str) -> RunSpec:
    """Return the recipe that `pack` made a text of.

    Raises:
        SpecError: If the text is cut off or altered, of a newer version, or its recipe is invalid.
    """
    if not text.startswith(VERSION):
        raise SpecError("link", text[:20], f"a recipe link of version {VERSION}")
    body = text[1:]
    try:
        packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        unzip = zlib.decompressobj()
        data = unzip.decompress(packed, MAX_BYTES)
        if not unzip.eof:
            raise zlib.error("cut off or too long")
        json = data.decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        raise SpecError("link", text[:20], f"the whole text of a recipe link ({error})") from None
    return loads(RunSpec, json)


def from_query(query: str) -> RunSpec | None:
    """Return the recipe of a URL's query string, None where it carries none.

    Raises:
        SpecError: If it carries one that cannot be read.
    """
    given = parse_qs(query.removeprefix("?")).get(PARAMETER)
    return unpack(given[0]) if given else None
