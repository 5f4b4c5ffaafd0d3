r"""The exact mean spectrum of a real Wishart matrix at finite size.

:math:`W=\Xi\Xi^\top` with Ξ of shape (d, k) and standard normal entries has N = min(d, k) positive eigenvalues with the joint density
:math:`\propto|\Delta(x)|\prod x_i^{(a-1)/2}e^{-x_i/2}`, a = |d − k|. Their one-point function is a finite sum of Laguerre functions and
their integrals.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import check_degree

Array = NDArray[np.float64]

#: Gauss nodes of a panel.
_NODES = 16
#: Standard deviations of a singular value by which the range passes the edges of the spectrum: e^{-40} of the mass is outside.
_BEYOND = 9.0
#: Share of the largest weight below which a node is left out.
_NOTHING = 1e-60
#: Halvings of the first panel where the spectrum reaches zero: nodes down to x = 10^{-18}.
_GRADES = 30
#: Largest N: one solve with an N × N matrix.
LARGEST = 1000


def _laguerre(t: Array, a: int, count: int) -> Array:
    r"""Orthonormal :math:`\psi_j(x)=\sqrt{j!/\Gamma(j+a+1)}\,x^{a/2}e^{-x/2}L_j^{(a)}(x)` at x = t², j < count; shape (count, t.size).

    The recurrence runs on values with an exponent of their own, as :math:`e^{-x/2}` underflows where later functions are of order one.
    """
    x = t**2
    log = (a * np.log(x) - x - gammaln(a + 1)) / 2
    now, before = np.ones_like(x), np.zeros_like(x)
    out = np.empty((count, x.size))
    for j in range(count):
        out[j] = now * np.exp(log)
        # √((j+1)(j+1+a)) ψ_{j+1} = (2j+1+a − x) ψ_j − √(j(j+a)) ψ_{j−1}, with the sign of ψ_j turned each step.
        now, before = ((x - (2 * j + 1 + a)) * now - math.sqrt(j * (j + a)) * before) / math.sqrt((j + 1) * (j + 1 + a)), now
        large = np.abs(now) > 1e150
        now, before = np.where(large, now * 1e-150, now), np.where(large, before * 1e-150, before)
        log = log + np.where(large, math.log(1e150), 0.0)
    return out


def _panels(ends: Array) -> tuple[Array, Array, Array]:
    """Nodes and weights (panels, n), and the matrix which integrates from −1 to the nodes of [−1, 1]; Gauss-Legendre."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    half, centre = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    # ∫_{−1}^{x} P_n = (P_{n+1} − P_{n−1})/(2n+1), and the coefficients of an interpolant are (2n+1)/2 Σ w P_n f.
    P = np.polynomial.legendre.legvander(x, _NODES)
    integral = np.empty((_NODES, _NODES))
    integral[:, 0] = x + 1
    for n in range(1, _NODES):
        integral[:, n] = (P[:, n + 1] - P[:, n - 1]) / (2 * n + 1)
    matrix = integral @ ((P[:, :_NODES] * w[:, None]).T * (np.arange(_NODES) + 0.5)[:, None])
    return centre[:, None] + half[:, None] * x, half[:, None] * w, matrix


@lru_cache(maxsize=64)
def wishart_density(d: int, k: int) -> tuple[Array, Array]:
    r"""Nodes x and weights with :math:`\mathbb E\operatorname{tr}^+f(W)=\sum w_if(x_i)`, the sum over the min(d, k) positive eigenvalues.

    With :math:`\phi_j=\psi_j/\sqrt x` for j < N and :math:`h_j(x)=\int\operatorname{sgn}(y-x)\phi_j(y)dy` the one-point function is

    .. math:: \rho(x)=h(x)^\top A^{-1}\phi(x),\qquad A_{jl}=\int\phi_jh_l\,dx=-A_{lj},

    by de Bruijn's Pfaffian; for odd N with a further row :math:`A_{jN}=-A_{Nj}=\int\phi_j`, :math:`\phi_N=0`, :math:`h_N=1`. In
    t = √x all integrands are smooth, so that composite Gauss-Legendre quadrature has rounding error; where the spectrum reaches zero the
    panels are graded, for functions f with poles near zero.

    Raises
    ------
    HypothesisError
        If d or k is no positive integer, or min(d, k) > 1000.

    References
    ----------
    De Bruijn, J. Indian Math. Soc. 19 (1955) 133-151; ``derivations/linear/wishart_density.py``.

    Examples
    --------
    >>> x, w = wishart_density(3, 5)
    >>> (w @ x**0).round(10), (w @ x).round(10), (w @ x**2).round(8)  # 3; 3·5; 3·5·(3 + 5 + 1)
    (np.float64(3.0), np.float64(15.0), np.float64(135.0))
    """
    d, k = (check_degree(size, name=name) for size, name in ((d, "d"), (k, "k")))
    N, a = min(d, k), abs(d - k)
    if N == 0:
        raise HypothesisError("a Wishart matrix has a size and degrees of freedom", f"d={d}, k={k}", "pass positive integers")
    if N > LARGEST:
        raise HypothesisError("the exact spectrum is for small matrices", f"min(d, k)={N}", f"use the limit beyond {LARGEST}")
    edges = math.sqrt(max(d, k)) - math.sqrt(N), math.sqrt(max(d, k)) + math.sqrt(N)
    lower, upper = max(0.0, edges[0] - _BEYOND), edges[1] + _BEYOND
    # At most √N zeros of ψ_j per unit of t: about three half-waves to a panel of 16 nodes.
    ends = np.linspace(lower, upper, math.ceil((upper - lower) * max(1.0, math.sqrt(N) / 3)) + 1)
    if lower == 0:
        ends = np.concatenate([[0.0], ends[1] * 0.5 ** np.arange(_GRADES, -1, -1), ends[2:]])
    t, w, matrix = _panels(ends)
    psi = 2 * _laguerre(t.ravel(), a, N).reshape(N, *t.shape)
    whole = np.einsum("jpn,pn->jp", psi, w)
    left = np.cumsum(whole, 1) - whole
    h = whole.sum(1)[:, None, None] - 2 * (left[:, :, None] + np.diff(ends)[:, None] / 2 * (psi @ matrix.T))
    phi, h, weights = psi.reshape(N, -1), h.reshape(N, -1), w.ravel()
    A = (phi * weights) @ h.T
    if N % 2:
        border = phi @ weights
        A = np.block([[A, border[:, None]], [-border[None], np.zeros((1, 1))]])
        phi, h = np.vstack([phi, np.zeros(phi.shape[1])]), np.vstack([h, np.ones(h.shape[1])])
    A = (A - A.T) / 2
    density = weights * np.einsum("ji,ji->i", h, np.linalg.solve(A, phi))
    # Outside the spectrum nothing is left but rounding.
    inside = density > _NOTHING * density.max()
    nodes, weights = t.ravel()[inside] ** 2, density[inside]
    for kept in (nodes, weights):
        kept.flags.writeable = False
    return nodes, weights


def mean_spectrum(d: int, k: int) -> tuple[Array, Array]:
    r"""Eigenvalues and weights (of sum 1) of the mean spectrum of :math:`S_k=\frac1k\Xi\Xi^\top` at finite d and k.

    The nodes of :func:`wishart_density`, and the atom 1 − k/d at zero where k < d.

    >>> s, w = mean_spectrum(8, 4)
    >>> [round(float(w @ s**n), 9) for n in range(3)]  # 1, 1, 1 + (d + 1)/k
    [1.0, 1.0, 3.25]
    """
    x, weights = wishart_density(d, k)
    if k < d:
        x, weights = np.append(0.0, x), np.append(d - k, weights)
    return x / k, weights / d
