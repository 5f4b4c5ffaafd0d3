r"""Averages over tasks with covariances, as series in the inverse effective dimension.

Let P = Cov(x), W = Cov(η) and :math:`Q=\eta^\top P\eta` with :math:`s^2=\operatorname{tr}PW`,
:math:`t_n=\operatorname{tr}(PW)^n/(\operatorname{tr}PW)^n`; for covariances of bounded condition :math:`t_n=O(d^{1-n})`, and
:math:`1/t_2` is the effective dimension. The cumulants of :math:`Q/s^2` are :math:`2^{n-1}(n-1)!\,t_n`, and with its central moments
:math:`\mu_j` and :math:`D_j=\prod_{i<j}(\tfrac\theta2-i)`, :math:`\theta=s\,d/ds`,

.. math::
    \mathbb E\,G(Q)=\sum_j\frac{\mu_j}{j!}D_jG,\qquad
    P\,\mathbb E[G(Q)\eta\eta^\top]P=\sum_n2^n\,\mathbb E[G^{(n)}(Q)]\,P(WP)^{n+1},\quad G^{(n)}=Q^{-n}D_nG,

the second by Stein's identity :math:`\mathbb E[G\eta\eta^\top]=W\,\mathbb E G+2WP\,\mathbb E[G'\eta\eta^\top]`. Where the argument is
normalised, :math:`\eta=c\,\xi/\|\xi\|`, Q is a ratio of two quadratic forms, and the series is given to first order. Derived in
``derivations/effective_dimension.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy

from hermite_eq.covariance.averages import scale_derivative
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, LabelSource, S, hermite_form, hermite_index

#: tr(Σ_x Σ_ξ²)/(tr Σ_xΣ_ξ tr Σ_ξ) and tr Σ_ξ²/(tr Σ_ξ)², for arguments normalised by ‖ξ‖.
T11, T02 = sympy.symbols("t_{11} t_{02}", positive=True)
_WEIGHT = sympy.Symbol("weight", positive=True)
_TRACES: dict[sympy.Symbol, int] = {}


@cache
def trace_symbol(n: int) -> sympy.Symbol:
    r""":math:`t_n=\operatorname{tr}(PW)^n/(\operatorname{tr}PW)^n`; :math:`d^{1-n}` for isotropic data.

    >>> trace_symbol(2)
    t_{2}
    """
    symbol = sympy.Symbol(f"t_{{{n}}}", positive=True)
    _TRACES[symbol] = n
    return symbol


def trace_index(symbol: sympy.Symbol) -> int | None:
    """n of a :func:`trace_symbol`, None for any other symbol."""
    return _TRACES.get(symbol)


@cache
def form_moments(count: int, order: int) -> tuple[sympy.Expr, ...]:
    r""":math:`\mu_0,\dots,\mu_{count}` of :math:`Q/s^2` around its mean 1, up to total weight ``order``, :math:`t_n` having weight n − 1.

    >>> form_moments(3, 2)
    (1, 0, 2*t_{2}, 8*t_{3})
    """
    cumulants = [sympy.Integer(0), sympy.Integer(0)]
    cumulants += [2 ** (n - 1) * sympy.factorial(n - 1) * trace_symbol(n) * _WEIGHT ** (n - 1) for n in range(2, count + 1)]
    mu = [sympy.Integer(1)]
    for j in range(1, count + 1):
        # μ_j = Σ_i C(j−1, i−1) κ_i μ_{j−i}.
        full = sympy.expand(sum(sympy.binomial(j - 1, i - 1) * cumulants[i] * mu[j - i] for i in range(1, j + 1)))
        mu.append(sum((full.coeff(_WEIGHT, w) * _WEIGHT**w for w in range(order + 1)), sympy.Integer(0)))
    return tuple(value.subs(_WEIGHT, 1) for value in mu)


@dataclass(frozen=True)
class FormAverages:
    r"""Averages of functions of the label moments over tasks with covariances.

    Attributes
    ----------
    source : Task or SymbolicTarget
    order : int
        N: up to weight N.
    unit_link : bool
        η = c ξ/‖ξ‖; then N ≤ 1.
    """

    source: LabelSource
    order: int
    unit_link: bool

    def closed(self, f: sympy.Expr) -> sympy.Expr:
        """f with the closed forms, at scale s, of those Hermite moments that have any."""
        found = {}
        for symbol in f.free_symbols:
            index = hermite_index(symbol)
            if index is not None:
                form = hermite_form(self.source, *index)
                if form is not None:
                    found[symbol] = form
        return sympy.expand(f.xreplace(found))

    def _polynomial(self, f: sympy.Expr) -> tuple[sympy.Expr, int] | None:
        """f as a polynomial in s², with its degree; None if it is none: then the series of its mean does not end."""
        wanted = [hermite_index(symbol) for symbol in f.free_symbols]
        if any(index is not None and hermite_form(self.source, *index) is None for index in wanted):
            return None
        form = self.closed(f)
        if not form.is_polynomial(S):
            return None
        powers = [power for (power,) in sympy.Poly(form, S).monoms()]
        return None if any(power % 2 for power in powers) else (form, max(powers) // 2)

    def ends(self, f: sympy.Expr) -> bool:
        """Whether the series of f ends, so that it is exact."""
        found = self._polynomial(_in_hermite_moments(f))
        return found is not None and (found[1] == 0 or not self.unit_link)

    def mean(self, f: sympy.Expr) -> sympy.Expr:
        """E[f] for f in a, v, p, w₃, w₄, s."""
        g = _in_hermite_moments(f)
        found = self._polynomial(g)
        if found is not None and not self.unit_link:
            return _exact(*found, 0)
        return self.closed(self._mean(g, self.order))

    def _mean(self, g: sympy.Expr, order: int) -> sympy.Expr:
        """The series, in Hermite moments at scale s."""
        if self.unit_link:
            first, second = _falling(g, 1), _falling(g, 2)
            spread = second * trace_symbol(2) - 2 * (first + second) * T11 + (2 * first + second) * T02
            return sympy.expand(g + (spread if order else 0))
        moments = form_moments(2 * order, order)
        return sympy.expand(sum(mu / sympy.factorial(j) * _falling(g, j) for j, mu in enumerate(moments)))

    def words(self, f: sympy.Expr) -> dict[str, sympy.Expr]:
        r"""Coefficients of :math:`P\,\mathbb E[f\,\eta\eta^\top]P` in its words, by name.

        ``0``: PWP; ``n``: :math:`s^{-2n}P(WP)^{n+1}`; with ``unit_link``, where W = c²Σ_ξ/tr Σ_ξ, also ``t``:
        :math:`PW^2P/\operatorname{tr}W`.
        """
        g = _in_hermite_moments(f)
        if self.unit_link:
            first, second = _falling(g, 1), _falling(g, 2)
            # The first-order operator of G/N, by Leibniz.
            spread = second * trace_symbol(2) - 2 * (2 * first + second) * T11 + (2 * g + 4 * first + second) * T02
            found = {"0": g + (spread if self.order else 0), "1": 2 * first, "t": -2 * (first + g)}
            return {name: self.closed(value) for name, value in found.items() if name == "0" or self.order}
        polynomial = self._polynomial(g)
        if polynomial is not None:
            return {str(n): 2**n * _exact(*polynomial, n) for n in range(polynomial[1] + 1)}
        found = {str(n): 2**n * S ** (2 * n) * self._mean(_falling(g, n) / S ** (2 * n), self.order - n) for n in range(self.order + 1)}
        return {name: self.closed(value) for name, value in found.items()}


def _in_hermite_moments(f: sympy.Expr) -> sympy.Expr:
    return sympy.expand(f.xreplace(dict(IN_HERMITE_MOMENTS)))


def _falling(f: sympy.Expr, j: int) -> sympy.Expr:
    """D_j f, for Hermite moments at scale s."""
    for i in range(j):
        f = sympy.expand(scale_derivative(f) / 2 - i * f)
    return f


def _exact(form: sympy.Expr, degree: int, n: int) -> sympy.Expr:
    """s^{2n} E[f^{(n)}(Q)] of a polynomial in s² = Q: a power p leaves p(p − 1)…(p − n + 1) s^{2n} E Q^{p−n}."""
    # E(Q/s²)^p from the central moments, none of them cut: the weight of μ_p is at most p − 1.
    moments = form_moments(degree, degree)
    raw = [sum((sympy.binomial(p, j) * moments[j] for j in range(p + 1)), sympy.Integer(0)) for p in range(degree + 1)]
    return sympy.expand(sum(form.coeff(S, 2 * p) * sympy.ff(p, n) * S ** (2 * p) * raw[p - n] for p in range(n, degree + 1)))
