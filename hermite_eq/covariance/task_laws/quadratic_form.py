r"""The law of a positive quadratic form :math:`Q=\sum_i\lambda_i(z_i+\delta_i)^2`, z ~ N(0, I), with the conditional moments of z.

For every integrable function G and T(z) = 1, z, zzᵀ

.. math:: \mathbb E[G(Q)T(z)]=\int G(q)\,\frac1{2\pi i}\int_{\mathcal C_q}e^{K(s)-sq}\,\mathbb E_s[T(z)]\,ds\,dq,\qquad
    K(s)=\log\mathbb Ee^{sQ},

where under :math:`\mathbb E_s` the :math:`z_i` are independent, :math:`\mathcal N\big(\tfrac{2s\lambda_i\delta_i}{1-2s\lambda_i},
\tfrac1{1-2s\lambda_i}\big)`. The contour passes the saddle :math:`K'(s_q)=q` along the parabola
:math:`s_q+iy+\tfrac{K'''}{6K''}y^2`, on which the integrand has no phase up to third order, and q is integrated in the signed root
:math:`\tfrac12r^2=s_qq-K(s_q)`, :math:`dq=\tfrac r{s_q}dr`, under which its law is normal to leading order: both integrals are
trapezoid sums of analytic functions, and converge exponentially in the number of nodes. Eigenvalues far above all smaller ones
together have r in common with none of them; they form groups of their own, and Q is a sum of independent forms.

Derived in ``derivations/contexts/quadratic_form_law.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: r runs from −9 to 9: φ(9) = 1e-18.
_REACH = 9.0
#: An eigenvalue this many times the mean of all smaller ones together begins a group of its own.
_GAP = 4.0
#: Steps of r and of y (in units of the saddle's width) at level 0; each level divides both by √2.
_STEPS = (0.36, 0.3)
#: What is left of |integrand| on the contour where it is cut.
_CUT = 1e-17
#: Powers of the series for :func:`curvature`: 0.05^15 is below rounding.
_SERIES = 15
#: Contours at a time.
_CONTOURS = 8


def curvature(x: Array) -> Array:
    """x/(1 − x) + log(1 − x) = Σ_{k≥2} (1 − 1/k) x^k for x < 1, without cancellation at 0."""
    small = np.abs(x) < 0.05
    near = np.where(small, x, 0.0)
    series = np.zeros_like(near)
    for k in range(_SERIES, 1, -1):
        series = series * near + (1 - 1 / k)
    far = np.where(small, 0.5, x)
    return np.asarray(np.where(small, series * near**2, far / (1 - far) + np.log1p(-far)))


@dataclass(frozen=True, eq=False)
class FormNodes:
    r"""Nodes of one group's law: :math:`\mathbb E[G(Q)\,T(z)]\approx\sum_jG(q_j)T_j` for T = 1, z, zzᵀ.

    Attributes
    ----------
    q : ndarray, shape (J,)
    mass : ndarray, shape (J,)
    first : ndarray, shape (J, n)
    spread : ndarray, shape (J, n)
        The diagonal part of the second moments.
    outer : ndarray, shape (J, n, n) or None
        The rest of the second moments; None for a central form.
    """

    q: Array
    mass: Array
    first: Array
    spread: Array
    outer: Array | None


class _Cumulants:
    """K and its derivatives, for s of any shape; equal eigenvalues are taken together."""

    def __init__(self, eigenvalues: Array, shifts: Array) -> None:
        order = np.argsort(eigenvalues)
        ordered = eigenvalues[order]
        # Eigenvalues that differ by rounding: n ε of the largest is what an eigensolver leaves.
        starts = np.flatnonzero(np.append(True, np.diff(ordered) > len(ordered) * np.finfo(float).eps * ordered[-1]))
        self.counts = np.diff(np.append(starts, len(ordered)))
        self.eigenvalues = np.add.reduceat(ordered, starts) / self.counts
        self.shifts2 = np.add.reduceat(shifts[order] ** 2, starts)
        #: K is analytic off s ≥ 1/(2λ_max).
        self.top = 1 / (2 * self.eigenvalues[-1])

    def value(self, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        w = 1 - 2 * np.multiply.outer(s, self.eigenvalues)
        return np.asarray(-0.5 * np.log(w) @ self.counts + s * ((1 / w) @ (self.eigenvalues * self.shifts2)))

    def derivative(self, s: Array, order: int) -> Array:
        # d^n/ds^n of −½ log(1 − 2λs) and of λδ²s/(1 − 2λs).
        ratio = self.eigenvalues / (1 - 2 * np.multiply.outer(s, self.eigenvalues))
        central = ratio**order @ self.counts
        shifted = order * (ratio ** (order + 1) @ (self.shifts2 / self.eigenvalues))
        return np.asarray(2 ** (order - 1) * math.factorial(order - 1) * (central + shifted))

    def half_square_root(self, s: Array) -> Array:
        """½r² = s K'(s) − K(s), a sum of positive terms."""
        x = 2 * np.multiply.outer(s, self.eigenvalues)
        return np.asarray(0.5 * (curvature(x) @ self.counts + (x / (1 - x)) ** 2 @ self.shifts2))


def _saddles(cumulants: _Cumulants, roots: Array) -> Array:
    """s with signed root r, by bisection in y, s = (1 − e^{−y})/(2λ_max)."""
    low, high = np.full(roots.shape, -600.0), np.full(roots.shape, 36.0)
    # 60 halvings of an interval of 636 end below the spacing of doubles.
    for _ in range(60):
        middle = (low + high) / 2
        s = -cumulants.top * np.expm1(-middle)
        below = np.sign(s) * np.sqrt(2 * cumulants.half_square_root(s)) < roots
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(-cumulants.top * np.expm1(-(low + high) / 2))


def _contours(cumulants: _Cumulants, saddles: Array, q: Array, step: float) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Points of the upper half of the contour through each saddle, a row for each, and weights w with
    Re Σ w f(s) = (1/2πi) ∫ e^{K − sq} f ds for f real on the real line."""
    second, third = cumulants.derivative(saddles, 2), cumulants.derivative(saddles, 3)
    width = np.minimum(1 / np.sqrt(second), cumulants.top - saddles)[:, None]
    bend, end = (third / (6 * second))[:, None], 16.0
    peak = cumulants.value(saddles.astype(complex)).real - saddles * q
    while True:
        y = width * step * np.arange(math.ceil(end / step))
        s = saddles[:, None] + 1j * y + bend * y**2
        exponent = cumulants.value(s) - q[:, None] * s
        height = exponent.real - peak[:, None]
        if (rises := height.max(axis=1, keepdims=True) > 1e-6).any():
            # On the vertical line |e^K| is largest at the saddle; less bent than the parabola is therefore always possible.
            bend = np.where(rises, bend / 2, bend)
        elif height[:, -1].max() > math.log(_CUT):
            end *= 2
        else:
            break
    ends = np.where(y == 0, 0.5, np.where(height > math.log(_CUT), 1.0, 0.0))
    return s, np.exp(exponent) * (1 - 2j * bend * y) * ends * (width * step / math.pi)


def group_nodes(eigenvalues: Array, shifts: Array, level: int) -> FormNodes:
    """The law of one group of eigenvalues, all positive."""
    cumulants = _Cumulants(eigenvalues, shifts)
    root_step, contour_step = (step / 2 ** (level / 2) for step in _STEPS)
    count = math.ceil(_REACH / root_step)
    # Half-odd multiples of the step avoid r = 0, where dq/dr = r/s is 0/0.
    roots = np.linspace(0.5 - count, count - 0.5, 2 * count) * root_step
    saddles = _saddles(cumulants, roots)
    q = cumulants.derivative(saddles, 1)
    size, n, central = len(q), len(eigenvalues), not shifts.any()
    mass, first, spread = np.empty(size), np.zeros((size, n)), np.empty((size, n))
    outer = None if central else np.empty((size, n, n))
    for start in range(0, size, _CONTOURS):
        rows = slice(start, start + _CONTOURS)
        s, weight = _contours(cumulants, saddles[rows], q[rows], contour_step)
        weight = weight * (root_step * roots[rows] / saddles[rows])[:, None]
        mass[rows] = weight.sum(axis=1).real
        inverse = 1 / (1 - 2 * np.multiply.outer(s, eigenvalues))
        spread[rows] = (weight[:, None] @ inverse).real[:, 0]
        if outer is not None:
            means = 2 * s[..., None] * (eigenvalues * shifts) * inverse
            first[rows] = (weight[:, None] @ means).real[:, 0]
            outer[rows] = ((means * weight[..., None]).swapaxes(1, 2) @ means).real
    return FormNodes(q, mass, first, spread, outer)


def groups(eigenvalues: Array, shifts: Array) -> list[NDArray[np.intp]]:
    r"""Indices of the groups: cut below :math:`\lambda_j` where it exceeds four times the mean of the smaller ones' form, and that form
    has a relative variance below 1/4.

    >>> [group.tolist() for group in groups(np.array([1.0] * 9 + [1e4]), np.zeros(10))]
    [[9], [0, 1, 2, 3, 4, 5, 6, 7, 8]]
    """
    order = np.argsort(-eigenvalues, kind="stable")
    mean = eigenvalues * (1 + shifts**2)
    variance = 2 * eigenvalues**2 * (1 + 2 * shifts**2)
    tail_mean = np.cumsum(mean[order][::-1])[::-1]
    tail_variance = np.cumsum(variance[order][::-1])[::-1]
    cuts = [
        j for j in range(1, len(order)) if eigenvalues[order[j - 1]] > _GAP * tail_mean[j] and tail_variance[j] < tail_mean[j] ** 2 / _GAP
    ]
    return np.split(order, cuts)
