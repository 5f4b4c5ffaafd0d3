r"""The spectrum of the covariance of :math:`h=\operatorname{vec}H_Z`, and the traces that the errors are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.spectra.marchenko_pastur import resolvent_moments

Array = NDArray[np.float64]

_SMALLEST_SIGNAL = 1e-100


@dataclass(frozen=True)
class Traces:
    r"""Traces at one ridge k; every trace is divided by the dimension D of h.

    With r the eigenvalues over the training tasks and T those over fresh tasks (each of mean 1), s the spectrum of S_k:

    Attributes
    ----------
    inverse : ndarray
        :math:`\langle 1/(r+k)\rangle`.
    f1, f2 : ndarray
        :math:`\langle r/(r+k)\rangle`, :math:`\langle r^2/(r+k)^2\rangle`.
    j : ndarray
        :math:`\langle r/(r+k)^2\rangle`.
    t1, t2 : ndarray
        :math:`\langle T/(r+k)\rangle`, :math:`\langle T/(r+k)^2\rangle`.
    m1, m2 : ndarray
        :math:`\langle s^2/(r+k)\rangle`, :math:`\langle s^2/(r+k)^2\rangle` (signal, training tasks twice).
    mt1 : ndarray
        :math:`\langle s/(r+k)\rangle` (signal, training and fresh tasks).
    mr2, mt2 : ndarray
        :math:`\langle s^2r/(r+k)^2\rangle`, :math:`\langle s^2T/(r+k)^2\rangle`.
    x1, jx, xx : ndarray
        :math:`\langle(s-1)/(r+k)\rangle`, :math:`\langle(s-1)/(r+k)^2\rangle`, :math:`\langle(s-1)^2/(r+k)^2\rangle`.
    mx2, tx : ndarray
        :math:`\langle s^2(s-1)/(r+k)^2\rangle`, :math:`\langle T(s-1)/(r+k)^2\rangle`.
    """

    inverse: Array
    f1: Array
    f2: Array
    j: Array
    t1: Array
    t2: Array
    m1: Array
    m2: Array
    mt1: Array
    mr2: Array
    mt2: Array
    x1: Array
    jx: Array
    xx: Array
    mx2: Array
    tx: Array


@dataclass(frozen=True)
class Spectrum:
    r"""The second moment of :math:`\hat b` over the training tasks, in units where its mean eigenvalue is 1,

    .. math:: \begin{pmatrix}pS_k+i\,I_d&c\,\bar\xi\\c\,\bar\xi^\top&e\end{pmatrix},\qquad \bar\xi=\frac1k\sum_j\xi_j,

    its last row that of :math:`b_2=\frac1\ell\sum y_i^2`; over fresh tasks it is :math:`(p+i)I_d\oplus e`, or with contexts of another
    length another :math:`T=t\,I_d\oplus t_2`. That of
    :math:`\hat h` is its Kronecker product with I_d. To the first order in 1/d,

    .. math:: \mathbb E\log\det(\cdot+k)=d\langle\log(ps+y)\rangle+\tfrac12\log(1-\gamma X^2)+(1-\tfrac{dV}2)\gamma X^2+\log E,

    :math:`y=i+k`, :math:`X=\langle ps/(ps+y)\rangle`, :math:`E=e+k-c^2\gamma X/p`: the Marchenko-Pastur mean, its correction for
    Gaussian vectors, the effect of squared lengths of relative variance V in place of 2/d, and the last row.

    Attributes
    ----------
    signal, noise : ndarray
        p and i.
    kappa : ndarray
    bulk : ndarray
        d²/D = d/(d+1); 1 in the limit, where nothing of the last row and of the corrections is left.
    column : ndarray
        e.
    cross2 : ndarray
        c² ≤ pe.
    length_variance : ndarray
        dV; 2 where the signal in b is proportional to ξ.
    test, test_column : ndarray or None
        :math:`t,t_2`; None where they are p + i and e.
    """

    signal: Array
    noise: Array
    kappa: Array
    bulk: Array
    column: Array
    cross2: Array
    length_variance: Array
    test: Array | None = None
    test_column: Array | None = None

    @property
    def fresh(self) -> tuple[Array, Array]:
        """t and t₂."""
        if self.test is None or self.test_column is None:
            return self.signal + self.noise, self.column
        return self.test, self.test_column

    @classmethod
    def limit(cls, signal: Array, kappa: Array) -> Spectrum:
        """The limit d = ∞: r = p s + 1 − p."""
        ones = np.ones_like(signal)
        return cls(signal, ones - signal, kappa, ones, ones, 0 * ones, 2 * ones)

    def traces(self, k: Array) -> Traces:
        """All traces at ridge k ≥ 0."""
        p, i, w, e, gamma = self.signal, self.noise, self.bulk, self.column, 1 / self.kappa
        y, rest, (fresh, t2) = i + k, 1 - self.bulk, self.fresh
        mp = resolvent_moments(y, self.kappa, p)
        c2 = self.cross2
        X, X1, X2 = p * mp.s_1, -p * mp.s_2, 2 * p * mp.s_3
        eta = 2 - self.length_variance
        G1 = -gamma * X / (1 - gamma * X**2) + eta * gamma * X
        G2 = -gamma * (1 + gamma * X**2) / (1 - gamma * X**2) ** 2 + eta * gamma
        E = np.where(rest > 0, e + k - c2 * gamma * mp.s_1, 1.0)
        slope = c2 * gamma * mp.s_2
        E1 = 1 + slope
        # h: what the trace of the inverse over the d rows of b₁ has beyond d⟨1/(ps+y)⟩, and its derivative.
        last = slope / E
        h = G1 * X1 + last
        h1 = G2 * X1**2 + G1 * X2 - 2 * c2 * gamma * mp.s_3 / E - last * E1 / E
        kept = (e - c2 * gamma * mp.s_1) / E
        per_row = rest / w
        # A signal below this is a correction below rounding, and its square need not be a number.
        signal = p > _SMALLEST_SIGNAL
        safe = np.where(signal, p, 1.0)
        share, share2 = np.where(signal, per_row / safe, 0.0), np.where(signal, per_row / safe**2, 0.0)
        square = -2 * y * h - y**2 * h1
        return Traces(
            inverse=w * mp.g + rest * (h + 1 / E),
            f1=w * (p * mp.s_1 + i * mp.g) + rest * (kept - k * h),
            f2=w * (p * p * mp.s2_2 + 2 * p * i * mp.s_2 + i * i * mp.g2) + rest * (kept**2 + (k / E) ** 2 * slope - 2 * k * h - k**2 * h1),
            j=w * (p * mp.s_2 + i * mp.g2) + rest * (kept / E - k * slope / E**2 + h + k * h1),
            t1=w * fresh * mp.g + rest * (fresh * h + t2 / E),
            t2=w * fresh * mp.g2 + rest * (t2 * E1 / E**2 - fresh * h1),
            m1=mp.s2_1 + share2 * y**2 * h,
            m2=mp.s2_2 + share2 * square,
            mt1=mp.s_1 - share * y * h,
            mr2=p * mp.s3_2 + i * mp.s2_2 + share2 * (y**2 * h - k * square),
            mt2=fresh * mp.s2_2 + share2 * (fresh * square + (t2 - fresh) * y**2 * last / E),
            # These weigh deviations of order d^{-1/2} and enter in products of two: their leading order suffices.
            x1=w * (mp.s_1 - mp.g),
            jx=w * (mp.s_2 - mp.g2),
            xx=w * (mp.s2_2 - 2 * mp.s_2 + mp.g2),
            mx2=mp.s3_2 - mp.s2_2,
            tx=w * fresh * (mp.s_2 - mp.g2),
        )

    @property
    def second_moment(self) -> Array:
        r""":math:`\langle r^2\rangle`."""
        p, i, w, e, gamma = self.signal, self.noise, self.bulk, self.column, 1 / self.kappa
        rest = e * e + 2 * self.cross2 * gamma + p * p * gamma * (self.length_variance - 1)
        return w * (p * p * (1 + gamma) + 2 * p * i + i * i) + (1 - w) * rest

    @property
    def overlap(self) -> Array:
        r""":math:`\langle rT\rangle`."""
        fresh, column = self.fresh
        return self.bulk * (self.signal + self.noise) * fresh + (1 - self.bulk) * self.column * column
