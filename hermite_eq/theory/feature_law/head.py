"""What the error depends on in a model: its head's Hermite data, its ridge, and a gradient step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation, grows_exponentially
from hermite_eq.activations.derivative import derivative
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.expansion import coefficients, scaled_moments, scaled_norm2
from hermite_eq.hermite import orthonormal_values
from hermite_eq.models import (
    LinearTransformer,
    OneStepTransformer,
    PolynomialActivation,
    RandomTransformer,
    Ratios,
    Sizes,
    TrainedModel,
)
from hermite_eq.theory.arguments import check_magnitude
from hermite_eq.theory.dual import Dual, value

Array = NDArray[np.float64]

#: Relative size below which a double-precision coefficient counts as zero.
_ZERO = 64 * np.finfo(float).eps
#: Of heads whose values near 0 are no larger: then σ² is a double, and features are of sizes that a solver tells apart.
_LARGEST_RESIDUAL = 1e60
#: Contexts that must count for a mean of squared features to settle to half its size.
FEWEST_EFFECTIVE = 4.0


def check_growth(head: Activation | PolynomialActivation | None) -> None:
    """Raise where the head's second moment has no mean over the law of ‖h‖ at finite d, as it grows exponentially."""
    if isinstance(head, Activation) and grows_exponentially(head):
        raise HypothesisError(
            "at finite d the features have second moments, so the head grows slower than exp(|x|^(2/3)): the tail of ‖h‖ is no lighter "
            "than exp(−c‖h‖)",
            f"the head {head}, whose second moment has no mean over ‖h‖",
            "pass RandomTransformer(…, normalise=True), which fixes ‖h‖, or Ratios(…) for the limit d = ∞",
        )


def effective_share(weights: Array, square: Array) -> float:
    r"""Which share of contexts counts in a mean of :math:`M=\mathbb E_g\sigma(sg)^2` over their law: :math:`(\mathbb EM)^2/\mathbb EM^2`.

    The mean over n contexts has the relative standard deviation :math:`(n\cdot\text{share})^{-1/2}`, nearly, where that is small.

    >>> effective_share(np.array([0.5, 0.5]), np.array([0.0, 3.0]))
    0.5
    """
    relative = square / square.max()
    return float((weights @ relative) ** 2 / (weights.sum() * (weights @ relative**2)))


def unsettled(head: Head, sizes: Sizes, share: float) -> tuple[str, ...]:
    """A note where n contexts, of which ``share`` counts, are too few for the mean of the squared features."""
    if sizes.samples * share >= FEWEST_EFFECTIVE:
        return ()
    return (
        f"d = {sizes.d}: the second moment of {head.function} grows so fast with ‖h‖ that n = {sizes.samples} contexts count as "
        f"{sizes.samples * share:.2g} in its mean, which does not settle; normalise=True fixes ‖h‖",
    )


def affine_moments(head: Any, scales: Array, degree: int = 2, *, shifts: Any = 0.0, squared: int = 0) -> Array:
    r""":math:`\mathbb E[\sigma(m+sg)\mathrm{He}_k(g)]` for k ≤ r = ``degree``, and :math:`\mathbb E[\sigma(m+sg)^2\mathrm{He}_j(g)]`,
    j = ``squared``, at scales s and shifts m of shape (N,); shape (r + 2, N).

    >>> affine_moments(PolynomialActivation("1 + x", (1.0, 1.0), 0.5), np.array([2.0]), 1).round(12)
    array([[1.  ],
           [2.  ],
           [5.25]])
    """
    if not isinstance(head, PolynomialActivation):
        c, norm2 = scaled_moments(head, scales, degree, shifts=shifts, squared=squared)
        return np.vstack([c.T, norm2])
    # r + 3 nodes integrate degree 2r + 5: P²He₂ and P He_k, k ≤ r + 4, exactly.
    g, w = np.polynomial.hermite_e.hermegauss(head.degree + 3)
    he = np.polynomial.hermite_e.hermevander(g, max(degree, squared)) * (w / w.sum())[:, None]
    weights = np.array([float(x) / math.sqrt(math.factorial(k)) for k, x in enumerate(head.c)])
    x = np.asarray(shifts)[..., None] + np.multiply.outer(scales, g)
    values = np.tensordot(weights, orthonormal_values(x, head.degree), 1)
    # The noise c_r* z depends on neither.
    return np.vstack([he[:, : degree + 1].T @ values.T, values**2 @ he[:, squared] + (0.0 if squared else float(head.residual) ** 2)])


@dataclass(frozen=True)
class HeadMoments:
    r"""Arrays :math:`c_0,c_1,c_2` and :math:`c_*^2=\mathbb E\sigma^2-c_0^2-c_1^2` of a head, one entry per scale of its input.

    The equivalent polynomial model has the same four numbers at scale 1 when its degree is at least 2: by Parseval
    :math:`c_*^2=c_r^{*2}+\sum_{2\le k\le r}c_k^2/k!`. At degree 1 its c₂ is 0.
    """

    c0: Array
    c1: Array
    c2: Array
    residual2: Array

    @classmethod
    def of(cls, head: Activation | PolynomialActivation) -> HeadMoments:
        """The moments at scale 1; raises if the head is constant.

        >>> from hermite_eq.activations import activation
        >>> moments = HeadMoments.of(activation("relu"))
        >>> moments.c1.round(12), moments.residual2.round(12)
        (array([0.5]), array([0.09084506]))
        """
        if isinstance(head, PolynomialActivation):
            c = [float(x) for x in head.c]
            beyond = sum(x**2 / math.factorial(k) for k, x in enumerate(c) if k >= 2)
            residual2 = float(head.residual) ** 2 + beyond
            c += [0.0] * (3 - len(c))
        else:
            check_magnitude(head, "head")
            expansion = coefficients(head, 2)
            c = np.asarray(expansion).tolist()
            residual = float(expansion.residual(1))
            if residual > _LARGEST_RESIDUAL:
                raise HypothesisError(
                    f"the residual of the head is below {_LARGEST_RESIDUAL:g}",
                    f"{residual:.3g} for {head}",
                    "use a head that grows more slowly",
                )
            residual2 = residual**2
        moments = cls._rounded(*(np.array([x]) for x in (*c[:3], residual2)))
        if not (moments.c1.any() or moments.residual2.any()):
            raise HypothesisError("the head is not constant", f"{head}", "use a head with some c_k ≠ 0, k ≥ 1")
        return moments

    @classmethod
    def scaled(cls, head: Activation | PolynomialActivation, scales: Array) -> HeadMoments:
        r"""The moments of :math:`g\mapsto\sigma(sg)` for every s in ``scales``, the nodes of a law of :math:`s=\|h\|/\sqrt t`.

        Raises
        ------
        HypothesisError
            If σ grows exponentially: the mean over that law does not exist (``derivations/contexts/head_moments.py``).
        """
        check_growth(head)
        c0, c1, c2, norm2 = _tabulated(head, np.asarray(scales, float))
        return cls._rounded(c0, c1, c2, norm2 - c0**2 - c1**2)

    @classmethod
    def log_slopes(cls, head: Activation | PolynomialActivation, scales: Array) -> HeadMoments:
        r"""Derivatives of :meth:`scaled` in log s: :math:`s\,c_k'(s)=k\,c_k+c_{k+2}`,
        :math:`s\,\frac d{ds}\mathbb E\sigma(sg)^2=\mathbb E[\sigma(sg)^2(g^2-1)]`.

        References
        ----------
        Derivation: ``derivations/heads/mixing_gradient.py``.

        Examples
        --------
        ReLU is homogeneous: c_k ∝ s, c_*² ∝ s².

        >>> from hermite_eq.activations import activation
        >>> slopes = HeadMoments.log_slopes(activation("relu"), np.array([1.0]))
        >>> slopes.c1.round(12), slopes.residual2.round(12)
        (array([0.5]), array([0.18169011]))
        """
        c0, c1, c2, c3, c4, norm2 = affine_moments(head, scales, 4, squared=2)
        return cls(c2, c1 + c3, 2 * c2 + c4, norm2 - 2 * c0 * c2 - 2 * c1 * (c1 + c3))

    @classmethod
    def _rounded(cls, c0: Array, c1: Array, c2: Array, residual2: Array) -> HeadMoments:
        norm2 = c0**2 + c1**2 + np.maximum(residual2, 0)
        c0, c1, c2 = (np.where(np.abs(x) > _ZERO * np.sqrt(norm2), x, 0.0) for x in (c0, c1, c2))
        return cls(c0, c1, c2, np.where(residual2 > _ZERO * norm2, residual2, 0.0))


#: Degree, even, up to which kernels of functions are summed one by one.
KERNEL_DEGREE = 18
#: Entries of a kernel that are summed at a time, for the cache.
_ENTRIES = 2**15
#: Weight of the unpenalised constant in a kernel, relative to the square of the features.
_FREE = 1e8
#: Relative error to which the coefficients of a kernel are interpolated.
_ROUGH = 1e-6


@dataclass(frozen=True, eq=False)
class FeatureKernel:
    r"""What the kernel :math:`K(h,h')=\mathbb E_f\sigma(f^\top h)\sigma(f^\top h')` needs of N inputs of lengths s; N = 1
    stands for any number of one length.

    Attributes
    ----------
    terms : (r + 1, N) array
        :math:`c_k(s)/\sqrt{k!}`.
    beyond : (2, N) array
        Roots of what the degrees beyond r hold of :math:`\mathbb E\sigma(sg)^2`: the even ones, and the odd ones.
    square : (N,) array
        K(h, h), with the noise features of a polynomial head.
    """

    terms: Array
    beyond: Array
    square: Array

    def with_inputs(self, other: FeatureKernel, rho: Array) -> Array:
        r""":math:`\sum_k\frac{c_k(s)c_k(s')}{k!}\rho^k` at the cosines ρ, shape (N, N'), by Horner's rule.

        The degrees beyond r are taken at :math:`\rho^{r+1}` and :math:`\rho^{r+2}`, which is right at ρ = ±1.
        """
        last, total = len(self.terms) - 1, np.empty_like(rho)
        # Of degree r + 1, and r + 2.
        beyond = list(zip(self.beyond, other.beyond, strict=True))
        factors = [*zip(self.terms, other.terms, strict=True), *(beyond if last % 2 else reversed(beyond))]
        nonzero = [bool(left.any() and two.any()) for left, two in factors]
        height = max(1, _ENTRIES // rho.shape[1])
        for start in range(0, len(rho), height):
            rows = slice(start, start + height)
            part, powers = total[rows], rho[rows]
            part[:] = 0.0
            for (left, two), matters in zip(reversed(factors), reversed(nonzero), strict=True):
                part *= powers
                if matters:
                    part += np.multiply.outer(left[rows] if left.size > 1 else left, two)
        return total


#: Width of a panel of log s, and Chebyshev points in it.
_PANEL, _POINTS = 0.5, 24
#: The last coefficients of a panel relative to the largest, above which it is not interpolated.
_SMOOTH = 1e-12


@lru_cache(maxsize=512)
def _panel(head: Activation, index: int, degree: int) -> Array:
    r"""Chebyshev coefficients of :math:`c_0,\dots,c_r,\mathbb E\sigma(sg)^2` in log s on one panel, shape (points, r + 2).

    :math:`\int\sigma(x)\mathrm{He}_k(x/s)\varphi(x/s)\,dx/s` is analytic in s where Re s⁻² > 0, so in log s up to a distance of π/4 from
    the real line, and bounded at the distance π/6: on a panel of half-width ¼ the interpolation error is of the order 4.4⁻²⁴ ≈ ε, times
    the growth of He_k(x/s) off the real line.
    """
    angles = math.pi * (np.arange(_POINTS) + 0.5) / _POINTS
    scales = np.exp(_PANEL * (index + 0.5 + np.cos(angles) / 2))
    values = affine_moments(head, scales, degree).T
    series = 2 / _POINTS * np.cos(np.outer(np.arange(_POINTS), angles)) @ values
    series[0] /= 2
    return np.asarray(series)


def _tabulated(head: Activation | PolynomialActivation, scales: Array, degree: int = 2, smooth: float = _SMOOTH) -> Array:
    r""":math:`c_0,\dots,c_r,\mathbb E\sigma(sg)^2` at every scale, shape (r + 2, N); for a polynomial, which is quick, without a table."""
    if isinstance(head, PolynomialActivation):
        return affine_moments(head, scales, degree)
    check_magnitude(head, "head")
    values = np.empty((degree + 2, scales.size))
    logs = np.log(scales) / _PANEL
    index = np.floor(logs).astype(int)
    for i in np.unique(index):
        at, table = index == i, _panel(head, int(i), degree)
        # A head that grows like exp, at scales where its moments leave the range of the quadrature, is no smooth function of them.
        if np.abs(table[-2:]).max() > smooth * np.abs(table).max():
            values[:, at] = affine_moments(head, scales[at], degree)
        else:
            values[:, at] = np.polynomial.chebyshev.chebval(2 * (logs[at] - i) - 1, table)
    return values


def step_rates(model: OneStepTransformer, samples: int, hidden: int) -> tuple[float, float, float]:
    r"""Of a gradient step on the first layer :math:`\eta c_1/m`, and beyond rank one :math:`\eta c_2/m` and
    :math:`\eta^2\operatorname{Var}\sigma'/(m^2n)` (``derivations/heads/spiked_features.py``).

    >>> [round(rate, 6) for rate in step_rates(OneStepTransformer("relu", 64.0, ridge=0.1), samples=64, hidden=32)]
    [1.0, 0.797885, 0.015625]
    """
    c, rate = np.asarray(coefficients(model.activation, 2)), model.step_size / hidden
    if model.rank_one:
        return float(rate * c[1]), 0.0, 0.0
    slope = float(scaled_norm2(derivative(model.activation), [1.0])[0])
    return float(rate * c[1]), float(rate * c[2]), float(rate**2 * max(slope - c[1] ** 2, 0.0) / samples)


@dataclass(frozen=True)
class Head:
    """What a trained model makes of h; the linear Transformer is a head of infinitely many units with c₁(s) = s alone.

    Attributes
    ----------
    function : Activation, PolynomialActivation or None
        σ; None for the linear Transformer.
    ridge : float
        λ.
    normalise : bool
        Whether every h is rescaled to one length.
    free_constant : bool
        A constant without penalty: the intercept of a linear Transformer.
    step : OneStepTransformer or None
        The model whose gradient step the first layer has taken, where that is not as drawn.
    """

    function: Activation | PolynomialActivation | None
    ridge: float
    normalise: bool = False
    free_constant: bool = False
    step: OneStepTransformer | None = None

    @classmethod
    def of(cls, model: TrainedModel, *, step: bool = False) -> Head:
        """The head of a model; one whose first layer has taken a gradient step only where that is asked for.

        Raises
        ------
        ArgumentTypeError
            If it is none.
        """
        if isinstance(model, LinearTransformer):
            return cls(None, model.ridge, free_constant=model.intercept)
        if isinstance(model, RandomTransformer):
            return cls(model.activation, model.ridge, model.normalise)
        if isinstance(model, OneStepTransformer) and not model.step_size:
            return cls(model.head, model.ridge, model.normalise)
        if isinstance(model, OneStepTransformer) and step:
            return cls(model.head, model.ridge, model.normalise, step=model)
        raise ArgumentTypeError(
            f"the model is a LinearTransformer{', a RandomTransformer or a OneStepTransformer' if step else ' or a RandomTransformer'}",
            f"{type(model).__name__}",
            "pass LinearTransformer(ridge=…), RandomTransformer(activation, ridge=…) or OneStepTransformer(activation, step_size, ridge)"
            if step
            else "pass LinearTransformer(ridge=…) or RandomTransformer(activation, ridge=…)",
        )

    @property
    def linear(self) -> bool:
        """Whether the model is the linear Transformer, whose number of units and of noise features is infinite and zero."""
        return self.function is None

    @property
    def settles(self) -> bool:
        """Whether means of squared features have no heavy tail from that of ‖h‖."""
        return self.linear or self.normalise

    def moments(self, scales: Array | None = None) -> HeadMoments:
        r"""The moments at every :math:`s=\|h\|/\sqrt t`; in the limit (None), and where h is normalised, one entry for all."""
        if self.function is None:
            scales = np.ones(1) if scales is None else scales
            zero = np.zeros_like(scales)
            return HeadMoments(zero + self.free_constant, scales, zero, zero)
        return HeadMoments.of(self.function) if self.normalise or scales is None else HeadMoments.scaled(self.function, scales)

    def rescaled(self, scale: Any) -> HeadMoments:
        """The moments at scales that are given, as in the limit, where no tail of ‖h‖ is averaged over; dual numbers too.

        >>> from hermite_eq.activations import activation
        >>> Head(activation("relu"), ridge=0.1).rescaled(np.array([2.0])).c1.round(12)
        array([1.])
        """
        if self.function is None or self.normalise:
            return self.moments(None if self.normalise else scale)
        s = value(scale)
        c0, c1, c2, norm2 = _tabulated(self.function, s.ravel()).reshape(-1, *s.shape)
        moments = HeadMoments._rounded(c0, c1, c2, norm2 - c0**2 - c1**2)
        if not isinstance(scale, Dual):
            return moments
        slopes, move = HeadMoments.log_slopes(self.function, s.ravel()), (scale - s) / s
        both = zip(vars(moments).values(), vars(slopes).values(), strict=True)
        return HeadMoments(*(c + slope.reshape(s.shape) * move for c, slope in both))

    def kernel(self, scales: Array, trace: float) -> FeatureKernel:
        r"""The kernel of the features at inputs with :math:`s=\|h\|/\sqrt t`, t = ``trace``; for the linear Transformer that of h.

        >>> kernel = Head(None, ridge=1.0).kernel(np.array([1.0, 2.0]), trace=3.0)
        >>> kernel.with_inputs(kernel, np.ones((2, 2))).round(12)
        array([[ 3.,  6.],
               [ 6., 12.]])
        """
        if self.function is None:
            constant = math.sqrt(_FREE * trace) * self.free_constant
            terms = np.array([np.full_like(scales, constant), math.sqrt(trace) * scales])
            return FeatureKernel(terms, np.zeros((2, scales.size)), (terms**2).sum(0))
        at = np.ones(1) if self.normalise else scales
        if not self.normalise:
            check_growth(self.function)
        polynomial = self.function if isinstance(self.function, PolynomialActivation) else None
        degree = polynomial.degree if polynomial else KERNEL_DEGREE
        *c, square = _tabulated(self.function, at, degree, _ROUGH)
        terms = np.array(c) / np.sqrt([float(math.factorial(k)) for k in range(degree + 1)])[:, None]
        # Beyond the degree of a polynomial there is noise alone.
        rest = np.zeros_like(square) if polynomial else np.maximum(square - (terms**2).sum(0), 0.0)
        # The last two degrees, odd and even, tell how much of the rest is even.
        odd, even = (terms[-2:] ** 2).sum(1) if degree else (0.0, 0.0)
        share = even / (even + odd) if even + odd > 0 else 0.5
        beyond = np.sqrt(np.outer([share, 1 - share], rest))
        return FeatureKernel(terms, beyond, square)

    def log_slopes(self, scales: Array) -> HeadMoments | None:
        """Their derivatives in log s; None where h is normalised."""
        if self.function is None:
            zero = np.zeros_like(scales)
            return HeadMoments(zero, scales, zero, zero)
        return None if self.normalise else HeadMoments.log_slopes(self.function, scales)

    def units(self, points: Sequence[Sizes | Ratios]) -> Array:
        """m at every point, or μ where the points are Ratios.

        Raises
        ------
        HypothesisError
            If a random head comes without.
        """
        if self.linear:
            return np.full(len(points), math.inf)
        name = "mu" if isinstance(points[0], Ratios) else "hidden"
        for point in points:
            if getattr(point, name) is None:
                raise HypothesisError("a random head has hidden units", f"{point}", f"pass {name}=…")
        return np.array([getattr(point, name) for point in points], float)
