"""A setup's results: one file of lines. The first says what was asked for, each other one is a run.

Who computes a run writes a file of its own with one such line, in a folder beside, so that nobody waits for another. Packing puts these
lines among those of the setup's file and then deletes the files: at every moment each run is in one of the two places, and no line of a
run is ever changed. Whatever is damaged or was changed, is of another setup or schema, stands there twice, or cannot be read or written
is a StorageError with its repair.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hermite_eq.errors import StorageError
from verify.store.checksum import checksum, parsed, sealed
from verify.store.files import locked, write_bytes

#: Digits of the SHA-256 of a setup's parameters, by which its file and its folder are called.
DIGITS = 12


@dataclass(frozen=True)
class Line:
    """A run as it is stored: its line without the end, what that says, and for an error about it where it stands and what to do."""

    text: bytes
    contents: dict[str, Any]
    where: str
    repair: str


def write_line(folder: Path, run: int, contents: dict[str, Any]) -> None:
    """Store a run in a file of its own; a second time the same."""
    write_bytes(_file(folder, run), json.dumps(sealed(_head(folder, run) | contents)).encode() + b"\n")


def file_of(folder: Path) -> Path:
    """The file of a setup, beside its folder."""
    return folder.with_name(f"{folder.name}.jsonl")


def read_header(folder: Path) -> dict[str, Any] | None:
    """The first line of a setup's file, where there is one: the hash of its parameters, these, and how many runs are wanted."""
    text = _text(folder).partition(b"\n")[0]
    if not text:
        return None
    where = f"line 1 of {file_of(folder)}"
    repair = f"delete {where} and repeat the command without --resume: it will be written again"
    header = parsed(text, where, repair)
    if _is_run(header):
        return None
    parameters, runs = header.get("parameters"), header.get("runs")
    known = isinstance(parameters, dict) and {"d", "seed", "memory"} <= parameters.keys() and header.get("hash") == digest(parameters)
    if not known or type(runs) is not int or runs < 1:
        raise StorageError(
            "results begin with their parameters, the hash of these, and how many runs are wanted", f"another schema in {where}", repair
        )
    if header["hash"] != folder.name:
        raise StorageError(f"{where} is of these runs", f"that of {header['hash']}", repair)
    return header


def write_header(folder: Path, parameters: Mapping[str, Any], runs: int) -> None:
    """Say that ``runs`` runs are wanted, unless more already are."""

    def missing() -> bool:
        header = read_header(folder)
        return header is None or header["runs"] < runs

    if missing():
        with locked(file_of(folder)):
            if missing():
                line = json.dumps(sealed({"hash": digest(parameters), "runs": runs, "parameters": parameters}), ensure_ascii=False)
                rest = _text(folder) if read_header(folder) is None else _text(folder).partition(b"\n")[2]
                write_bytes(file_of(folder), line.encode() + b"\n" + rest)


def digest(parameters: Mapping[str, Any]) -> str:
    """What a setup with these parameters is called."""
    return checksum(parameters)[:DIGITS]


def _is_run(contents: Mapping[str, Any]) -> bool:
    return "run" in contents and "parameters" not in contents


def read_lines(folder: Path) -> dict[int, Line]:
    """All runs of a setup by their numbers; files with names like theirs are ignored with a warning."""
    # In the order in which packing moves them, so that none is missed.
    single = _single(folder)
    return single | _packed(folder)


def pack(folder: Path) -> int:
    """Put the runs which are files of their own into that of the setup; returns how many there were.

    It may be killed, or done by several processes, at any moment, and while others compute.
    """
    if not _single(folder):
        return 0
    path = file_of(folder)
    with locked(path):
        single = _single(folder)
        lines = single | _packed(folder)
        header = [] if read_header(folder) is None else [_text(folder).partition(b"\n")[0]]
        write_bytes(path, b"".join(text + b"\n" for text in (*header, *(lines[run].text for run in sorted(lines)))))
        # The new name reaches the disk before the files go.
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for run in single:
            _file(folder, run).unlink(missing_ok=True)
    return len(single)


def pack_all(root: Path) -> dict[Path, int]:
    """Pack every setup; returns how many runs were files of their own in the folder of each."""
    files = root.glob(f"*/{'[0-9a-f]' * DIGITS}/run-*.json")
    return {folder: pack(folder) for folder in sorted({path.parent for path in files})}


def merge(source: Path, root: Path) -> dict[Path, int]:
    """Put the runs of another folder of campaigns into this one, unless they are there; returns how many were new to each setup.

    Lines are taken as they are, from files of single runs and from packed ones, and checked on reading; nothing is changed in ``source``.
    """
    if not source.is_dir():
        raise StorageError("there are results to merge", f"no folder {source}", "pass the folder that was the --output of those runs")
    names = {path.with_suffix("") for end in ("", ".jsonl") for path in source.glob(f"*/{'[0-9a-f]' * DIGITS}{end}")}
    merged = {}
    for folder in sorted(names):
        target, header = root / folder.parent.name / folder.name, read_header(folder)
        if header is not None:
            write_header(target, header["parameters"], header["runs"])
        lines = read_lines(folder)
        new = lines.keys() - read_lines(target).keys()
        for run in sorted(new):
            write_bytes(_file(target, run), lines[run].text + b"\n")
        merged[target] = len(new)
    return merged


def ignored(path: Path, reason: str) -> None:
    """Warn that a path is not what it should be."""
    warnings.warn(f"{path} is ignored: {reason}", UserWarning, stacklevel=3)


def _file(folder: Path, run: int) -> Path:
    return folder / f"run-{run:04d}.json"


def _head(folder: Path, run: int | None) -> dict[str, Any]:
    return {"campaign": folder.parent.name, "manifest": folder.name, "run": run}


def _single(folder: Path) -> dict[int, Line]:
    lines = {}
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
            lines[int(match[1])] = _line(folder, int(match[1]), text, str(path), repair)
    return lines


def _packed(folder: Path) -> dict[int, Line]:
    lines, text, begin = dict[int, Line](), _text(folder), int(read_header(folder) is not None)
    for number, content in enumerate(text.removesuffix(b"\n").split(b"\n")[begin:] if text else [], 1 + begin):
        where = f"line {number} of {file_of(folder)}"
        repair = f"delete {where} and repeat the command: what is missing will be computed again"
        line = _line(folder, None, content, where, repair)
        run = line.contents["run"]
        if run in lines:
            raise StorageError("a run stands on one line", f"run {run} in {where} too", repair)
        lines[run] = line
    return lines


def _text(folder: Path) -> bytes:
    return _bytes(file_of(folder), "make it readable, and repeat the command") or b""


def _bytes(path: Path, repair: str) -> bytes | None:
    """What is in a file; None if there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError("what is stored can be read", f"{error.strerror} at {path}", repair) from error


def _line(folder: Path, run: int | None, text: bytes, where: str, repair: str) -> Line:
    """A line which belongs to the setup and, where its file names one, to the run."""
    contents = parsed(text, where, repair)
    number, head = contents.get("run"), _head(folder, run)
    known = type(number) is int and number >= 0 and run in (number, None)
    if not known or any(contents.get(name) != head[name] for name in ("campaign", "manifest")):
        what = "a run" if run is None else f"run {run}"
        raise StorageError(
            f"what is stored in {folder} is {what} of {head['campaign']}, manifest {head['manifest']}",
            f"run {number} of {contents.get('campaign')}, manifest {contents.get('manifest')}, in {where}",
            repair,
        )
    return Line(text.removesuffix(b"\n"), contents, where, repair)
