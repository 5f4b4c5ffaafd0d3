"""Results on disk: a folder for each campaign and choice of parameters, and in it one small file for each run.

A file is written under another name and renamed, carries a checksum of what it says, and holds nothing that depends on when, where or
by which of several processes it was computed. So a campaign that was interrupted anywhere lacks runs, but has no wrong ones. What
computed a run (versions, the revision of the code, seconds) stands in a second file beside it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import platform
import re
import subprocess
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import scipy

import hermite_eq
from hermite_eq.errors import StorageError
from hermite_eq.memory import require_memory
from hermite_eq.models import Sizes
from verify.campaigns.campaign import Campaign, label
from verify.store.checksum import parsed, sealed
from verify.store.files import write_text
from verify.store.record import check_record
from verify.store.run import Record, simulate_run

#: Number of the simulation: raised whenever a seed gives other numbers than before, beyond rounding. Runs of one campaign have the
#: same, and may otherwise come from different releases.
SIMULATION = 1
MANIFEST = "manifest.json"
#: Seconds after which a temporary file has been left behind by a process that was killed.
_STALE = 3600.0
_AGAIN = "delete it and repeat the command: what is missing will be computed again"


@dataclass(frozen=True)
class Origin:
    """What computed a run.

    Attributes
    ----------
    seconds : float
    revision : str or None
        Of the code, where it is a checkout; with ``-dirty`` if files differed from it.
    hermite_eq, python, numpy, scipy : str
        Versions.
    """

    seconds: float
    revision: str | None
    hermite_eq: str
    python: str
    numpy: str
    scipy: str

    @classmethod
    def here(cls, seconds: float) -> Origin:
        """This process, and the time it took."""
        return cls(round(seconds, 2), _revision(), hermite_eq.__version__, platform.python_version(), np.__version__, scipy.__version__)


@functools.lru_cache(maxsize=1)
def _revision() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


@dataclass(frozen=True)
class Setup:
    """A campaign at one size: all that its numbers depend on.

    Attributes
    ----------
    campaign : Campaign
    d, seed : int
    memory : int
        Bytes for the arrays of one run. Blocks, and so the order of sums and the last digits, depend on it.
    """

    campaign: Campaign
    d: int
    seed: int
    memory: int

    def identity(self) -> dict[str, Any]:
        """The parameters as plain data, with the number of the simulation."""
        # Where a manifest does not say how many, it is one query.
        several = {"queries": self.campaign.queries} if self.campaign.queries > 1 else {}
        return several | {
            "campaign": self.campaign.name, "d": self.d, "seed": self.seed, "memory": self.memory, "simulation": SIMULATION,
            "simulations": [
                {
                    "task": str(sweep.task), "models": [label(model) for model in sweep.models], "seed": list(sweep.key),
                    "axis": sweep.axis, "values": list(sweep.values),
                    "sizes": _plain(sweep.sizes),
                }
                for sweep in self.campaign.sweeps(self.d)
            ],
        }

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :meth:`identity`."""
        return _digest(self.identity())

    @functools.cached_property
    def shape(self) -> list[tuple[list[str], int]]:
        """For each sweep of a run the names of its models, and the number of its points."""
        return [([label(model) for model in sweep.models], len(sweep.values)) for sweep in self.campaign.sweeps(self.d)]

    def simulate(self, run: int) -> tuple[Record, Origin]:
        """The record of one run, and what computed it."""
        start = time.perf_counter()
        record = simulate_run(self.campaign, self.d, self.seed, self.memory, run)
        return record, Origin.here(time.perf_counter() - start)


def _digest(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def _plain(sizes: Sizes) -> dict[str, int | None]:
    names = ("d", "context", "tasks", "samples", "hidden")
    return {name: None if getattr(sizes, name) == math.inf else getattr(sizes, name) for name in names}


class Store:
    """The folder ``root/<campaign>/<hash>`` of a setup.

    Parameters
    ----------
    root : Path
    setup : Setup

    Raises
    ------
    StorageError
        If its manifest is damaged or of another folder.
    """

    def __init__(self, root: Path, setup: Setup) -> None:
        self.setup = setup
        self.folder = root / setup.campaign.name / setup.hash
        requested(self.folder)
        for leftover in self.folder.glob(".*"):
            # Another process may rename or remove it at this moment, and the folder may be read only.
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > _STALE:
                    leftover.unlink()

    def request(self, runs: int) -> None:
        """Say that ``runs`` runs are wanted; the manifest keeps the largest number asked for.

        Raises
        ------
        OutOfMemoryError
            As :meth:`check_memory`.
        StorageError
            If the manifest cannot be written.
        """
        self.check_memory(runs)
        if runs > requested(self.folder):
            manifest = {"hash": self.setup.hash, "runs": runs, "parameters": self.setup.identity()}
            write_text(self.folder / MANIFEST, json.dumps(sealed(manifest), indent=1, ensure_ascii=False) + "\n")

    def check_memory(self, runs: int) -> None:
        """Raise an OutOfMemoryError if the results of ``runs`` runs do not fit into memory: they are reported on together."""
        # The future of a run, and 32 bytes (a double and its place in a list) for each number.
        size = 4096 + 32 * sum(len(models) * points * 4 for models, points in self.setup.shape)
        require_memory(runs * size, f"the results of {runs} runs", f"pass --runs {self.setup.campaign.runs}, say")

    def runs(self) -> list[int]:
        """The numbers of the runs stored; files with names like theirs are ignored with a warning."""
        numbers = []
        for path in self.folder.glob("run-*"):
            match = re.fullmatch(r"run-([0-9]+)\.(json|origin)", path.name)
            if not match or self._path(int(match[1])).stem != path.stem or not path.is_file():
                ignored(path, "its name is not that of a run")
            elif match[2] == "json":
                numbers.append(int(match[1]))
        return sorted(numbers)

    def missing(self, runs: Sequence[int]) -> list[int]:
        """Those of ``runs`` which are not stored."""
        stored = set(self.runs())
        return [run for run in runs if run not in stored]

    def write(self, run: int, record: Record, origin: Origin) -> None:
        """Store one run; a second time the same.

        Raises
        ------
        StorageError
            If it has other models or points than the campaign, or errors that are not finite or negative, or cannot be written.
        """
        check_record(record, self.setup.shape, f"run {run} of {self.setup.campaign.name}", "raise the ridge of that model, or change d")
        # The origin first: whatever run is stored has one.
        write_text(self._path(run).with_suffix(".origin"), json.dumps(sealed(self._head(run) | asdict(origin))) + "\n")
        write_text(self._path(run), run_text(sealed(self._head(run) | {"simulations": record})))

    def read(self, run: int) -> Record:
        """One stored run.

        Raises
        ------
        StorageError
            If the file is damaged, was changed, has another schema, or was not written for this folder and number.
        """
        path = self._path(run)
        simulations = self._load(path, run, _AGAIN).get("simulations")
        check_record(simulations, self.setup.shape, str(path), _AGAIN)
        return cast(Record, simulations)

    def origins(self) -> list[Origin]:
        """What computed the stored runs.

        Raises
        ------
        StorageError
            If one of them is missing or damaged, was changed, has another schema, or belongs to another run.
        """
        found = []
        for run in self.runs():
            path = self._path(run).with_suffix(".origin")
            repair = f"delete {self._path(run)} and what there is of {path.name}, and repeat the command: the run will be computed again"
            entries = self._load(path, run, repair)
            kept = {name: value for name, value in entries.items() if name not in self._head(run)}
            if {name: type(value) for name, value in kept.items()} not in _ORIGIN:
                raise StorageError(f"an origin has the entries {', '.join(_ORIGIN[0])}", f"others in {path}", repair)
            found.append(Origin(**kept))
        return found

    def _path(self, run: int) -> Path:
        return self.folder / f"run-{run:04d}.json"

    def _head(self, run: int) -> dict[str, Any]:
        return {"campaign": self.setup.campaign.name, "manifest": self.folder.name, "run": run}

    def _load(self, path: Path, run: int, repair: str) -> dict[str, Any]:
        """The entries of a file which belongs to the run."""
        contents, wanted = _load(path, repair), self._head(run)
        if any(contents.get(name) != value for name, value in wanted.items()):
            campaign, manifest, number = (contents.get(name) for name in wanted)
            raise StorageError(
                f"{path.name} is run {run} of {wanted['campaign']}, manifest {wanted['manifest']}",
                f"run {number} of {campaign}, manifest {manifest}, in {path}", repair,
            )
        return contents


#: Types of the entries of an origin; code that is no checkout has no revision.
_ORIGIN = [{"seconds": float, "revision": revision} | dict.fromkeys(("hermite_eq", "python", "numpy", "scipy"), str)
           for revision in (str, type(None))]


def run_text(contents: Mapping[str, Any]) -> str:
    """A run as its file has it: a line for each model of each sweep."""
    head = json.dumps({name: value for name, value in contents.items() if name != "simulations"})[:-1]
    sweeps = ",\n".join("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(columns)}" for name, columns in sweep.items()) + "}"
                        for sweep in contents["simulations"])
    return f'{head}, "simulations": [{sweeps}]}}\n'


def requested(folder: Path) -> int:
    """The number of runs asked for so far; 0 where there is no manifest."""
    return int(read_manifest(folder)["runs"]) if (folder / MANIFEST).exists() else 0


def ignored(path: Path, reason: str) -> None:
    """Warn that a path is not what it should be."""
    warnings.warn(f"{path} is ignored: {reason}", UserWarning, stacklevel=3)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder, which has the name of its hash."""
    path = folder / MANIFEST
    repair = "delete it, and repeat the command that computed the runs beside it without --resume: it will be written again"
    manifest = _load(path, repair)
    parameters, runs = manifest.get("parameters"), manifest.get("runs")
    known = isinstance(parameters, dict) and {"d", "seed", "memory"} <= parameters.keys() and manifest.get("hash") == _digest(parameters)
    if not known or type(runs) is not int or runs < 1:
        raise StorageError("a manifest holds the hash of its parameters, and how many runs are wanted", f"another schema in {path}", repair)
    if manifest["hash"] != folder.name:
        raise StorageError(f"the manifest in {folder} is of these runs", f"that of {manifest['hash']}", repair)
    return manifest


def _load(path: Path, repair: str) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise StorageError("what is stored can be read", f"{error.strerror} at {path}", repair) from error
    return parsed(text, str(path), repair)
