"""The law of features and label: everything that the error of a trained Transformer is solved from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import Ratios
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.prediction import ErrorArrays

Array = NDArray[np.float64]
#: Arrays of a theory curve by name, one entry for each point.
Columns = dict[str, Array]
#: Columns, and what limits them at these points.
Solution = tuple[Columns, tuple[str, ...]]


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureLaw(ABC):
    """The joint law of features and label in training and in the test, for one head, d, ℓ and k, or for one head in the limit.

    What is known of it decides how its errors are solved, and is what the subclasses differ in: one spectrum for all samples, moments of
    several populations, types of neurons, given contexts, or a mean over any of these.

    Attributes
    ----------
    head : Head
    notes : tuple of str
        What limits the law. They are for readers, and decide nothing.
    places : tuple of int
        Which source of the law each test source of the task is: equal ones are one.
    """

    head: Head
    notes: tuple[str, ...] = ()
    places: tuple[int, ...] = (0,)

    @abstractmethod
    def solution(self, points: Sequence[Any]) -> Solution:
        """The columns at points that differ in n and m, or at any Ratios; the error on each source of the law in ``icl_by_source``, where
        there are several, and standard errors in ``icl_stderr`` and ``idg_stderr``, where there are any."""

    @classmethod
    def solutions(cls, laws: Sequence[Self], points: Sequence[Any]) -> list[Columns]:
        """The columns of several laws at the same points, as if each were solved by itself."""
        return [law.solution(points)[0] for law in laws]


def solve(law: FeatureLaw, points: Sequence[Any]) -> Solution:
    """The columns of a theory curve at points of the law, and all notes."""
    columns, notes = law.solution(points)
    by_source = columns.get("icl_by_source", columns["icl"][:, None])
    exact = np.zeros(len(points))
    columns = {"icl_stderr": exact, "idg_stderr": exact} | columns | {"icl_by_source": by_source[:, list(law.places)]}
    return columns, (*law.notes, *notes)


def joined(solutions: Sequence[Solution]) -> Solution:
    """Solutions at points one after another, some of which have columns that others have not: one source, and no standard errors."""
    padded = [{"icl_by_source": columns["icl"][:, None]} | columns for columns, _ in solutions]
    names = dict.fromkeys(name for columns in padded for name in columns)
    together = {name: np.concatenate([columns.get(name, np.zeros_like(columns["icl"])) for columns in padded]) for name in names}
    return together, tuple(dict.fromkeys(note for _, notes in solutions for note in notes))


@dataclass(frozen=True, eq=False)
class Place:
    """Where errors are evaluated: α in training and in the test, κ, τ, μ and λ, arrays of shape (P,) or dual numbers. At finite d they need
    not belong to integers."""

    alpha: Any
    test_alpha: Any
    kappa: Any
    tau: Any
    mu: Any
    ridge: Any

    @classmethod
    def of(cls, head: Head, points: Sequence[Any]) -> Place:
        """Sizes or Ratios, with the ridge of the head."""
        mu, ridge = head.units(points), np.full(len(points), head.ridge)
        if isinstance(points[0], Ratios):
            alpha, kappa, tau = (np.array([getattr(point, name) for point in points]) for name in ("alpha", "kappa", "tau"))
            return cls(alpha, np.array([point.tested.alpha for point in points]), kappa, tau, mu, ridge)
        d = np.array([point.d for point in points], float)
        alpha, kappa, n = (np.array([getattr(point, name) for point in points]) for name in ("context", "tasks", "samples"))
        return cls(alpha / d, np.array([point.tested.context for point in points]) / d, kappa / d, n / d**2, mu / d**2, ridge)


@dataclass(frozen=True, eq=False, kw_only=True)
class IsotropicLaw(FeatureLaw):
    """One isotropic source, all of whose samples have one spectrum: errors are functions of the ratios and the ridge, differentiable."""

    @abstractmethod
    def errors(self, at: Place) -> ErrorArrays:
        """The errors at each place. Where d is finite α plays no role, as the law has one of its own."""

    def solution(self, points: Sequence[Any]) -> Solution:
        return self.errors(Place.of(self.head, points)).columns, ()


@dataclass(frozen=True, eq=False, kw_only=True)
class LesserLaw(FeatureLaw):
    """Laws each of which leaves out functions of h that are learnt: at every point the errors by the one that learns more.

    Attributes
    ----------
    laws : (FeatureLaw, FeatureLaw)
    """

    laws: tuple[FeatureLaw, FeatureLaw]

    def solution(self, points: Sequence[Any]) -> Solution:
        (left, first), (right, second) = (law.solution(points) for law in self.laws)
        less = right["icl"] < left["icl"]
        columns = {name: np.where(less[:, None] if part.ndim > 1 else less, right[name], part) for name, part in left.items()}
        notes = (*self.laws[0].notes, *first) if not less.all() else ()
        return columns, (*notes, *self.laws[1].notes, *second) if less.any() else notes


#: Draws that suffice where their standard errors are small.
FIRST = 6


@dataclass(frozen=True, eq=False, kw_only=True)
class LawOverDraws(FeatureLaw):
    """A law given something drawn, as the training tasks: errors are means over its draws, with standard errors.

    Attributes
    ----------
    given : callable
        From the number of a draw to the law given it.
    controls : (draws, c) array
        Functions of the draws of mean 0, with which the errors vary.
    precise : float
        Standard error, relative to the error, above which the mean is over all draws and not the first :data:`FIRST`.
    """

    given: Callable[[int], FeatureLaw]
    controls: Array
    precise: float

    def solution(self, points: Sequence[Any]) -> Solution:
        first = self._draws(range(min(FIRST, len(self.controls))), points)
        columns = mean_columns(first, self.controls[:FIRST])
        rough = [i for i in range(len(points)) if any(columns[f"{e}_stderr"][i] > self.precise * columns[e][i] for e in ("icl", "idg"))]
        if rough:
            more = self._draws(range(FIRST, len(self.controls)), [points[j] for j in rough])
            again = [{name: values[rough] for name, values in draw.items()} for draw in first]
            for name, column in mean_columns([*again, *more], self.controls).items():
                columns[name][rough] = column
        return columns, ()

    def _draws(self, numbers: Iterable[int], points: Sequence[Any]) -> list[Columns]:
        """The columns of the laws given some draws."""
        laws = [self.given(i) for i in numbers]
        return type(laws[0]).solutions(laws, points)


def controlled_mean(values: Array, controls: Array) -> tuple[Array, Array]:
    r"""The mean over draws, shape (draws, …), at the known means 0 of control variates, shape (draws, c), and its standard error.

    With :math:`\bar f` and :math:`\bar c` the means and β the regression coefficients of f on c it is
    :math:`\bar f-\beta^\top\bar c`, whose variance is that of the residuals over the number of draws times
    :math:`1+\bar c^\top\widehat{\operatorname{Cov}}(c)^{-1}\bar c`. A mean that diverges has no standard error.

    Examples
    --------
    >>> controls = np.array([[0.1], [-0.3], [0.2], [0.4]])
    >>> mean, stderr = controlled_mean(5 + 2 * controls[:, 0], controls)
    >>> float(mean.round(12)), bool(stderr < 1e-12)
    (5.0, True)
    """
    count, middle = len(controls), controls.mean(axis=0)
    finite = np.isfinite(values).all(axis=0)
    safe = np.where(finite, values, 0.0)
    centred = controls - middle
    # Where a control does not vary it tells nothing.
    inverse = np.linalg.pinv(centred, rcond=1e-10)
    beta = np.tensordot(inverse, safe, 1)
    mean = safe.mean(axis=0) - np.tensordot(middle, beta, 1)
    residual = safe - safe.mean(axis=0) - np.tensordot(centred, beta, 1)
    leverage = 1 / count + float(((middle @ inverse) ** 2).sum())
    stderr = np.sqrt((residual**2).sum(axis=0) / (count - 1 - controls.shape[1]) * leverage)
    return np.where(finite, mean, values.mean(axis=0)), np.where(finite, stderr, 0.0)


def mean_columns(draws: Sequence[Columns], controls: Array) -> Columns:
    """The columns of a curve as controlled means over draws, with the standard errors of ``icl`` and ``idg``.

    Nothing in them is negative, which a regression does not know; and of the residuals the largest holds for every draw.
    """
    columns: Columns = {}
    for name in draws[0]:
        mean, stderr = controlled_mean(np.array([draw[name] for draw in draws]), controls)
        columns[name] = np.maximum(mean, 0.0)
        if name in ("icl", "idg"):
            columns[f"{name}_stderr"] = stderr
    columns["fixed_point_residual"] = np.max([draw["fixed_point_residual"] for draw in draws], axis=0)
    return columns
