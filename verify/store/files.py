"""Files that are whole or not there."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from hermite_eq.errors import StorageError


def write_bytes(path: Path, contents: bytes) -> None:
    """Write through a temporary file in the same folder, so that a reader never sees half a file, not even after a power failure.

    Raises
    ------
    StorageError
        If there is no room, or no permission.
    """
    # The host too: processes of several machines may share a folder.
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(contents)
                file.flush()
                # A rename that reaches the disk before the contents would leave an empty file.
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            "results can be written", f"{error.strerror} at {path}",
            "make room or choose another --output, and repeat the command: what is stored is kept",
        ) from error


def write_text(path: Path, text: str) -> None:
    """The same for a text."""
    write_bytes(path, text.encode())
