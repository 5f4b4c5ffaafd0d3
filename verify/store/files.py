"""Files that are whole or not there; a StorageError where there is no room, or no permission."""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hermite_eq.errors import StorageError


def write_bytes(path: Path, contents: bytes) -> None:
    """Write through a temporary file in the same folder, so that a reader never sees half a file, not even after a power failure."""
    # The host too: processes of several machines may share a folder.
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")
    with _writing(path):
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


def write_text(path: Path, text: str) -> None:
    """The same for a text."""
    write_bytes(path, text.encode())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only one, of all processes which ask for it, to replace a file; it is made, empty, where there is none.

    A process that is killed is no longer the one.
    """
    with _writing(path), ExitStack() as stack:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = stack.enter_context(path.open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
            # Another may have replaced the file in the meantime; the lock would be that of a file which has no name any more.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    break
        yield


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "results can be written",
            f"{error.strerror} at {path}",
            "make room or choose another --output, and repeat the command: what is stored is kept",
        ) from error
