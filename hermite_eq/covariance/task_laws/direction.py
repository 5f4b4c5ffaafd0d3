r"""The law of :math:`R=u^\top\Sigma u` for the direction :math:`u=\xi/\|\xi\|` of a centred Gaussian ξ, with the conditional moments of u.

With :math:`Q=\xi^\top\Sigma\xi` and :math:`N=\|\xi\|^2`, the derivative of :math:`Q-\rho N` in ρ is −N, so that the length of ξ cancels:

.. math:: \mathbb E[G(R)\,uu^\top]=\int G(\rho)\,\mathbb E\big[\xi\xi^\top\delta(Q-\rho N)\big]d\rho
    =\int G(\rho)\,\frac1{2\pi}\int_{-\infty}^\infty e^{K_\rho(s)}\,L\big(I-2sA_\rho\big)^{-1}L^\top dy\,d\rho,\qquad s=s_\rho+iy,

:math:`LL^\top=\operatorname{Cov}\xi`, :math:`A_\rho=L^\top(\Sigma-\rho)L`, :math:`K_\rho(s)=-\tfrac12\log\det(I-2sA_\rho)`, and
:math:`K_\rho'(s_\rho)=0`. The integral over ρ runs in the signed root :math:`\tfrac12r^2=-K_\rho(s_\rho)`,
:math:`dr=\tfrac{s_\rho}r\mathbb E_{s_\rho}[N]\,d\rho`, that over y in :math:`y=w\sinh v`: trapezoid sums of analytic functions.
Derived in ``derivations/contexts/quadratic_form_law.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.special import expit

from hermite_eq.covariance.task_laws.quadratic_form import curvature, group_nodes

Array = NDArray[np.float64]

_REACH = 9.0
#: Steps of r and v at level 0; each level divides both by √2.
_STEPS = (0.36, 0.3)
_CUT = 1e-17
_EPS = float(np.finfo(float).eps)
#: Eigenvalues below this share of the largest are taken from the inverse: ε/10⁻⁶ is the relative accuracy of a plain eigensolver there.
_GRADED = 1e-6
#: |t| of ρ = least + span/(1 + e^{−t}): r = 9 lies at e^{−81} of the range where the approach is slowest, a square root.
_FARTHEST = 200.0


@dataclass(frozen=True, eq=False)
class DirectionNodes:
    r"""Nodes: :math:`\mathbb E[G(R)]\approx\sum_jG(\rho_j)w_j`, :math:`\mathbb E[G(R)uu^\top]\approx\sum_jG(\rho_j)M_j`.

    Attributes
    ----------
    rho : ndarray, shape (J,)
    mass : ndarray, shape (J,)
        :math:`w_j=\operatorname{tr}M_j`.
    second : ndarray, shape (J, d, d)
    """

    rho: Array
    mass: Array
    second: Array


class _Pencil:
    """A_ρ = W (β − ρ) Wᵀ in the generalised eigenbasis of (Lᵀ Σ L, LᵀL = W Wᵀ)."""

    def __init__(self, inputs: Array, root: Array) -> None:
        gram = root.T @ root
        levels, dual = scipy.linalg.eigh(root.T @ inputs @ root, gram)
        # dualᵀ (LᵀL) dual = I, so that W = (LᵀL) dual; the columns of LW… are the images of the basis.
        self.basis = gram @ dual
        self.gram = gram
        self.products = self.basis.T @ self.basis
        size = len(levels) * _EPS * max(abs(levels[0]), abs(levels[-1]))
        # Levels that differ by rounding are one level: R approaches it by powers of the distance, down to 1e-30 of the range.
        starts = np.append(True, np.diff(levels) > size)
        self.levels = levels[starts][np.cumsum(starts) - 1]
        self.least, self.largest = float(self.levels[0]), float(self.levels[-1])
        self.span = self.largest - self.least
        scale = np.sqrt(np.diag(self.products))
        off = self.products - np.diag(np.diag(self.products))
        self.commute = bool(np.abs(off / np.outer(scale, scale)).max() <= 64 * len(levels) * _EPS)

    def eigen(self, below: float, above: float) -> tuple[Array, Array]:
        """Eigenvalues (negative ones first) and eigenvectors of A_ρ, ρ = least + below = largest − above, to relative accuracy."""
        gaps = (self.levels - self.least) - below if below < above else above - (self.largest - self.levels)
        if self.commute:
            order = np.argsort(gaps * np.diag(self.products))
            norms = np.sqrt(np.diag(self.products))
            return (gaps * np.diag(self.products))[order], (self.basis / norms)[:, order]
        a, vectors = np.linalg.eigh((self.basis * gaps) @ self.basis.T)
        if np.abs(gaps).min() > _GRADED * np.abs(gaps).max():
            return a, vectors
        # The small eigenvalues from the inverse pencil, D⁻¹q = a⁻¹ (WᵀW) q with eigenvectors Wq: they are its large ones.
        inverse, dual = scipy.linalg.eigh(np.diag(1 / gaps), self.products)
        negative = int(np.count_nonzero(gaps < 0))
        small_are_negative = np.abs(gaps[:negative]).min() < np.abs(gaps[negative:]).min()
        # 1/a rises from the negative eigenvalue nearest to zero; among positive ones the largest 1/a is the smallest a.
        if small_are_negative:
            a[:negative], vectors[:, :negative] = (1 / inverse[:negative])[::-1], (self.basis @ dual[:, :negative])[:, ::-1]
        else:
            a[negative:], vectors[:, negative:] = (1 / inverse[negative:])[::-1], (self.basis @ dual[:, negative:])[:, ::-1]
        return a, vectors


_SIXTEENTHS = np.arange(1, 16) / 16


def _zero_of_derivative(a: Array) -> float:
    """s with K'(s) = Σ a/(1 − 2sa) = 0, which rises from −∞ to ∞ between the branch points."""
    low, high = 1 / (2 * a[0]), 1 / (2 * a[-1])
    # Divided until no double is left between: the two branch points may differ by 30 orders of magnitude.
    while True:
        s = low + (high - low) * _SIXTEENTHS
        s = s[(low < s) & (s < high)]
        if not len(s):
            return float(low + (high - low) / 2)
        negative = int(np.count_nonzero(np.sum(a / (1 - 2 * np.multiply.outer(s, a)), axis=1) < 0))
        low, high = s[negative - 1] if negative else low, s[negative] if negative < len(s) else high


class _Saddle:
    """What belongs to one ρ = least + span/(1 + e^{−t}): eigenvalues of A_ρ, the saddle, r and dr/dt."""

    def __init__(self, pencil: _Pencil, t: float) -> None:
        self.t = t
        below, above = pencil.span * float(expit(t)), pencil.span * float(expit(-t))
        self.rho = pencil.least + below if below < above else pencil.largest - above
        self.eigenvalues, self.vectors = pencil.eigen(below, above)
        a = self.eigenvalues
        self.s = _zero_of_derivative(a)
        w = 1 - 2 * self.s * a
        self.root = math.copysign(math.sqrt(float(curvature(2 * self.s * a).sum())), self.s)
        self.lengths = np.einsum("ij,ij->j", self.vectors, pencil.gram @ self.vectors)
        #: dρ/dt · s E_s[N]/r.
        self.slope = below * above / pencil.span * self.s * float(np.sum(self.lengths / w)) / self.root if self.root else math.nan
        self.jacobian = below * above / pencil.span
        self.width = min(1 / math.sqrt(2 * float(np.sum((a / w) ** 2))), self.s - 1 / (2 * a[0]), 1 / (2 * a[-1]) - self.s)

    def density(self, step: float) -> Array:
        r"""The diagonal of :math:`\frac1{2\pi}\int e^{K}(1-2sa)^{-1}dy`."""
        a, end = self.eigenvalues, 8.0
        peak = -0.5 * float(np.log(1 - 2 * self.s * a).sum())
        while True:
            v = step * np.arange(math.ceil(end / step))
            s = self.s + 1j * self.width * np.sinh(v)
            w = 1 - 2 * np.multiply.outer(s, a)
            exponent = -0.5 * np.log(w).sum(-1)
            if math.exp(exponent[-1].real - peak) * math.cosh(v[-1]) / np.abs(w[-1]).max() < _CUT:
                break
            end *= 1.5
        weight = np.exp(exponent) * np.cosh(v) * np.where(v == 0, 0.5, 1.0) * (self.width * step / math.pi)
        return np.asarray((weight @ (1 / w)).real)


def _solve(saddle: Callable[[float], _Saddle], target: float, start: float, low: float, high: float) -> _Saddle:
    """The t with root ``target`` in (low, high): Newton's method kept inside a bracket."""
    point = saddle(start)
    for _ in range(60):
        gap = point.root - target
        # r is good to a few ε of the terms it is summed from.
        if abs(gap) <= 1e-13 * max(1.0, abs(target)):
            break
        low, high = (point.t, high) if gap < 0 else (low, point.t)
        step = point.t - gap / point.slope if point.slope > 0 else math.nan
        following = step if low < step < high else (low + high) / 2
        if following in (point.t, low, high):
            break
        point = saddle(following)
    return point


def direction_nodes(inputs: Array, root: Array, level: int) -> DirectionNodes:
    r"""The law of :math:`R=u^\top\Sigma u`, ξ = L z.

    Parameters
    ----------
    inputs : ndarray, shape (d, d)
        Σ.
    root : ndarray, shape (d, n)
        L, of full column rank.
    level : int
        Each level divides the steps by √2.
    """
    pencil = _Pencil(inputs, root)
    if pencil.span == 0:
        # R is constant; E[uuᵀ] = E[ξξᵀ/N] by the law of N.
        lengths, vectors = np.linalg.eigh(pencil.gram)
        nodes = group_nodes(lengths, np.zeros(len(lengths)), level)
        turned = root @ vectors
        constant = (turned * ((1 / nodes.q) @ nodes.spread)) @ turned.T
        return DirectionNodes(np.array([pencil.least]), np.array([np.trace(constant)]), constant[None])
    root_step, step = (size / 2 ** (level / 2) for size in _STEPS)
    count = math.ceil(_REACH / root_step)
    targets = (np.arange(-count, count) + 0.5) * root_step
    rho, mass, second = np.empty(2 * count), np.empty(2 * count), np.empty((2 * count, *inputs.shape))

    def saddle(t: float) -> _Saddle:
        return _Saddle(pencil, t)

    # From the centre outwards, every search starting from its neighbour's tangent.
    centre = _solve(saddle, float(targets[count]), 0.0, -_FARTHEST, _FARTHEST)
    for order in (range(count, 2 * count), range(count - 1, -1, -1)):
        last = centre
        for j in order:
            start = last.t + (targets[j] - last.root) / last.slope
            last = _solve(saddle, float(targets[j]), float(np.clip(start, -_FARTHEST, _FARTHEST)), -_FARTHEST, _FARTHEST)
            diagonal = last.density(step) * (root_step / last.slope) * last.jacobian
            turned = root @ last.vectors
            rho[j], mass[j] = last.rho, float(diagonal @ last.lengths)
            second[j] = (turned * diagonal) @ turned.T
    return DirectionNodes(rho, mass, second)
