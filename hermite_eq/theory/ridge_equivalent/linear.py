r"""In-context error of the linear Transformer in the limit d = ∞, for any target.

Notation: :math:`a_1=c_1(\sigma_*)`, :math:`v=\mathbb E\sigma_*^2+\rho`, :math:`S` Marchenko-Pastur of κ = k/d,
:math:`R=a_1^2S+(v/\alpha)I` the covariance of :math:`b` over the training tasks, :math:`R_t=a_1^2+v/\alpha` over fresh tasks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.dual import Dual, floats, implicit, value
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.ridge_equivalent.scalar import LARGEST_RIDGE
from hermite_eq.theory.roots import increasing_root
from hermite_eq.theory.spectra.marchenko_pastur import resolvent_moments
from hermite_eq.theory.spectra.task_spectrum import Resolvent

Array = NDArray[np.float64]


def linear_limit(
    slope: Any, unexplained: Any, second_moment: Any, alpha: Any, kappa: Any, tau: Any, ridge: Any, test_alpha: Any = None
) -> ErrorArrays:
    r"""Errors of ridge regression of y on :math:`H_Z`, elementwise over broadcast arrays, or dual numbers.

    With :math:`r=R/R_t=ps+(1-p)`, :math:`p=a_1^2/R_t`, the effective ridge :math:`q\ge0` (in units of :math:`R_t`) solves

    .. math:: q=\frac{\lambda}{R_t}+\frac q\tau\Big\langle\frac r{r+q}\Big\rangle ,

    and the errors are :func:`regression_errors` with :math:`S=ps`, :math:`T=p`, :math:`i=1-p` and :math:`i_t=\frac\alpha{\alpha_t}i` in
    units of :math:`R_t`, where
    :math:`\tau-\langle r^2/(r+q)^2\rangle=\tau\lambda/(R_tq)+q\langle r/(r+q)^2\rangle` for q > 0: sums of non-negative terms only.

    Parameters
    ----------
    slope : array_like
        :math:`a_1` of the target.
    unexplained : array_like
        :math:`v-a_1^2`, or :math:`v-a_1^2-c_0(\sigma_*)^2` with an intercept.
    second_moment : array_like
        :math:`v=\mathbb E y^2 > 0`.
    alpha, kappa, tau : array_like
        Ratios; κ may be ``inf``.
    ridge : array_like
        The paper's λ ≥ 0; zero is the minimum-norm interpolator, λ → 0+.
    test_alpha : array_like, optional
        :math:`\alpha_t` of the contexts in the test; α by default.

    Returns
    -------
    ErrorArrays
        ``icl`` and ``idg`` are ``inf`` at exact interpolation (λ = 0, τ = 1). ``effective_ridge`` is :math:`R_tq`.

    References
    ----------
    For :math:`\sigma_*=\mathrm{id}`: Lu, Letey, Zavatone-Veth, Maiti and Pehlevan, arXiv 2405.11751, Results 1-4. Derivation:
    ``derivations/linear/linear_error.py``.

    Examples
    --------
    >>> linear_limit(1.0, 0.01, 1.01, alpha=1.0, kappa=np.inf, tau=[0.5, 2.0], ridge=0.0).icl.round(6)
    array([1.273731, 1.024975])
    """
    given = (slope, unexplained, second_moment, alpha, kappa, tau, ridge, alpha if test_alpha is None else test_alpha)
    shape = np.broadcast_shapes(*(np.shape(x) for x in given))
    slope, unexplained, v, alpha, kappa, tau, ridge, test_alpha = (np.broadcast_to(floats(x), shape) for x in given)
    fresh = slope**2 + v / alpha
    # Beyond the largest ridge every error is that at λ = ∞ to the last digit.
    p, i, lam = (x / fresh for x in (slope**2, v / alpha, np.minimum(ridge, LARGEST_RIDGE * fresh)))
    if np.any((ridge > 0) & (lam < np.finfo(float).tiny)):
        least = value(ridge)[value(ridge) > 0].min()
        raise HypothesisError(
            "the ridge is 0 or large enough for double precision", f"ridge={least:.3g} in units of E y²", "pass ridge=0, or ridge=1e-30"
        )

    q: Any
    q, residual = _effective_ridge(*(np.array(value(x)) for x in (p, i, kappa, tau, lam)))
    if directions := next((len(x.partials) for x in (p, i, kappa, tau, lam) if isinstance(x, Dual)), 0):
        q = implicit(lambda q, zero: (q * _free(q, p, i, kappa, tau) / tau - lam, zero), q, 0 * q, directions)[0]
    mp = resolvent_moments(i + q, kappa, p)
    at = Resolvent(q, mp.g, p * mp.s_1, mp.g2, p * mp.s_2, p * p * mp.s2_2, p * mp.g2, p * p * mp.s_2)
    errors = regression_errors(at, tau, lam, i, v / test_alpha / fresh, unexplained / fresh, unexplained / fresh)
    effective = np.where(lam < LARGEST_RIDGE, q, np.inf) * fresh
    icl, idg, bias, variance = (getattr(errors, name) * fresh for name in ("icl", "idg", "bias", "variance"))
    return ErrorArrays(icl, idg, bias, variance, effective, errors.dof, residual)


def regression_errors(at: Resolvent, tau: Any, ridge: Any, noise: Any, fresh_noise: Any, beyond: Any, beyond_fresh: Any) -> ErrorArrays:
    r"""Errors of ridge regression on :math:`H_Z` at a solution q = ``at.ridge`` of :math:`q=\lambda+\frac q\tau\langle R/(R+q)\rangle`.

    With S the training tasks' matrix, T the test tasks', :math:`R=S+i` and :math:`y=i+q`,

    .. math::
        e_0&=v-\langle S\rangle+y^2\Big\langle\frac S{(S+y)^2}\Big\rangle+i\Big\langle\frac{S^2}{(S+y)^2}\Big\rangle,\qquad
        e_{IDG}=\frac{e_0}{1-\frac1\tau\langle R^2/(R+q)^2\rangle},\\
        e_{ICL}&=v_t-\langle T\rangle+y^2\Big\langle\frac T{(S+y)^2}\Big\rangle+i_t\Big\langle\frac{S^2}{(S+y)^2}\Big\rangle
            +\Big\langle\frac{(T+i_t)(S+i)}{(S+y)^2}\Big\rangle\frac{e_{IDG}}\tau .

    Parameters
    ----------
    at : Resolvent
        The functionals of S and T.
    tau, ridge, noise, fresh_noise : ndarray
        τ, λ, i and :math:`i_t`.
    beyond, beyond_fresh : ndarray
        :math:`v-\langle S\rangle` and :math:`v_t-\langle T\rangle`.
    """
    q, y = at.ridge, noise + at.ridge
    j = at.s_2 + noise * at.inverse2
    # τ − ⟨R²/(R+q)²⟩; for q → 0 from 1 − ⟨R²/(R+q)²⟩ = q⟨1/(R+q)⟩ + q⟨R/(R+q)²⟩.
    remaining = np.where(q > 0, tau * ridge / np.where(q > 0, q, 1.0) + q * j, (tau - 1) + q * (at.trace + j))
    with np.errstate(divide="ignore", over="ignore"):
        idg = tau * (beyond + y**2 * at.s_2 + noise * at.s2_2) / remaining
    bias = beyond_fresh + y**2 * at.t_2 + fresh_noise * at.s2_2
    variance = (at.ts_2 + noise * at.t_2 + fresh_noise * j) * idg / tau
    return ErrorArrays(bias + variance, idg, bias, variance, q, (at.s_1 + noise * at.trace) / tau, np.zeros_like(tau))


def _free(q: Any, p: Any, i: Any, kappa: Any, tau: Any) -> Any:
    """τ(1 − ⟨r/(r+q)⟩/τ), increasing in q; near τ = 1 through 1 − ⟨r/(r+q)⟩ = q⟨1/(r+q)⟩, so that it keeps its digits."""
    mp = resolvent_moments(i + q, kappa, p)
    return np.where(tau > 0.5, (tau - 1) + q * mp.g, tau - (p * mp.s_1 + i * mp.g))


def _effective_ridge(p: Array, i: Array, kappa: Array, tau: Array, lam: Array) -> tuple[Array, Array]:
    """q ≥ 0 in units of R_t = p + i = 1, and the residual of its equation."""
    # λ = 0: 0 for τ ≥ 1, else the positive root of τq² − (1−τ)(1 − pτγ)q − (1−τ)²γpi = 0, in the form without cancellation.
    below = np.maximum(1 - tau, 0.0)
    half, last = below * (1 - p * tau / kappa) / 2, below**2 * p * i / kappa
    root = np.sqrt(half**2 + tau * last)
    with np.errstate(invalid="ignore", divide="ignore"):
        q = np.where(half >= 0, (half + root) / tau, last / (root - half))
    ridge = lam > 0
    if ridge.any():
        # 0 ≤ ⟨r/(r+q)⟩ ≤ min(1, 1/q), hence λ ≤ q ≤ λ + 1/τ, and q ≤ τλ/(τ−1) for τ > 1. For τ < 1 q lies above its value q₀ at λ = 0,
        # and below its tangent there, as λ = q(1 − ⟨r/(r+q)⟩/τ) is convex in q with the derivative q₀⟨r/(r+q₀)²⟩/τ at q₀.
        t, known, start, signal, noise = (x[ridge] for x in (tau, lam, q, p, i))
        mp = resolvent_moments(noise + start, kappa[ridge], signal)
        with np.errstate(divide="ignore", over="ignore"):
            tangent = start + t * known / (start * (signal * mp.s_2 + noise * mp.g2))
            bound = np.where(t > 1, t * known / np.abs(t - 1), np.where(t < 1, tangent, np.inf))
        upper = 2 * np.minimum(bound, known + 1 / t)
        at = signal, noise, kappa[ridge], t
        q[ridge] = increasing_root(lambda q: _free(q, *at) / t - known / q, np.maximum(known, start), upper)
    return q, np.where(q > 0, np.abs(_free(q, p, i, kappa, tau) / tau - lam / np.where(q > 0, q, 1.0)), 0.0)
