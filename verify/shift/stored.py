"""Runs of simulated curves that a page shows, stored one by one beside the campaigns."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import Sizes, Task, TrainedModel
from verify.store.lines import digest, pack, read_lines, write_header, write_line
from verify.store.run import Origin, one_blas_thread
from verify.store.store import plain

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Experiment:
    """Curves of several models on common draws, at sizes that may differ in anything.

    Attributes
    ----------
    name : str
    task : Task
    models : sequence of models
    sizes : sequence of Sizes
    """

    name: str
    task: Task
    models: tuple[TrainedModel, ...]
    sizes: tuple[Sizes, ...]

    @property
    def identity(self) -> dict[str, Any]:
        """What the numbers depend on."""
        models = [f"{model}, ridge {model.ridge:g}" for model in self.models]
        return {"name": self.name, "task": str(self.task), "models": models, "sizes": [plain(size) for size in self.sizes]}

    def run(self, seed: int, number: int) -> dict[str, Any]:
        """ICL and in-distribution errors of one run, one row for each model; of several sources the ICL error on each."""
        with warnings.catch_warnings():
            # That a source of the test is never trained on is the question.
            warnings.simplefilter("ignore", HypothesisWarning)
            curves = simulate.icl_curve(self.models, self.task, self.sizes, runs=range(number, number + 1), rng=seed)
        errors: dict[str, Any] = {name: [_rounded(getattr(curve, f"{name}_runs")[0]) for curve in curves] for name in ("icl", "idg")}
        if len(self.task.sources) > 1:
            errors["icl"] = [[_rounded(np.asarray(point.source_runs)[0]) for point in curve.points] for curve in curves]
        return errors


def _rounded(values: Array) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


@dataclass(frozen=True)
class Page:
    """Experiments that are stored together.

    Attributes
    ----------
    name : str
        Of the folder of the runs.
    seed : int
    experiments : sequence of Experiment
    """

    name: str
    seed: int
    experiments: tuple[Experiment, ...]

    def folder(self, root: Path) -> Path:
        """Where the runs are, in the folder of all campaigns."""
        return root / self.name / digest(self._parameters)

    @property
    def _parameters(self) -> dict[str, Any]:
        d = max(size.d for experiment in self.experiments for size in experiment.sizes)
        return {"d": d, "seed": self.seed, "memory": 0, "experiments": [experiment.identity for experiment in self.experiments]}

    def compute(self, root: Path, runs: int, console: Console) -> None:
        """Compute and store the runs that are missing."""
        folder = self.folder(root)
        write_header(folder, self._parameters, runs)
        for number in range(runs):
            if number in read_lines(folder):
                continue
            begin = time.process_time()
            with one_blas_thread():
                results = {experiment.name: experiment.run(self.seed, number) for experiment in self.experiments}
            seconds = time.process_time() - begin
            write_line(folder, number, {"results": results, "origin": asdict(Origin.here(seconds))})
            console.print(f"{self.name}, run {number}: {seconds:.0f} s")
        pack(folder)

    def load(self, root: Path) -> dict[str, Found]:
        """The stored runs of each experiment, as many as there are."""
        lines = read_lines(self.folder(root))
        results = [lines[number].contents["results"] for number in sorted(lines)]
        return {
            experiment.name: Found(
                experiment, *(np.array([record[experiment.name][error] for record in results]) for error in ("icl", "idg"))
            )
            for experiment in self.experiments
            if results
        }


@dataclass(frozen=True, eq=False)
class Found:
    """The runs of an experiment: errors of shape (runs, models, points), ICL with an axis of sources where there are several."""

    experiment: Experiment
    icl: Array
    idg: Array

    def mean(self, model: int) -> tuple[Array, Array]:
        """The mean ICL error of a model at every point, and its standard error."""
        values = self.icl[:, model]
        return values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))


def runs_of(results: Sequence[Found]) -> int:
    """How many runs there are."""
    return len(results[0].icl)
