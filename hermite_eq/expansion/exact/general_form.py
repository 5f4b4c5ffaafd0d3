r"""Closed forms of :math:`c_k` in a symbolic integer k.

They are sums of three kinds of contributions, with φ the normal density and :math:`D = d/dx`:

* p(x) e^{αx} on an interval, α complex: from :math:`c_k = \mathbb E[\sigma^{(k)}(g)]` in the sense of
  distributions,

  .. math:: \sum_{j} \binom kj \alpha^{k-j}\, \mathbb E[p^{(j)}(g)\, e^{\alpha g} 1_{lo<g<hi}]
      - \Bigl[\varphi \sum_{i<k} D^i(p\,e^{\alpha x})\, \mathrm{He}_{k-1-i}\Bigr]_{lo}^{hi};

  for α = 0 and k > deg p the first sum is empty and the second has deg p + 1 terms.
* e^{μx + βx²} on the line, γ = 1 − 2β: with :math:`\delta = (1 - \gamma)/\gamma` and the generating function
  :math:`\sum_k T_k t^k/k! = T_0\, e^{t\mu/\gamma + \delta t^2/2}`,

  .. math:: T_k = T_0 \sum_{j \le k/2} \frac{k!}{j!\,(k-2j)!} (\mu/\gamma)^{k-2j} (\delta/2)^j
      = T_0\, (-\delta)^{k/2}\, \mathrm{He}_k\bigl(\mu/\sqrt{\gamma(\gamma-1)}\bigr) \quad (\beta < 0);

  powers of x through :math:`x\,\mathrm{He}_k = \mathrm{He}_{k+1} + k\,\mathrm{He}_{k-1}`.
* erf(ax + b) on the line: its derivative is of the second kind, so :math:`T_k = (2a/\sqrt\pi)\,
  T_{k-1}[e^{-(ax+b)^2}]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy
from sympy import Expr, S

from hermite_eq import latex
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact.family import Function, Kernel, Polynomial, by_kernel, expression, linear_in_trigonometric
from hermite_eq.expansion.exact.moments import Weight, gaussian_moments, weight_of
from hermite_eq.expansion.exact.piecewise import Pieces, sign_of
from hermite_eq.hermite import check_degree

#: The symbolic degree.
K = sympy.Symbol("k", integer=True, nonnegative=True)
_J = sympy.Symbol("j", integer=True, nonnegative=True)


class _NoFormError(Exception):
    """This contribution has no closed form in k here."""


@dataclass(frozen=True)
class GeneralCoefficient:
    r""":math:`c_k` for every k from ``valid_from`` on, by the parity of k.

    Attributes
    ----------
    even, odd : sympy.Expr
        In the integer symbol ``k``, for even and for odd k.
    valid_from : int
        The least k from which on the formula holds.
    k : sympy.Symbol

    Examples
    --------
    >>> from hermite_eq.expansion.exact import general_coefficient
    >>> from hermite_eq.hermite import X
    >>> general = general_coefficient(sympy.Max(X, 0))
    >>> general.valid_from, general.odd, general(4)
    (2, 0, -sqrt(2)/(2*sqrt(pi)))
    >>> print(general_coefficient(sympy.exp(X)).latex())
    c_k = e^{\frac{1}{2}}
    """

    even: Expr
    odd: Expr
    valid_from: int
    k: sympy.Symbol = K

    def __call__(self, degree: int) -> Expr:
        """c_k at one k, exact; HypothesisError below ``valid_from``."""
        degree = check_degree(degree)
        if degree < self.valid_from:
            raise HypothesisError(
                f"the general formula holds for k ≥ {self.valid_from}",
                f"k={degree}",
                "take this coefficient from exact_coefficients",
            )
        return _at(self.odd if degree % 2 else self.even, degree)

    @property
    def expression(self) -> Expr:
        """One expression in ``k``; a Piecewise in the parity where the two differ."""
        if self.even == self.odd:
            return self.even
        return sympy.Piecewise((self.even, sympy.Eq(sympy.Mod(self.k, 2), 0)), (self.odd, True))

    def latex(self) -> str:
        """TeX of the formula with its range of validity."""
        cases = {"": self.even} if self.even == self.odd else {"k even": self.even, "k odd": self.odd}
        return latex.general_coefficient(cases, valid_from=self.valid_from)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _at(formula: Expr, degree: int) -> Expr:
    return sympy.expand(formula.subs(K, degree).doit())


def _half(order: Expr) -> Expr:
    """order/2, for an order known to be even."""
    return sympy.expand(order / 2)


def _hermite(order: Expr, x: Expr, odd: int) -> Expr:
    """He_order(x) for an order of known parity: explicit at x = 0, an odd or even function of x otherwise."""
    if x == 0:
        if odd:
            return S.Zero
        return (-1) ** _half(order) * sympy.factorial2(order - 1)
    if x.could_extract_minus_sign():
        return (-1) ** odd * sympy.hermite_prob(order, -x)
    return sympy.hermite_prob(order, x)


def _sum(summand: Expr, index: sympy.Symbol, last: Expr) -> Expr:
    outside, inside = sympy.powsimp(summand, combine="exp").as_independent(index, as_Add=False)
    return outside * sympy.Sum(inside, (index, 0, last)) if summand != 0 else S.Zero


def _power_parts(mu: Expr, omega: Expr, exponent: Expr, parity: int | None) -> tuple[Expr, Expr]:
    """Real and imaginary part of (μ + iω)^exponent; ``parity`` is that of the exponent where it is known."""
    if omega == 0:
        return mu**exponent, S.Zero
    if mu == 0:
        size = omega**exponent
        if parity is None:
            angle = sympy.pi * exponent / 2
            return size * sympy.cos(angle), size * sympy.sin(angle)
        turns = (-1) ** _half(exponent - parity)
        return (S.Zero, turns * size) if parity else (turns * size, S.Zero)
    size = sympy.sqrt(mu**2 + omega**2) ** exponent
    angle = sympy.atan2(omega, mu) * exponent
    return size * sympy.cos(angle), size * sympy.sin(angle)


def _derivative(p: Polynomial, order: int) -> Polynomial:
    falling = {n - order: sympy.ff(n, order) for n in p if n >= order}
    return {n: (p[n + order][0] * factor, p[n + order][1] * factor) for n, factor in falling.items()}


def _derivatives(pieces: Pieces[Polynomial], order: int) -> Pieces[Polynomial]:
    return pieces.map(lambda p: _derivative(p, order))


def _values(p: Polynomial, x: Expr) -> tuple[Expr, Expr]:
    return (
        sympy.expand(sympy.Add(*(re * x**n for n, (re, _) in p.items()))),
        sympy.expand(sympy.Add(*(im * x**n for n, (_, im) in p.items()))),
    )


def _exponential_on_pieces(kernel: Kernel, pieces: Pieces[Polynomial], parity: int) -> Expr:
    """Contribution of p(x) e^{αx} on intervals, for k of the given parity."""
    mu, omega = kernel.mu, kernel.omega
    parts: list[Expr] = []
    plain = (mu, omega) == (0, 0)
    weight = weight_of(kernel)
    highest = max((max(p, default=0) for p in pieces.values), default=0)
    if not plain:
        for j in range(highest + 1):
            # E[p^{(j)} e^{αg}] as two real expectations: Re(z) and Im(z) = Re(−i z).
            derivatives = _derivatives(pieces, j)
            re = _expectation(derivatives, kernel)
            im = _expectation(derivatives.map(lambda p: {n: (v, -u) for n, (u, v) in p.items()}), kernel)
            factor = sympy.binomial(K, j).expand(func=True)
            power = _power_parts(mu, omega, K - j, (parity + j) % 2)
            parts.append(factor * (re * power[0] - im * power[1]))
    for place in range(1, len(pieces.values)):
        edge = pieces.edges[place]
        re_w, im_w = weight.at(edge)
        for i in range(highest + 1):
            jump = [
                right - left
                for left, right in zip(
                    _values(_derivative(pieces.values[place - 1], i), edge),
                    _values(_derivative(pieces.values[place], i), edge),
                    strict=True,
                )
            ]
            if plain:
                parts.append(sympy.expand(jump[0]) * re_w * _hermite(K - 1 - i, edge, (parity + 1 + i) % 2))
                continue
            # Σ_{n} binom(n, i) α^{n−i} jump · He_{k−1−n}, the index being the order of He.
            u, v = jump[0] * re_w - jump[1] * im_w, jump[0] * im_w + jump[1] * re_w
            if edge == 0:
                order, last, odd = 2 * _J, _half(K - 2 + parity), 0
                of_power: int | None = (parity + 1 + i) % 2
            else:
                order, last, odd = _J, K - 1, 0
                of_power = None
            exponent = sympy.expand(K - 1 - order - i)
            p_re, p_im = _power_parts(mu, omega, exponent, of_power)
            he = _hermite(order, edge, odd) if edge == 0 else sympy.hermite_prob(order, edge)
            number = sympy.binomial(K - 1 - order, i) if i else S.One
            parts.append(_sum(sympy.expand(u) * number * p_re * he, _J, last))
            parts.append(_sum(-sympy.expand(v) * number * p_im * he, _J, last))
    return sympy.Add(*parts)


def _expectation(pieces: Pieces[Polynomial], kernel: Kernel) -> Expr:
    """E[Re(p(g) · kernel(g))]."""

    def terms(p: Polynomial) -> dict[Kernel, Polynomial]:
        kept = {n: pair for n, pair in p.items() if pair != (0, 0)}
        return {kernel: kept} if kept else {}

    return gaussian_moments(pieces.map(terms), 0)[0]


Shifted = dict[int, Expr]


def _raised(combination: Shifted) -> Shifted:
    """x He_k = He_{k+1} + k He_{k−1} applied to Σ_s a_s(k) He_{k+s}."""
    result: Shifted = {}
    for shift, factor in combination.items():
        result[shift + 1] = result.get(shift + 1, S.Zero) + factor
        result[shift - 1] = result.get(shift - 1, S.Zero) + (K + shift) * factor
    return {shift: sympy.expand(factor) for shift, factor in result.items()}


def _gaussian_on_the_line(weight: Weight, u: Expr, v: Expr, powers: Shifted, parity: int) -> Expr:
    """Σ_s powers_s(k) Re (u + iv) T_{k+s} for the weight, k of the given parity."""
    gamma, mu, omega = weight.gamma, weight.mu, weight.omega
    delta = sympy.cancel((1 - gamma) / gamma)
    re0, im0 = weight.total()
    u0, v0 = u * re0 - v * im0, u * im0 + v * re0
    if omega == 0:
        # The three-term recurrence of T_k leaves at most the two lowest of its members.
        lowest = min(powers)
        reduced = dict(powers)
        for shift in range(max(reduced), lowest + 1, -1):
            factor = reduced.pop(shift, S.Zero)
            for down, ratio in ((1, mu / gamma), (2, (K + shift - 1) * delta)):
                reduced[shift - down] = reduced.get(shift - down, S.Zero) + factor * ratio
        powers = {shift: sympy.factor(factor) for shift, factor in reduced.items() if sympy.expand(factor) != 0}
    parts = []
    for shift, factor in powers.items():
        order, odd = K + shift, (parity + shift) % 2
        if mu == 0 and omega == 0:
            if not odd:
                parts.append(u0 * factor * sympy.factorial2(order - 1) * delta ** _half(order))
            continue
        if omega == 0 and sign_of(gamma - 1) == 1:
            y = mu / sympy.sqrt(sympy.factor(gamma * (gamma - 1)))
            parts.append(u0 * factor * (-delta) ** (order / 2) * _hermite(order, y, odd))
            continue
        count = sympy.factorial(order) / (sympy.factorial(_J) * sympy.factorial(order - 2 * _J))
        re, im = _power_parts(mu / gamma, omega / gamma, order - 2 * _J, odd)
        summand = (u0 * re - v0 * im) * count * (delta / 2) ** _J
        parts.append(factor * _sum(summand, _J, _half(order - odd)))
    return sympy.Add(*parts)


def _contribution(kernel: Kernel, pieces: Pieces[Polynomial]) -> tuple[Callable[[int], Expr], int]:
    """The contribution of one kernel by parity, and a k from which on it holds."""
    highest = max((max(p, default=0) for p in pieces.values), default=0)
    if not kernel.erfs and kernel.beta == 0:
        return lambda parity: _exponential_on_pieces(kernel, pieces, parity), highest + 1
    if len(pieces.values) > 1 or len(kernel.erfs) > 1:
        raise _NoFormError
    weight, scale, shift = weight_of(kernel), S.One, 0
    if kernel.erfs:
        if (kernel.mu, kernel.omega, kernel.beta) != (0, 0, 0):
            raise _NoFormError
        ((a, b),) = kernel.erfs
        weight, scale, shift = weight.narrowed(a, b), 2 * a / sympy.sqrt(sympy.pi), -1
    polynomial = pieces.values[0]

    def contribution(parity: int) -> Expr:
        combination: Shifted = {0: S.One}
        parts: dict[tuple[Expr, Expr], Shifted] = {}
        for power in range(highest + 1):
            if power in polynomial:
                u, v = polynomial[power]
                key, size = ((S.One, S.Zero), u) if v == 0 else ((u, v), S.One)
                sums = parts.setdefault(key, {})
                for s, factor in combination.items():
                    sums[s + shift] = sums.get(s + shift, S.Zero) + size * factor
            combination = _raised(combination)
        return sympy.Add(*(_gaussian_on_the_line(weight, scale * u, v * scale, sums, parity) for (u, v), sums in parts.items()))

    return contribution, highest + 1


def general(function: Function) -> GeneralCoefficient | None:
    """The closed form in k, or None where a contribution has none."""
    parameters = {symbol for edge in function.edges for symbol in edge.free_symbols}
    parameters |= {symbol for terms in function.values for symbol in expression(terms).free_symbols}
    if parameters & {K, _J}:
        raise HypothesisError(
            "the integer symbols k and j are the degree and an index of summation",
            "one of them as a parameter of the function",
            "give the parameter another name",
        )
    try:
        contributions = [_contribution(kernel, pieces) for kernel, pieces in by_kernel(function).items()]
    except _NoFormError:
        return None
    even, odd = (sympy.Add(*(part(parity) for part, _ in contributions)) for parity in (0, 1))
    valid_from = max((start for _, start in contributions), default=0)
    known = gaussian_moments(function, max(valid_from - 1, 0))
    while valid_from:
        degree = valid_from - 1
        difference = sympy.expand(_at(odd if degree % 2 else even, degree) - known[degree])
        # A difference which vanishes without looking so only costs validity, never correctness.
        if linear_in_trigonometric(difference) != 0:
            break
        valid_from = degree
    return GeneralCoefficient(even, odd, valid_from)
