r"""The dual activation κ(ρ) = E[σ(u) σ*(v)], u and v standard normal with correlation ρ.

Mehler's formula makes it the power series :math:`\sum_k c_k c^*_k \rho^k/k!`; :func:`dual_series` sums it
with a bound of the rest. :func:`exact_dual` finds the closed form, where one is known, from moments of the
tilted normal law

.. math:: I_{m,n}[F_1, F_2] = \mathbb E\bigl[u^m v^n F_1(u) F_2(v)\, e^{\ell + \alpha_1 u + \alpha_2 v -
    (p_1 u^2 + p_2 v^2)/2}\bigr],

each F being 1, sign, or erf of an affine function. With Σ the covariance of (u, v), the tilted law has
covariance :math:`C = (\Sigma^{-1} + \operatorname{diag} p)^{-1}`, mean Cα and mass :math:`\Delta^{-1/2}
e^{\ell + \alpha^\top C\alpha/2}`, :math:`\Delta = (1+p_1)(1+p_2) - \rho^2 p_1 p_2`. Integration by parts,

.. math:: E[u\,G] = (C\alpha)_1\,E[G] + C_{11}\,E[\partial_u G] + C_{12}\,E[\partial_v G],

lowers the powers; :math:`\operatorname{erf}'` only changes ℓ, α and p, and :math:`\operatorname{sign}' =
2\delta` leaves one variable. What remains are masses and Sheppard's :math:`E[\operatorname{sign} Y_1
\operatorname{sign} Y_2] = (2/\pi)\arcsin\operatorname{corr}(Y_1, Y_2)` for centred normal Y, where
:math:`\operatorname{erf}(y) = E\operatorname{sign}(y + z/\sqrt2)`. So: arc-cosine kernels of every degree
(ReLU, |x|, sign, Heaviside), arcsine kernels (erf), GELU, exponentials, sines, Gaussians, polynomials, and
all cross-kernels between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray
from sympy import Expr, S

from hermite_eq.arguments import exact, shown
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.expansion.exact.family import (
    Function,
    Kernel,
    OutsideFamilyError,
    Terms,
    add,
    linear_in_trigonometric,
    multiply,
    negative,
    term,
)
from hermite_eq.expansion.exact.moments import require_square_integrable
from hermite_eq.expansion.exact.normal_form import parse

#: The correlation in closed forms.
RHO = sympy.Symbol("rho", real=True)

#: One factor of a variable: erf(a x + b), sign(x) as a = ∞, or 1 as None.
Factor = tuple[Expr, Expr] | None
_SIGN: Factor = (S.Infinity, S.Zero)


@dataclass(frozen=True)
class _Tilt:
    """The factor e^{ℓ + α₁u + α₂v − (p₁u² + p₂v²)/2}; α may be complex."""

    ell: Expr
    alpha: tuple[Expr, Expr]
    p: tuple[Expr, Expr]

    def narrowed(self, which: int, a: Expr, b: Expr) -> _Tilt:
        """Times e^{−(a x + b)²} in one of the variables."""
        alpha, p = list(self.alpha), list(self.p)
        alpha[which] = sympy.expand(alpha[which] - 2 * a * b)
        p[which] = sympy.expand(p[which] + 2 * a * a)
        return _Tilt(sympy.expand(self.ell - b * b), (alpha[0], alpha[1]), (p[0], p[1]))

    def law(self) -> tuple[Expr, tuple[Expr, Expr], tuple[Expr, Expr, Expr]]:
        """Mass, mean and covariance (C₁₁, C₁₂, C₂₂) of the tilted law."""
        (a1, a2), (p1, p2) = self.alpha, self.p
        determinant = sympy.expand((1 + p1) * (1 + p2) - RHO**2 * p1 * p2)
        c11, c12, c22 = (sympy.cancel(value / determinant) for value in (1 + p2 - RHO**2 * p2, RHO, 1 + p1 - RHO**2 * p1))
        exponent = sympy.cancel(self.ell + (a1**2 * c11 + 2 * a1 * a2 * c12 + a2**2 * c22) / 2)
        mass = sympy.exp(exponent) / sympy.sqrt(determinant)
        return mass, (sympy.cancel(a1 * c11 + a2 * c12), sympy.cancel(a1 * c12 + a2 * c22)), (c11, c12, c22)


def _smoothed(factor: Factor, mean: Expr, variance: Expr) -> Expr:
    """E F(y) for y ~ N(mean, variance)."""
    if factor is None:
        return S.One
    if mean.has(sympy.I):
        raise OutsideFamilyError(factor, "an error function of complex argument in a dual activation")
    a, b = factor
    if factor == _SIGN:
        return sympy.erf(mean / sympy.sqrt(2 * variance))
    return sympy.erf(sympy.cancel(a * mean + b) / sympy.sqrt(sympy.cancel(1 + 2 * a * a * variance)))


def _on_the_axis(power: int, factor: Factor, tilt: _Tilt, which: int) -> Expr:
    """E[x^power F(x) tilt | the other variable is 0] · (density of the other at 0)."""
    # Given that the other variable vanishes, x ~ N(0, 1 − ρ²); then the tilt as in two variables.
    free = 1 - RHO**2
    alpha, p = tilt.alpha[which], tilt.p[which]
    variance = sympy.cancel(free / (1 + p * free))
    mass = sympy.exp(sympy.cancel(tilt.ell + alpha**2 * variance / 2)) / sympy.sqrt(2 * sympy.pi * sympy.expand(1 + p * free))
    mean = sympy.cancel(alpha * variance)
    if power == 0:
        return mass * _smoothed(factor, mean, variance)
    result = mean * _on_the_axis(power - 1, factor, tilt, which)
    if power > 1:
        result += (power - 1) * variance * _on_the_axis(power - 2, factor, tilt, which)
    if factor == _SIGN:
        if power == 1:  # 2δ(x): the joint density at the origin
            result += sympy.exp(tilt.ell) * sympy.sqrt(free) / (sympy.pi * sympy.expand(1 + p * free))
    elif factor is not None:
        a, b = factor
        inner = _on_the_axis(power - 1, None, tilt.narrowed(which, a, b), which)
        result += variance * 2 * a / sympy.sqrt(sympy.pi) * inner
    return sympy.expand_mul(result)


def _both_centred(factors: tuple[Factor, Factor], tilt: _Tilt) -> Expr:
    mass, means, (c11, c12, c22) = tilt.law()
    scales, variances = [], []
    for factor, mean, variance in zip(factors, means, (c11, c22), strict=True):
        assert factor is not None
        a, b = factor
        sharp = factor == _SIGN
        if sympy.cancel(mean if sharp else a * mean + b) != 0:
            raise OutsideFamilyError(factor, "no elementary closed form of a bivariate normal probability")
        scales.append(S.One if sharp else a)
        variances.append(variance if sharp else a * a * variance + sympy.Rational(1, 2))
    if sympy.cancel(variances[0] - variances[1]) == 0:
        spread = variances[0]
    else:
        spread = sympy.sqrt(sympy.factor(sympy.cancel(variances[0] * variances[1])))
    return mass * 2 / sympy.pi * sympy.asin(sympy.cancel(sympy.cancel(scales[0] * scales[1] * c12) / spread))


@lru_cache(maxsize=4096)
def _moment(m: int, n: int, first: Factor, second: Factor, tilt: _Tilt) -> Expr:
    """I_{m,n}[F₁, F₂]."""
    mass, means, (c11, c12, c22) = tilt.law()
    if m == 0 and n == 0:
        if first is not None and second is not None:
            return _both_centred((first, second), tilt)
        return mass * (_smoothed(first, means[0], c11) * _smoothed(second, means[1], c22))
    which = 0 if m else 1
    m, n = (m - 1, n) if m else (m, n - 1)
    result = means[which] * _moment(m, n, first, second, tilt)
    for variable, covariance in ((0, c11 if which == 0 else c12), (1, c12 if which == 0 else c22)):
        power = (m, n)[variable]
        if power:
            lowered = (m - 1, n) if variable == 0 else (m, n - 1)
            result += covariance * power * _moment(*lowered, first, second, tilt)
        factor = (first, second)[variable]
        if factor is None:
            continue
        others = (None, second) if variable == 0 else (first, None)
        if factor == _SIGN:
            if power == 0:
                left = (n, second, 1) if variable == 0 else (m, first, 0)
                result += 2 * covariance * _on_the_axis(left[0], left[1], tilt, left[2])
        else:
            a, b = factor
            slope = 2 * a / sympy.sqrt(sympy.pi)
            result += covariance * slope * _moment(m, n, *others, tilt.narrowed(variable, a, b))
    return sympy.expand_mul(result)


def _factored(function: Function) -> list[tuple[Factor, Kernel, int, Expr, Expr]]:
    """Terms of f = (f₊ + f₋)/2 + sign · (f₊ − f₋)/2, f₊ and f₋ the expressions right and left of 0."""
    half = term(sympy.Rational(1, 2))
    if function.edges[1:-1] not in ((), (S.Zero,)):
        raise OutsideFamilyError(function.edges[1:-1], "a dual activation with a breakpoint other than 0")
    left, right = function.values[0], function.values[-1]
    parts: list[tuple[Factor, Terms]] = [
        (None, multiply(half, add(left, right))),
        (_SIGN, multiply(half, add(right, negative(left)))),
    ]
    result = []
    for sharp, terms in parts:
        for kernel, polynomial in terms.items():
            factors = [*kernel.erfs, *([sharp] if sharp else [])]
            if len(factors) > 1:
                raise OutsideFamilyError(kernel, "two error functions or signs of one variable")
            for power, (re, im) in polynomial.items():
                result.append((factors[0] if factors else None, kernel, power, re, im))
    return result


def _real_part(value: Expr) -> Expr:
    """Re of an expression in real symbols and I, with complex exponentials as cosines and sines."""

    def euler(argument: Expr) -> Expr:
        parts = sympy.collect(sympy.expand(argument), sympy.I, evaluate=False)
        angle = sympy.factor_terms(parts.get(sympy.I, S.Zero))
        return sympy.exp(parts.get(S.One, S.Zero)) * (sympy.cos(angle) + sympy.I * sympy.sin(angle))

    if not value.has(sympy.I):
        return value
    rewritten = sympy.expand(value.replace(sympy.exp, euler), power_exp=False)
    return sympy.collect(rewritten, sympy.I, evaluate=False).get(S.One, S.Zero)


def exact_dual(expr1: Expr, expr2: Expr | None = None) -> Expr | None:
    r"""The closed form of :math:`\kappa(\rho) = \mathbb E[f(u)\,h(v)]` in ``RHO``; None where none is known.

    Parameters
    ----------
    expr1, expr2 : sympy.Expr
        f and h in the symbol ``hermite_eq.hermite.X``; h = f if omitted.

    Returns
    -------
    sympy.Expr or None
        For −1 < ρ < 1, and at ±1 by continuity.

    Raises
    ------
    HypothesisError
        As :func:`hermite_eq.expansion.exact.exact_coefficients`.

    References
    ----------
    Cho and Saul (2009) for the arc-cosine kernels; Williams (1997) for the arcsine kernel.

    Examples
    --------
    >>> from hermite_eq.hermite import X
    >>> exact_dual(sympy.Max(X, 0))
    rho*asin(rho)/(2*pi) + rho/4 + sqrt(1 - rho**2)/(2*pi)
    >>> exact_dual(sympy.erf(X))
    2*asin(2*rho/3)/pi
    >>> exact_dual(sympy.exp(X), sympy.sign(X))
    exp(1/2)*erf(sqrt(2)*rho/2)
    """
    try:
        pair = [exact(expr, "σ") for expr in (expr1, expr1 if expr2 is None else expr2)]
        functions = [parse(expr) for expr in pair]
        if any(RHO in expr.free_symbols for expr in pair):
            raise HypothesisError(
                "the real symbol rho is the correlation", "it as a parameter of a function", "give the parameter another name"
            )
        for function in functions:
            require_square_integrable(function)
        first, second = map(_factored, functions)
        total = []
        for factor1, kernel1, m, u1, v1 in first:
            for factor2, kernel2, n, u2, v2 in second:
                both = kernel1.omega != 0 and kernel2.omega != 0
                weight = sympy.Rational(1, 2) if both else S.One
                for conjugate in (1, -1) if both else (1,):
                    # Re z Re w = Re(z w + z conj w)/2
                    alpha = (
                        kernel1.mu + sympy.I * kernel1.omega,
                        kernel2.mu + conjugate * sympy.I * kernel2.omega,
                    )
                    tilt = _Tilt(S.Zero, alpha, (-2 * kernel1.beta, -2 * kernel2.beta))
                    size = (u1 + sympy.I * v1) * (u2 + conjugate * sympy.I * v2)
                    total.append(weight * _real_part(sympy.expand_mul(size * _moment(m, n, factor1, factor2, tilt))))
        result = sympy.expand_mul(sympy.Add(*total))
        return linear_in_trigonometric(result) if result.has(sympy.sin, sympy.cos) else result
    except OutsideFamilyError:
        return None


#: A covariance divided by two rounded roots of variances exceeds 1 by some units in the last place of its type.
_ROUNDED = 64


def correlations(rho: ArrayLike) -> NDArray[np.float64]:
    """``rho`` as an array of correlations; what exceeds ±1 by rounding is ±1.

    >>> correlations([1 + 2**-52, -0.5]).tolist()
    [1.0, -0.5]
    """
    requirement, repair = "a correlation is a real number in [−1, 1]", "divide the covariance by the variances"
    try:
        given = np.asarray(rho)
    except ValueError:
        raise ArgumentTypeError(requirement, f"rho={shown(rho)}", "pass an array of numbers, rho=[0.5, 1], say") from None
    precision = np.finfo(given.dtype).eps if np.issubdtype(given.dtype, np.floating) else np.finfo(float).eps
    real = not np.iscomplexobj(given) and np.issubdtype(given.dtype, np.number)
    if not real or not np.all(np.abs(given) <= 1 + _ROUNDED * precision):
        raise HypothesisError(requirement, f"rho={shown(rho)}", repair)
    return np.asarray(np.clip(given.astype(float), -1.0, 1.0))


@dataclass(frozen=True)
class DualSeries:
    r"""The partial sum :math:`\sum_{k\le K} c_k c^*_k \rho^k/k!` with a bound of everything it leaves out.

    Attributes
    ----------
    weights : tuple of float
        :math:`c_k c^*_k/k!`.
    remainder : float
        :math:`\sqrt{R R_*}` with :math:`R = \mathbb E\sigma^2 - \sum_{k\le K} c_k^2/k!`, so that the tail
        is at most :math:`|\rho|^{K+1}\sqrt{R R_*}` (Cauchy-Schwarz and Parseval).
    error : float
        Bound on the error of the partial sum that stems from the coefficients and from rounding, for all
        \|ρ\| ≤ 1.
    """

    weights: tuple[float, ...]
    remainder: float
    error: float

    def __call__(self, rho: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """κ(ρ) and a bound on its error, both of the shape of ``rho``."""
        rho = correlations(rho)
        value = np.polynomial.polynomial.polyval(rho, self.weights)
        bound = np.abs(rho) ** len(self.weights) * self.remainder + self.error
        return np.asarray(value), np.asarray(bound)


def _orthonormal(c: Sequence[Any]) -> list[float]:
    values = []
    for k, ck in enumerate(c):
        if isinstance(ck, sympy.Basic):
            values.append(float(ck / sympy.sqrt(sympy.factorial(k))))
        else:
            values.append(float(ck) / math.sqrt(math.factorial(k)))
    return values


def dual_series(
    c: Sequence[Any],
    norm2: Any,
    other: Sequence[Any] | None = None,
    other_norm2: Any = None,
    *,
    error: float = 0.0,
) -> DualSeries:
    r"""The series of the dual activation from Hermite coefficients, with a certified tail.

    Parameters
    ----------
    c, other : sequence
        :math:`c_0,\dots,c_K` of σ and of σ*, SymPy numbers or floats; σ* = σ if omitted.
    norm2, other_norm2
        :math:`\mathbb E\sigma^2` and :math:`\mathbb E\sigma_*^2`.
    error : float
        Bound on the absolute error of every :math:`c_k/\sqrt{k!}` and of both norms, beyond rounding to
        double precision.

    Raises
    ------
    HypothesisError
        Sequences of different lengths, a missing norm, or Parseval's sum above the norm by more than
        ``error`` allows.

    Examples
    --------
    >>> series = dual_series([0, 1, 0], 1)          # σ(x) = x
    >>> value, bound = series(0.5)
    >>> float(value), bool(abs(value - 0.5) <= bound < 1e-14)
    (0.5, True)
    """
    if (other is None) != (other_norm2 is None):
        raise HypothesisError(
            "both functions have coefficients and a norm",
            "only one of other, other_norm2",
            "pass both, or none for σ* = σ",
        )
    if other is not None and len(other) != len(c):
        raise HypothesisError(
            "both functions are expanded to the same degree",
            f"{len(c)} and {len(other)} coefficients",
            "truncate the longer sequence",
        )
    sequences = [(c, norm2), (c, norm2) if other is None else (other, other_norm2)]
    rounding = 4 * np.finfo(float).eps
    values, rests, errors = [], [], []
    for sequence, norm in sequences:
        a = _orthonormal(sequence)
        total = float(norm)
        # Each a_k carries `error` plus a few roundings of itself; so does the norm, and so do the K + 2
        # operations of the sum.
        own = [error + rounding * abs(ak) for ak in a]
        slack = error + rounding * total + sum(2 * abs(ak) * e + e * e for ak, e in zip(a, own, strict=True))
        slack += (len(a) + 2) * np.finfo(float).eps * total
        rest = math.fsum([total, *(-ak * ak for ak in a)])
        if rest < -slack:
            raise HypothesisError(
                "Σ c_k²/k! ≤ E σ² (Bessel)",
                f"an excess of {-rest:.3g}",
                "check that the norm belongs to these coefficients",
            )
        values.append(a)
        rests.append(max(rest, 0.0) + slack)
        errors.append(own)
    weights = tuple(x * y for x, y in zip(*values, strict=True))
    propagated = sum(abs(x) * f + abs(y) * e + e * f for x, y, e, f in zip(*values, *errors, strict=True))
    summed = 2 * (len(weights) + 1) * np.finfo(float).eps * sum(map(abs, weights))
    return DualSeries(weights, math.sqrt(rests[0] * rests[1]), float(propagated + summed))
