r"""How fast an expression grows: proven bounds on the two ends of the line, and the Gaussian tails that follow.

For :math:`x\ge t\ge1` (and for :math:`x\le-t`, with |x|) a bound of the form

.. math:: |f(x)| \le A\,|x|^p\,e^{q|x|+r x^2}

is closed under sums (add A; take the larger of p, q, r, as |x| ≥ 1), products (multiply A; add p, q, r), and under composition
with the elementary functions, given beside it an interval which contains the values of f on that ray. Square integrability is
r < 1/4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from flint import acb, arb

from hermite_eq.activations.formulas.balls import ball_function
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


@dataclass(frozen=True, eq=False)
class Growth:
    """|f(x)| ≤ A |x|^p exp(q|x| + r x²) on a ray |x| ≥ ``start`` ≥ 1, p ≥ 0."""

    A: arb
    p: arb
    q: arb
    r: arb
    start: int

    def times(self, other: Growth) -> Growth:
        return Growth(self.A * other.A, self.p + other.p, self.q + other.q, self.r + other.r, max(self.start, other.start))

    def tail(self, degree: int, T: arb) -> arb:
        r"""An upper bound of :math:`\int_T^\infty |f(x)|\,|\mathrm{He}_k(x)|\,\phi(x)\,dx`, k = ``degree``; infinite where it has none.

        For T² ≥ 2k + 1 no factor of :math:`\mathrm{He}_k(x)=\prod(x^2-z_j^2)\,(\cdot x)` exceeds x² in size, the largest zero
        being below √(4k+2): |He_k(x)| ≤ x^k. The integrand is then at most :math:`e^{G(x)}` with
        :math:`G=\log A+(p+k)\log x+qx-(1/2-r)x^2` concave, so its integral is at most :math:`e^{G(T)}/(-G'(T))` if G'(T) < 0.
        """
        power = self.p + degree
        c = arb(0.5) - self.r
        slope = power / T + self.q - 2 * c * T
        if not (2 * degree + 1 <= T * T and self.start <= T and c > 0 and slope < 0):
            return arb.pos_inf()
        return self.A * (power * T.log() + self.q * T - c * T * T).exp() / (-slope) / (2 * arb.pi()).sqrt()


class UnboundedError(Exception):
    """No bound was found (there may be one)."""


# An end of a range; None is infinite.
_End = Any


@dataclass(frozen=True, eq=False)
class _Ray:
    """A function on the ray: an interval of its values, and its growth."""

    low: _End
    high: _End
    growth: Growth

    @property
    def bounded(self) -> bool:
        return self.low is not None and self.high is not None


def growth(expression: sympy.Expr, side: int, start: int, lipschitz: float | None = None) -> Growth:
    """A growth bound of ``expression`` for x ≥ start (side = 1) or x ≤ −start (side = −1).

    Found by rules from the expression; where they fail, from a declared Lipschitz constant: |σ(x)| ≤ |σ(0)| + L|x|.

    Raises
    ------
    HypothesisError
        Where neither gives one.
    """
    try:
        return _Rules(side, start).ray(expression).growth
    except UnboundedError as reason:
        if lipschitz is not None and lipschitz < float("inf"):
            at_zero = abs(ball_function(expression)(acb(0), False))
            return Growth((at_zero + arb(lipschitz)).upper(), arb(1), arb(0), arb(0), start)
        raise HypothesisError(
            "the tail of the integral is bounded by the growth of the function",
            f"no bound for {reason} as x → {'' if side > 0 else '−'}∞",
            "declare a Lipschitz constant if it has one, activation(expression, lipschitz=…), or use the double-precision coefficients "
            "np.asarray(coefficients(…))",
        ) from None


_INCREASING = {sympy.tanh: (-1, 1), sympy.erf: (-1, 1), sympy.atan: (-2, 2)}
#: Of an argument within ±1.
_ARCS = {sympy.asin: (-2, 2), sympy.acos: (0, 4)}
_BOUNDED_BY_ONE = (sympy.sin, sympy.cos, sympy.sinc, sympy.sech)


class _Rules:
    def __init__(self, side: int, start: int) -> None:
        self.side = side
        self.start = start

    def constant(self, bound: Any) -> Growth:
        return Growth(arb(bound).upper(), arb(0), arb(0), arb(0), self.start)

    def _within(self, low: _End, high: _End, growth: Growth | None = None) -> _Ray:
        """A ray with that range; a finite range is a growth bound too, and the better one unless the other decays."""
        if low is not None and high is not None:
            decays = growth is not None and bool(growth.p <= 0 and growth.q <= 0 and growth.r <= 0)
            if not decays:
                growth = self.constant(arb.max(abs(low), abs(high)))
        if growth is None:
            raise AssertionError("an unbounded range comes with its growth")
        return _Ray(low, high, growth)

    def ray(self, f: sympy.Expr) -> _Ray:
        if not f.has(X):
            value = ball_function(f)(acb(0), False).real
            return _Ray(value.lower(), value.upper(), self.constant(abs(value)))
        if f == X:
            line = Growth(arb(1), arb(1), arb(0), arb(0), self.start)
            return _Ray(arb(self.start), None, line) if self.side > 0 else _Ray(None, arb(-self.start), line)
        if isinstance(f, sympy.Add):
            return self.sum([self.ray(term) for term in f.args])
        if isinstance(f, sympy.Mul):
            return self.product([self.ray(factor) for factor in f.args])
        if isinstance(f, sympy.Pow | sympy.exp):
            base, exponent = f.as_base_exp()
            return self.exponential(exponent) if base == sympy.E else self.power(f, base, exponent)
        if isinstance(f, sympy.Max | sympy.Min | sympy.Piecewise):
            return self.choice(f)
        return self.function(f)

    def sum(self, rays: list[_Ray]) -> _Ray:
        low = None if any(ray.low is None for ray in rays) else sum((ray.low for ray in rays), arb(0)).lower()
        high = None if any(ray.high is None for ray in rays) else sum((ray.high for ray in rays), arb(0)).upper()
        return self._within(low, high, self._largest(rays))

    def _largest(self, rays: list[_Ray]) -> Growth:
        total = rays[0].growth
        for ray in rays[1:]:
            g = ray.growth
            total = Growth(total.A + g.A, arb.max(total.p, g.p), arb.max(total.q, g.q), arb.max(total.r, g.r), self.start)
        return total

    def product(self, rays: list[_Ray]) -> _Ray:
        low, high, total = rays[0].low, rays[0].high, rays[0].growth
        for ray in rays[1:]:
            low, high = _product_range(low, high, ray.low, ray.high)
            total = total.times(ray.growth)
        return self._within(low, high, total)

    def power(self, f: sympy.Expr, base: sympy.Expr, exponent: sympy.Expr) -> _Ray:
        inner = self.ray(base)
        low, high, g = inner.low, inner.high, inner.growth
        positive = low is not None and bool(low > 0)
        negative = high is not None and bool(high < 0)
        if isinstance(exponent, sympy.Integer) and exponent > 0:
            ray = self.product([inner] * int(exponent))
            if exponent % 2 == 0:
                ray = _Ray(arb(0) if ray.low is None else arb.max(arb(0), ray.low), ray.high, ray.growth)
            return ray
        if isinstance(exponent, sympy.Integer) and (positive or negative):
            return self.product([self._reciprocal(low, high, positive)] * -int(exponent))
        if exponent.is_Rational and low is not None and bool(low >= 0):
            s = arb(int(exponent.p)) / int(exponent.q)
            if exponent > 0:
                bottom = (low**s).lower() if positive else arb(0)
                top = None if high is None else (high**s).upper() if bool(high > 0) else arb(0)
                return self._within(bottom, top, Growth(g.A**s, g.p * s, g.q * s, g.r * s, self.start))
            if positive:
                return self._within(arb(0) if high is None else (high**s).lower(), (low**s).upper())
        raise UnboundedError(str(f))

    def _reciprocal(self, low: _End, high: _End, positive: bool) -> _Ray:
        if positive:
            return self._within(arb(0) if high is None else (1 / high).lower(), (1 / low).upper())
        return self._within((1 / high).lower(), arb(0) if low is None else (1 / low).upper())

    def exponential(self, f: sympy.Expr) -> _Ray:
        polynomial = sympy.Poly(f, X) if f.is_polynomial(X) else None
        inner = self.ray(f)
        low = arb(0) if inner.low is None else inner.low.exp().lower()
        high = None if inner.high is None else inner.high.exp().upper()
        if polynomial is None and isinstance(f, sympy.Add):
            # exp of a sum is the product of those of its polynomial and of every other term.
            parts = [term for term in f.args if not term.is_polynomial(X)]
            whole = self.product([self.exponential(term) for term in (f - sympy.Add(*parts), *parts)])
            return self._within(low, high, whole.growth)
        if polynomial is not None and polynomial.degree() <= 2:
            gamma, beta, alpha = (ball_function(polynomial.coeff_monomial(X**j))(acb(0), False).real for j in range(3))
            return self._within(low, high, Growth(gamma.exp(), arb(0), beta * self.side, alpha, self.start))
        if high is not None:
            return self._within(low, high)
        return self._within(low, None, self._exponential_of(inner.growth, f))

    def _exponential_of(self, g: Growth, f: sympy.Expr) -> Growth:
        """From |f| ≤ A|x|^p to exp|f| ≤ exp(A|x|) or exp(A x²)."""
        if not (g.q <= 0 and g.r <= 0 and g.p <= 2):
            raise UnboundedError(f"exp({f})")
        linear = bool(g.p <= 1)
        return Growth(arb(1), arb(0), g.A if linear else arb(0), arb(0) if linear else g.A, self.start)

    def choice(self, f: sympy.Expr) -> _Ray:
        branches = [self.ray(part[0] if isinstance(f, sympy.Piecewise) else part) for part in f.args]
        low = None if any(ray.low is None for ray in branches) else _least([ray.low for ray in branches])
        high = None if any(ray.high is None for ray in branches) else -_least([-ray.high for ray in branches])
        return self._within(low, high, self._largest(branches))

    def function(self, f: sympy.Expr) -> _Ray:
        kind = f.func
        if kind in _BOUNDED_BY_ONE:
            return self._within(arb(-1), arb(1))
        if kind in (sympy.sign, sympy.Heaviside) or (kind == sympy.besselj and f.args[0].is_Integer):
            return self._within(arb(-1), arb(1))
        if kind in _ARCS:
            low, high = _ARCS[kind]
            return self._within(arb(low), arb(high))
        if kind == sympy.Si:
            # Si is largest at π, below 1.86.
            return self._within(arb("-1.86"), arb("1.86"))
        if kind in _INCREASING:
            least, most = _INCREASING[kind]
            try:
                inner = self.ray(f.args[0])
            except UnboundedError:
                return self._within(arb(least), arb(most))
            low, high = inner.low, inner.high
            at = {sympy.tanh: arb.tanh, sympy.erf: arb.erf, sympy.atan: arb.atan}[kind]
            return self._within(arb(least) if low is None else at(low).lower(), arb(most) if high is None else at(high).upper())
        inner = self.ray(f.args[0])
        low, high, g = inner.low, inner.high, inner.growth
        if kind == sympy.erfc:
            return self._within(arb(0) if high is None else high.erfc().lower(), arb(2) if low is None else low.erfc().upper())
        if kind in (sympy.floor, sympy.ceiling):
            size = Growth(g.A + 1, arb.max(arb(0), g.p), arb.max(arb(0), g.q), arb.max(arb(0), g.r), self.start)
            return self._within(None if low is None else low - 1, None if high is None else high + 1, size)
        if kind in (sympy.coth, sympy.csch) and ((low is not None and bool(low > 0)) or (high is not None and bool(high < 0))):
            # Both decrease on either side of 0, coth to ±1 and csch to 0.
            at, limit = (arb.coth, arb(1)) if kind == sympy.coth else (arb.csch, arb(0))
            if low is not None and bool(low > 0):
                return self._within(limit if high is None else at(high).lower(), at(low).upper())
            return self._within(at(high).lower(), -limit if low is None else at(low).upper())
        if kind == sympy.erfinv and inner.bounded and bool(low > -1) and bool(high < 1):
            return self._within(low.erfinv().lower(), high.erfinv().upper())
        if kind == sympy.zeta and len(f.args) == 1 and low is not None and bool(low > 1):
            # ζ decreases to 1 beyond its pole.
            return self._within(arb(1) if high is None else high.zeta().lower(), low.zeta().upper())
        if kind == sympy.asinh:
            # |asinh u| ≤ |u|.
            return self._within(None if low is None else low.asinh().lower(), None if high is None else high.asinh().upper(), g)
        if kind == sympy.Abs:
            if low is not None and bool(low >= 0):
                return inner
            if high is not None and bool(high <= 0):
                return self._within(-high, None if low is None else -low, g)
            return self._within(arb(0), arb.max(-low, high) if inner.bounded else None, g)
        if kind == sympy.log and low is not None and bool(low > 0):
            return self._within(low.log().lower(), None if high is None else high.log().upper(), self._logarithm_of(g, low))
        if kind in (sympy.sinh, sympy.cosh):
            at = arb.sinh if kind == sympy.sinh else arb.cosh
            if inner.bounded:
                top = at(arb.max(abs(low), abs(high))).upper()
                return self._within(-top, top)
            # |sinh u|, cosh u ≤ e^{|u|}; the range of cosh is above 1, that of sinh is one-sided where u's is.
            if kind == sympy.cosh:
                return self._within(arb(1), None, self._exponential_of(g, f.args[0]))
            return self._within(
                None if low is None else low.sinh().lower(),
                None if high is None else high.sinh().upper(),
                self._exponential_of(g, f.args[0]),
            )
        raise UnboundedError(str(f))

    def _logarithm_of(self, g: Growth, low: arb) -> Growth:
        """|log u| ≤ |log low| + |log A| + p log|x| + q⁺|x| + r⁺x², and log|x| ≤ |x|."""
        zero = arb(0)
        A = abs(low.log()) + abs(g.A.log()) + arb.max(zero, g.p) + arb.max(zero, g.q) + arb.max(zero, g.r)
        power = 2 if not g.r <= 0 else 1 if not (g.p <= 0 and g.q <= 0) else 0
        return Growth(A.upper(), arb(power), zero, zero, self.start)


def _least(values: list[arb]) -> arb:
    best = values[0]
    for value in values[1:]:
        best = arb.min(best, value)
    return best


def _product_range(a: _End, b: _End, c: _End, d: _End) -> tuple[_End, _End]:
    """The range of a product from the ranges [a, b] and [c, d]; None is infinite, and 0·∞ is 0 (the infinite end is not attained)."""

    def times(x: _End, x_sign: int, y: _End, y_sign: int) -> tuple[int, Any]:
        """(sign of infinity or 0, value); infinite ends carry the sign of their side."""
        if x is None and y is None:
            return x_sign * y_sign, None
        if x is None or y is None:
            finite, sign = (y, x_sign) if x is None else (x, y_sign)
            if finite > 0:
                return sign, None
            if finite < 0:
                return -sign, None
            if finite == 0:
                return 0, arb(0)
            # The ball around the finite end does not decide its sign: both infinities are possible.
            return 2, None
        return 0, x * y

    corners = [times(a, -1, c, -1), times(a, -1, d, 1), times(b, 1, c, -1), times(b, 1, d, 1)]
    low = None if any(sign in (-1, 2) for sign, _ in corners) else _least([v for s, v in corners if s == 0]).lower()
    high = None if any(sign in (1, 2) for sign, _ in corners) else (-_least([-v for s, v in corners if s == 0])).upper()
    return low, high
