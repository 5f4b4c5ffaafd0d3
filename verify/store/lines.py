"""Runs as lines: ``runs.jsonl``, a line for each, and beside it the runs that have not been packed yet, each a file with one such line.

Who has computed a run writes a file of its own, so that nobody waits for another. Packing puts their lines among those of ``runs.jsonl``
and then deletes the files: at every moment each run is in one of the two places, and no line is ever changed.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hermite_eq.errors import StorageError
from verify.store.checksum import parsed, sealed
from verify.store.files import locked, write_bytes

RUNS = "runs.jsonl"


@dataclass(frozen=True)
class Line:
    """A run as it is stored.

    Attributes
    ----------
    text : bytes
        Without the end of the line.
    contents : dict
        What it says, without its checksum.
    where, repair : str
        For an error about it.
    """

    text: bytes
    contents: dict[str, Any]
    where: str
    repair: str


def write_line(folder: Path, run: int, contents: dict[str, Any]) -> None:
    """Store a run in a file of its own; a second time the same.

    Raises
    ------
    StorageError
        If there is no room, or no permission.
    """
    write_bytes(_file(folder, run), json.dumps(sealed(_head(folder, run) | contents)).encode() + b"\n")


def read_lines(folder: Path) -> dict[int, Line]:
    """All runs of a folder by their numbers; files with names like theirs are ignored with a warning.

    Raises
    ------
    StorageError
        If a line is damaged, was changed, belongs to another folder or stands there twice, or cannot be read.
    """
    # In the order in which packing moves them, so that none is missed.
    single = _single(folder)
    return single | _packed(folder)


def pack(folder: Path) -> int:
    """Put the runs which are files of their own into ``runs.jsonl``; returns how many there were.

    It may be killed, or done by several processes, at any moment, and while others compute.

    Raises
    ------
    StorageError
        As :func:`read_lines`, or if there is no room or no permission.
    """
    if not _single(folder):
        return 0
    with locked(folder / RUNS):
        single = _single(folder)
        lines = single | _packed(folder)
        write_bytes(folder / RUNS, b"".join(lines[run].text + b"\n" for run in sorted(lines)))
        # The new name reaches the disk before the files go.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for run in single:
            _file(folder, run).unlink(missing_ok=True)
    return len(single)


def pack_all(root: Path) -> dict[Path, int]:
    """Pack every campaign's folders; returns how many runs were files of their own in each."""
    found = root.glob(f"*/{'[0-9a-f]' * 12}/run-*.json")
    return {folder: pack(folder) for folder in sorted({path.parent for path in found})}


def ignored(path: Path, reason: str) -> None:
    """Warn that a path is not what it should be."""
    warnings.warn(f"{path} is ignored: {reason}", UserWarning, stacklevel=3)


def _file(folder: Path, run: int) -> Path:
    return folder / f"run-{run:04d}.json"


def _head(folder: Path, run: int | None) -> dict[str, Any]:
    return {"campaign": folder.parent.name, "manifest": folder.name, "run": run}


def _single(folder: Path) -> dict[int, Line]:
    found = {}
    for path in sorted(folder.glob("run-*")):
        match = re.fullmatch(r"run-([0-9]+)\.json", path.name)
        if not match or _file(folder, int(match[1])) != path or not path.is_file():
            # Unless it has been packed since it was listed.
            if path.exists():
                ignored(path, "its name is not that of a run")
            continue
        repair = "delete it and repeat the command: what is missing will be computed again"
        text = _bytes(path, repair)
        if text is not None:
            found[int(match[1])] = _line(folder, int(match[1]), text, str(path), repair)
    return found


def _packed(folder: Path) -> dict[int, Line]:
    path, found = folder / RUNS, dict[int, Line]()
    text = _bytes(path, "make it readable, and repeat the command") or b""
    for number, each in enumerate(text.removesuffix(b"\n").split(b"\n") if text else [], 1):
        where = f"line {number} of {path}"
        line = _line(folder, None, each, where, f"delete {where} and repeat the command: what is missing will be computed again")
        run = line.contents["run"]
        if run in found:
            raise StorageError("a run stands on one line", f"run {run} in {where} too", line.repair)
        found[run] = line
    return found


def _bytes(path: Path, repair: str) -> bytes | None:
    """What is in a file; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError("what is stored can be read", f"{error.strerror} at {path}", repair) from error


def _line(folder: Path, run: int | None, text: bytes, where: str, repair: str) -> Line:
    """A line which belongs to the folder and, where its file names one, to the run."""
    contents = parsed(text, where, repair)
    number, head = contents.get("run"), _head(folder, run)
    known = type(number) is int and number >= 0 and run in (number, None)
    if not known or any(contents.get(name) != head[name] for name in ("campaign", "manifest")):
        what = "a run" if run is None else f"run {run}"
        raise StorageError(
            f"what is stored in {folder} is {what} of {head['campaign']}, manifest {head['manifest']}",
            f"run {number} of {contents.get('campaign')}, manifest {contents.get('manifest')}, in {where}", repair,
        )
    return Line(text.removesuffix(b"\n"), contents, where, repair)
