r"""Quadratic forms of the context statistic b given η: their means and products, exact at finite ℓ.

With :math:`T=\sum y_i`, :math:`A=\sum y_ig_i`, :math:`Y=\sum y_i^2`, :math:`S=\sum y_ix_i=q+\sqrt Y\,w`, :math:`q=T\mu+Ar`,
:math:`w\sim\mathcal N(0,\Sigma_w)`, :math:`b=(\frac f\ell S,\frac Y\ell)` and a symmetric matrix W of blocks :math:`W_1,u,e`

.. math::
    b^\top Wb&=\tfrac{f^2}{\ell^2}S^\top W_1S+\tfrac{2f}{\ell^2}Y\,u^\top S+\tfrac e{\ell^2}Y^2,\\
    \mathbb E[S^\top W_1S\;S^\top W_1'S]&=\mathbb E\big[(a+Yt)(a'+Yt')+2Y^2\operatorname{tr}W_1\Sigma_wW_1'\Sigma_w+4Y\,q^\top W_1\Sigma_wW_1'q\big],\\
    \mathbb E[S^\top W_1S\;u^\top S]&=\mathbb E\big[(a+Yt)\,u^\top q+2Y\,u^\top\Sigma_wW_1q\big],\qquad
    a=q^\top W_1q,\quad t=\operatorname{tr}W_1\Sigma_w,

so that everything is a moment of (T, A, Y) of order at most four.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.covariance.sources import Geometry
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.argument_moments import argument_moments

Array = NDArray[np.float64]
#: A polynomial in (T, A): coefficients by exponent, each of shape (N,) or a number.
Form = dict[tuple[int, int], Array | float]

#: Order of the joint moments of (T, A, Y): products of two quadratic forms of b are of degree four in them.
_ORDER = 4
_INDICES = [index for index in itertools.product(range(_ORDER + 1), repeat=3) if sum(index) <= _ORDER]


def label_moments(target: Activation, noise: float, mean: Array, scale: Array) -> Array:
    r""":math:`\mathbb E[y^ng^j]`, n ≤ 8 and j ≤ 4, of :math:`y=\sigma_*(m+\omega g)+\epsilon` for each (m, ω): shape (9, 5, N)."""
    powers, degree = 2 * _ORDER, _ORDER
    try:
        table = argument_moments(target, mean, scale, powers, degree)
    except HypothesisError as error:
        raise HypothesisError(
            f"the target has moments up to order {powers}, which the law of ‖b‖ needs",
            f"target {target.name} at scales up to {float(scale.max()):.3g}",
            "use a target of polynomial growth, or simulate: hermite_eq.simulate.icl_error",
        ) from error
    # gʲ in He_k.
    to_he = np.zeros((degree + 1, degree + 1))
    for j in range(degree + 1):
        to_he[j] = np.pad(np.polynomial.hermite_e.poly2herme([0] * j + [1]), (0, degree - j))
    gaussian = np.array([math.prod(range(1, j, 2)) if j % 2 == 0 else 0.0 for j in range(degree + 1)])
    bare = np.concatenate([np.broadcast_to(gaussian[:, None], (1, degree + 1, mean.size)), np.einsum("jk,nkN->njN", to_he, table)])
    errors = [noise ** (e // 2) * math.prod(range(1, e, 2)) if e % 2 == 0 else 0.0 for e in range(powers + 1)]
    return np.stack([sum(math.comb(n, e) * errors[e] * bare[n - e] for e in range(0, n + 1, 2)) for n in range(powers + 1)])


def sums_moments(label: Array, count: int) -> dict[tuple[int, int, int], Array]:
    r""":math:`\mathbb E[T^iA^jY^k]` of sums over ``count`` samples: the ``count``-th power of the truncated moment series of one.

    >>> from hermite_eq.activations import activation
    >>> moments = sums_moments(label_moments(activation("identity"), 0.0, np.zeros(1), np.ones(1)), 3)
    >>> [float(moments[index].round(9)[0]) for index in ((0, 1, 0), (2, 0, 0), (0, 0, 2))]  # Σg² = 3; 3; χ⁴ = 3·5
    [3.0, 3.0, 15.0]
    """
    scale = {index: math.prod(math.factorial(n) for n in index) for index in _INDICES}
    base = {(i, j, k): label[i + j + 2 * k, j] / scale[i, j, k] for i, j, k in _INDICES}
    power = {index: np.full(label.shape[-1], float(index == (0, 0, 0))) for index in _INDICES}

    def product(f: dict[tuple[int, int, int], Array], h: dict[tuple[int, int, int], Array]) -> dict[tuple[int, int, int], Array]:
        out = {index: np.zeros(label.shape[-1]) for index in _INDICES}
        for a, b in itertools.product(_INDICES, repeat=2):
            if sum(a) + sum(b) <= _ORDER:
                out[a[0] + b[0], a[1] + b[1], a[2] + b[2]] += f[a] * h[b]
        return out

    while count:
        if count & 1:
            power = product(power, base)
        count >>= 1
        if count:
            base = product(base, base)
    return {index: scale[index] * value for index, value in power.items()}


def _product(f: Form, h: Form) -> Form:
    out: Form = {}
    for (a, x), (b, y) in itertools.product(f.items(), h.items()):
        index = (a[0] + b[0], a[1] + b[1])
        out[index] = out.get(index, 0.0) + x * y
    return out


@dataclass(frozen=True, eq=False)
class ContextForms:
    """Forms of b for vectors η, shape (N, d), of one source.

    Attributes
    ----------
    place : Geometry
    eta : (N, d) array
    context : int
        ℓ.
    """

    place: Geometry
    eta: Array
    context: int

    @cached_property
    def omega(self) -> Array:
        """ω, shape (N,)."""
        return np.asarray(np.sqrt(((self.eta @ self.place.covariance) * self.eta).sum(1)))

    @cached_property
    def direction(self) -> Array:
        """r = Ση/ω, shape (N, d)."""
        return np.asarray(self.eta @ self.place.covariance / self.omega[:, None])

    @cached_property
    def label(self) -> Array:
        """:func:`label_moments`."""
        return label_moments(self.place.source.target, self.place.source.noise, self.eta @ self.place.mean, self.omega)

    @cached_property
    def sums(self) -> dict[tuple[int, int, int], Array]:
        """:func:`sums_moments`."""
        return sums_moments(self.label, self.context)

    def across(self, vectors: Array) -> Array:
        """Σ_w v for rows v."""
        along = (self.direction * vectors).sum(1, keepdims=True)
        return np.asarray(vectors @ self.place.covariance - along * self.direction)

    def expected(self, form: Form, i: int, j: int, k: int) -> Array:
        """E[form · TⁱAʲYᵏ]."""
        return np.asarray(sum(value * self.sums[i + a, j + b, k] for (a, b), value in form.items()))

    def bilinear(self, left: Array, right: Array) -> Form:
        """qᵀLᵀRq for the images (Lμ, Lr) and (Rμ, Rr) of shape (2, N, d) or broadcastable."""
        (lm, lr), (rm, rr) = left, right
        return {(2, 0): (lm * rm).sum(-1), (1, 1): (lm * rr).sum(-1) + (lr * rm).sum(-1), (0, 2): (lr * rr).sum(-1)}

    def _parts(self, W: Array) -> tuple[Array, Array, float, Form, Array, Form]:
        """W₁, u, e, the form a, t and the form uᵀq."""
        d, mu, r = len(self.place.mean), self.place.mean, self.direction
        W1, u, e = W[:d, :d], W[:d, d], float(W[d, d])
        both = np.stack([np.broadcast_to(mu, r.shape), r])
        a = self.bilinear(both, both @ W1)
        t = float(np.vdot(W1, self.place.covariance)) - np.asarray(a[0, 2])
        return W1, u, e, a, t, {(1, 0): float(u @ mu), (0, 1): r @ u}

    def mean(self, W: Array) -> Array:
        """E[bᵀWb], shape (N,)."""
        f, ell = self.place.factor, self.context
        _, _, e, a, t, line = self._parts(W)
        s = f**2 * (self.expected(a, 0, 0, 0) + t * self.sums[0, 0, 1])
        return (s + 2 * f * self.expected(line, 0, 0, 1) + e * self.sums[0, 0, 2]) / ell**2

    def product(self, W: Array, V: Array) -> Array:
        """E[bᵀWb · bᵀVb], shape (N,)."""
        f, mu, r, M, covariance = self.place.factor, self.place.mean, self.direction, self.sums, self.place.covariance
        W1, u, e, a, t, line = self._parts(W)
        V1, v, g, b, z, other = self._parts(V)
        both = np.stack([np.broadcast_to(mu, r.shape), r])
        left, right = both @ W1, both @ V1
        crossed = self.bilinear(left, np.stack([self.across(x) for x in right]))
        # tr W₁Σ_wV₁Σ_w, Σ_w = Σ − rrᵀ.
        image = covariance @ W1
        trace = float(np.vdot(image.T, covariance @ V1)) - 2 * ((r @ W1 @ covariance) * (r @ V1)).sum(1) + np.asarray(a[0, 2]) * np.asarray(b[0, 2])
        total = self.expected(_product(a, b), 0, 0, 0) + z * self.expected(a, 0, 0, 1) + t * self.expected(b, 0, 0, 1)
        total = f**4 * (total + M[0, 0, 2] * (t * z + 2 * trace) + 4 * self.expected(crossed, 0, 0, 1))

        def with_line(form: Form, t: Array, images: Array, vector: Array, line: Form) -> Array:
            """E[Y SᵀW₁S uᵀS]."""
            turned = self.across(np.broadcast_to(vector, r.shape))
            across: Form = {(1, 0): (images[0] * turned).sum(1), (0, 1): (images[1] * turned).sum(1)}
            return self.expected(_product(form, line), 0, 0, 1) + t * self.expected(line, 0, 0, 2) + 2 * self.expected(across, 0, 0, 2)

        total = total + 2 * f**3 * (with_line(a, t, left, v, other) + with_line(b, z, right, u, line))
        squares = g * (self.expected(a, 0, 0, 2) + t * M[0, 0, 3]) + e * (self.expected(b, 0, 0, 2) + z * M[0, 0, 3])
        lines = self.expected(_product(line, other), 0, 0, 2) + (self.across(np.broadcast_to(u, r.shape)) @ v) * M[0, 0, 3]
        total = total + f**2 * (squares + 4 * lines)
        total = total + 2 * f * (g * self.expected(line, 0, 0, 3) + e * self.expected(other, 0, 0, 3)) + e * g * M[0, 0, 4]
        return np.asarray(total / self.context**4)
