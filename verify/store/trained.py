"""The setups of campaigns that train Transformers by gradient descent, stored as all others are."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from hermite_eq.errors import StorageError
from hermite_eq.trained import icl_error
from verify.campaigns.trained import TASK, TrainedCampaign
from verify.store.run import Origin, one_blas_thread
from verify.store.store import Setup, plain

#: Raised whenever a seed gives errors of another law than before.
TRAINING = 1
#: Columns of errors: one for each point and epoch. Beside them, one for each point, the variance of the training labels.
ERRORS = ("training", "icl", "idg")


@dataclass(frozen=True)
class TrainedSetup(Setup):
    """A campaign of trained Transformers at one d. The budget of memory changes nothing."""

    campaign: TrainedCampaign  # type: ignore[assignment]

    @property
    def together(self) -> int:
        """How many runs are trained at once."""
        return self.campaign.together

    @property
    def numbers(self) -> int:
        """How many numbers a run has."""
        return sum(len(curve.values) * (3 * len(curve.epochs) + 1) for curve in self.campaign.curves)

    def identity(self) -> dict[str, Any]:
        """The parameters as plain data."""
        curves = [
            {
                "model": curve.label,
                "axis": curve.axis,
                "epochs": list(curve.epochs),
                "sizes": [plain(sizes) for sizes in curve.sizes(self.d)],
            }
            for curve in self.campaign.curves
        ]
        return {
            "campaign": self.campaign.name,
            "d": self.d,
            "seed": self.seed,
            "memory": self.memory,
            "training": TRAINING,
            "task": str(TASK),
            "curves": curves,
        }

    def simulate(self, run: int) -> tuple[Any, Origin]:
        """The record of one run, and what computed it."""
        return self.simulate_all([run])[0]

    def simulate_all(self, runs: Sequence[int]) -> list[tuple[Any, Origin]]:
        """The records of several runs which are trained together: for each curve its columns, and the version of JAX."""
        if runs[-1] - runs[0] != len(runs) - 1:
            return [fitted for run in runs for fitted in self.simulate_all([run])]
        start = time.perf_counter()
        records: list[list[dict[str, Any]]] = [[] for _ in runs]
        with one_blas_thread():
            for number, curve in enumerate(self.campaign.curves):
                columns: list[dict[str, list[Any]]] = [{name: [] for name in (*ERRORS, "variance")} for _ in runs]
                for point, sizes in enumerate(curve.sizes(self.d)):
                    seed = np.random.SeedSequence(self.seed, spawn_key=(number, point))
                    fitted = icl_error(
                        curve.model, TASK, sizes, runs=range(runs[0], runs[-1] + 1), epochs=curve.epochs, rate=curve.rate, rng=seed
                    )
                    for i, column in enumerate(columns):
                        for name in ERRORS:
                            column[name].append([float(f"{value:.6g}") for value in getattr(fitted, f"{name}_runs")[i]])
                        column["variance"].append(float(f"{fitted.variance_runs[i]:.6g}"))
                for record, column in zip(records, columns, strict=True):
                    record.append({"jax": version("jax"), **column})
        return [(record, Origin.here((time.perf_counter() - start) / len(runs))) for record in records]

    def check(self, record: Any, where: str, repair: str) -> None:
        """Raise a StorageError unless ``record`` has the curves, points and epochs of the campaign, and errors which are no errors."""
        curves = self.campaign.curves
        if not isinstance(record, list) or len(record) != len(curves):
            raise StorageError(f"a run has {len(curves)} curves", f"another schema in {where}", repair)
        for number, (columns, curve) in enumerate(zip(record, curves, strict=True)):
            shapes = dict.fromkeys(ERRORS, (len(curve.values), len(curve.epochs))) | {"variance": (len(curve.values),)}
            if not isinstance(columns, dict) or columns.keys() != {"jax", *shapes}:
                raise StorageError(f"a curve has the columns jax, {', '.join(shapes)}", f"others at curve {number} in {where}", repair)
            for name, shape in shapes.items():
                try:
                    cells = np.array(columns[name], dtype=float)
                except (TypeError, ValueError):
                    cells = np.array(math.nan)
                if cells.shape != shape or not (np.isfinite(cells) & (cells >= 0)).all():
                    raise StorageError(f"{name} has shape {shape}, of finite numbers ≥ 0", f"others at curve {number} in {where}", repair)
