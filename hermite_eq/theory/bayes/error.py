r"""The error which no in-context learner can beat on a linear task: that of the posterior mean, ridge regression on the context."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, broadcast
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X
from hermite_eq.models import Sizes, Task
from hermite_eq.theory.arguments import check_plain, check_points
from hermite_eq.theory.feature_law.limit import TargetMoments
from hermite_eq.theory.ridge_equivalent.scalar import LARGEST_RIDGE
from hermite_eq.theory.spectra.marchenko_pastur import resolvent_moments
from hermite_eq.theory.spectra.task_spectrum import TaskSpectrum, task_covariance
from hermite_eq.theory.spectra.wishart import wishart_density

Array = NDArray[np.float64]


SMALLEST_PENALTY = 1e-150
#: Contexts so short that what they teach, a share α of E y², is far below its rounding; so long that every penalty vanishes beside α.
_SHORTEST, _LONGEST = 1e-40, 1e50 * LARGEST_RIDGE


def _check_alpha(alpha: ArrayLike) -> Array:
    alpha = array(alpha, "alpha", nan=True, empty=True)
    if not np.all((alpha > 0) & (alpha < np.inf)):
        raise HypothesisError("the ratio alpha is > 0 and finite", f"alpha={alpha}", "pass alpha=1.0, say")
    return np.clip(alpha, _SHORTEST, _LONGEST)


def _check_linear(task: Task) -> None:
    check_plain(task)
    if task.target.expression != X:
        raise HypothesisError(
            "the posterior mean is a ridge regression for the identity as target",
            f"{task}",
            "use context_ridge_error for the best linear fit",
        )


def bayes_error(task: Task, alpha: ArrayLike) -> Array:
    r"""The Bayes-optimal in-context error of a linear task in the limit, elementwise in α = ℓ/d.

    Given the context, :math:`\xi\sim\mathcal N(0,I_d)` has the posterior mean :math:`\hat w=(X^\top X+\rho)^{-1}X^\top y`, ridge regression
    with the penalty ρ, and

    .. math:: e=\rho+\frac\rho d\mathbb E\operatorname{tr}(X^\top X+\rho)^{-1}\to\rho+\rho\Big\langle\frac1{\alpha s+\rho}\Big\rangle,

    the mean over the Marchenko-Pastur law of ratio d/ℓ. For ρ → 0 it is max(0, 1 − α).

    Parameters
    ----------
    task : Task
        Of target ``"identity"``.
    alpha : array_like
        ℓ/d.

    Raises
    ------
    HypothesisError
        For another target than the identity.

    References
    ----------
    ``derivations/linear/bayes_context.py``.

    Examples
    --------
    >>> bayes_error(Task("identity", noise=0.25), [0.5, 1, 4]).round(6)
    array([0.890388, 0.640388, 0.325184])
    """
    _check_linear(task)
    return context_ridge_error(task, alpha, penalty=task.noise)


def context_ridge_error(task: Task, alpha: ArrayLike, penalty: ArrayLike | None = None) -> Array:
    r"""The limiting error of ridge regression of y on x within the context, for any target: the best *linear* in-context learner.

    With :math:`a_1=c_1(\sigma_*)` the target is :math:`a_1\xi^\top x` plus a remainder of variance :math:`u=v-a_1^2`, which acts on the
    regression as independent noise. At the penalty η, with :math:`g_j=\langle(\alpha s+\eta)^{-j}\rangle`,

    .. math:: e=u+a_1^2\eta^2g_2+u\,(g_1-\eta g_2),

    least at :math:`\eta=u/a_1^2`, where :math:`e=u+u\,g_1`. That the remainder acts as noise holds in the limit for every target
    (the inputs' projections on a test direction are Gaussian and it is uncorrelated with all linear functions of them).

    Parameters
    ----------
    task : Task
    alpha : array_like
    penalty : array_like, optional
        η ≥ 0 in :math:`(X^\top X+\eta)^{-1}X^\top y`; by default the best.

    Raises
    ------
    HypothesisError
        If α or η is out of range.

    Examples
    --------
    For tanh the best penalty is (E tanh² − c₁²)/c₁²:

    >>> context_ridge_error(Task("tanh", noise=0.01), [0.5, 1, 4]).round(6)
    array([0.248477, 0.137354, 0.049352])
    """
    alpha = _check_alpha(alpha)
    target = TargetMoments.of(task)
    beyond, signal = target.unexplained + target.mean**2, target.slope**2
    if penalty is None:
        # a₁ = 0: nothing to learn, the best penalty is infinite.
        if signal == 0:
            return np.full_like(alpha, beyond)
        penalty = beyond / signal
    eta = array(penalty, "penalty", nan=True, empty=True)
    if not np.all((eta >= 0) & (eta < np.inf)):
        raise HypothesisError("the penalty is finite and ≥ 0", f"penalty={eta}", "pass penalty=0.1, say")
    alpha, eta = broadcast("alpha and penalty", alpha, eta)
    # Beyond these ends e is that at the end, to the last digit; but for η → 0 at α = 1, where u⟨1/s⟩ is infinite.
    if np.any((eta > 0) & (eta < SMALLEST_PENALTY) & (alpha == 1)) and beyond > eta[(eta > 0) & (alpha == 1)].min():
        raise HypothesisError(
            f"at α = 1 the penalty is 0, or at least {SMALLEST_PENALTY:g}", f"penalty={eta.min():.3g}", f"pass penalty={SMALLEST_PENALTY:g}"
        )
    positive = np.clip(np.where(eta > 0, eta, 1.0), SMALLEST_PENALTY, LARGEST_RIDGE)
    mp = resolvent_moments(positive, alpha, alpha)
    # g₁ − ηg₂ = α⟨s/(αs + η)²⟩.
    ridge = signal * (positive**2 * mp.g2) + beyond * (alpha * mp.s_2)
    # η → 0: the minimum-norm fit. η²g₂ → the mass at zero, α⟨s/(αs+η)²⟩ → ⟨1/(αs)⟩ over the rest = min(1, α)/|α − 1|.
    spread = np.full_like(alpha, np.inf if beyond else 0.0)
    np.divide(beyond * np.minimum(1.0, alpha), np.abs(alpha - 1), out=spread, where=(alpha != 1) & (eta == 0))
    plain = signal * np.maximum(0.0, 1 - alpha) + spread
    return np.asarray(beyond + np.where(eta > 0, ridge, plain))


def bayes_error_with_covariance(task: Task, alpha: ArrayLike, covariance: ArrayLike) -> Array:
    r"""The Bayes-optimal error for tasks :math:`\xi\sim\mathcal N(0,C)` in the limit: :math:`e=\rho+\psi\langle c/(c+\psi)\rangle`.

    :math:`\hat w=(X^\top X+\rho C^{-1})^{-1}X^\top y`, and ψ solves
    :math:`\psi(1-\frac1\alpha\langle\frac c{c+\psi}\rangle)=\frac\rho\alpha`.

    Parameters
    ----------
    task : Task
        With the identity as target and noise ρ > 0.
    alpha : array_like
    covariance : array_like
        C, (d, d), or its eigenvalues (d,).

    Raises
    ------
    HypothesisError
        For another target, ρ = 0, an α out of range, or a matrix that is not symmetric, has a negative eigenvalue or vanishes.

    References
    ----------
    ``derivations/linear/bayes_context.py``.

    Examples
    --------
    >>> bayes_error_with_covariance(Task("identity", noise=0.25), [0.5, 1, 4], [1.0, 1.0]).round(6)
    array([0.890388, 0.640388, 0.325184])
    """
    _check_linear(task)
    if task.noise == 0:
        raise HypothesisError("the posterior has a width: ρ > 0", f"{task}", 'pass Task("identity", noise=0.01), say')
    alpha = _check_alpha(alpha)
    C = task_covariance(covariance, "covariance")
    values = C if C.ndim == 1 else np.maximum(np.linalg.eigvalsh(C), 0.0)
    # e is homogeneous in ρ and C; in units of the larger one a ρ below the least penalty, or an α ≥ 1/_SHORTEST, changes e by less than
    # its rounding: ψ² ≤ 2ρ⟨C⟩ at α = 1, where it is largest, and ψ ≤ 2ρ/α for α ≥ 2.
    unit = max(task.noise, float(values.max()))
    values, noise, alpha = values / unit, max(task.noise / unit, SMALLEST_PENALTY), np.minimum(alpha, 1 / _SHORTEST)
    spectrum = TaskSpectrum(values, values, np.full(len(values), 1 / len(values)))
    psi = spectrum.origin(noise / alpha, 1 / alpha)
    return np.asarray(task.noise + unit * (psi * ((values / (values + psi[..., None])) @ spectrum.weights)))


def exact_bayes_error(task: Task, sizes: Sizes) -> float:
    r"""The Bayes-optimal in-context error at finite d and ℓ: :math:`\rho+\frac\rho d\mathbb E\operatorname{tr}(X^\top X+\rho)^{-1}`.

    :math:`dX^\top X` is a Wishart matrix of ℓ degrees of freedom, whose mean spectrum at finite size is
    :func:`hermite_eq.theory.spectra.wishart.wishart_density`; no limit is taken. Tasks, samples and hidden play no role.

    Parameters
    ----------
    task : Task
        Of target ``"identity"``.
    sizes : Sizes

    Raises
    ------
    HypothesisError
        For another target than the identity, or if min(d, ℓ) > 1000.

    Examples
    --------
    >>> from hermite_eq.models import Sizes
    >>> print(f"{exact_bayes_error(Task('identity', noise=0.25), Sizes(20, 20, 1, 1)):.9f}")
    0.647160738
    """
    _check_linear(task)
    check_points([sizes], Sizes)
    d, rho = sizes.d, task.noise
    context = sizes.tested.context
    x, weights = wishart_density(d, context)
    missed = max(0, d - context)
    if rho == 0:
        return missed / d
    return rho + (missed + float(weights @ (rho / (x / d + rho)))) / d
