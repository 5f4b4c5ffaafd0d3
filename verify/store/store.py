"""Results on disk: a file for each campaign and choice of parameters, and in it a line for each run.

Files are written under another name and renamed, and a line carries a checksum of what it says. The numbers in it do not depend on when,
where or by which of several processes they were computed; what computed them (versions, the revision of the code, seconds) stands beside
them. So a campaign that was interrupted anywhere lacks runs, but has no wrong ones.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from hermite_eq.memory import require_memory
from hermite_eq.models import Sizes
from verify.campaigns.campaign import Campaign, label
from verify.store.lines import digest, file_of, pack, read_header, read_lines, write_header, write_line
from verify.store.run import Origin, Record, check_record, simulate_run

#: Number of the simulation: raised whenever a seed gives other numbers than before, beyond rounding. Runs of one campaign have the
#: same, and may otherwise come from different releases.
SIMULATION = 1
#: Seconds after which a temporary file has been left behind by a process that was killed.
_STALE = 3600.0


class Run(NamedTuple):
    """What is stored of a run: its numbers, and what computed them."""

    record: Record
    origin: Origin


@dataclass(frozen=True)
class Setup:
    """A campaign at one size: all that its numbers depend on.

    On ``memory``, the bytes for the arrays of one run, depend blocks, and so the order of sums and the last digits. The ``device`` that
    computes runs changes no more than these, and does not tell setups apart; the origin of each run names it.
    """

    campaign: Campaign
    d: int
    seed: int
    memory: int
    device: str = "cpu"

    def identity(self) -> dict[str, Any]:
        """The parameters as plain data, with the number of the simulation."""
        # Where the parameters do not say how many, it is one query.
        several = {"queries": self.campaign.queries} if self.campaign.queries > 1 else {}
        return several | {
            "campaign": self.campaign.name,
            "d": self.d,
            "seed": self.seed,
            "memory": self.memory,
            "simulation": SIMULATION,
            "simulations": [
                {
                    "task": str(sweep.task),
                    "models": [label(model) for model in sweep.models],
                    "seed": list(sweep.key),
                    "axis": sweep.axis,
                    "values": list(sweep.values),
                    "sizes": plain(sweep.sizes),
                }
                for sweep in self.campaign.sweeps(self.d)
            ],
        }

    @functools.cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :meth:`identity`."""
        return digest(self.identity())

    @property
    def together(self) -> int:
        """How many runs are computed by one call."""
        return 1

    @property
    def numbers(self) -> int:
        """How many numbers a run has."""
        return sum(len(models) * points * 4 for models, points in self.shape)

    @functools.cached_property
    def shape(self) -> list[tuple[list[str], int]]:
        """For each sweep of a run the names of its models, and the number of its points."""
        return [([label(model) for model in sweep.models], len(sweep.values)) for sweep in self.campaign.sweeps(self.d)]

    def simulate(self, run: int) -> tuple[Record, Origin]:
        """The record of one run, and what computed it."""
        start = time.perf_counter()
        record = simulate_run(self.campaign, self.d, self.seed, self.memory, run, self.device)
        return record, Origin.here(time.perf_counter() - start, self.device)

    def simulate_all(self, runs: Sequence[int]) -> list[tuple[Record, Origin]]:
        """The same for several runs."""
        return [self.simulate(run) for run in runs]

    def check(self, record: Any, where: str, repair: str) -> None:
        """Raise a StorageError unless ``record`` is one of this setup."""
        check_record(record, self.shape, where, repair)


def plain(sizes: Sizes) -> dict[str, int | None]:
    """Sizes as plain data, the test's context length where it has one of its own."""
    names = ("d", "context", "tasks", "samples", "hidden", *(() if sizes.test_context is None else ("test_context",)))
    return {name: None if getattr(sizes, name) == math.inf else getattr(sizes, name) for name in names}


class Store:
    """The file ``root/<campaign>/<hash>.jsonl`` of a setup, and the folder beside it: runs that are not packed yet, theory, report.

    What is read or written is checked as in :mod:`verify.store.lines`.
    """

    def __init__(self, root: Path, setup: Setup) -> None:
        self.setup = setup
        self.folder = root / setup.campaign.name / setup.hash
        self.file = file_of(self.folder)
        read_header(self.folder)
        for leftover in (*self.folder.glob(".*"), *self.folder.parent.glob(f".{self.file.name}.*")):
            # Another process may rename or remove it at this moment, and the folder may be read only.
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > _STALE:
                    leftover.unlink()

    def request(self, runs: int) -> None:
        """Say that ``runs`` runs are wanted; the largest number asked for is kept."""
        self.check_memory(runs)
        write_header(self.folder, self.setup.identity(), runs)

    def check_memory(self, runs: int) -> None:
        """Raise an OutOfMemoryError if the results of ``runs`` runs do not fit into memory: they are reported on together."""
        # The future of a run, and 32 bytes (a double and its place in a list) for each number.
        size = 4096 + 32 * self.setup.numbers
        require_memory(runs * size, f"the results of {runs} runs", f"pass --runs {self.setup.campaign.runs}, say")

    def read(self) -> dict[int, Run]:
        """All stored runs, in the order of their numbers."""
        results = {}
        for run, line in sorted(read_lines(self.folder).items()):
            record, place = line.contents.get("simulations"), (line.where, line.repair)
            self.setup.check(record, *place)
            results[run] = Run(cast(Record, record), Origin.read(line.contents.get("origin"), *place))
        return results

    def runs(self) -> list[int]:
        """The numbers of the runs stored."""
        return list(self.read())

    def origins(self) -> list[Origin]:
        """What computed the stored runs."""
        return [run.origin for run in self.read().values()]

    def missing(self, runs: Sequence[int]) -> list[int]:
        """Those of ``runs`` which are not stored."""
        stored = set(self.runs())
        return [run for run in runs if run not in stored]

    def write(self, run: int, record: Record, origin: Origin) -> None:
        """Store one run; a second time the same."""
        self.setup.check(record, f"run {run} of {self.setup.campaign.name}", "raise the ridge of that model, or change d")
        write_line(self.folder, run, {"origin": origin.entries(), "simulations": record})

    def pack(self) -> None:
        """Put all runs into one file; nothing is lost where that fails."""
        pack(self.folder)
