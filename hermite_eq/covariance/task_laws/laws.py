r"""Averages over the law of a task: what a label's argument :math:`\eta^\top x` sees of ξ, and the moments of η given it.

For one task η and inputs :math:`\mathcal N(\mu,\Sigma)` the argument is normal with mean :math:`m=\eta^\top\mu` and variance
:math:`\omega^2=\eta^\top\Sigma\eta`. A law of tasks is a list of parts, each with nodes :math:`(m,\omega^2)`, over which
:math:`\mathbb E[G(m,\omega^2)\,T(\eta)]`, T = 1, η, ηηᵀ, is a sum. η is known up to directions that no input sees (Ση = 0).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance.task_laws.direction import direction_nodes
from hermite_eq.covariance.task_laws.quadratic_form import FormNodes, group_nodes, groups
from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]
Contracted = tuple[Array, Array, Array]

_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Part(ABC):
    """Nodes of the argument's mean and variance, flat arrays of one shape (N,)."""

    mean: Array
    variance: Array

    @abstractmethod
    def contract(self, values: Array, matrices: int) -> Contracted:
        """E[G], E[Gη], and for the first ``matrices`` rows E[Gηηᵀ], for values of G at the nodes, shape (f, N)."""


@dataclass(frozen=True, eq=False)
class _Points(Part):
    """Task vectors of equal or given weight, shape (N, d)."""

    tasks: Array
    weights: Array

    def contract(self, values: Array, matrices: int) -> Contracted:
        weighted = values * self.weights
        second = np.stack([(self.tasks * row[:, None]).T @ self.tasks for row in weighted[:matrices]])
        return weighted.sum(axis=1), weighted @ self.tasks, second


@dataclass(frozen=True, eq=False)
class _Directions(Part):
    """A centred direction: E[Gη] = 0."""

    mass: Array
    second: Array

    def contract(self, values: Array, matrices: int) -> Contracted:
        second = np.tensordot(values[:matrices], self.second, axes=1)
        return values @ self.mass, np.zeros((len(values), second.shape[-1])), second


@dataclass(frozen=True, eq=False)
class _SumOfForms(Part):
    """η = centre + Σ_a basis_a z_a, the variance being the sum of independent quadratic forms, nodes of the product rule."""

    centre: Array
    bases: tuple[Array, ...]
    forms: tuple[FormNodes, ...]
    weight: float

    def contract(self, values: Array, matrices: int) -> Contracted:
        shape = tuple(len(form.q) for form in self.forms)
        count, axes = len(values), range(len(self.forms))
        G = self.weight * values.reshape(count, *shape)

        def reduced(keep: tuple[int, ...]) -> Array:
            """The sum over all axes but ``keep``, against the masses."""
            out = G
            for axis in reversed(axes):
                if axis not in keep:
                    out = np.tensordot(out, self.forms[axis].mass, axes=(axis + 1, 0))
            return out

        total = reduced(())
        first = np.zeros((count, len(self.centre)))
        second = np.zeros((matrices, len(self.centre), len(self.centre)))
        for a in axes:
            form, basis, g = self.forms[a], self.bases[a], reduced((a,))
            first += (g @ form.first) @ basis.T
            second += (basis * (g[:matrices] @ form.spread)[:, None, :]) @ basis.T
            if form.outer is not None:
                second += basis @ np.tensordot(g[:matrices], form.outer, axes=1) @ basis.T
            for b in range(a):
                pair = np.einsum("fjk,jp,kq->fpq", reduced((b, a))[:matrices], self.forms[b].first, form.first, optimize=True)
                crossed = self.bases[b] @ pair @ basis.T
                second += crossed + np.swapaxes(crossed, 1, 2)
        mixed = first[:matrices, :, None] * self.centre
        second += mixed + np.swapaxes(mixed, 1, 2) + total[:matrices, None, None] * np.outer(self.centre, self.centre)
        return total, first + total[:, None] * self.centre, second


class TaskLaw(ABC):
    """A law of η, by ever finer rules."""

    #: Whether results are means over random points, with a standard error, instead of converging sums.
    random = False

    @property
    def levels(self) -> range:
        """The levels worth trying; every two of them halve the steps."""
        return range(1, 8)

    @abstractmethod
    def parts(self, level: int) -> Iterator[Part]:
        """The parts of the rule of this level; for random laws ``level`` is the number of the replica."""


@dataclass(frozen=True, eq=False)
class GivenTasks(TaskLaw):
    """The uniform law on given vectors η, shape (k, d)."""

    tasks: Array
    mean: Array
    covariance: Array

    @property
    def levels(self) -> range:
        return range(1)

    def parts(self, level: int) -> Iterator[Part]:
        k = len(self.tasks)
        variance = np.einsum("ki,ki->k", self.tasks @ self.covariance, self.tasks)
        yield _Points(self.tasks @ self.mean, variance, self.tasks, np.full(k, 1 / k))


@dataclass(frozen=True, eq=False)
class GaussianTasks(TaskLaw):
    r"""η ~ N(centre, root rootᵀ), inputs N(mean, covariance).

    Where the inputs have a mean, the coordinate of η along it is integrated by a Gauss-Hermite rule, and ω² is a quadratic form in
    the others for each of its values.
    """

    centre: Array
    root: Array
    mean: Array
    covariance: Array

    @property
    def levels(self) -> range:
        # One law of a quadratic form for each node along the mean: every further level takes two to three times as long.
        return range(1, 4) if self.mean.any() else range(1, 8)

    def parts(self, level: int) -> Iterator[Part]:
        along = self.root.T @ self.mean
        length = float(np.linalg.norm(along))
        if length <= _EPS * np.linalg.norm(self.root) * np.linalg.norm(self.mean):
            yield from self._given(self.centre, self.root, 1.0, level)
            return
        count = round(16 * 2 ** (level / 2))
        nodes, weights = np.polynomial.hermite_e.hermegauss(count)
        # The reflection that takes the first axis to `along`; its other columns span the complement.
        frame = np.linalg.qr(np.column_stack([along, np.eye(len(along))]))[0]
        direction, rest = self.root @ (along / length), self.root @ frame[:, 1:]
        for t, weight in zip(nodes, weights / weights.sum(), strict=True):
            yield from self._given(self.centre + t * direction, rest, float(weight), level)

    def _given(self, centre: Array, root: Array, weight: float, level: int) -> Iterator[Part]:
        """The part whose argument has the mean centreᵀμ."""
        m = float(centre @ self.mean)
        image = self.covariance @ root
        values, vectors = np.linalg.eigh(root.T @ image) if root.shape[1] else (np.empty(0), np.empty((0, 0)))
        # Below it is rounding: of the eigensolver, or of a direction that no input sees.
        resolved = values > len(values) * _EPS * float(np.linalg.norm(self.covariance) * np.linalg.norm(root) ** 2)
        values, basis = values[resolved], root @ vectors[:, resolved]
        shifts = (centre @ image @ vectors[:, resolved]) / values
        shifts[np.abs(shifts) * np.sqrt(values) <= _EPS * math.sqrt(max(float(centre @ self.covariance @ centre), 0.0))] = 0.0
        constant = max(float(centre @ self.covariance @ centre - values @ shifts**2), 0.0)
        if not len(values):
            yield _Points(np.array([m]), np.array([constant]), centre[None], np.array([weight]))
            return
        split = groups(values, shifts)
        forms = tuple(group_nodes(values[group], shifts[group], level) for group in split)
        variance = np.array([constant])
        for form in forms:
            variance = np.add.outer(variance, form.q).ravel()
        yield _SumOfForms(np.full(variance.shape, m), variance, centre, tuple(basis[:, group] for group in split), forms, weight)


@dataclass(frozen=True, eq=False)
class CentredDirections(TaskLaw):
    r"""η = factor · map · u with u the direction of N(0, root rootᵀ); inputs of mean zero.

    The argument's variance is :math:`\text{factor}^2\,u^\top(\text{map}^\top\Sigma\,\text{map})u`.
    """

    factor: float
    map: Array
    root: Array
    covariance: Array

    def parts(self, level: int) -> Iterator[Part]:
        nodes = direction_nodes(self.map.T @ self.covariance @ self.map, self.root, level)
        second = self.factor**2 * (self.map @ nodes.second @ self.map.T)
        yield _Directions(np.zeros(len(nodes.rho)), self.factor**2 * nodes.rho, nodes.mass, second)


@dataclass(frozen=True, eq=False)
class SampledTasks(TaskLaw):
    r"""Randomised quasi-Monte Carlo: scrambled Sobol points of N(0, I), mapped to η.

    For what has no one-dimensional form: links or tasks on the sphere, with means.

    Attributes
    ----------
    centre, root : ndarray
        ξ = centre + root z.
    sphere : bool
        z on the sphere of radius √d.
    factor : float
        η = factor · ξ, or factor · ξ/‖ξ‖ with ``unit_link``.
    """

    centre: Array
    root: Array
    sphere: bool
    unit_link: bool
    factor: float
    mean: Array
    covariance: Array
    random = True

    def parts(self, level: int) -> Iterator[Part]:
        from scipy.special import ndtri
        from scipy.stats import qmc

        n = self.root.shape[1]
        if n > qmc.Sobol.MAXDIM:
            raise HypothesisError(f"quasi-random points have dimension ≤ {qmc.Sobol.MAXDIM}", f"d = {n}", "use a smaller d")
        uniform = qmc.Sobol(n, scramble=True, rng=np.random.default_rng([_SEED, level])).random_base2(_LOG2_POINTS)
        # Sobol points may be 0 exactly once in 2^30.
        z = ndtri(np.clip(uniform, 2.0**-40, 1 - 2.0**-40))
        if self.sphere:
            z *= math.sqrt(n) / np.linalg.norm(z, axis=1, keepdims=True)
        xi = self.centre + z @ self.root.T
        if self.unit_link:
            xi /= np.linalg.norm(xi, axis=1, keepdims=True)
        yield from GivenTasks(self.factor * xi, self.mean, self.covariance).parts(0)


_SEED = 20251115
_LOG2_POINTS = 12


def inner_tasks(centre: Array, root: Array, sphere: bool, scale: float, mean: Array, covariance: Array) -> TaskLaw:
    r"""The law of η = scale · ξ, ξ = centre + root z with z ~ N(0, I), or uniform on the sphere of radius √d.

    One-dimensional integrals where there are any: not on the sphere with means.
    """
    if not sphere:
        return GaussianTasks(scale * centre, scale * root, mean, covariance)
    if mean.any() or centre.any():
        return SampledTasks(centre, root, True, False, scale, mean, covariance)
    d = root.shape[1]
    return CentredDirections(scale * math.sqrt(d), root, np.eye(d), covariance)


def unit_tasks(centre: Array, root: Array, sphere: bool, scale: float, mean: Array, covariance: Array) -> TaskLaw:
    """The law of η = scale · ξ/‖ξ‖: only the direction of ξ counts, so that for centred ξ the sphere is the Gaussian law."""
    if mean.any() or centre.any():
        return SampledTasks(centre, root, sphere, True, scale, mean, covariance)
    return CentredDirections(scale, np.eye(len(centre)), root, covariance)
