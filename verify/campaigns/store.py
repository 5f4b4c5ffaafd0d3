"""Results on disk: a folder for each campaign and choice of parameters, and in it one small file for each run.

A file is written under another name and renamed, and holds nothing that depends on when, where or by which of several processes it
was computed. So a campaign that was interrupted anywhere lacks runs, but has no wrong ones. What computed a run (versions, the
revision of the code, seconds) stands in a second file beside it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import hermite_eq
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Sizes
from verify.campaigns.campaign import Campaign, label
from verify.campaigns.run import Record, simulate_run
from verify.report import write_text

#: Number of the simulation: raised whenever a seed gives other numbers than before, beyond rounding. Runs of one campaign have the
#: same, and may otherwise come from different releases.
SIMULATION = 1
_MANIFEST = "manifest.json"
#: Seconds after which a temporary file has been left behind by a process that was killed.
_STALE = 3600.0



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
                    "task": str(panel.task), "models": [label(model) for model in panel.models], "seed": list(sweep.key),
                    "axis": sweep.axis, "values": list(sweep.values),
                    "sizes": _plain(sweep.sizes),
                }
                for panel, sweep in self.campaign.sweeps(self.d)
            ],
        }

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :meth:`identity`."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:12]

    def simulate(self, run: int) -> tuple[Record, Origin]:
        """The record of one run, and what computed it."""
        start = time.perf_counter()
        record = simulate_run(self.campaign, self.d, self.seed, self.memory, run)
        return record, Origin.here(time.perf_counter() - start)


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
    HypothesisError
        If the folder is of another campaign, has other parameters or another simulation, or cannot be written.
    """

    def __init__(self, root: Path, setup: Setup) -> None:
        self.setup = setup
        self.folder = root / setup.campaign.name / setup.hash
        if self.folder.exists():
            _check_manifest(self.folder, setup)
            for leftover in self.folder.glob(".*"):
                if time.time() - leftover.stat().st_mtime > _STALE:
                    leftover.unlink(missing_ok=True)

    def request(self, runs: int) -> None:
        """Say that ``runs`` runs are wanted; the manifest keeps the largest number asked for."""
        if runs > requested(self.folder):
            manifest = {"hash": self.setup.hash, "runs": runs, "parameters": self.setup.identity()}
            self._write(self.folder / _MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")

    def runs(self) -> list[int]:
        """The numbers of the runs stored."""
        return sorted(int(path.stem.removeprefix("run-")) for path in self.folder.glob("run-*.json"))

    def missing(self, runs: Sequence[int]) -> list[int]:
        """Those of ``runs`` which are not stored."""
        stored = set(self.runs())
        return [run for run in runs if run not in stored]

    def write(self, run: int, record: Record, origin: Origin) -> None:
        """Store one run; a second time the same."""
        contents = {"campaign": self.setup.campaign.name, "manifest": self.setup.hash, "run": run}
        head = json.dumps(contents)[:-1]
        # A line for each model of each sweep.
        sweeps = ",\n".join("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(columns, allow_nan=False)}"
                                               for name, columns in sweep.items()) + "}" for sweep in record)
        # The origin first: whatever run is stored has one.
        self._write(self._path(run).with_suffix(".origin"), json.dumps(asdict(origin)) + "\n")
        self._write(self._path(run), f'{head}, "simulations": [{sweeps}]}}\n')

    def read(self, run: int) -> Record:
        """One stored run.

        Raises
        ------
        HypothesisError
            If the file is damaged, or was not written for this folder.
        """
        path = self._path(run)
        contents = _load(path)
        found = (contents.get("campaign"), contents.get("manifest"), contents.get("run"))
        wanted = (self.setup.campaign.name, self.setup.hash, run)
        if found != wanted:
            raise HypothesisError(
                f"{path.name} belongs to {wanted[0]}, manifest {wanted[1]}", f"{found[0]}, manifest {found[1]}, run {found[2]} in {path}",
                "move it back to where it was, and repeat the command: the run will be computed again",
            )
        simulations: Record = contents["simulations"]
        return simulations

    def origins(self) -> list[Origin]:
        """What computed the stored runs."""
        return [Origin(**_load(self._path(run).with_suffix(".origin"))) for run in self.runs()]

    def _path(self, run: int) -> Path:
        return self.folder / f"run-{run:04d}.json"

    def _write(self, path: Path, text: str) -> None:
        try:
            write_text(path, text)
        except OSError as error:
            raise HypothesisError(
                "results can be written", f"{error.strerror} at {path}",
                f"make room or choose another --output, and repeat the command: the {len(self.runs())} runs stored are kept",
            ) from error


def requested(folder: Path) -> int:
    """The number of runs asked for so far; 0 where there is no manifest."""
    path = folder / _MANIFEST
    return int(_load(path)["runs"]) if path.exists() else 0


def manifests(root: Path, campaign: Campaign) -> list[dict[str, Any]]:
    """The manifests of all folders of a campaign, in the order of their hashes."""
    return [_load(path) for path in sorted((root / campaign.name).glob(f"*/{_MANIFEST}"))]


def the_one(root: Path, campaign: Campaign, chosen: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the campaign's folder with the ``chosen`` parameters.

    Raises
    ------
    HypothesisError
        If there is none, or if there are several: times of files do not tell which is meant, as those of a clone are the clone's.
    """
    fitting = [manifest for manifest in manifests(root, campaign) if chosen.items() <= manifest["parameters"].items()]
    if not fitting:
        wanted = "".join(f" with {name} = {value}" for name, value in chosen.items())
        raise HypothesisError(
            f"there is a campaign to continue: {campaign.name}{wanted}", f"none in {root / campaign.name}", "start it without --resume"
        )
    if len(fitting) > 1:
        several = sorted(tuple(manifest["parameters"][name] for name in ("d", "seed", "memory")) for manifest in fitting)
        raise HypothesisError(
            f"one folder of {campaign.name} is to be continued",
            "; ".join(f"d = {d}, seed = {seed}, memory = {memory}" for d, seed, memory in several),
            f"pass --d {several[0][0]}, say (--seed or --memory where the d agree), or give all and leave out --resume",
        )
    return fitting[0]


def check_continues(root: Path, setup: Setup, manifest: dict[str, Any]) -> None:
    """Whether ``setup`` continues what ``manifest`` says was begun: the same parameters, models and simulation."""
    _compare(root / setup.campaign.name / manifest["hash"], manifest["parameters"], setup.identity())


def _check_manifest(folder: Path, setup: Setup) -> None:
    path = folder / _MANIFEST
    if path.exists():
        _compare(folder, _load(path)["parameters"], setup.identity())
    elif any(folder.glob("run-*.json")):
        raise HypothesisError("a folder of results has a manifest", f"runs but no {_MANIFEST} in {folder}", "choose another --output")


def _compare(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    differing = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    if differing:
        shown = ", ".join(_difference(name, found.get(name), wanted.get(name)) for name in differing)
        raise HypothesisError(
            "a campaign goes on with the parameters and the simulation with which it was begun", f"{shown} in {folder}",
            "start it anew without --resume (it gets a folder of its own), or go back to those parameters or that release",
        )


def _difference(name: str, found: Any, wanted: Any) -> str:
    short = not isinstance(found, list | dict)
    return f"{name} {found} instead of {wanted}" if short else f"other {name}"


def _load(path: Path) -> dict[str, Any]:
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(contents, dict):
            raise ValueError
    except ValueError as error:
        raise HypothesisError(
            "a stored file is whole", f"{path} damaged", "delete it and repeat the command: what is missing will be computed again"
        ) from error
    return contents
