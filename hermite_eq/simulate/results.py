"""Results of simulations: per-run arrays, and their means with standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import instance, sequence
from hermite_eq.curve import ByValue, Curve, Setting, place
from hermite_eq.errors import HypothesisError
from hermite_eq.models import AnyTask, Sizes, TrainedModel

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DiscreteMMSE:
    """The posterior mean over the training tasks, which it is told; nothing is trained (:func:`hermite_eq.simulate.dmmse_error`).

    >>> print(DiscreteMMSE())
    dMMSE
    """

    def __str__(self) -> str:
        return "dMMSE"


@dataclass(frozen=True)
class MonteCarlo:
    r"""A Monte Carlo estimate, mean ± standard error.

    Attributes
    ----------
    mean : float or array
        Mean over independent runs.
    stderr : float or array
        Sample standard deviation over :math:`\sqrt{\text{runs}}`; ``inf`` for a single run, which says
        nothing of its own error.
    runs : int

    Examples
    --------
    >>> import numpy as np
    >>> print(MonteCarlo.from_runs(np.array([0.9, 1.1, 1.0, 1.0])))
    1.000 ± 0.041 (4 runs)
    """

    mean: Any
    stderr: Any
    runs: int

    @classmethod
    def from_runs(cls, values: Array) -> MonteCarlo:
        """From one value, or one array of values, for each run (first axis)."""
        runs = len(values)
        mean = values.mean(axis=0)
        stderr = values.std(axis=0, ddof=1) / math.sqrt(runs) if runs > 1 else np.full(np.shape(mean), math.inf)
        return cls(float(mean), float(stderr), runs) if np.ndim(mean) == 0 else cls(mean, stderr, runs)

    def z(self, value: Any) -> Any:
        """(mean − value) / stderr: how many standard errors the estimate lies above ``value``.

        With few runs it has Student's law with ``runs − 1`` degrees of freedom, not the normal one.

        >>> MonteCarlo(mean=1.0, stderr=0.5, runs=8).z(0.0)
        2.0
        """
        return (self.mean - value) / self.stderr

    def __str__(self) -> str:
        if np.ndim(self.mean):
            return ", ".join(_digits(m, e) for m, e in zip(self.mean, self.stderr, strict=True)) + f" ({self._runs()})"
        return f"{_digits(self.mean, self.stderr)} ({self._runs()})"

    def _runs(self) -> str:
        return f"{self.runs} run{'' if self.runs == 1 else 's'}"


def _digits(mean: float, stderr: float) -> str:
    """Both with two digits of the standard error."""
    places = 4 if not (0 < stderr < math.inf) else max(0, 1 - math.floor(math.log10(stderr)))
    return f"{mean:.{places}f} ± {stderr:.{places}f}"


@dataclass(frozen=True, eq=False)
class SimulatedDifference(ByValue):
    """Differences of two simulated errors run by run, on common draws.

    Attributes
    ----------
    icl_runs, idg_runs : (runs,) or (runs, points) array
    """

    icl_runs: Array = field(repr=False)
    idg_runs: Array = field(repr=False)

    @property
    def icl(self) -> MonteCarlo:
        """Difference of the ICL errors."""
        return MonteCarlo.from_runs(self.icl_runs)

    @property
    def idg(self) -> MonteCarlo:
        """Difference of the in-distribution errors."""
        return MonteCarlo.from_runs(self.idg_runs)


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedError(ByValue):
    """The simulated error of one trained model at one setting.

    Attributes
    ----------
    model, task, sizes
        What was simulated.
    icl_runs, idg_runs : (runs,) array
        ICL error (fresh tasks) and in-distribution error (the training tasks) of each run. Where ``sizes.tasks`` is infinite the
        latter is that of fresh tasks of the training mixture: equal to the former, unless ``test_weights`` are not ``weights``.
    condition_runs : (runs,) array
        Condition number of the system solved, penalty included (an estimate, except where the fallback was
        used).
    fallback_runs : (runs,) array of bool
        Runs in which the normal equations were too ill conditioned, so that a singular value decomposition
        was used.
    draws : tuple
        Seeds of the runs. Results with equal ``draws`` are paired.
    source_runs : (runs, sources) array
        ICL error of each run on each source.
    """

    model: TrainedModel | DiscreteMMSE
    task: AnyTask
    sizes: Sizes
    icl_runs: Array = field(repr=False)
    idg_runs: Array = field(repr=False)
    condition_runs: Array = field(repr=False)
    fallback_runs: NDArray[np.bool_] = field(repr=False)
    draws: tuple[tuple[Any, ...], ...] = field(repr=False)
    source_runs: Array | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.source_runs is None:
            object.__setattr__(self, "source_runs", self.icl_runs[:, None])

    @property
    def icl_by_source(self) -> MonteCarlo:
        """The ICL error on each source, an array over the sources; weighted by ``task.test_weights`` they sum to ``icl``."""
        return MonteCarlo.from_runs(np.asarray(self.source_runs))

    @property
    def icl(self) -> MonteCarlo:
        """The ICL error: test contexts with fresh tasks."""
        return MonteCarlo.from_runs(self.icl_runs)

    @property
    def idg(self) -> MonteCarlo:
        """The in-distribution error: test contexts with the training tasks."""
        return MonteCarlo.from_runs(self.idg_runs)

    @property
    def fallbacks(self) -> int:
        """In how many runs the slower solver was needed."""
        return int(self.fallback_runs.sum())

    def minus(self, other: SimulatedError) -> SimulatedDifference:
        """The paired difference of the errors on common draws.

        Raises
        ------
        HypothesisError
            If the two come from different draws.
        """
        instance(other, SimulatedError, "the other is a simulated error", "pass what simulate.icl_error returns")
        _check_paired(self.draws, other.draws)
        return SimulatedDifference(self.icl_runs - other.icl_runs, self.idg_runs - other.idg_runs)

    def __hash__(self) -> int:
        return hash((self.model, self.task, self.sizes, self.draws))

    def __str__(self) -> str:
        return f"{self.model}: ICL {self.icl}, IDG {self.idg}"

    def __repr__(self) -> str:
        return f"<SimulatedError of {self}>"


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedCurve(Curve):
    """Simulated errors of one model at several settings; those that differ in n or m alone are on common draws.

    Attributes
    ----------
    axis : str or None
        What varies.
    points : tuple of SimulatedError
        One for each setting.
    """

    axis: str | None
    points: tuple[SimulatedError, ...]

    __hash__ = Curve.__hash__

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Model, task and sizes at every point."""
        return tuple(Setting(point.model, point.task, point.sizes) for point in self.points)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, i: int) -> SimulatedError:
        return self.points[place(i, len(self))]

    def __iter__(self) -> Iterator[SimulatedError]:
        return iter(self.points)

    def table(self) -> dict[str, Array]:
        """Means over runs and their standard errors; with several sources ``icl_0``, …: those on each."""
        columns = {"icl": self.icl, "idg": self.idg}
        sources = np.stack([np.asarray(point.source_runs) for point in self.points], axis=1)
        if sources.shape[2] > 1:
            columns |= {f"icl_{s}": MonteCarlo.from_runs(sources[:, :, s]) for s in range(sources.shape[2])}
        return {
            name + ending: np.asarray(getattr(column, part))
            for name, column in columns.items() for ending, part in (("", "mean"), ("_stderr", "stderr"))
        }  # fmt: skip

    @property
    def icl_runs(self) -> Array:
        """ICL errors, shape (runs, points)."""
        return np.stack([point.icl_runs for point in self.points], axis=1)

    @property
    def idg_runs(self) -> Array:
        """In-distribution errors, shape (runs, points)."""
        return np.stack([point.idg_runs for point in self.points], axis=1)

    @property
    def icl(self) -> MonteCarlo:
        """The ICL error, an array over the points."""
        return MonteCarlo.from_runs(self.icl_runs)

    @property
    def idg(self) -> MonteCarlo:
        """The in-distribution error, an array over the points."""
        return MonteCarlo.from_runs(self.idg_runs)

    @property
    def fallbacks(self) -> tuple[int, ...]:
        """In how many runs the slower solver was needed, at each point."""
        return tuple(point.fallbacks for point in self.points)

    def minus(self, other: SimulatedCurve) -> SimulatedDifference:
        """The paired difference, point by point.

        Raises
        ------
        HypothesisError
            If the two come from different draws, or have different values.
        """
        instance(other, SimulatedCurve, "the other is a simulated curve", "pass what simulate.icl_curve returns")
        _check_paired(self.points[0].draws, other.points[0].draws)
        if (self.axis, self.values) != (other.axis, other.values):
            raise HypothesisError(
                "the two curves have the same points",
                f"{self.axis}={self.values} and {other.axis}={other.values}",
                "compute both by one icl_curve([a, b], …)",
            )
        return SimulatedDifference(self.icl_runs - other.icl_runs, self.idg_runs - other.idg_runs)

    def __str__(self) -> str:
        return f"{self.model} against {self.axis} {self.values}: ICL {self.icl}"


def _check_paired(draws: tuple[Any, ...], others: tuple[Any, ...]) -> None:
    if draws != others:
        raise HypothesisError(
            "a paired difference is of errors on common draws",
            "different seeds",
            "compute both by one icl_error([a, b], …), or pass the same integer as rng",
        )


def join(curves: Sequence[SimulatedCurve]) -> SimulatedCurve:
    """One curve from curves of the same model and points with different runs, in the order given.

    A campaign may compute its runs anywhere: ``icl_curve(…, runs=range(3, 4), rng=seed)`` is run 3, and the joined curve is that of
    ``icl_curve(…, runs=range(n), rng=seed)``.

    Parameters
    ----------
    curves : sequence of SimulatedCurve

    Raises
    ------
    HypothesisError
        If the curves are of different models, tasks or sizes, or share a run.
    """
    if not sequence(curves, "curves"):
        raise HypothesisError("there is a curve to join", "none", "pass the curves of at least one run")
    for curve in curves:
        instance(curve, SimulatedCurve, "what is joined are simulated curves", "pass what simulate.icl_curve returns")
    if len({len(curve.points) for curve in curves}) > 1:
        raise HypothesisError("joined curves have the same points", "another number of points", "join curves of the same values")
    columns = list(zip(*(curve.points for curve in curves), strict=True))
    points = []
    for column in columns:
        first = column[0]
        if any((point.model, point.task, point.sizes) != (first.model, first.task, first.sizes) for point in column):
            raise HypothesisError(
                "joined curves are of the same model, task and sizes", f"{first.model} and others", "join each model by itself"
            )
        draws = tuple(draw for point in column for draw in point.draws)
        if len(set(draws)) < len(draws):
            raise HypothesisError("every run is counted once", "a run that occurs twice", "drop the repeated curve")
        arrays = {
            name: np.concatenate([getattr(point, name) for point in column])
            for name in ("icl_runs", "idg_runs", "condition_runs", "fallback_runs", "source_runs")
        }
        points.append(replace(first, draws=draws, **arrays))
    return SimulatedCurve(curves[0].axis, tuple(points))
