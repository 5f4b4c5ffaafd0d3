"""The checksum that everything stored carries: a SHA-256 over what a record says, in whatever form it is written.

It is computed from the parsed record, so that it is the same for a file of many lines and for a line among others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from hermite_eq.errors import StorageError

KEY = "sha256"


def checksum(contents: Mapping[str, Any]) -> str:
    """The SHA-256 of all entries but the checksum itself, in the order of their names; doubles enter by their shortest decimals.

    All numbers have to be finite.

    >>> checksum({"run": 1, "icl": [0.5]}) == checksum({"icl": [0.50], "run": 1, "sha256": "…"})
    True
    """
    entries = {name: value for name, value in contents.items() if name != KEY}
    return hashlib.sha256(json.dumps(entries, sort_keys=True, allow_nan=False).encode()).hexdigest()


def sealed(contents: Mapping[str, Any]) -> dict[str, Any]:
    """The same entries with their checksum."""
    return {**contents, KEY: checksum(contents)}


def parsed(text: bytes, where: str, repair: str) -> dict[str, Any]:
    """The entries of a record without their checksum; a StorageError says ``where`` it is no JSON object, or has none, or another one."""
    try:
        contents = json.loads(text)
        if not isinstance(contents, dict):
            raise ValueError
        expected = checksum(contents)
    except (ValueError, RecursionError) as error:
        raise StorageError("what is stored is a JSON object of finite numbers", f"{where} damaged", repair) from error
    written = contents.pop(KEY, None)
    if written is None:
        raise StorageError("what is stored carries its checksum", f"none in {where}", repair)
    if written != expected:
        raise StorageError("what is stored has the checksum with which it was written", f"another in {where}, which was changed", repair)
    return contents
