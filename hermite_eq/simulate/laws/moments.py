r"""Exact expectations over contexts with Gaussian inputs, at finite d.

Given ξ and in the notation of :mod:`hermite_eq.simulate.laws.inputs`, put
:math:`q=\mathbb E[yX]=\mu\,\mathbb E[y]+r\,\mathbb E[yg]` and let
B be the factor of :math:`\frac1\ell\sum y_iX_i` in :math:`b_1`. The pairs :math:`(X_i,y_i)` are independent, so that

.. math::
    \mathbb E[b_1b_1^\top]&=\tfrac{B^2}\ell\bigl(\mathbb E[y^2](\Sigma+\mu\mu^\top)+\mathbb E[y^2(g^2-1)]\,rr^\top
        +\mathbb E[y^2g](\mu r^\top+r\mu^\top)\bigr)+B^2(1-\tfrac1\ell)\,qq^\top,\\
    \mathbb E[b_1b_2]&=\tfrac B\ell\bigl(\mathbb E[y^3]\mu+\mathbb E[y^3g]r\bigr)+B(1-\tfrac1\ell)\,\mathbb E[y^2]\,q,\qquad
    \mathbb E[b_2^2]=\tfrac1\ell\mathbb E[y^4]+(1-\tfrac1\ell)\,\mathbb E[y^2]^2 .

The query and its label are independent of b given ξ. Derived in
``derivations/contexts/structured_covariance.py`` and ``derivations/contexts/given_weights.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hermite_eq.simulate.laws.source_law import SourceLaw
from hermite_eq.simulate.population import Array, LabelMoments, label_moments

#: Tasks whose labels' quadratures are formed at a time.
_TASKS = 256


@dataclass(frozen=True, eq=False)
class Moments:
    r"""Expectations of one context of one source, over its tasks or over some of them.

    Attributes
    ----------
    label, square : float
        :math:`\mathbb E[y]`, :math:`\mathbb E[y^2]`.
    b : (d + 1,) array
        :math:`\mathbb E[b]`.
    second : (d + 1, d + 1) array
        :math:`\mathbb E[bb^\top]`.
    signal : (d, d + 1) array
        :math:`\mathbb E[y_{\ell+1}H_Z]`.
    x : (d,) array
        :math:`\mathbb E[x_{\ell+1}]`.
    query : (d, d) array
        :math:`\mathbb E[x_{\ell+1}x_{\ell+1}^\top]`.
    """

    label: float
    square: float
    b: Array
    second: Array
    signal: Array
    x: Array
    query: Array

    @property
    def h(self) -> Array:
        r""":math:`\mathbb E[H_Z]=\mathbb E[x]\,\mathbb E[b]^\top`."""
        return np.outer(self.x, self.b)

    @property
    def square_h(self) -> float:
        r""":math:`\mathbb E\|h\|^2=\mathbb E\|x\|^2\,\mathbb E\|b\|^2`."""
        return float(np.trace(self.query) * np.trace(self.second))

    def linear_errors(self, weights: Array, intercepts: Array) -> Array:
        r""":math:`\mathbb E[(y-\langle\Gamma,H_Z\rangle-c)^2]` for every column vec Γ of ``weights``, shape ``(d(d+1), q)``:

        .. math:: \mathbb E y^2-2\langle\Gamma,\mathbb E[yH_Z]\rangle-2c\,\mathbb E y+2c\,\langle\Gamma,\mathbb E H_Z\rangle+c^2
            +\operatorname{tr}\bigl(\Gamma^\top\mathbb E[xx^\top]\,\Gamma\,\mathbb E[bb^\top]\bigr).
        """
        d = len(self.x)
        errors = np.empty(len(intercepts))
        for i, c in enumerate(intercepts):
            gamma = weights[:, i].reshape(d, d + 1)
            spread = np.vdot(self.query @ gamma, gamma @ self.second)
            errors[i] = self.square - 2 * np.vdot(gamma, self.signal) + spread + c * (c - 2 * self.label + 2 * np.vdot(gamma, self.h))
        return errors


def given_tasks(law: SourceLaw, xi: Array, weights: Array | None = None, *, reach: float = 16.0, order: int = 20) -> Moments:
    """The moments over the tasks ``xi``, shape ``(k, d)``, of these weights or of 1/k each."""
    probability = np.full(len(xi), 1 / len(xi)) if weights is None else weights
    total = np.zeros(2)
    b, second, signal = (np.zeros(shape) for shape in (law.d + 1, (law.d + 1, law.d + 1), (law.d, law.d + 1)))
    for start in range(0, len(xi), _TASKS):
        rows = slice(start, start + _TASKS)
        link = law.link(xi[rows])
        moments = label_moments(law.source, link.omega, link.m, reach=reach, order=order)
        part = weighted(law, moments, link.r, probability[rows])
        total += part.label, part.square
        b, second, signal = b + part.b, second + part.second, signal + part.signal
    return Moments(float(total[0]), float(total[1]), b, second, signal, *query_moments(law))


def weighted(law: SourceLaw, moments: LabelMoments, r: Array, weights: Array) -> Moments:
    """Weighted sums over tasks of the moments given the task."""
    d, ell, scale = law.d, law.context, law.statistic_scale
    mu = law.source.mean_vectors(d)[0]
    centre = np.outer(mu, mu)
    q = np.outer(moments.y, mu) + moments.yg[:, None] * r
    rest = 1 - 1 / ell
    square = float(weights @ moments.y2)
    mixed = np.outer(mu, (weights * moments.y2g) @ r)
    second = np.empty((d + 1, d + 1))
    second[:d, :d] = scale**2 * (
        (
            square * (law.source.input_cov.matrix(d) + centre)
            + r.T @ ((weights * (moments.y2g2 - moments.y2))[:, None] * r)
            + mixed
            + mixed.T
        )
        / ell
        + rest * q.T @ (weights[:, None] * q)
    )
    second[:d, d] = second[d, :d] = scale * (
        ((weights @ moments.y3) * mu + (weights * moments.y3g) @ r) / ell + rest * (weights * moments.y2) @ q
    )
    second[d, d] = weights @ (moments.y4 / ell + rest * moments.y2**2)
    each_b = np.column_stack([scale * q, moments.y2])
    signal = law.input_scale * q.T @ (weights[:, None] * each_b)
    return Moments(float(weights @ moments.y), square, weights @ each_b, second, signal, *query_moments(law))


def rotated(law: SourceLaw, moments: LabelMoments, weights: Array) -> Moments:
    r"""The moments over tasks of uniform direction for centred inputs of covariance I: :math:`\mathbb E[rr^\top]=I/d`, odd terms vanish."""
    d, ell, scale = law.d, law.context, law.statistic_scale
    rest = 1 - 1 / ell
    square = float(weights @ moments.y2)
    along = weights @ moments.yg**2 / d
    second = np.diag(np.full(d + 1, scale**2 * ((square + weights @ (moments.y2g2 - moments.y2) / d) / ell + rest * along)))
    second[d, d] = weights @ (moments.y4 / ell + rest * moments.y2**2)
    signal = law.input_scale * scale * along * np.eye(d, d + 1)
    return Moments(float(weights @ moments.y), square, np.append(np.zeros(d), square), second, signal, *query_moments(law))


def query_moments(law: SourceLaw) -> tuple[Array, Array]:
    r""":math:`\mathbb E[x]` and :math:`\mathbb E[xx^\top]`."""
    mu = law.source.mean_vectors(law.d)[0]
    return law.input_scale * mu, law.input_scale**2 * (law.source.input_cov.matrix(law.d) + np.outer(mu, mu))
