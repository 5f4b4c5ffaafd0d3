r"""Ridge regression on features of a given spectrum, and on random features of inputs of a given spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, broadcast, finite, flag, non_negative
from hermite_eq.curve import same
from hermite_eq.errors import HypothesisError
from hermite_eq.latex.ridge import random_feature_equations, ridge_equations
from hermite_eq.models import RandomTransformer
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.ridge_equivalent.scalar import ScaledSamples, fixed_point, random_head_error, without_ridge
from hermite_eq.theory.spectra.given_spectrum import GivenSpectrum

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RidgeError:
    r"""Errors of ridge regression at one n and λ, or at arrays of them.

    Attributes
    ----------
    test, training : float or ndarray
        Mean squared error on new samples and on the n of the fit, the label noise included.
    bias, variance : float or ndarray
        ``test`` less the noise, split into its value at noise 0 and what is proportional to the noise.
    noise : float
        The variance of the labels about the given function, what no feature carries of it included.
    dof : float or ndarray
        :math:`\operatorname{tr}\hat\Sigma(\hat\Sigma+\lambda/n)^{-1}`, at most n.
    effective_ridge : float or ndarray
        ν in units of the spectrum: what infinitely many samples and features would be shrunk by alike.
    samples : float or ndarray
        n.
    equations : str
        What ν solves, in TeX.
    """

    test: Any
    training: Any
    bias: Any
    variance: Any
    noise: float
    dof: Any
    effective_ridge: Any
    samples: Any
    equations: str

    @property
    def leave_one_out(self) -> Any:
        r"""What leave-one-out and generalised cross-validation estimate, :math:`e_{train}/(1-df/n)^2`: the test error at n."""
        return self.test

    def latex(self) -> str:
        """The equations, for amsmath."""
        return self.equations

    def _repr_latex_(self) -> str:
        return f"$${self.equations}$$"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RidgeError):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash((self.noise, self.equations))


def _population(spectrum: ArrayLike, alignment: ArrayLike, noise: float) -> tuple[Array, Array, float]:
    """Positive eigenvalues with their alignments, and the noise with what no feature carries."""
    values = array(spectrum, "spectrum", "the eigenvalues of E[xxᵀ]", dimensions=1)
    shares = array(alignment, "alignment", "E of the squared part of the target along each eigenvector", dimensions=1)
    noise = non_negative(noise, "noise", "the variance of the label noise")
    if values.shape != shares.shape:
        raise HypothesisError(
            "spectrum and alignment have an entry for every eigenvector", f"{values.size} and {shares.size}", "pass arrays of one length"
        )
    for name, column in (("spectrum", values), ("alignment", shares)):
        if not (column >= 0).all():
            raise HypothesisError(f"the entries of {name} are ≥ 0", f"{column.min():.3g}", "pass numpy.maximum(…, 0)")
    positive = values > 0
    if not positive.any():
        raise HypothesisError("some eigenvalue is positive", "none", "pass the spectrum of features that vary")
    return values[positive], shares[positive], noise + math.fsum(shares[~positive])


def _counts(**given: Any) -> list[Array]:
    """n, p and λ, broadcast; n and p positive, λ ≥ 0."""
    numbers = []
    for name, value in given.items():
        values = array(value, name, finite=name != "p", empty=False)
        least = "≥ 0" if name == "ridge" else "> 0"
        if not ((values >= 0) if name == "ridge" else (values > 0)).all():
            some = "0.1" if name == "ridge" else "100"
            raise HypothesisError(f"{name} is {least}", f"{float(values.min()):g}", f"pass {name}={some}, say")
        numbers.append(values)
    return broadcast(" and ".join(given), *numbers)


def _solved(
    values: Array, shares: Array, noise: float, residual2: float, n: Array, p: Array, lam: Array, equations: str, scale: float
) -> RidgeError:
    """The errors on p features of which the part in the D functions has the covariance ``values``, and the rest the variance ``residual2``;
    n, p and λ of one shape; the effective ridge in units of ``scale``."""
    D, t, shape = values.size, math.fsum(values), n.shape
    n, p, lam = (np.atleast_1d(x).ravel() for x in (n, p, lam))
    spectrum = GivenSpectrum(values * (D / t), values * (D / t) * shares)
    column = np.ones((n.size, 1))

    def law(signal: float, square: float) -> ScaledSamples:
        zero = 0 * column
        return ScaledSamples(
            weights=column, c0=zero, c1=math.sqrt(t) * column, c2=zero, residual2=residual2 * column, mean=zero, square=square * column,
            signal=signal * column, tilt=zero,
        )  # fmt: skip

    # The engine's penalty is λ_s/μ, λ_s = λp/n per sample for features that are not divided by √p.
    signal, blank = law(1.0, math.fsum(shares)), law(0.0, 1.0)
    tau, mu = n / D, p / D
    point = fixed_point(signal, spectrum, tau, mu, lam * D / n)
    error, unit = (random_head_error(weights, spectrum, tau, mu, point, D, np.ones_like(tau)).idg for weights in (signal, blank))
    with np.errstate(invalid="ignore"):
        test = error + noise * unit if noise else error
        # No less than 0, but for the rounding of a difference of numbers of the size of the target.
        parts = {
            "test": np.maximum(test, 0.0), "training": np.maximum((1 - point.dof) ** 2 * test, 0.0), "bias": np.maximum(error, 0.0),
            "variance": noise * (unit - 1) if noise else 0 * n, "dof": n * point.dof,
            "effective_ridge": np.where(without_ridge(point.k), 0.0, point.k * (scale / D)), "samples": n,
        }  # fmt: skip
    parts["training"] = np.where(np.isfinite(test), parts["training"], 0.0)
    shaped = {name: part.reshape(shape) if shape else float(part[0]) for name, part in parts.items()}
    return RidgeError(**shaped, noise=noise, equations=equations)


def ridge(
    spectrum: ArrayLike, alignment: ArrayLike, n: ArrayLike, ridge: ArrayLike, *, noise: float = 0.0, intercept: bool = False
) -> RidgeError:
    r"""Errors of ridge regression on features of a given covariance, by their deterministic equivalent.

    The fit is :math:`\min_w\sum_{i\le n}(y_i-w^\top x_i)^2+\lambda\|w\|^2`, as scikit-learn's ``Ridge(alpha=λ)`` has it, of
    :math:`y=f(x)+\epsilon` with :math:`f(x)=\sum_k\beta_k\,u_k^\top x/\sqrt{\lambda_k}`, :math:`\lambda_k,u_k` eigenvalues and -vectors of
    :math:`\mathbb E[xx^\top]`. With

    .. math:: n-\frac\lambda\nu=\sum_k\frac{\lambda_k}{\lambda_k+\nu},\qquad
        \Upsilon=\frac1n\sum_k\frac{\lambda_k^2}{(\lambda_k+\nu)^2},\qquad
        e=\sigma^2+\frac{\nu^2}{1-\Upsilon}\sum_k\frac{\beta_k^2}{(\lambda_k+\nu)^2}+\sigma^2\frac\Upsilon{1-\Upsilon},

    and :math:`e_{train}=(\lambda/n\nu)^2e`. An intercept takes one sample, and adds :math:`e/n` for the means of n samples.

    Parameters
    ----------
    spectrum : (D,) array_like
        :math:`\lambda_k\ge0`. A part of the target along an eigenvalue 0 is noise.
    alignment : (D,) array_like
        :math:`\beta_k^2`: the share of :math:`\mathbb Ef^2` along each eigenvector. For :math:`f=\theta^\top x` it is
        :math:`\lambda_k(u_k^\top\theta)^2=(u_k^\top\mathbb E[xy])^2/\lambda_k`.
    n : array_like
        Samples; need not be integers.
    ridge : array_like
        λ ≥ 0; 0 is the least-norm interpolator.
    noise : float
        σ².
    intercept : bool
        Whether a constant is fitted without penalty; the covariance is then that of centred features, and labels are less their mean.

    Returns
    -------
    RidgeError
        Floats, or arrays of the shape of n and λ; ``inf`` at exact interpolation.

    Raises
    ------
    HypothesisError
        If the arrays differ in length, an entry is negative, or n is not positive, or 1 with an intercept.

    References
    ----------
    ``derivations/heads/given_features.py``; for any features that concentrate: Defilippis, Loureiro and Misiakiewicz, arXiv 2405.15699.

    Examples
    --------
    >>> import numpy as np
    >>> k = np.arange(1, 2001.0)
    >>> found = ridge(k**-1.5, k**-2.5, n=[100, 1000], ridge=1e-2, noise=0.1)
    >>> found.test.round(4), found.dof.round(1)
    (array([0.1611, 0.1924]), array([ 96.9, 842.6]))
    >>> print(found.latex().splitlines()[1])
    n - \frac{\lambda}{\nu} &= \operatorname{tr} \Sigma (\Sigma + \nu)^{-1}, \\
    """
    values, shares, noise = _population(spectrum, alignment, noise)
    count, lam = _counts(n=n, ridge=ridge)
    if not flag(intercept, "intercept"):
        return _solved(values, shares, noise, 0.0, count, np.full_like(count, math.inf), lam, ridge_equations(), math.fsum(values))
    if not (count > 1).all():
        raise HypothesisError("a fit with an intercept has more than one sample", f"n={float(count.min()):g}", "pass n=2 or more")
    # n samples less their means are n − 1 by a rotation; the means' own error is e/n.
    error = _solved(values, shares, noise, 0.0, count - 1, np.full_like(count, math.inf), lam, ridge_equations(), math.fsum(values))
    samples = error.samples + 1
    more = 1 + 1 / samples
    return replace(
        error, test=error.test * more, training=error.training * (1 - 1 / samples), bias=error.bias * more,
        variance=error.variance * more + noise / samples, dof=error.dof + 1, samples=samples,
    )  # fmt: skip


def random_features(
    spectrum: ArrayLike,
    alignment: ArrayLike,
    n: ArrayLike,
    p: ArrayLike,
    sigma: Any,
    ridge: ArrayLike,
    *,
    noise: float = 0.0,
    mean: float = 0.0,
) -> RidgeError:
    r"""Errors of ridge regression on p random features :math:`\sigma(w_j^\top x/\sqrt t)/\sqrt p`, :math:`w_j\sim\mathcal N(0,I)`,
    :math:`t=\operatorname{tr}\mathbb E[xx^\top]`, of centred Gaussian inputs.

    The fit is :math:`\min_a\sum_i(y_i-a^\top\phi_i)^2+\lambda\|a\|^2`. By the Hermite expansion the features' kernel has the eigenvalues
    :math:`c_1^2\lambda_k/t`, that of the constant :math:`c_0^2+\frac{c_2^2}2\sum\lambda_k^2/t^2` (the mean of neuron j depends on
    :math:`\|w_j\|`), and small ones, of sum :math:`c_*^2` less the last part (:math:`\Sigma` stands for all of them):

    .. math:: n-\frac\lambda{\nu_1}=p-\frac{p\,\nu_1}{\nu_2}=\operatorname{tr}\Sigma(\Sigma+\nu_2)^{-1} .

    What is quadratic in x and beyond acts as noise, in the features as in the target, where no direction holds much of t.

    Parameters
    ----------
    spectrum, alignment, n, ridge, noise
        As for :func:`ridge`, of the inputs x; ``noise`` includes what is not linear in x of the target.
    p : array_like
        Features; ``inf`` is kernel ridge regression.
    sigma : str, sympy.Expr, Activation, callable or None
        None where ``spectrum`` and ``alignment`` are those of the features' kernel :math:`\mathbb E_w[\phi_w(x)\phi_w(x')]` itself,
        whatever the features are; the constant is then one of its functions, and ``mean`` plays no role.
    mean : float
        E y.

    Returns
    -------
    RidgeError
        ``effective_ridge`` is :math:`\nu_2t/c_1^2`, in units of the spectrum, or :math:`\nu_2` itself where :math:`c_1=0`.

    Raises
    ------
    HypothesisError
        As :func:`ridge`; also for a constant σ.

    References
    ----------
    ``derivations/heads/given_features.py``; Defilippis, Loureiro and Misiakiewicz, arXiv 2405.15699.

    Examples
    --------
    >>> import numpy as np
    >>> flat = np.ones(200)
    >>> random_features(flat, flat / 200, n=400, p=[100, 400, 1600], sigma="relu", ridge=1e-3, noise=0.1).test.round(3)
    array([1.036, 2.242, 0.326])
    """
    values, shares, noise = _population(spectrum, alignment, noise)
    mean = finite(mean, "mean", "E y")
    count, width, lam = _counts(n=n, p=p, ridge=ridge)
    if sigma is None:
        return _solved(values, shares, noise, 0.0, count, width, lam, random_feature_equations(), math.fsum(values))
    head, t = Head.of(RandomTransformer(sigma, 0.0)).moments(), math.fsum(values)
    c0, c1, c2, residual2 = (float(x[0]) for x in vars(head).values())
    quadratic = c2**2 / 2 * float((values / t) @ (values / t))
    values, shares, noise = _population(
        np.append(c1**2 / t * values, c0**2 + quadratic), np.append(shares, mean**2), noise
    )  # fmt: skip
    scale = math.fsum(values) * (t / c1**2 if c1 else 1.0)
    rest = max(residual2 - quadratic, 0.0)
    return _solved(values, shares, noise, rest, count, width, lam, random_feature_equations(), scale)
