r"""Averages over the task: :math:`\langle f\rangle=\mathbb E f(s)` for :math:`s^2=\|\xi\|^2/d`, :math:`\|\xi\|^2\sim\chi^2_d`.

Where f is a sum of terms :math:`s^re^{qs^2}` the average closes, by the density of s, proportional to :math:`s^{d-1}e^{-ds^2/2}`:

.. math:: \langle s^re^{qs^2}\rangle=\Big(\frac 2d\Big)^{r/2}\frac{\Gamma((d+r)/2)}{\Gamma(d/2)}\Big(1-\frac{2q}d\Big)^{-(d+r)/2}
    \qquad(d>2q).

Otherwise it is Taylor's series in :math:`s^2` around 1, with the central moments :math:`\mu_j` of :math:`\chi^2_d/d`,

.. math:: \langle f\rangle=\sum_j\frac{\mu_j}{j!}\Big[\prod_{i<j}\Big(\frac\theta2-i\Big)f\Big]_{s=1},\qquad
    \mu_{j+1}=\frac{2j}d(\mu_j+\mu_{j-1}),\qquad\theta=s\frac{d}{ds},

where :math:`\mu_j=O(d^{-\lceil j/2\rceil})`, so that 2N derivatives reach order :math:`d^{-N}`, and where the Hermite moments supply
their own derivatives, :math:`\theta m^{(j)}_k=k\,m^{(j)}_k+m^{(j)}_{k+2}`. Derived in ``derivations/task_averages.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import sympy
from numpy.typing import NDArray

from hermite_eq.arguments import LARGEST_COUNT, inside, positive
from hermite_eq.arguments import count as checked_count
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, D, S, hermite_index, hermite_symbol
from hermite_eq.errors import HypothesisError

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
    diagonal, beside = 2 * i + shape, np.sqrt(i[1:] * (i[1:] + shape - 1))
    nodes = scipy.linalg.eigvalsh_tridiagonal(diagonal, beside)
    previous, current = np.zeros(count), np.ones(count)
    total = current.copy()
    for j in range(count - 1):
        before = beside[j - 1] if j else 0.0
        previous, current = current, ((nodes - diagonal[j]) * current - before * previous) / beside[j]
        total += current**2
    return nodes / shape, 1 / total


def task_norm_nodes(d: int, count: int = 64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Nodes :math:`s_i` and weights of the Gauss rule for :math:`s=\|\xi\|/\sqrt d`, :math:`\|\xi\|^2\sim\chi^2_d`.

    :func:`gamma_nodes` for s², of variance 2/d: exact for polynomials in s² of degree below ``2 * count``.

    >>> s, weights = task_norm_nodes(10)
    >>> bool(abs(weights @ s**4 - (1 + 2 / 10)) < 1e-13)
    True
    """
    squares, weights = gamma_nodes(positive(d, "d") / 2, count)
    return np.sqrt(squares), weights


def central_moments(count: int) -> list[sympy.Expr]:
    r""":math:`\mu_0,\dots,\mu_{count}` of :math:`\chi^2_d/d` around its mean 1, polynomials in 1/d.

    >>> central_moments(4)
    [1, 0, 2/d, 8/d**2, 12/d**2 + 48/d**3]
    """
    mu = [sympy.Integer(1), sympy.Integer(0)]
    for j in range(1, count):
        mu.append(sympy.expand(2 * j / D * (mu[j] + mu[j - 1])))
    return mu[: count + 1]


def scale_derivative(f: sympy.Expr) -> sympy.Expr:
    r""":math:`\theta f=s\,df/ds`, the Hermite moments in f being those at scale s.

    >>> scale_derivative(hermite_symbol(1, 1) * S)
    c_{1}^{*}*s + s*(c_{1}^{*} + c_{3}^{*})
    """
    total = S * sympy.diff(f, S)
    for symbol in sorted(f.free_symbols, key=str):
        index = hermite_index(symbol)
        if index is not None:
            power, k = index
            total += sympy.diff(f, symbol) * (k * symbol + hermite_symbol(power, k + 2))
    return total


def series_average(f: sympy.Expr, order: int) -> sympy.Expr:
    r""":math:`\langle f\rangle` up to and including :math:`d^{-N}`, N = ``order``.

    >>> series_average(S**4, 1), series_average(hermite_symbol(2, 0), 1)
    (1 + 2/d, m_{0}^{(2)} + m_{4}^{(2)}/(4*d))
    """
    inverse = sympy.Symbol("inverse")
    total = sympy.Integer(0)
    for j, mu in enumerate(central_moments(2 * order)):
        weights = sympy.Poly(mu.subs(D, 1 / inverse), inverse)
        kept = sum(c * D ** -n for (n,), c in weights.terms() if n <= order)
        total += kept * sympy.expand(f.subs(S, 1)) / sympy.factorial(j)
        f = scale_derivative(f) / 2 - j * f
    return sympy.collect(sympy.expand(total), D)


def _factors(term: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr] | None:
    """(constant, r, q) of a term constant · s^r e^{q s²}, or None."""
    constant, rest = term.as_independent(S, as_Add=False)
    r, q = sympy.Integer(0), sympy.Integer(0)
    for factor in sympy.Mul.make_args(rest):
        base, exponent = factor.as_base_exp()
        if base == S and not exponent.has(S):
            r += exponent
        elif base == sympy.E and not sympy.expand(exponent / S**2).has(S):
            q += sympy.expand(exponent / S**2)
        elif factor != 1:
            return None
    return constant, r, q


def exact_average(f: sympy.Expr) -> sympy.Expr | None:
    r""":math:`\langle f\rangle` for a sum of terms :math:`s^re^{qs^2}`, else None.

    >>> exact_average(S**4 + 1)
    2 + 2/d
    >>> exact_average(sympy.exp(-S**2 / 2))
    (1 + 1/d)**(-d/2)
    """
    total = sympy.Integer(0)
    expanded = sympy.expand(f)
    for term in () if expanded == 0 else sympy.Add.make_args(expanded):
        found = _factors(term)
        if found is None:
            return None
        constant, r, q = found
        if r.is_Integer and r % 2 == 0 and r >= 0:
            mean = sympy.prod(1 + sympy.Integer(2 * i) / D for i in range(r // 2))
        else:
            mean = (2 / D) ** (r / 2) * sympy.gamma((D + r) / 2) / sympy.gamma(D / 2)
        total += constant * mean * (1 - 2 * q / D) ** (-(D + r) / 2)
    return total


def steepest_exponent(f: sympy.Expr) -> sympy.Expr:
    """The largest q of the terms s^r e^{q s²} of f, at least 0: its average exists for d > 2q."""
    exponents = [found[2] for term in sympy.Add.make_args(sympy.expand(f)) if (found := _factors(term)) is not None]
    return max([sympy.Integer(0), *(q for q in exponents if q.is_number)])


@dataclass(frozen=True)
class TaskAverages:
    r"""Averages of polynomials in the label moments a, v, p, w₃, w₄ and s over one law of tasks.

    Attributes
    ----------
    forms : mapping
        Closed forms in s of the Hermite moments, None where there is none.
    order : int
        N: averages that do not close are series up to :math:`d^{-N}`.
    sphere : bool
        Tasks on the sphere ‖ξ‖² = d, where every average is the value at s = 1.
    """

    forms: Mapping[sympy.Symbol, sympy.Expr | None]
    order: int
    sphere: bool

    @cached_property
    def _known(self) -> dict[sympy.Symbol, sympy.Expr]:
        return {symbol: form for symbol, form in self.forms.items() if form is not None}

    def _in_s(self, f: sympy.Expr) -> sympy.Expr:
        return f.xreplace(dict(IN_HERMITE_MOMENTS)).xreplace(self._known)

    @cached_property
    def _constants(self) -> set[sympy.Symbol]:
        """Hermite symbols which are a polynomial target's own coefficients, so constants in s."""
        return {symbol for form in self._known.values() for symbol in form.free_symbols}

    def _closed(self, monomial: sympy.Expr) -> sympy.Expr | None:
        inner = self._in_s(monomial)
        if any(hermite_index(symbol) for symbol in inner.free_symbols - self._constants):
            return None
        return exact_average(inner)

    def _mean(self, monomial: sympy.Expr) -> sympy.Expr:
        if self.sphere:
            return self._in_s(monomial).subs(S, 1)
        closed = self._closed(monomial)
        return series_average(self._in_s(monomial), self.order) if closed is None else closed

    def mean(self, f: sympy.Expr) -> sympy.Expr:
        """⟨f⟩ for a polynomial f in a, v, p, w₃, w₄, s: each monomial exact where it closes, else its series."""
        return sympy.expand(sum(coefficient * self._mean(monomial) for coefficient, monomial in _monomials(f)))

    def closes(self, f: sympy.Expr) -> bool:
        """Whether ⟨f⟩ is exact at every d."""
        return self.sphere or all(self._closed(monomial) is not None for _, monomial in _monomials(f))

    def least_dimension(self, f: sympy.Expr) -> sympy.Expr:
        """⟨f⟩ exists for d larger than this."""
        return max(2 * steepest_exponent(self._in_s(monomial)) for _, monomial in _monomials(f))

    def grows(self, integrands: Iterable[sympy.Expr], d: int) -> bool:
        """Whether some integrand grows like e^{qs²}; raises where an average does not exist at d."""
        least = 0 if self.sphere else max(self.least_dimension(f) for f in integrands)
        if not d > least:
            raise HypothesisError(
                f"the fourth moment of a label over tasks is finite, here for d > {least}", f"d={d}", f"pass d={int(least) + 1} or more"
            )
        return bool(least > 0)

    def nodes(self, d: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values of s and their weights at d."""
        return (np.ones(1), np.ones(1)) if self.sphere else task_norm_nodes(d)


def _monomials(f: sympy.Expr) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """(coefficient, monomial in the label moments and s) of a polynomial."""
    generators = (*IN_HERMITE_MOMENTS, S)
    terms = sympy.Poly(f, *generators).terms()
    return [(c, sympy.prod(x**n for x, n in zip(generators, powers, strict=True))) for powers, c in terms]
