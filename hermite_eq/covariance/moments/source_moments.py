r"""The moments of context, query and label that the error theory asks of one source, with covariances, means and either link.

Given η with argument :math:`z=\eta^\top x\sim\mathcal N(m,\omega^2)`, :math:`g=(z-m)/\omega`, :math:`r=\Sigma\eta/\omega`,
:math:`x=\mu+gr+x_\perp` with :math:`x_\perp\sim\mathcal N(0,\Sigma-rr^\top)` independent of g, and

.. math::
    e=\mathbb Ey,\ a=\mathbb Eyg,\ v=\mathbb Ey^2,\ q=\mathbb Ey^2g,\ p=\mathbb Ey^2(g^2-1),\ w_{30}=\mathbb Ey^3,\ w_3=\mathbb Ey^3g,\
    w_4=\mathbb Ey^4,\\
    \beta=\mathbb E[yx]=e\mu+ar,\qquad \mathbb E[y^2xx^\top]=v(\Sigma+\mu\mu^\top)+p\,rr^\top+q(\mu r^\top+r\mu^\top),\qquad
    \mathbb E[y^3x]=w_{30}\mu+w_3r,

:math:`b_1=\frac f\ell\sum y_ix_i`, :math:`b_2=\frac1\ell\sum y_i^2` have

.. math::
    \mathbb E[b_1b_1^\top]=f^2\big(\tfrac1\ell\mathbb E[y^2xx^\top]+(1-\tfrac1\ell)\beta\beta^\top\big),\quad
    \mathbb E[b_1b_2]=f\big(\tfrac1\ell\mathbb E[y^3x]+(1-\tfrac1\ell)v\beta\big),\quad
    \mathbb E[b_2^2]=\tfrac{w_4}\ell+(1-\tfrac1\ell)v^2,

and :math:`\mathbb E[y_{\ell+1}x_{\ell+1}b^\top]=\beta\,\mathbb E[b]^\top`; all of it is then averaged over η. Derived in
``derivations/contexts/structured_covariance.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array
from hermite_eq.covariance.label import label_values
from hermite_eq.covariance.moments.geometry import Geometry, covariance_root
from hermite_eq.covariance.task_laws.laws import TaskLaw
from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]

#: Rows of :func:`_integrands` that are wanted with ηηᵀ, and of those that are wanted with η.
_MATRICES, _VECTORS = 3, 10
#: Independent quasi-Monte Carlo means, whose spread is the standard error.
_REPLICAS = 8


@dataclass(frozen=True, eq=False)
class SourceMoments:
    r"""First and second moments of context b, query x and label y of one source.

    Attributes
    ----------
    inputs : ndarray, shape (d, d)
        :math:`\Sigma_x=\operatorname{Cov}(x)`.
    mean_x : ndarray, shape (d,)
        :math:`\mu_x`.
    mean_b : ndarray, shape (d + 1,)
        E[b].
    second_b : ndarray, shape (d + 1, d + 1)
        E[bbᵀ].
    labels : ndarray, shape (d, d + 1)
        :math:`\mathbb E[x\,y\,b^\top]`, the signal.
    coupling : ndarray, shape (d, d + 1)
        :math:`\mathbb E[x\,z\,b^\top]`, z the target's argument at the query.
    mean_y, square_y, mean_z, square_z : float
        E[y], E[y²], E[z], E[z²].
    error : float
        Size of the numerical error, relative to the root mean squares of the variables averaged: the largest change of an entry in the
        last refinement, or for ``random`` results the largest standard error.
    random : bool
        Whether the average over tasks is a quasi-Monte Carlo mean.
    """

    inputs: Array
    mean_x: Array
    mean_b: Array
    second_b: Array
    labels: Array
    coupling: Array
    mean_y: float
    square_y: float
    mean_z: float
    square_z: float
    error: float
    random: bool

    @property
    def second_x(self) -> Array:
        """E[xxᵀ]."""
        return np.asarray(self.inputs + np.outer(self.mean_x, self.mean_x))

    @property
    def trace(self) -> float:
        r""":math:`\operatorname{tr}\operatorname{Cov}(h)=\operatorname{tr}\Sigma_x\,\mathbb E\|b\|^2
        +\|\mu_x\|^2\operatorname{tr}\operatorname{Cov}(b)`.
        """
        square = np.trace(self.second_b)
        return float(np.trace(self.inputs) * square + self.mean_x @ self.mean_x * (square - self.mean_b @ self.mean_b))

    def _weights(self, F: ArrayLike) -> Array:
        d, weights = len(self.mean_x), array(F, "F", nan=True, empty=True)
        if weights.ndim != 2 or weights.shape[0] != d * (d + 1):
            raise HypothesisError(
                "F has shape (d(d+1), m), its rows in the row-major order h = (x_i b_j)",
                f"shape {weights.shape} at d = {d}",
                f"pass an array of shape ({d * (d + 1)}, m)",
            )
        if not np.isfinite(weights).all():
            raise HypothesisError("F is finite", "NaN or infinity in it", "leave its columns out")
        return weights

    def features(self, F: ArrayLike) -> Array:
        r""":math:`F^\top\operatorname{Cov}(h)F`, shape (m, m), at O(D m²) operations and the memory of F.

        :math:`\operatorname{Cov}(h)=\Sigma_x\otimes\mathbb E[bb^\top]+\mu_x\mu_x^\top\otimes\operatorname{Cov}(b)`, since x is
        independent of b. With :math:`\Sigma_x=KK^\top`, :math:`\mathbb E[bb^\top]=LL^\top` the first term is :math:`G^\top G`,
        :math:`G=(K^\top\otimes L^\top)F`, symmetric and positive semi-definite as it stands; so is the second, of d + 1 rows.
        """
        F = self._weights(F)
        d, m = len(self.mean_x), F.shape[1]
        shift: Array | float = 0.0
        if self.mean_x.any():
            rows = np.tensordot(self.mean_x, F.reshape(d, d + 1, m), axes=1)
            scaled = covariance_root(self.second_b - np.outer(self.mean_b, self.mean_b)).T @ rows
            shift = scaled.T @ scaled
        blocks = np.matmul(covariance_root(self.second_b).T, F.reshape(d, d + 1, m))
        if np.array_equal(self.inputs, self.inputs[0, 0] * np.eye(d)):
            blocks *= np.sqrt(self.inputs[0, 0])
        else:
            blocks = (covariance_root(self.inputs).T @ blocks.reshape(d, -1)).reshape(blocks.shape)
        G = blocks.reshape(F.shape)
        return np.asarray(G.T @ G + shift)

    def cross(self, F: ArrayLike) -> Array:
        r""":math:`F^\top\operatorname{Cov}(h,z)`, shape (m,), where
        :math:`\operatorname{Cov}(h,z)=\mathbb E[xz\otimes b]-\mathbb Ez\,\mu_x\otimes\mathbb Eb`.
        """
        coupling = self.coupling - self.mean_z * np.outer(self.mean_x, self.mean_b)
        return np.asarray(coupling.ravel() @ self._weights(F))

    def matrix(self, F: ArrayLike) -> Array:
        r"""The joint covariance of :math:`(F^\top h,z)`, shape (m + 1, m + 1)."""
        cross = self.cross(F)
        return np.block([[self.features(F), cross[:, None]], [cross[None, :], np.array([[self.square_z - self.mean_z**2]])]])


def _integrands(target: Activation, noise: float, mean: Array, variance: Array) -> Array:
    """What is averaged, at the nodes of a part: rows with ηηᵀ, then with η, then alone."""
    omega = np.sqrt(variance)
    e, a, v, q, p, w30, w3, w4 = label_values(target, noise, mean, omega).values()
    slope = a / omega
    return np.stack(
        [
            slope**2,
            p / variance,
            slope,
            e * slope,
            q / omega,
            w3 / omega,
            v * slope,
            mean * slope,
            e,
            v,
            e,
            v,
            w4,
            v**2,
            e**2,
            v * e,
            w30,
            mean * e,
            mean * v,
            mean,
            mean**2 + variance,
        ]
    )


def _evaluate(place: Geometry, law: TaskLaw, context: int, level: int) -> SourceMoments:
    totals: list[Array] = []
    for part in law.parts(level):
        values = part.contract(_integrands(place.source.target, place.source.noise, part.mean, part.variance), _MATRICES)
        totals = [old + new for old, new in zip(totals, values, strict=True)] if totals else list(values)
    scalars, vectors, matrices = totals
    mu, f, ell, d = place.mean, place.factor, context, len(place.mean)
    slope2, p, slope = place.covariance @ matrices @ place.covariance
    e, v, w4, v2, e2, ve, w30, me, mv, m, z2 = (float(value) for value in scalars[_VECTORS:])
    # Σ E[…η]: of a/ω, q/ω and so on.
    slope1, e_slope, q, w3, v_slope, m_slope, e_eta, v_eta = (vectors @ place.covariance)[_MATRICES - 1 : _VECTORS]

    def symmetric(vector: Array) -> Array:
        return np.outer(mu, vector) + np.outer(vector, mu)

    mumu = np.outer(mu, mu)
    beta2 = e2 * mumu + symmetric(e_slope) + slope2
    pairs = v * (place.covariance + mumu) + p + symmetric(q)
    second = np.empty((d + 1, d + 1))
    second[:d, :d] = f**2 * (pairs / ell + (1 - 1 / ell) * beta2)
    second[:d, d] = second[d, :d] = f * ((w30 * mu + w3) / ell + (1 - 1 / ell) * (ve * mu + v_slope))
    second[d, d] = w4 / ell + (1 - 1 / ell) * v2
    coupling = me * mumu + np.outer(mu, m_slope) + np.outer(e_eta, mu) + slope
    return SourceMoments(
        inputs=place.covariance,
        mean_x=mu,
        mean_b=np.append(f * (e * mu + slope1), v),
        second_b=second,
        labels=np.column_stack([f * beta2, ve * mu + v_slope]),
        coupling=np.column_stack([f * coupling, mv * mu + v_eta]),
        mean_y=e,
        square_y=v,
        mean_z=m,
        square_z=z2,
        error=0.0,
        random=False,
    )


def _sizes(moments: SourceMoments) -> dict[str, float]:
    """What an entry of each average is at most, by Cauchy-Schwarz: from the root mean squares of x, y, z and the entries of b."""
    x, b = (math.sqrt(float(np.diag(matrix).max())) for matrix in (moments.second_x, moments.second_b))
    y, z = math.sqrt(moments.square_y), math.sqrt(moments.square_z)
    return {
        "mean_b": b,
        "second_b": b * b,
        "labels": x * y * b,
        "coupling": x * z * b,
        "mean_y": y,
        "square_y": y * y,
        "mean_z": z,
        "square_z": z * z,
    }


def _distance(first: SourceMoments, second: SourceMoments) -> float:
    """The largest difference of an entry, in units of its size."""
    return max(
        float(np.abs(np.asarray(getattr(first, name)) - np.asarray(getattr(second, name))).max()) / size
        for name, size in _sizes(first).items()
        if size
    )


def averaged_moments(place: Geometry, law: TaskLaw, context: int, tolerance: float = 1e-9) -> SourceMoments:
    """The moments of one source over a law of η, refined until two levels agree to ``tolerance``."""
    if law.random:
        return _replicated([_evaluate(place, law, context, replica) for replica in range(_REPLICAS)])
    first, *finer_levels = law.levels
    moments = _evaluate(place, law, context, first)
    for level in finer_levels:
        finer = _evaluate(place, law, context, level)
        error = _distance(finer, moments)
        moments = replace(finer, error=error)
        if error <= tolerance:
            break
    return moments


def _replicated(parts: list[SourceMoments]) -> SourceMoments:
    """Mean and standard error of independent replicas."""
    stacks = {name: np.array([getattr(part, name) for part in parts]) for name in _sizes(parts[0])}
    means = {name: stack.mean(axis=0) for name, stack in stacks.items()}
    values: dict[str, Any] = {name: mean if mean.ndim else float(mean) for name, mean in means.items()}
    merged = replace(parts[0], **values, random=True)
    stderr = {name: stack.std(axis=0, ddof=1) / math.sqrt(len(parts)) for name, stack in stacks.items()}
    return replace(merged, error=max(float(stderr[name].max()) / size for name, size in _sizes(merged).items() if size))
