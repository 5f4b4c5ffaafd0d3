r"""How far pretraining tasks prepare for test tasks: the error of a linear Transformer direction by direction, and when more tasks hurt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, instance, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Ratios
from hermite_eq.theory.arguments import check_points
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import Place
from hermite_eq.theory.linear_limits.structured_tasks import StructuredLaw, TaskPopulation
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.roots import least_on_grid

Array = NDArray[np.float64]

#: κ searched, per decade; beyond the ends an error is that of κ = 0, or of ∞.
_LEAST, _MOST, _PER_DECADE = 1e-3, 1e4, 6


@dataclass(frozen=True, eq=False)
class TaskAlignment:
    r"""What a test task costs along each direction of the training tasks.

    Attributes
    ----------
    eigenvalues : (d,) array
        Of the training tasks' covariance, as the labels see it.
    cost : (d,) array
        The eigenvalues of K: a test covariance C adds ⟨CK⟩ to the error.
    misalignment : float
        ⟨CK⟩ for the test tasks of the population: the excess of the error with infinitely long contexts in the test. It is below ⟨C⟩ where
        training helps at all.
    context : float
        What contexts of finite length add in the test.
    irreducible : float
        The variance of the labels about their part that is linear in the task.
    unresolved : float
        The share of ⟨C⟩ that the mean fit misses, in [0, 1]: the part of ``misalignment`` that no number of samples removes.
    overlap : float
        :math:`\operatorname{tr}C_{train}C/(\|C_{train}\|\|C\|)`, which knows neither the number of tasks nor of samples.
    """

    eigenvalues: Array
    cost: Array
    misalignment: float
    context: float
    irreducible: float
    unresolved: float
    overlap: float

    @property
    def error(self) -> float:
        """The ICL error, the sum of its three parts."""
        return self.irreducible + self.misalignment + self.context

    def of(self, covariance: ArrayLike) -> float:
        """⟨CK⟩ of other test tasks: the diagonal of C in the eigenbasis of the training covariance, as the labels see it.

        >>> from hermite_eq.models import Task
        >>> population = TaskPopulation.from_covariances(Task("identity", 0.1), [2.0, 1.0])
        >>> found = task_alignment(LinearTransformer(0.0), population, Ratios(1, 2, 3))
        >>> abs(found.of([2.0, 1.0]) - found.misalignment) < 1e-12, found.of([3.0, 0.0]) < found.of([0.0, 3.0])
        (True, True)
        """
        values = array(covariance, "covariance", "its diagonal", dimensions=1)
        if values.shape != self.cost.shape:
            raise HypothesisError("the covariance has an entry for every direction", f"{values.size} of {self.cost.size}", "pass d of them")
        return float(values @ self.cost) / values.size


def task_alignment(model: LinearTransformer, population: TaskPopulation, ratios: Ratios) -> TaskAlignment:
    r"""The ICL error of a linear Transformer split into what its test tasks cost, what short contexts do, and the rest.

    With the notation of ``derivations/linear/task_covariances.py`` and :math:`\epsilon=e_{IDG}/\tau`,

    .. math:: e_{ICL}=v_t-\langle T\rangle+\langle TK\rangle+\frac{v_t}{\alpha_t}\Big\langle\frac{S^2+\epsilon(S+i)}{(S+y)^2}\Big\rangle,
        \qquad K=\frac{y^2+\epsilon(S+i)}{(S+y)^2}.

    ⟨TK⟩ is the misalignment of Letey et al., who have :math:`K=\epsilon F_\kappa(y)+(q\epsilon-y^2)F'_\kappa(y)` with the equivalent
    :math:`F_\kappa(y)=\frac1\varphi(C+\psi)^{-1}` of :math:`(S+y)^{-1}`, q = y − i; here it is also the excess error at infinitely long
    contexts in the test, for any target.

    Parameters
    ----------
    model : LinearTransformer
    population : TaskPopulation
    ratios : Ratios

    Raises
    ------
    HypothesisError
        As :func:`hermite_eq.theory.icl_error` of the population; also where the error diverges.

    References
    ----------
    Letey, Zavatone-Veth, Lu and Pehlevan, arXiv 2509.26551. ``derivations/linear/task_alignment.py``.

    Examples
    --------
    Tasks of training along the first of two directions; a test on the second learns nothing:

    >>> from hermite_eq.models import Task
    >>> population = TaskPopulation.from_covariances(Task("identity", noise=0.1), [2.0, 0.0], [0.0, 2.0])
    >>> found = task_alignment(LinearTransformer(0.1), population, Ratios(alpha=10, kappa=1, tau=5))
    >>> found.overlap, round(found.unresolved, 12), found.misalignment > 1, bool(found.cost[0] < found.cost[1])
    (0.0, 1.0, True, True)
    """
    law = _law(model, population, ratios)
    errors, at = law.solved(Place.of(law.head, [ratios]))
    _check(errors, ratios)
    spectrum, y = population.spectrum, float(at.noise[0] + at.resolvent.ridge[0])
    epsilon = float(errors.idg[0]) / ratios.tau
    t_2, ts_2 = (x[0] for x in spectrum.directions(at.noise, at.origin, at.excess, at.gamma))
    missed = y**2 * t_2
    cost = missed + epsilon * (ts_2 + float(at.noise[0]) * t_2)
    fresh, total = spectrum.fresh, spectrum.fresh_mean
    misalignment, shares = float(spectrum.weights @ (fresh * cost)), spectrum.weights * fresh
    rest = at.beyond_fresh
    norms = math.sqrt(float(spectrum.eigenvalues @ spectrum.eigenvalues) * population.fresh_square)
    return TaskAlignment(
        eigenvalues=spectrum.eigenvalues, cost=cost, misalignment=misalignment, irreducible=rest,
        context=float(errors.icl[0]) - rest - misalignment, unresolved=float(shares @ missed) / total,
        overlap=float(spectrum.eigenvalues @ fresh) / norms,
    )  # fmt: skip


def _law(model: LinearTransformer, population: TaskPopulation, ratios: Ratios) -> StructuredLaw:
    instance(population, TaskPopulation, "the tasks are a TaskPopulation", "pass TaskPopulation.from_covariances(task, train, test)")
    check_points([ratios], Ratios)
    return StructuredLaw.of(Head.of(model), population, [ratios])


def _check(errors: ErrorArrays, ratios: Ratios) -> None:
    if not np.isfinite(errors.icl).all():
        raise HypothesisError("the error is finite", f"exact interpolation at {ratios}", "pass a ridge, or another tau")


@dataclass(frozen=True, eq=False)
class DiversityDiagram:
    r"""The number of training tasks of least ICL error, at every n and for every population.

    Attributes
    ----------
    tau : (T,) array
    kappa : (T, P) array
        κ* = k/d; ``inf`` where more tasks are always better, 0 where the fewer the better.
    least, unlimited : (T, P) arrays
        The error at κ*, and with a task for every context, κ = ∞.
    alpha : float
    """

    tau: Array
    kappa: Array
    least: Array
    unlimited: Array
    alpha: float

    @property
    def hurts(self) -> NDArray[np.bool_]:
        """Where more tasks than some number make the error larger."""
        return np.asarray(np.isfinite(self.kappa))


def diversity_diagram(
    model: LinearTransformer, populations: Sequence[TaskPopulation], *, alpha: float, tau: ArrayLike, test_alpha: float | None = None
) -> DiversityDiagram:
    r"""When more training tasks hurt: the κ = k/d of least ICL error for several populations, which may differ in their test tasks.

    Parameters
    ----------
    model : LinearTransformer
    populations : sequence of TaskPopulation
        Made by :meth:`TaskPopulation.from_covariances`, or from_sources.
    alpha : float
    tau : array_like
    test_alpha : float, optional

    Raises
    ------
    HypothesisError
        For populations of given tasks, whose κ is theirs; where the error diverges.

    References
    ----------
    That more tasks may hurt: Letey et al., arXiv 2509.26551.

    Examples
    --------
    Power-law tasks of training; with few samples and short contexts a test on directions that are rare in it is best with few tasks:

    >>> import numpy as np
    >>> from hermite_eq.models import Task
    >>> train = 1 / np.arange(1, 41)
    >>> kinds = [TaskPopulation.from_covariances(Task("identity", 0.1), train, test) for test in (train, train[::-1])]
    >>> diversity_diagram(LinearTransformer(0.1), kinds, alpha=1, tau=[0.5, 50]).hurts
    array([[False,  True],
           [False, False]])
    """
    listed = sequence(populations, "populations", empty=False)
    taus = np.array([Ratios(alpha, 1.0, float(t), test_alpha=test_alpha).tau for t in array(tau, "tau", empty=False).ravel()])
    grid = np.linspace(math.log10(_LEAST), math.log10(_MOST), round(math.log10(_MOST / _LEAST)) * _PER_DECADE + 1)
    kappa, least, unlimited = (np.empty((taus.size, len(listed))) for _ in range(3))
    for i, j in np.ndindex(kappa.shape):
        where = Ratios(alpha, math.inf, float(taus[i]), test_alpha=test_alpha)
        law = _law(model, listed[j], where)
        place = Place.of(law.head, [where])

        def at(log: Array, law: StructuredLaw = law, place: Place = place) -> Array:
            ones = np.ones(log.size)
            place_at = {name: x * ones for name, x in vars(place).items()} | {"kappa": 10.0 ** log.ravel()}
            return np.asarray(law.solved(Place(**place_at))[0].icl).reshape(log.shape)

        unlimited[i, j] = float(law.solved(place)[0].icl[0])
        if not math.isfinite(unlimited[i, j]):
            _check(law.solved(place)[0], where)
        best, value = least_on_grid(at, grid)
        falls = value >= unlimited[i, j] * (1 - 1e-9)
        kappa[i, j] = math.inf if falls else 0.0 if best < grid[1] else 10.0**best
        least[i, j] = unlimited[i, j] if falls else value
    return DiversityDiagram(taus, kappa, least, unlimited, Ratios(alpha, 1.0, 1.0).alpha)
