"""Whatever a stored file says in the place of a value, with the right checksum, it is refused as a file, or read as the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hostile_texts import TEXTS
from stored_files import readers, variants

from hermite_eq.errors import StorageError

VALUES: list[Any] = [*TEXTS[::150], None, True, -1, 0, 10**400, 1e308, "", [], {}, [[]], {"a": [1]}]


@pytest.mark.parametrize("kind", ["first line", "run", "line"])
def test_a_hostile_value_is_a_storage_error(kind: str, tmp_path: Path) -> None:
    path, read = next((path, read) for name, path, read in readers(tmp_path) if name == kind)
    before, count, raw = repr(read()), 0, []
    accepted = set()
    for place, text in variants(path, VALUES):
        path.write_text(text, encoding="utf-8")
        count += 1
        try:
            result = read()
        except StorageError:
            continue
        except Exception as error:
            raw.append(f"{'.'.join(place)}: {type(error).__name__}: {error}")
        else:
            if repr(result) != before:
                accepted.add(place[-1])
    assert raw == []
    assert count > 100
    # Other values of the same type; the checksum is written last. A line alone says of which run it is.
    same = {"runs", "revision", "hermite_eq", "python", "numpy", "scipy", "seconds", "0", "sha256"}
    assert accepted <= (same | {"run"} if kind == "line" else same)
