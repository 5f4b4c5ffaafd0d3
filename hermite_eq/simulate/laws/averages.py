r"""Moments averaged over fresh tasks.

For centred isotropic inputs and tasks the average over the direction of ξ is exact and that over its length is a quadrature. Otherwise
the tasks are the points of randomised digital nets in the eigenbasis of :math:`\Sigma_\xi`, largest variance first, at each of which the
expectation given ξ is exact; the scatter of the independent randomisations is the size of the error.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import ndtri

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Identity, Sphere
from hermite_eq.simulate.laws.moments import Moments, given_tasks, rotated
from hermite_eq.simulate.laws.source_law import SourceLaw
from hermite_eq.simulate.population import Array, label_moments, task_norms

#: Largest relative disagreement of two quadratures of different range and step. It shifts the standard
#: deviation of the pre-activations by half as much, far below any Monte Carlo error here; analytic and
#: correctly kinked targets agree to rounding.
QUADRATURE_TOLERANCE = 1e-4
#: Largest relative standard error of E‖b‖² over the nets.
NET_TOLERANCE = 1e-2
#: Independent randomisations, and log₂ of the points of each.
NETS, LOG_POINTS = 8, 10


@functools.lru_cache(maxsize=256)
def fresh_moments(law: SourceLaw) -> Moments:
    """The moments over fresh tasks, Gaussian or on the sphere, and Gaussian inputs with the source's means and covariances.

    Raises
    ------
    HypothesisError
        If quadratures of different range and step disagree, or the nets do: :math:`\\mathbb E y^4` is infinite or not resolved.
    """
    source = law.source
    found: list[Moments]
    if source.centred and not np.any(source.task_mean) and source.input_cov == source.task_cov == Identity():
        found = []
        for reach, norm_reach, order in ((16.0, 9.0, 20), (20.0, 12.0, 23)):
            fixed = law.unit_link or source.tasks == Sphere()
            s, weight = (np.ones(1), np.ones(1)) if fixed else task_norms(law.d, reach=norm_reach)
            with np.errstate(over="ignore", invalid="ignore"):
                found.append(rotated(law, label_moments(source, s, reach=reach, order=order), weight))
        squares = np.array([part.square_h for part in found])
        settled = abs(squares[0] - squares[1]) <= QUADRATURE_TOLERANCE * abs(squares[1])
        mean = found[1]
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            found = [given_tasks(law, xi) for xi in task_nets(law)]
            squares = np.array([part.square_h for part in found])
            settled = bool(squares.std(ddof=1) <= NET_TOLERANCE * np.sqrt(NETS) * abs(squares.mean()))
        mean = average(found, np.full(NETS, 1 / NETS))
    if not settled:
        raise HypothesisError(
            "the target has a finite fourth moment E σ*(ξᵀx)⁴ at this d, and declares its kinks",
            f"E‖h‖² from {squares.min():g} to {squares.max():g} by {len(squares)} quadratures for the {source}, d={law.d}",
            "use a Lipschitz target (its kinks declared), or a larger d",
        )
    return mean


def average(parts: list[Moments], weights: Array) -> Moments:
    """The mean of moments with these probabilities."""
    first = parts[0]
    fields = ("label", "square", "b", "second", "signal")
    label, square, b, second, signal = (
        sum(weight * getattr(part, name) for part, weight in zip(parts, weights, strict=True)) for name in fields
    )
    return Moments(float(label), float(square), b, second, signal, first.x, first.query)


def task_nets(law: SourceLaw) -> list[Array]:
    """Points of :data:`NETS` independent nets of tasks."""
    from scipy.stats import qmc

    source, d = law.source, law.d
    values, vectors = np.linalg.eigh(source.task_cov.matrix(d))
    factor = (vectors * np.sqrt(values)).T[::-1]
    mean = source.mean_vectors(d)[1]
    nets = []
    for seed in np.random.SeedSequence(0).spawn(NETS):
        points = qmc.Sobol(d, rng=np.random.default_rng(seed)).random_base2(LOG_POINTS)
        # The scrambled points are in [0, 1); half a last place keeps the zeros of finitely many bits inside.
        z = ndtri(points + 2.0**-33)
        if source.tasks == Sphere():
            z *= np.sqrt(d) / np.linalg.norm(z, axis=1)[:, None]
        nets.append(mean + z @ factor)
    return nets
