r"""Ridge regression on random features of samples that differ in scale: the deterministic equivalent.

A sample has a variable θ (in the limit: none; at finite d: the norms of x, ξ and b). Given θ the features and the label are

.. math:: \phi=\sum_j\psi_j(\theta)\,q_j+c_1(\theta)F^\top\hat h+c_*(\theta)z,\qquad
    \mathbb E[y|\theta]=y_0(\theta),\quad\mathbb E[y^2|\theta]=y_2(\theta),\quad\mathbb E[\hat hy|\theta]=m(\theta)\,M,

with :math:`F_{ij}\sim\mathcal N(0,1)`, :math:`\mathbb E[\hat h\hat h^\top|\theta]=(r+\Delta(\theta)(s-1))/D` on the eigenvectors
of S_k ⊗ I, and directions :math:`q_j\in\mathbb R^m` of independent standard normal entries:
:math:`\psi_1=c_0(\theta)` (the all-ones direction), :math:`\psi_2=c_2(\theta)\sqrt{\operatorname{Tr}C^2/2}` (the mean of the
degree-2 part, :math:`\frac{c_2}2(f_i^\top Cf_i-1)` on neuron i).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import ConvergenceError, HypothesisError
from hermite_eq.theory.dual import Dual, implicit, value
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.roots import increasing_root
from hermite_eq.theory.spectra.given_spectrum import GivenSpectrum
from hermite_eq.theory.spectra.spectrum import Spectrum

Array = NDArray[np.float64]

#: Stands for k = 0+, the limit where neither samples nor features are too few and nothing else regularises; its square is still a number.
SMALLEST_RIDGE = 1e-100
#: A k beyond which every error is that at k = ∞ to the last digit, so that it stands for all of them; its cube is still a number.
LARGEST_RIDGE = 1e80
#: A λ which acts as infinite for every head and label that is not refused, and whose multiples are doubles.
_LARGEST_LAMBDA = 1e250
#: A difference of numbers of order 1 has the error ε, so that below √ε/8 its relative error is above 8 √ε = 1.2e-7.
_UNRESOLVED = float(np.sqrt(np.finfo(float).eps)) / 8
#: A ridge, in units of the features, whose roots, the differences, are sixteen times as large: for constants of order 1.
_RESOLVED = (16 * _UNRESOLVED) ** 2
_EPS = float(np.finfo(float).eps)
#: Newton's steps for the slope.
_NEWTON = 60
#: The factor by which an upper bound of k is raised until it is one, and how often; most roots are less than its square below.
_STRETCH, _WIDENINGS = 64.0, 64
#: A guess of k, shape (...), and the relative change of what k was solved for, shape (...) or one number: k moves by about as much.
Guess = tuple[Array, Any]
#: The half-width of the bracket that is tried first: so many times that change, within these limits.
_MARGIN, _NARROW, _LOOSE = 4.0, 1e-12, 0.02


def without_ridge(k: Array) -> NDArray[np.bool_]:
    """Whether k is 0+."""
    return np.asarray(k <= 2 * SMALLEST_RIDGE)


@dataclass(frozen=True)
class FeatureSamples:
    r"""The law of the features, and of the size of the label, given θ, at nodes along the last axis.

    Attributes
    ----------
    weights : ndarray
        Probabilities of the nodes.
    c0, c1, c2 : ndarray
        Hermite coefficients of the head at each node.
    residual2 : ndarray
        :math:`c_*^2=\mathbb E\sigma^2-c_0^2-c_1^2` at each node.
    mean, square : ndarray
        :math:`y_0` and :math:`y_2`.
    """

    weights: Array
    c0: Array
    c1: Array
    c2: Array
    residual2: Array
    mean: Array
    square: Array


@dataclass(frozen=True)
class ScaledSamples(FeatureSamples):
    r"""The law of (features, label) given θ where all samples have one spectrum.

    Attributes
    ----------
    signal : ndarray
        m, in the scaling where :math:`m^2\langle s^2/(r+k)\rangle` is :math:`m^2M^\top(C+\kappa_2)^{-1}M`.
    tilt : ndarray
        Δ, with :math:`\mathbb E[c_1^2\omega\Delta]=0`: how much more of this sample's b lies along its task.
    """

    signal: Array
    tilt: Array


@dataclass(frozen=True)
class FixedPoint:
    r"""The solution of the two equations of :func:`fixed_point`.

    Attributes
    ----------
    k, a : ndarray
    omega : ndarray
        ω(θ); :math:`a\omega=1/(1+\delta)` weighs the leave-one-out residuals.
    dof : ndarray
        :math:`1-a\,\mathbb E\omega`, the degrees of freedom per sample.
    residual : ndarray
        Relative residual of the second equation.
    interpolates : ndarray of bool
        Whether the ridge is 0 and the rank of the features is n, up to the rounding of the ratios.
    """

    k: Array
    a: Array
    omega: Array
    dof: Array
    residual: Array
    interpolates: NDArray[np.bool_]


Samples = TypeVar("Samples", bound=FeatureSamples)


def ridge_in_units(ridge: Array, unit: Any) -> Array:
    """λ over a unit: a double, and 0 only where λ is.

    >>> ridge_in_units(np.array([0.0, 5e-324, 1.0, 1e308]), 1e3)
    array([0.00000000e+000, 2.22507386e-308, 1.00000000e-003, 1.00000000e+247])
    """
    scaled: Array = np.maximum(np.minimum(ridge, _LARGEST_LAMBDA) / unit, np.where(ridge > 0, np.finfo(float).tiny, 0.0))
    return scaled


def _column(x: Array) -> Array:
    return x[..., None]


def _slope(strength: Array, load: Array, tau: Array) -> tuple[Array, Array]:
    r"""a ≥ 0 with :math:`\mathbb E[c_1^2\tau/(\tau a+w)]=1`, and the first of Newton's steps (negative, and a = 0, where there is none).

    The reciprocal of the mean is increasing and concave in a (linear for one node), so Newton's iteration from a = 0 rises to the root
    and does not pass it.
    """
    a = first = np.zeros_like(tau)
    for n in range(_NEWTON):
        omega = _column(tau) / (_column(tau * a) + load)
        weighed = strength * omega
        total = weighed.sum(-1)
        step = total * (total - 1) / np.vecdot(weighed, omega)
        first = first if n else step
        step = np.where(first > 0, step, 0.0)
        a = a + np.maximum(step, 0.0)
        if (step <= 4 * _EPS * a).all():
            return a, first
    if np.any(step > np.sqrt(_EPS) * a):
        raise ConvergenceError(
            "Newton's iteration for the slope settles",
            f"steps of {step.max():.3g} after {_NEWTON} of them",
            "pass ratios, noise and ridge of ordinary size",
        )
    return a, first


def replace_zero_slope(samples: Samples) -> Samples:
    """The samples with c₁ = 0 replaced by a c₁ whose part is below rounding, so that every formula keeps its form."""
    # c₁ → 0: at c₁ = 1e-10 c_* the linear part contributes less than rounding, and the limit needs no formulas of its own.
    faint = 1e-20 * (samples.weights * samples.residual2).sum(-1)
    silent = (samples.weights * samples.c1**2).sum(-1) < faint
    return replace(samples, c1=np.where(_column(silent), _column(np.sqrt(faint)), samples.c1))


def fixed_point(
    samples: ScaledSamples, spectrum: Spectrum | GivenSpectrum, tau: Array, mu: Array, ridge: Array, guess: Guess | None = None
) -> FixedPoint:
    r"""The effective ridge k and the slope a of ridge regression on the features of this module.

    Everything is in units of the dimension D: τ = n/D, μ = m/D (``inf`` allowed), :math:`k=D\kappa_2`. With
    :math:`f_1(\theta)=\langle(r+\Delta(s-1))/(r+k)\rangle`, :math:`w(\theta)=c_1^2f_1(\theta)+c_*^2/k`,
    :math:`\omega(\theta)=\tau/(\tau a+w)` and ``ridge`` = λ_s/μ, λ_s the ridge per sample,

    .. math:: \mathbb E[c_1^2\,\omega]=1,\qquad a\,k\,\Big(1-\frac\tau\mu\,\mathbb E\frac{w}{\tau a+w}\Big)=\frac{\lambda_s}\mu .

    For given k the first equation has one root a(k), which increases with k because w decreases; then so does
    :math:`\tau a/(\tau a+w)`, and the left side of the second increases wherever it is not negative. Hence (k, a) is unique, and
    λ_s = 0 selects the largest k at which a factor vanishes.

    Parameters
    ----------
    samples : ScaledSamples
        Arrays of shape (..., N).
    spectrum : Spectrum or GivenSpectrum
        Arrays of shape (...).
    tau, mu, ridge : ndarray
        Shape (...).
    guess : Guess, optional
        As in :func:`effective_ridge`.

    References
    ----------
    Derivation: ``derivations/heads/random_features.py``.
    """
    samples = replace_zero_slope(samples)
    power = samples.c1**2

    def load(k: Array) -> Array:
        t = spectrum.traces(k)
        return power * (_column(t.f1) + samples.tilt * _column(t.x1)) + samples.residual2 / _column(k)

    return effective_ridge(load, samples, tau, mu, ridge, guess)


def effective_ridge(
    load: Callable[[Array], Array], samples: FeatureSamples, tau: Array, mu: Array, ridge: Array, guess: Guess | None = None
) -> FixedPoint:
    r"""The two equations of :func:`fixed_point` for any loads w(θ), decreasing functions of k.

    Parameters
    ----------
    load : callable
        From k, shape (...), to w, shape (..., N).
    samples, tau, mu, ridge
        As in :func:`fixed_point`; of the samples only weights, :math:`c_1` and :math:`c_*^2` enter. Where something is a dual number,
        so is the solution.
    guess : Guess, optional
        It saves steps, and does not change the answer.
    """
    weights, power, steady = samples.weights, samples.c1**2, value(tau)
    strength = value((weights * power).sum(-1))
    capacity = value(mu)
    # For large ridges a → E c₁² and k → λ_s/(μa).
    ridge = np.minimum(ridge, LARGEST_RIDGE * strength)
    penalty, powers, probabilities = value(ridge), value(weights * power), value(weights)
    load_ratio, beyond = steady / capacity, -_EPS * strength

    def equations(k: Array) -> tuple[Array, Array, Array, Array]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            loads = value(load(k))
            a, first = _slope(powers, loads, steady)
            total = _column(steady * a) + loads
            dof = np.vecdot(probabilities, loads / total)
            residual = a * (1 - load_ratio * dof)
        # Where there is no a, Newton's step goes on smoothly, for a root at a = 0+ where n < m and the ridge is small. A step of 0 is
        # one that rounding has taken: at τ = 1 without c_* it is that of ⟨r/(r+k)⟩⁻¹ − 1 > 0, and the root is beyond.
        without = np.minimum(first, beyond) * np.where(steady < capacity, 1 - load_ratio, 1.0)
        return np.where(first <= 0, without, residual) - penalty / k, a, _column(steady) / total, dof

    upper = 1 + penalty / strength
    ends = [upper / _STRETCH**2, lower := np.full_like(steady, SMALLEST_RIDGE)]
    if guess is not None:
        known, near = guess[0], 1 + np.clip(_MARGIN * guess[1], _NARROW, _LOOSE)
        ends.insert(0, np.maximum(known / near, lower))
        upper = np.where(without_ridge(known), upper, known * near)
    for _ in range(_WIDENINGS):
        short = equations(upper)[0] < 0
        if not short.any():
            break
        upper = np.where(short, _STRETCH * upper, upper)
        ends[-2] = np.where(short, upper / _STRETCH**2, ends[-2])
    else:
        raise ConvergenceError(
            "the effective ridge has an upper bound", f"none below {upper.max():.3g}", "pass ratios, noise and ridge of ordinary size"
        )
    # An end that is no lower bound is an upper one.
    k, bounded = upper, np.zeros(steady.shape, bool)
    for end in ends:
        low = np.minimum(end, k)
        root = increasing_root(lambda k: equations(k)[0], np.where(bounded, lower, low), np.where(bounded, lower, k))
        k = np.where(bounded, k, root)
        bounded |= root > low
        if bounded.all():
            break
    rank = feature_rank(value(samples.residual2), capacity)
    # n/D = n/d² · d/(d+1) is rounded three times, by ε/2 each, and so is m/D: 3ε between equal numbers, and ε for the difference.
    full = np.abs(rank - steady) <= 4 * _EPS * steady
    interpolates = (penalty == 0) & full
    k = np.where(interpolates & (k < _EPS), lower, k)
    left, a, omega, dof = equations(k)
    # Near n = rank the errors are a power of λ, through a, of which a digit is lost with every one that 1 − ⟨r/(r+k)⟩ or 1 − dof loses.
    free = np.minimum(k, 1 - load_ratio * dof)
    lost = full & (penalty > 0) & (a < _UNRESOLVED * strength) & (free < _UNRESOLVED)
    if lost.any():
        least = float((penalty / strength)[lost].min())
        # Below the normal doubles the factor is not known.
        larger = f", or one {_RESOLVED / least:.1g} times as large" if penalty[lost].min() > np.finfo(float).tiny else ""
        raise HypothesisError(
            "where n is the rank of the features, the ridge is 0 or large enough for double precision",
            f"a ridge of {least:.3g} in units of the features",
            f"pass ridge=0{larger}",
        )
    residual = np.where(k > lower, np.abs(left) / (strength + penalty / k), 0.0)
    directions = _directions(load(k), samples, tau, mu, ridge)
    if not directions:
        return FixedPoint(k, a, omega, dof, residual, interpolates)

    def implicitly(k: Any, a: Any) -> tuple[Any, Any]:
        loads = load(k)
        total = _column(tau * a) + loads
        first = (weights * power * _column(tau) / total).sum(-1) - 1
        # Times k, so that the slope in λ at λ = 0 is right where k = 0+.
        return first, k * a * (1 - tau / mu * (weights * loads / total).sum(-1)) - ridge

    moving: tuple[Any, Any] = implicit(implicitly, k, a, directions)
    loads = load(moving[0])
    total = _column(tau * moving[1]) + loads
    return FixedPoint(*moving, _column(tau) / total, (weights * loads / total).sum(-1), residual, interpolates)


def feature_rank(residual2: Array, mu: Array) -> Array:
    """Rank of the features over D: m/D, and at most 1 where no sample has a nonlinear part."""
    return np.where((residual2 > 0).any(-1), mu, np.minimum(mu, 1.0))


def _directions(load: Any, samples: FeatureSamples, *others: Any) -> int:
    """The number of directions of the dual numbers among the arguments; 0 if there is none."""
    duals = [x for x in (load, *vars(samples).values(), *others) if isinstance(x, Dual)]
    return len(duals[0].partials) if duals else 0


def random_head_error(
    samples: ScaledSamples,
    spectrum: Spectrum | GivenSpectrum,
    tau: Array,
    mu: Array,
    point: FixedPoint,
    dimension: float,
    unit: Array,
    tests: ScaledSamples | None = None,
) -> ErrorArrays:
    r"""Errors of ridge regression on the features of this module, at its fixed point.

    With :math:`\kappa_2'=1/(\mu-f_2)` and the bilinear form
    :math:`T_1{:}T_2=\langle T_1T_2/(r+k)^2\rangle+k^2\kappa_2'\langle T_1/(r+k)^2\rangle\langle T_2/(r+k)^2\rangle` (the equivalent of
    :math:`\operatorname{tr}F^\top T_1F(A+z)^{-1}F^\top T_2F(A+z)^{-1}`), the weights of the fit have a mean part, whose error at θ is
    :math:`r^0(\theta)`, and a covariance, which adds

    .. math:: r(\theta)=r^0(\theta)+c_1^2(U_C+\Delta U_X)+\frac{c_*^2}kV,\qquad
        U_T=\tfrac1\tau\mathbb E\Big[\omega^2r
            \Big(c_1^2(T{:}C+\Delta\,T{:}X)+\tfrac{c_*^2}k\,k\kappa_2'\langle\tfrac T{(r+k)^2}\rangle\Big)\Big],

    three linear equations for :math:`U_C,U_X,V`. Then :math:`e_{IDG}=\mathbb E\,r`, and e_ICL is the same with fresh-task T and the
    nodes of the test, which enter linearly.

    Parameters
    ----------
    samples, spectrum, tau, mu
        As in :func:`fixed_point`.
    point : FixedPoint
    dimension : float
        D, or ``inf``: then a c_0 ≠ 0 is fitted at no cost.
    unit : ndarray
        The mean eigenvalue of :math:`\operatorname{Cov}(\sqrt d\,h)`, of which r and k are multiples.
    tests : ScaledSamples, optional
        The nodes of the test, whose tilts play no role; those of training by default.

    Returns
    -------
    ErrorArrays
        ``inf`` where the model interpolates exactly; ``effective_ridge`` is k times ``unit``.

    References
    ----------
    Derivation: ``derivations/heads/random_features.py``.
    """
    samples = replace_zero_slope(samples)
    tests = samples if tests is None else tests
    k, omega = point.k, point.omega
    t = spectrum.traces(k)
    c1, power, noise = samples.c1, samples.c1**2, samples.residual2 / _column(k)
    # m − df₂ = (m − D) + k(⟨1/(r+k)⟩ + ⟨r/(r+k)²⟩)D keeps its digits near m = D.
    gain = 1 / np.where(mu > 0.5, mu - 1 + k * (t.inverse + t.j), mu - t.f2)
    leave = samples.weights * omega

    def mean(law: ScaledSamples, x: Array) -> Array:
        # No array is made of it: x may hold its derivatives.
        averaged: Array = (law.weights * x).sum(-1)
        return averaged

    # Coefficients of the finite block: (k diag(p) + E[ψψᵀω]) ã = E[ψ y₀ ω]; ψ₂ in units of D^{-1/2}, whence p = (1/D, 1).
    across = _column(np.sqrt(spectrum.second_moment / 2))
    psi1, psi2 = samples.c0, samples.c2 * across
    p11 = k / dimension + (leave * psi1**2).sum(-1)
    p12 = (leave * psi1 * psi2).sum(-1)
    p22 = k + (leave * psi2**2).sum(-1)
    b1, b2 = (leave * psi1 * samples.mean).sum(-1), (leave * psi2 * samples.mean).sum(-1)
    p11 = np.where(p11 > 0, p11, 1.0)
    rest = p22 - p12**2 / p11
    a2 = (b2 - p12 * b1 / p11) / np.where(rest > 0, rest, 1.0)
    a1 = (b1 - p12 * a2) / p11
    constant = _column(a1) * psi1 + _column(a2) * psi2
    constant_fresh = _column(a1) * tests.c0 + _column(a2 * spectrum.overlap / spectrum.second_moment) * tests.c2 * across

    theta = (leave * c1 * samples.signal).sum(-1)
    size = theta**2 * t.m2 + a1**2 / dimension + a2**2
    spread = k**2 * gain * size

    def mean_error(law: ScaledSamples, fitted: Array, cross: Array, norm: Array) -> Array:
        first = law.square - 2 * law.mean * fitted + fitted**2
        first = first - 2 * law.c1 * law.signal * _column(theta * cross)
        return first + law.c1**2 * norm + law.residual2 / _column(k) * _column(k * gain * size)

    along = _column(theta**2 * t.mx2 + spread * t.jx)
    bias = mean_error(samples, constant, t.m1, _column(theta**2 * t.mr2 + spread * t.j) + samples.tilt * along)
    bias_fresh = mean(tests, mean_error(tests, constant_fresh, t.mt1, _column(theta**2 * t.mt2 + spread * t.t2)))

    share = k * t.j * gain
    share_x = k * t.jx * gain
    weight = samples.weights * omega**2 / _column(tau)

    def response(with_c: Array, with_x: Array, with_noise: Array) -> Array:
        return weight * (power * (_column(with_c) + samples.tilt * _column(with_x)) + noise * _column(with_noise))

    rows = [
        response(t.f2 + share * k * t.j, t.x1 - k * t.jx + share * k * t.jx, share),
        response(t.x1 - k * t.jx + share * k * t.jx, t.xx + share_x * k * t.jx, share_x),
        response(share, share_x, gain),
    ]
    columns = [power, power * samples.tilt, noise]
    matrix = np.stack([np.stack([(row * column).sum(-1) for column in columns], -1) for row in rows], -2)
    matrix = np.eye(3) - matrix
    interpolates = point.interpolates | (np.linalg.det(matrix) <= 0)
    matrix = np.where(interpolates[..., None, None], np.eye(3), matrix)
    u = np.linalg.solve(matrix, np.stack([(row * bias).sum(-1) for row in rows], -1)[..., None])[..., 0]
    error = bias + sum(column * u[..., i, None] for i, column in enumerate(columns))
    # ⟨T(r+Δ(s−1))/(r+k)²⟩ over fresh tasks: ⟨Tr/(r+k)²⟩ = ⟨T/(r+k)⟩ − k⟨T/(r+k)²⟩, and T is a multiple of I where s − 1 is not 0.
    fresh = response(t.t1 - k * t.t2 + share * k * t.t2, t.tx + share_x * k * t.t2, k * gain * t.t2)
    variance = mean(tests, tests.c1**2) * (fresh * error).sum(-1) + mean(tests, tests.residual2 / _column(k)) * u[..., 2]
    # Where ψ₂ is fitted along the mean label, what is left of the bias, and so of the variance, may be rounding of either sign. Below
    # ε times the bias no digit of their sum depends on it.
    variance = np.where(np.abs(variance) < np.finfo(float).eps * bias_fresh, np.abs(variance), variance)
    return ErrorArrays(
        np.where(interpolates, np.inf, bias_fresh + variance),
        np.where(interpolates, np.inf, mean(samples, error)),
        bias_fresh,
        np.where(interpolates, np.inf, variance),
        np.where(without_ridge(k), 0.0, np.where(k < LARGEST_RIDGE / 2, k, np.inf) * unit),
        point.dof,
        point.residual,
    )
