r"""Moments averaged over fresh tasks.

For centred isotropic inputs and tasks the average over the direction of ξ is exact and that over its length is a quadrature. Otherwise
the tasks are the points of randomised digital nets in the eigenbasis of :math:`\Sigma_\xi`, where inputs have a mean of
:math:`\Sigma_\xi^{1/2}(\Sigma_x+\mu_x\mu_x^\top)\Sigma_\xi^{1/2}`, largest variance first, at each of which the expectation given ξ is
exact up to a quadrature in the label; the scatter of the independent randomisations is the size of the error: of errors of linear heads a
share of 5e-5 to 1.3e-3 for spikes and means at d = 20 and 40.
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
    exact = source.centred and not np.any(source.task_mean) and source.input_cov == source.task_cov == Identity()
    moments: list[Moments] = []
    if exact:
        for reach, norm_reach, order in ((16.0, 9.0, 20), (20.0, 12.0, 23)):
            fixed = law.unit_link or source.tasks == Sphere()
            s, weight = (np.ones(1), np.ones(1)) if fixed else task_norms(law.d, reach=norm_reach)
            with np.errstate(over="ignore", invalid="ignore"):
                moments.append(rotated(law, label_moments(source, s, reach=reach, order=order), weight))
        squares = np.array([part.square_h for part in moments])
        settled = abs(squares[0] - squares[1]) <= QUADRATURE_TOLERANCE * abs(squares[1])
    else:
        for width in widths(law):
            with np.errstate(over="ignore", invalid="ignore"):
                moments = [net_moments(law, *net) for net in task_nets(law, width)]
                squares = np.array([part.square_h for part in moments])
                settled = bool(squares.std(ddof=1) <= NET_TOLERANCE * np.sqrt(NETS) * abs(squares.mean()))
            if settled:
                break
    if not settled:
        raise HypothesisError(
            "the target has a finite fourth moment E σ*(ξᵀx)⁴ at this d, and declares its kinks",
            f"E‖h‖² from {squares.min():g} to {squares.max():g} by {len(squares)} quadratures for the {source}, d={law.d}",
            "use a Lipschitz target (its kinks declared), or a larger d",
        )
    return moments[-1] if exact else mean(moments)


def net_moments(law: SourceLaw, xi: Array, weights: Array) -> Moments:
    """The moments over the points of one net."""
    return given_tasks(law, xi, weights, reach=10.0, order=10)


def mean(parts: list[Moments]) -> Moments:
    """The mean of moments of one law."""
    label, square, b, second, signal = (
        sum(getattr(part, name) for part in parts) / len(parts) for name in ("label", "square", "b", "second", "signal")
    )
    return Moments(float(label), float(square), b, second, signal, parts[0].x, parts[0].query)


def widths(law: SourceLaw) -> tuple[float, ...]:
    """Widths of the nets' first direction to be tried in turn: labels see it as a Gaussian, and their fourth powers its tail, where the
    inputs have a mean, or one direction holds much of the tasks."""
    if law.source.tasks == Sphere():
        return (1.0,)
    return (2.0,) if law.source.mean_vectors(law.d)[0].any() else (1.0, 2.0)


def task_nets(law: SourceLaw, width: float = 1.0) -> list[tuple[Array, Array]]:
    r"""Points and weights of :data:`NETS` independent nets of tasks, of ``width`` standard deviations in the first direction.

    The weights, near equal, give :math:`\xi^\top\mu_x` and :math:`\xi^\top\Sigma_x\xi`, on which the labels depend most, and their
    squares the means they have under the law of ξ (regression on control variates).
    """
    from scipy.stats import qmc

    source, d = law.source, law.d
    values, vectors = np.linalg.eigh(source.task_cov.matrix(d))
    root = vectors * np.sqrt(values)
    shift, mean = source.mean_vectors(d)
    if shift.any():
        # With a mean of the inputs, in the eigenbasis of the link's second moment given ξ, which one direction may dominate.
        root = root @ np.linalg.eigh(root.T @ (source.input_cov.times(root.T).T + np.outer(shift, shift @ root)))[1]
    factor = root.T[::-1]
    exact = _control_means(law)
    nets = []
    for seed in np.random.SeedSequence(0).spawn(NETS):
        points = qmc.Sobol(d, rng=np.random.default_rng(seed)).random_base2(LOG_POINTS)
        # The scrambled points are multiples of 2⁻³⁰ in [0, 1); an eighth of that keeps a zero inside.
        z = ndtri(points + 2.0**-33)
        if source.tasks == Sphere():
            z *= np.sqrt(d) / np.linalg.norm(z, axis=1)[:, None]
        weights = np.exp((1 - width**2) / 2 * z[:, 0] ** 2)
        z[:, 0] *= width
        xi = mean + z @ factor
        nets.append((xi, _matched(_controls(law, xi), exact, weights / weights.sum())))
    return nets


def _controls(law: SourceLaw, xi: Array) -> Array:
    along = xi @ law.source.mean_vectors(law.d)[0]
    form = np.einsum("ij,ij->i", xi, law.source.input_cov.times(xi))
    return np.column_stack([along, along**2, form, form**2])


def _control_means(law: SourceLaw) -> Array:
    # ξ = μ + ζ, ζ = A z: E ζζᵀ = Σ_ξ, odd moments vanish, and with M = AᵀΣ_xA E(zᵀMz)² = κ(tr²M + 2 tr M²), where κ = 1 for Gaussian z
    # and d/(d + 2) on the sphere, as ‖z‖⁴ is d² there and has mean d(d + 2) else.
    source, d = law.source, law.d
    mu_x, mu = source.mean_vectors(d)
    sigma, omega = source.input_cov, source.task_cov
    product = sigma.times(omega.matrix(d))
    trace, square = np.trace(product), np.vdot(product, product.T)
    image = sigma.times(mu[None])
    centre = float(image[0] @ mu)
    kappa = d / (d + 2) if source.tasks == Sphere() else 1.0
    along = float(mu_x @ mu)
    return np.array(
        [
            along,
            along**2 + (omega.times(mu_x[None]) @ mu_x)[0],
            centre + trace,
            centre**2 + 2 * centre * trace + kappa * (trace**2 + 2 * square) + 4 * (omega.times(image) @ image[0])[0],
        ]
    )


def _matched(controls: Array, exact: Array, weights: Array) -> Array:
    """Weights of sum one, nearest to these in units of their roots, with which the controls have these means."""
    constraints = np.column_stack([np.ones(len(controls)), controls])
    scale = np.sqrt(weights @ constraints**2)
    scale[scale == 0] = 1.0
    missing = np.append(1.0, exact) / scale - weights @ (constraints / scale)
    root = np.sqrt(weights)
    return np.asarray(weights + root * np.linalg.lstsq((constraints / scale).T * root, missing)[0])
