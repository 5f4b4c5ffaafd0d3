r"""Ridge regression on random features of given samples: the deterministic equivalent in the first layer alone.

The columns of the features Φ (n × m) of given contexts are independent vectors :math:`\sigma(Hf)` of second moment
:math:`K_{ij}=\mathbb E_f[\sigma(f^\top h_i)\sigma(f^\top h_j)]`. With the penalty Λ on the squared weights the predictor is
:math:`\phi(h)^\top\Phi^\top(\Phi\Phi^\top+\Lambda)^{-1}y`, and with :math:`R=(K+\gamma)^{-1}`, :math:`k_h` the kernel of h with the
samples,

.. math:: \gamma\,(m-\operatorname{tr}KR)=\Lambda,\qquad
    \mathbb E_F(y_h-\hat y_h)^2\simeq(y_h-k_h^\top Ry)^2+\frac{y^\top RKRy}{m-\operatorname{tr}(KR)^2}
    \big(k_{hh}-2k_h^\top Rk_h+k_h^\top RKRk_h\big).

Nothing is assumed of the law of h. m = ∞ is ridge regression with the kernel, γ = Λ. Derivation: ``derivations/heads/given_samples.py``;
for networks: Louart, Liao and Couillet, arXiv 1702.05419.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hermite_eq.errors import ConvergenceError

Array = NDArray[np.float64]

#: Vectors of random signs by which traces are estimated, tr R with the variance :math:`\frac2{64}\sum_{i\ne j}R_{ij}^2`; traces of up to so
#: many samples are exact.
_PROBES, _EXACT = 64, 128
_SEED = 20251129
#: Newton's steps for log γ, the change at which they end, and the longest.
_STEPS, _SETTLED, _LONGEST = 60, 1e-7, 30.0


@dataclass(frozen=True, eq=False)
class SampleFit:
    """The fit to given samples.

    Attributes
    ----------
    factor : (n, n) array
        Lower Cholesky factor of K + γ.
    gamma : float
    dof : float
        tr KR.
    coefficients : (n,) array
        Ry.
    size : float
        :math:`y^\\top RKRy/(m-\\operatorname{tr}(KR)^2)`.
    residual : float
        Relative change of γ in the last of Newton's steps; the equation itself cancels where df is near m.
    trace : float
        tr R.
    """

    factor: Array
    gamma: float
    dof: float
    coefficients: Array
    size: float
    residual: float
    trace: float

    def predictions(self, kernel: Array) -> Array:
        """:math:`k_h^\\top Ry`, for the kernel of T points with the samples, shape (T, n)."""
        return np.asarray(kernel @ self.coefficients)

    def fluctuations(self, kernel: Array, square: Array, noise: Array) -> Array:
        """What the first layer and the samples' label noise, of variances ``noise``, add to the squared error at T points of features'
        mean ``square``."""
        half = scipy.linalg.solve_triangular(self.factor, kernel.T, lower=True, check_finite=False)
        explained = np.einsum("nt,nt->t", half, half)
        whole = scipy.linalg.solve_triangular(self.factor, half, lower=True, trans=1, check_finite=False)
        whole *= whole
        # KR = 1 − γR, so that kᵀRKRk = kᵀRk − γkᵀR²k.
        return np.asarray(self.size * np.maximum(square - explained - self.gamma * whole.sum(0), 0.0) + noise @ whole)


def fitted(kernel: Array, labels: Array, noise: Array, hidden: float, penalty: float, near: float = math.inf) -> SampleFit:
    r"""The fit of m = ``hidden`` features with the penalty Λ > 0; the labels are known up to noise of given variances, over which squares
    are averaged. ``near`` is a first guess of γ, such as that of other samples of their law.

    Examples
    --------
    >>> fit = fitted(np.eye(40), np.ones(40), np.zeros(40), hidden=100.0, penalty=1.0)
    >>> bool(abs(fit.gamma * (100 - fit.dof) - 1) < 1e-6), bool(abs(fit.dof - 40 / (1 + fit.gamma)) < 1e-8)
    (True, True)
    """
    n = len(labels)
    signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], (n, _PROBES)) / np.sqrt(_PROBES) if n > _EXACT else np.eye(n)
    total = float(np.trace(kernel))

    def factorised(gamma: float) -> tuple[Array, Array]:
        """The factor, and R times the vectors of signs."""
        shifted = kernel.copy()
        shifted.flat[:: n + 1] += gamma
        try:
            factor = scipy.linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            raise ConvergenceError(
                "the kernel of the samples and its ridge have an inverse in double precision",
                f"a ridge of {gamma / total * n:.2g} of the mean square of a feature",
                f"pass a ridge {1e-12 * total / n / gamma:.1g} times as large",
            ) from None
        return factor, scipy.linalg.cho_solve((factor, True), signs, check_finite=False)

    # df ≤ tr K/γ, hence γ ≤ (Λ + tr K)/m; and γ ≥ Λ/m, as df ≥ 0.
    lower, upper = (penalty, penalty) if np.isinf(hidden) else (penalty / hidden, (penalty + total) / hidden)
    gamma = min(max(near, lower), upper)
    for _ in range(_STEPS):
        factor, solved = factorised(gamma)
        trace, square = float((signs * solved).sum()), float((solved**2).sum())
        dof = n - gamma * trace
        if np.isinf(hidden):
            step = 0.0
            break
        residual = np.log(gamma) + np.log(hidden - dof) - np.log(penalty) if hidden > dof else -np.inf
        lower, upper = (gamma, upper) if residual < 0 else (lower, gamma)
        # d log(γ(m − df))/d log γ = 1 + γ(tr R − γ tr R²)/(m − df).
        step = -residual / (1 + gamma * (trace - gamma * square) / (hidden - dof)) if hidden > dof else np.inf
        if abs(step) < _SETTLED:
            break
        new = gamma * np.exp(min(step, _LONGEST))
        gamma = new if lower < new < upper else np.sqrt(lower) * np.sqrt(upper)
    else:
        raise ConvergenceError(
            "the ridge of the kernel settles", f"a change of {abs(step):.3g} in the last of {_STEPS} steps", "raise the ridge"
        )
    coefficients = scipy.linalg.cho_solve((factor, True), labels, check_finite=False)
    # RKR = R − γR², and tr(KR)² = tr KR − γ tr RKR.
    size = float(labels @ coefficients - gamma * coefficients @ coefficients + noise @ (signs * solved - gamma * solved**2).sum(1))
    size = 0.0 if np.isinf(hidden) else size / (hidden - dof + gamma * (trace - gamma * square))
    return SampleFit(factor, float(gamma), dof, coefficients, size, float(abs(step)), trace)
