"""File names as text that can be stored and shown, whatever bytes they are made of."""

from __future__ import annotations

import os
import unicodedata


def readable_name(name: str) -> str:
    """A name whose bytes are no UTF-8 read as CP949, as archives made in Korea have them; accents and syllables composed.

    >>> readable_name(os.fsdecode("검침.csv".encode("cp949"))), len(readable_name(unicodedata.normalize("NFD", "검침")))
    ('검침.csv', 2)
    """
    raw = os.fsencode(name)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp949", errors="replace")
    return unicodedata.normalize("NFC", text)
