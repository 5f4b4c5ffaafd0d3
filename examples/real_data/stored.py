"""The runs in one file of lines, each with its checksum: what was asked for, then a part of the results on each line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hermite_eq import __version__
from hermite_eq.errors import StorageError
from verify.store.checksum import parsed, sealed
from verify.store.files import write_bytes


class Store:
    """The parts of a setup's results, by name and number.

    Raises
    ------
    StorageError
        If the file is damaged, was changed, or is of another setup.
    """

    def __init__(self, file: Path, setup: Mapping[str, Any]) -> None:
        self.file = file
        text = file.read_bytes().splitlines() if file.exists() else []
        lines = [parsed(line, f"line {i} of {file}", "delete the line: it will be computed again") for i, line in enumerate(text, 1)]
        head = {"setup": json.loads(json.dumps(dict(setup)))}
        if lines and {"setup": lines[0].get("setup")} != head:
            raise StorageError("the stored runs are of this setup", f"another one in {file}", f"delete {file}: it will be written again")
        self.lines = lines or [head | {"version": __version__}]

    def parts(self, name: str) -> dict[int, Any]:
        """All that is stored under a name, by number."""
        return {line["run"]: line["results"] for line in self.lines[1:] if line["part"] == name}

    def ensure(self, name: str, run: int, compute: Callable[[], dict[str, Any]]) -> None:
        """Compute and store a part, unless it is there."""
        if run not in self.parts(name):
            self.lines.append({"part": name, "run": run, "results": compute()})
            write_bytes(self.file, b"".join(json.dumps(sealed(line)).encode() + b"\n" for line in self.lines))
