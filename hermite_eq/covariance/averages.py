r"""Averages over tasks of functions of the label moments, in closed form, or as series in the inverse effective dimension.

Let P = Cov(x), W = Cov(η) and :math:`Q=\eta^\top P\eta` with :math:`s^2=\operatorname{tr}PW`,
:math:`t_n=\operatorname{tr}(PW)^n/(\operatorname{tr}PW)^n`; for covariances of bounded condition :math:`t_n=O(d^{1-n})`, and
:math:`1/t_2` is the effective dimension. The cumulants of :math:`Q/s^2` are :math:`2^{n-1}(n-1)!\,t_n`, and with its central moments
:math:`\mu_j` and :math:`D_j=\prod_{i<j}(\tfrac\theta2-i)`, :math:`\theta=s\,d/ds`,

.. math::
    \mathbb E\,G(Q)=\sum_j\frac{\mu_j}{j!}D_jG,\qquad
    P\,\mathbb E[G(Q)\eta\eta^\top]P=\sum_n2^n\,\mathbb E[G^{(n)}(Q)]\,P(WP)^{n+1},\quad G^{(n)}=Q^{-n}D_nG,

the second by Stein's identity :math:`\mathbb E[G\eta\eta^\top]=W\,\mathbb E G+2WP\,\mathbb E[G'\eta\eta^\top]`. Hermite moments supply
their own derivatives, :math:`\theta m^{(j)}_k=k\,m^{(j)}_k+m^{(j)}_{k+2}`. Where the argument is normalised, :math:`\eta=c\,\xi/\|\xi\|`,
Q is a ratio of two quadratic forms, and the series is given to first order.

For isotropic data :math:`t_n=d^{1-n}` and s = 1, and what is a sum of terms :math:`s^re^{qs^2}` has a closed form, by the density of
:math:`s=\|\xi\|/\sqrt d`, proportional to :math:`s^{d-1}e^{-ds^2/2}`:

.. math:: \langle s^re^{qs^2}\rangle=\Big(\frac 2d\Big)^{r/2}\frac{\Gamma((d+r)/2)}{\Gamma(d/2)}\Big(1-\frac{2q}d\Big)^{-(d+r)/2}
    \qquad(d>2q).

Derived in ``derivations/contexts/effective_dimension.py`` and ``derivations/contexts/task_averages.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import scipy.linalg
import sympy
from numpy.typing import NDArray

from hermite_eq.arguments import LARGEST_COUNT, inside
from hermite_eq.arguments import count as checked_count
from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, Label, closed_forms, open_moments
from hermite_eq.errors import HypothesisError

_WEIGHT = sympy.Symbol("weight")
# Beyond, the polynomials overflow.
_MOST_NODES = 2000


def gamma_nodes(shape: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Gauss nodes and weights for the gamma law of mean 1 and variance 1/shape; exact for polynomials of degree below ``2 * count``.

    The nodes by Golub and Welsch; the weights are :math:`1/\sum_{j<n}p_j(x_i)^2`, p_j the orthonormal Laguerre polynomials, a sum of
    positive terms: they keep their digits where they are tiny and the integrand, :math:`e^{qx}`, is huge.

    >>> x, w = gamma_nodes(7.5, 6)
    >>> bool(abs(w @ x**2 - (1 + 1 / 7.5)) < 1e-13)
    True
    """
    shape = inside(shape, 0, LARGEST_COUNT, "shape", "d/2 of the law of ‖ξ‖²")
    count = checked_count(count, "count", "the number of nodes", least=1, most=_MOST_NODES)
    i = np.arange(count)
    # Both less the shape, so that a large one takes no digits from nodes − diagonal.
    diagonal, beside = 2.0 * i, np.sqrt(i[1:] * (i[1:] + shape - 1))
    nodes = scipy.linalg.eigvalsh_tridiagonal(diagonal, beside)
    previous, current = np.zeros(count), np.ones(count)
    total = current.copy()
    for j in range(count - 1):
        before = beside[j - 1] if j else 0.0
        previous, current = current, ((nodes - diagonal[j]) * current - before * previous) / beside[j]
        total += current**2
    return 1 + nodes / shape, 1 / total


def task_norm_nodes(d: int, count: int = 64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Nodes :math:`s_i` and weights of the Gauss rule for :math:`s=\|\xi\|/\sqrt d`, :math:`\|\xi\|^2\sim\chi^2_d`.

    ``gamma_nodes`` for s², of variance 2/d: exact for polynomials in s² of degree below ``2 * count``.

    Parameters
    ----------
    d : int
    count : int
        Number of nodes.

    Examples
    --------
    >>> s, weights = task_norm_nodes(10)
    >>> bool(abs(weights @ s**4 - (1 + 2 / 10)) < 1e-13)
    True
    """
    squares, weights = gamma_nodes(checked_count(d, "d", least=1) / 2, count)
    return np.sqrt(squares), weights


@cache
def form_moments(count: int, order: int) -> tuple[sympy.Expr, ...]:
    r""":math:`\mu_0,\dots,\mu_{count}` of :math:`Q/s^2` around its mean 1, up to total weight ``order``, :math:`t_n` having weight n − 1.

    >>> form_moments(3, 2)
    (1, 0, 2*t_2, 8*t_3)
    """
    cumulants = [sympy.Integer(0), sympy.Integer(0)]
    cumulants += [2 ** (n - 1) * sympy.factorial(n - 1) * sym.trace_symbol(n) * _WEIGHT ** (n - 1) for n in range(2, count + 1)]
    mu = [sympy.Integer(1)]
    for j in range(1, count + 1):
        # μ_j = Σ_i C(j−1, i−1) κ_i μ_{j−i}.
        full = sympy.expand(sum(sympy.binomial(j - 1, i - 1) * cumulants[i] * mu[j - i] for i in range(1, j + 1)))
        mu.append(sum((full.coeff(_WEIGHT, w) * _WEIGHT**w for w in range(order + 1)), sympy.Integer(0)))
    return tuple(value.subs(_WEIGHT, 1) for value in mu)


def isotropic_traces(f: sympy.Expr) -> sympy.Expr:
    r"""f at :math:`t_n=d^{1-n}`, its value for isotropic data.

    >>> isotropic_traces(form_moments(4, 3)[4])
    12/d**2 + 48/d**3
    """
    return f.xreplace({t: sym.d ** (1 - n) for t in f.free_symbols if (n := sym.trace_index(t)) is not None})


def scale_derivative(f: sympy.Expr) -> sympy.Expr:
    r""":math:`\theta f=s\,df/ds`, the Hermite moments in f being those at scale s.

    >>> scale_derivative(sym.hermite_symbol(1, 1) * sym.s)
    c_star_1*s + s*(c_star_1 + c_star_3)
    """
    total = sym.s * sympy.diff(f, sym.s)
    for symbol in sorted(f.free_symbols, key=str):
        index = sym.hermite_index(symbol)
        if index is not None:
            power, k = index
            total += sympy.diff(f, symbol) * (k * symbol + sym.hermite_symbol(power, k + 2))
    return total


def falling(f: sympy.Expr, j: int) -> sympy.Expr:
    """D_j f, for Hermite moments at scale s."""
    for i in range(j):
        f = sympy.expand(scale_derivative(f) / 2 - i * f)
    return f


def _factors(term: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr] | None:
    """(constant, r, q) of a term constant · s^r e^{q s²}, or None."""
    constant, rest = term.as_independent(sym.s, as_Add=False)
    r, q = sympy.Integer(0), sympy.Integer(0)
    for factor in sympy.Mul.make_args(rest):
        base, exponent = factor.as_base_exp()
        if base == sym.s and not exponent.has(sym.s):
            r += exponent
        elif base == sympy.E and not sympy.expand(exponent / sym.s**2).has(sym.s):
            q += sympy.expand(exponent / sym.s**2)
        elif factor != 1:
            return None
    return constant, r, q


def exact_average(f: sympy.Expr) -> sympy.Expr | None:
    r""":math:`\langle f\rangle` over :math:`ds^2\sim\chi^2_d` for a sum of terms :math:`s^re^{qs^2}`, else None.

    >>> exact_average(sym.s**4 + 1)
    2 + 2/d
    >>> exact_average(sympy.exp(-sym.s**2 / 2))
    (1 + 1/d)**(-d/2)
    """
    total = sympy.Integer(0)
    expanded, d = sympy.expand(f), sym.d
    for term in () if expanded == 0 else sympy.Add.make_args(expanded):
        factors = _factors(term)
        if factors is None:
            return None
        constant, r, q = factors
        if r.is_Integer and r % 2 == 0 and r >= 0:
            mean = sympy.prod(1 + sympy.Integer(2 * i) / d for i in range(r // 2))
        else:
            mean = 2 ** (r / 2) * d ** (-r / 2) * sympy.gamma((d + r) / 2) / sympy.gamma(d / 2)
        total += constant * mean * (1 - 2 * q / d) ** (-(d + r) / 2)
    return total


def _in_hermite_moments(f: sympy.Expr) -> sympy.Expr:
    return sympy.expand(f.xreplace(dict(IN_HERMITE_MOMENTS)))


def _monomials(f: sympy.Expr) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """(coefficient, monomial in the label moments and s) of a polynomial."""
    generators = (*IN_HERMITE_MOMENTS, sym.s)
    terms = sympy.Poly(f, *generators).terms()
    return [(c, sympy.prod(x**n for x, n in zip(generators, powers, strict=True))) for powers, c in terms]


@dataclass(frozen=True)
class TaskAverages:
    r"""Averages of functions of the label moments and s over one law of tasks.

    Attributes
    ----------
    label : Task or SymbolicTarget
    order : int
        N: averages that do not close are series up to total weight N, :math:`d^{-N}` for isotropic data.
    law : {"isotropic", "sphere", "covariances", "unit link"}
        Isotropic data with ξ ~ N(0, I_d) or on the sphere ‖ξ‖² = d, where every average is the value at s = 1; covariances P, W with
        the argument ηᵀx, or with that normalised by ‖ξ‖, where N ≤ 1.
    """

    label: Label
    order: int
    law: Literal["isotropic", "sphere", "covariances", "unit link"]

    def in_scale(self, f: sympy.Expr) -> sympy.Expr:
        """f in s, with a Hermite symbol for each moment that has no closed form."""
        return closed_forms(self.label, _in_hermite_moments(f))

    def _polynomial(self, f: sympy.Expr) -> tuple[sympy.Expr, int] | None:
        """f as a polynomial in s², with its degree; None if it is none: then the series of its mean does not end."""
        g = self.in_scale(f)
        # Long closed forms are not expanded for nothing.
        if open_moments(self.label, g) or not g.is_rational_function(sym.s):
            return None
        g = sympy.expand(g)
        if not g.is_polynomial(sym.s):
            return None
        powers = [power for (power,) in sympy.Poly(g, sym.s).monoms()]
        return None if any(power % 2 for power in powers) else (g, max(powers) // 2)

    def _closed(self, monomial: sympy.Expr) -> sympy.Expr | None:
        inner = self.in_scale(monomial)
        return None if open_moments(self.label, inner) else exact_average(inner)

    def closes(self, f: sympy.Expr) -> bool:
        """Whether the mean of f is exact."""
        if self.law == "sphere":
            return True
        if self.law == "isotropic":
            return all(self._closed(monomial) is not None for _, monomial in _monomials(f))
        polynomial = self._polynomial(f)
        return polynomial is not None and (polynomial[1] == 0 or self.law == "covariances")

    def mean(self, f: sympy.Expr) -> sympy.Expr:
        """E[f] for f in the label moments and s; of isotropic data f is a polynomial, each monomial exact where it closes."""
        if self.law == "sphere":
            return sympy.expand(self.in_scale(f).subs(sym.s, 1))
        if self.law == "isotropic":
            return sympy.expand(sum(coefficient * self._isotropic(monomial) for coefficient, monomial in _monomials(f)))
        polynomial = self._polynomial(f) if self.law == "covariances" else None
        if polynomial is not None:
            return _exact(*polynomial, 0)
        return sympy.expand(closed_forms(self.label, self._series(_in_hermite_moments(f), self.order)))

    def _isotropic(self, monomial: sympy.Expr) -> sympy.Expr:
        closed = self._closed(monomial)
        if closed is not None:
            return closed
        g, total = self.in_scale(monomial), sympy.Integer(0)
        # Closed forms are long: their derivatives are not expanded before s = 1.
        collected = sympy.expand if g.is_polynomial() else sympy.sympify
        for j, mu in enumerate(form_moments(2 * self.order, self.order)):
            g = collected(scale_derivative(g) / 2 - (j - 1) * g) if j else g
            total += isotropic_traces(mu) / sympy.factorial(j) * sympy.expand(g.subs(sym.s, 1))
        return total

    def _series(self, g: sympy.Expr, order: int) -> sympy.Expr:
        """The mean of g in Hermite moments at scale s, of data with covariances."""
        if self.law == "unit link":
            first, second = falling(g, 1), falling(g, 2)
            spread = second * sym.trace_symbol(2) - 2 * (first + second) * sym.t_1_1 + (2 * first + second) * sym.t_0_2
            return sympy.expand(g + (spread if order else 0))
        moments = form_moments(2 * order, order)
        return sympy.expand(sum(mu / sympy.factorial(j) * falling(g, j) for j, mu in enumerate(moments)))

    def words(self, f: sympy.Expr) -> dict[str, sympy.Expr]:
        r"""Coefficients of :math:`P\,\mathbb E[f\,\eta\eta^\top]P` in its words, by name, for data with covariances.

        ``0``: PWP; ``n``: :math:`s^{-2n}P(WP)^{n+1}`; with the unit link, where W = c²Σ_ξ/tr Σ_ξ, also ``t``:
        :math:`PW^2P/\operatorname{tr}W`.
        """
        g = _in_hermite_moments(f)
        if self.law == "unit link":
            first, second = falling(g, 1), falling(g, 2)
            # The first-order operator of G/N, by Leibniz.
            spread = second * sym.trace_symbol(2) - 2 * (2 * first + second) * sym.t_1_1 + (2 * g + 4 * first + second) * sym.t_0_2
            factors = {"0": g + (spread if self.order else 0), "1": 2 * first, "t": -2 * (first + g)}
            factors = {name: value for name, value in factors.items() if name == "0" or self.order}
        else:
            polynomial = self._polynomial(f)
            if polynomial is not None:
                return {str(n): 2**n * _exact(*polynomial, n) for n in range(polynomial[1] + 1)}
            powers = {n: sym.s ** (2 * n) for n in range(self.order + 1)}
            factors = {str(n): 2**n * power * self._series(falling(g, n) / power, self.order - n) for n, power in powers.items()}
        return {name: sympy.expand(closed_forms(self.label, value)) for name, value in factors.items()}

    def grows(self, integrands: Iterable[sympy.Expr], d: int) -> bool:
        """Whether some integrand grows like e^{qs²}, q > 0; raises where its average over isotropic tasks does not exist at d."""
        terms = [
            _factors(term) for f in integrands for _, monomial in _monomials(f) for term in sympy.Add.make_args(self.in_scale(monomial))
        ]
        steepest = max([sympy.Integer(0), *(term[2] for term in terms if term is not None and term[2].is_number)])
        least = 0 if self.law == "sphere" else 2 * steepest
        if not d > least:
            raise HypothesisError(
                f"the fourth moment of a label over tasks is finite, here for d > {least}", f"d={d}", f"pass d={int(least) + 1} or more"
            )
        return bool(least > 0)

    def nodes(self, d: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values of s and their weights at d, for isotropic data."""
        return (np.ones(1), np.ones(1)) if self.law == "sphere" else task_norm_nodes(d)


def _exact(form: sympy.Expr, degree: int, n: int) -> sympy.Expr:
    """s^{2n} E[f^{(n)}(Q)] of a polynomial in s² = Q: a power p leaves p(p − 1)…(p − n + 1) s^{2n} E Q^{p−n}."""
    # E(Q/s²)^p from the central moments, none of them cut: the weight of μ_p is at most p − 1.
    moments = form_moments(degree, degree)
    raw = [sum((sympy.binomial(p, j) * moments[j] for j in range(p + 1)), sympy.Integer(0)) for p in range(degree + 1)]
    return sympy.expand(sum(form.coeff(sym.s, 2 * p) * sympy.ff(p, n) * sym.s ** (2 * p) * raw[p - n] for p in range(n, degree + 1)))
