r"""Gaussian moments of the family: all of E[f He_0], …, E[f He_K] from one recurrence.

For a weight :math:`w(x) = e^{\ell + \alpha x - \gamma x^2/2}/\sqrt{2\pi}` with :math:`\gamma > 0`, a product
:math:`F = \prod_i \operatorname{erf}(a_i x + b_i)` and an interval (lo, hi), put
:math:`T_k = \int \mathrm{He}_k\, w\, F`. Integrating
:math:`(\mathrm{He}_k w F)'` with :math:`\mathrm{He}_k' = k\,\mathrm{He}_{k-1}`, :math:`w' = (\alpha -
\gamma x) w` and
:math:`x\,\mathrm{He}_k = \mathrm{He}_{k+1} + k\,\mathrm{He}_{k-1}` gives

.. math:: \gamma\, T_{k+1} = \alpha\, T_k + k (1 - \gamma)\, T_{k-1} - \bigl[\mathrm{He}_k w F\bigr]_{lo}^{hi}
    + \sum_i \frac{2 a_i}{\sqrt\pi}\, T_k\bigl[w\, e^{-(a_i x + b_i)^2},\ F/\operatorname{erf}_i\bigr],

where the last integrals are of the same kind with one error function less. So every :math:`T_k` is a
polynomial combination, in the parameters, of the masses :math:`T_0` and of boundary values; these few
transcendental numbers are resolved at the end, and only those whose coefficient does not vanish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sympy
from sympy import Expr, S
from sympy.polys.rings import sring

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact.family import Function, Kernel, OutsideFamilyError, by_kernel, linear_in_trigonometric
from hermite_eq.expansion.exact.piecewise import sign_of
from hermite_eq.hermite import X

Erfs = tuple[tuple[Expr, Expr], ...]
Part = Literal["re", "im"]


def _shaped(value: Expr) -> Expr:
    """A small exponent or argument in a canonical form."""
    return sympy.cancel(value) if value.free_symbols else sympy.expand(value)


@dataclass(frozen=True)
class Weight:
    r"""The factor :math:`e^{\ell+(\mu+i\omega)x-\gamma x^2/2}/\sqrt{2\pi}`."""

    ell: Expr
    mu: Expr
    omega: Expr
    gamma: Expr

    def narrowed(self, a: Expr, b: Expr) -> Weight:
        """Times e^{−(ax+b)²}."""
        return Weight(
            _shaped(self.ell - b * b),
            _shaped(self.mu - 2 * a * b),
            self.omega,
            sympy.expand(self.gamma + 2 * a * a),
        )

    @property
    def centre(self) -> Expr:
        return _shaped(self.mu / self.gamma)

    def total(self) -> tuple[Expr, Expr]:
        """∫ over the real line, e^{ℓ + α²/(2γ)}/√γ, as (real part, imaginary part)."""
        size = sympy.exp(_shaped(self.ell + (self.mu**2 - self.omega**2) / (2 * self.gamma))) / sympy.sqrt(self.gamma)
        angle = _shaped(self.mu * self.omega / self.gamma)
        return size * sympy.cos(angle), size * sympy.sin(angle)

    def at(self, x: Expr) -> tuple[Expr, Expr]:
        size = sympy.exp(_shaped(self.ell + self.mu * x - self.gamma * x * x / 2)) / sympy.sqrt(2 * sympy.pi)
        angle = _shaped(self.omega * x)
        return size * sympy.cos(angle), size * sympy.sin(angle)


@dataclass(frozen=True)
class Mass:
    """∫ w F over (lo, hi), real or imaginary part."""

    weight: Weight
    erfs: Erfs
    lo: Expr
    hi: Expr
    part: Part

    def value(self) -> Expr:
        re, im = _mass(self.weight, self.erfs, self.lo, self.hi)
        return re if self.part == "re" else im


@dataclass(frozen=True)
class Edge:
    """w F at a finite end of an interval, real or imaginary part."""

    weight: Weight
    erfs: Erfs
    end: Expr
    part: Part

    def value(self) -> Expr:
        re, im = self.weight.at(self.end)
        factor = sympy.Mul(*(sympy.erf(_shaped(a * self.end + b)) for a, b in self.erfs))
        return factor * (re if self.part == "re" else im)


def _complex_erf(u: Expr, v: Expr) -> tuple[Expr, Expr]:
    """Real and imaginary part of erf(u + iv), u and v real."""
    if v == 0:
        return sympy.erf(u), S.Zero
    if u == 0:
        return S.Zero, sympy.erfi(v)
    # erf is odd and real on the real axis, which leaves one quadrant.
    flip, mirror = u.could_extract_minus_sign(), False
    if flip:
        u, v = -u, -v
    if v.could_extract_minus_sign():
        v, mirror = -v, True
    value = sympy.erf(u + sympy.I * v)
    # Unevaluated, because SymPy would write them as complex sums, whose rounded values are not real.
    re, im = sympy.re(value, evaluate=False), sympy.im(value, evaluate=False)
    return (-re if flip else re), (-im if flip != mirror else im)


def _times(z: tuple[Expr, Expr], w: tuple[Expr, Expr]) -> tuple[Expr, Expr]:
    return z[0] * w[0] - z[1] * w[1], z[0] * w[1] + z[1] * w[0]


def _mass(weight: Weight, erfs: Erfs, lo: Expr, hi: Expr) -> tuple[Expr, Expr]:
    r"""The closed forms of :math:`T_0`.

    With ν = α/γ, N = ∫ w and z = √γ (x − ν) a standard normal variable under w/N:

    * no error function: N (erf(√(γ/2)(hi − ν)) − erf(√(γ/2)(lo − ν)))/2;
    * w a multiple C of F': the integral is C [F^{m+1}/(m+1)] (all F alike);
    * an odd number, vanishing at ν, on an interval about ν: 0;
    * one, on the whole line: N erf((aν + b)/√(1 + 2a²/γ)), since E erf(a(ν + z/√γ) + b) is a probability of
    a sum of normals;
    * one, vanishing at ν, from ν on: N arctan(a√(2/γ))/π (an angle of a normal pair);
    * two, vanishing at ν, on the whole line: N (2/π) arcsin(2 a₁a₂/√((γ + 2a₁²)(γ + 2a₂²))) (Sheppard),
    half of it from ν on.
    """
    whole = lo is S.NegativeInfinity and hi is S.Infinity
    gamma = weight.gamma
    total = weight.total()
    if not erfs:
        if whole:
            return total
        root = sympy.sqrt(gamma / 2)

        def primitive(x: Expr) -> tuple[Expr, Expr]:
            if x.is_infinite:
                return (S.One if x is S.Infinity else -S.One), S.Zero
            return _complex_erf(_shaped(root * (x - weight.centre)), _shaped(-root * weight.omega / gamma))

        upper, lower = primitive(hi), primitive(lo)
        half = ((upper[0] - lower[0]) / 2, (upper[1] - lower[1]) / 2)
        return _times(total, half)
    centre = weight.centre
    centred = weight.omega == 0 and all(_shaped(a * centre + b) == 0 for a, b in erfs)
    from_centre = 1 if (lo, hi) == (centre, S.Infinity) else -1 if (lo, hi) == (S.NegativeInfinity, centre) else 0
    first = erfs[0]
    a, b = first
    alike = weight.omega == 0 and all(other == first for other in erfs)
    if alike and _shaped(gamma - 2 * a * a) == 0 and _shaped(weight.mu + 2 * a * b) == 0:
        power = len(erfs) + 1

        def antiderivative(x: Expr) -> Expr:
            value = sympy.erf(_shaped(a * x + b)) if not x.is_infinite else sympy.sign(a) * (1 if x is S.Infinity else -1)
            return value**power / power

        constant = sympy.exp(_shaped(weight.ell + b * b)) / (2 * sympy.sqrt(2) * a)
        return constant * (antiderivative(hi) - antiderivative(lo)), S.Zero
    symmetric = not whole and sympy.expand(lo + hi - 2 * centre) == 0
    if symmetric and centred and len(erfs) % 2:
        return S.Zero, S.Zero
    if len(erfs) == 1:
        if whole:
            spread = sympy.sqrt(_shaped(1 + 2 * a * a / gamma))
            return _times(
                total,
                _complex_erf(_shaped((a * centre + b) / spread), _shaped(a * weight.omega / gamma / spread)),
            )
        if centred and from_centre:
            return from_centre * total[0] * sympy.atan(a * sympy.sqrt(2 / gamma)) / sympy.pi, S.Zero
    if len(erfs) == 2 and centred and (whole or from_centre):
        a1, a2 = first[0], erfs[1][0]
        g1, g2 = gamma + 2 * a1**2, gamma + 2 * a2**2
        root = g1 if g1 == g2 else sympy.sqrt(sympy.factor(g1 * g2))
        angle = sympy.asin(2 * a1 * a2 / root)
        return total[0] * angle * (2 if whole else 1) / sympy.pi, S.Zero
    shown = sympy.Mul(*(sympy.erf(a * X + b) for a, b in erfs))
    raise OutsideFamilyError(f"{shown} on ({lo}, {hi})", "no elementary closed form of a bivariate normal probability")


# --- the recurrence

Atom = Mass | Edge
#: A linear combination of atoms with coefficients in a polynomial ring.
Combination = dict[Atom, Any]
#: (real part, imaginary part)
ComplexCombination = tuple[Combination, Combination]


def _accumulate(target: Combination, source: Combination, factor: Any) -> None:
    if not factor:
        return
    for atom, value in source.items():
        total = target.get(atom, 0) + factor * value
        if total:
            target[atom] = total
        else:
            target.pop(atom, None)


class Moments:
    """E[f He_k] for a list of pieces, k ≤ degree, by the recurrence above.

    The parameters of all pieces (coefficients, exponents, ends, reciprocals of γ) are first converted to
    one polynomial ring over the rationals, in which the recurrence runs; SymPy expressions appear again
    only at the end.
    """

    def __init__(self, function: Function) -> None:
        # Kernel by kernel, because one that is the same on both sides of a breakpoint has no boundary there.
        self._pieces = [
            (lo, hi, kernel, polynomial) for kernel, pieces in by_kernel(function).items() for lo, hi, polynomial in pieces if polynomial
        ]
        values: set[Expr] = {sympy.Rational(1, 2)}
        visited: set[tuple[Weight, Erfs]] = set()
        for lo, hi, kernel, polynomial in self._pieces:
            values.update(end for end in (lo, hi) if not end.is_infinite)
            values.update(value for pair in polynomial.values() for value in pair)
            self._collect_parameters(weight_of(kernel), kernel.erfs, values, visited)
        ordered = sorted(values, key=sympy.default_sort_key)
        ring, elements = sring([*ordered, sympy.Symbol("_")])
        self._ring = ring
        self._element = dict(zip(ordered, elements, strict=False))
        self._sequences: dict[tuple[Weight, Erfs, Expr, Expr], list[ComplexCombination]] = {}

    def _collect_parameters(self, weight: Weight, erfs: Erfs, values: set[Expr], visited: set[tuple[Weight, Erfs]]) -> None:
        if (weight, erfs) in visited:
            return
        visited.add((weight, erfs))
        values.update((weight.mu, weight.omega, 1 / weight.gamma, weight.gamma, S.One / sympy.sqrt(sympy.pi)))
        for i, (a, b) in enumerate(erfs):
            values.add(a)
            self._collect_parameters(weight.narrowed(a, b), erfs[:i] + erfs[i + 1 :], values, visited)

    def _he(self, x: Expr, count: int) -> list[Any]:
        ring_x = self._element[x]
        values = [self._ring.one, ring_x]
        for k in range(1, count):
            values.append(ring_x * values[k] - k * values[k - 1])
        return values[:count]

    def _sequence(self, weight: Weight, erfs: Erfs, lo: Expr, hi: Expr, count: int) -> list[ComplexCombination]:
        """T_0, …, T_{count−1}."""
        key = (weight, erfs, lo, hi)
        if len(self._sequences.get(key, ())) >= count:
            return self._sequences[key]
        unit = self._ring.one
        mu, omega, gamma = (self._element[value] for value in (weight.mu, weight.omega, weight.gamma))
        inverse = self._element[1 / weight.gamma]
        oscillates = weight.omega != 0
        boundary = [(sign, end, self._he(end, count)) for sign, end in ((1, hi), (-1, lo)) if not end.is_infinite]
        inner = [
            (
                2 * self._element[a] * self._element[S.One / sympy.sqrt(sympy.pi)],
                self._sequence(weight.narrowed(a, b), erfs[:i] + erfs[i + 1 :], lo, hi, count),
            )
            for i, (a, b) in enumerate(erfs)
        ]
        start: ComplexCombination = (
            {Mass(weight, erfs, lo, hi, "re"): unit},
            {Mass(weight, erfs, lo, hi, "im"): unit} if oscillates else {},
        )
        sequence = [start]
        for k in range(count - 1):
            re: Combination = {}
            im: Combination = {}
            p, q = sequence[k]
            _accumulate(re, p, mu * inverse)
            _accumulate(im, p, omega * inverse)
            _accumulate(re, q, -omega * inverse)
            _accumulate(im, q, mu * inverse)
            if k:
                for part, previous in zip((re, im), sequence[k - 1], strict=True):
                    _accumulate(part, previous, k * (1 - gamma) * inverse)
            for side, end, he in boundary:
                _accumulate(re, {Edge(weight, erfs, end, "re"): unit}, -side * he[k] * inverse)
                if oscillates:
                    _accumulate(im, {Edge(weight, erfs, end, "im"): unit}, -side * he[k] * inverse)
            for factor, lower in inner:
                for part, source in zip((re, im), lower[k], strict=True):
                    _accumulate(part, source, factor * inverse)
            sequence.append((re, im))
        self._sequences[key] = sequence
        return sequence

    def coefficients(self, degree: int) -> tuple[Expr, ...]:
        """E[f He_0], …, E[f He_degree]."""
        results: list[Combination] = [{} for _ in range(degree + 1)]
        for lo, hi, kernel, polynomial in self._pieces:
            highest = max(polynomial)
            table = self._sequence(weight_of(kernel), kernel.erfs, lo, hi, degree + highest + 1)
            for power in range(highest + 1):
                if power in polynomial:
                    u, v = (self._element[value] for value in polynomial[power])
                    for k, result in enumerate(results):
                        _accumulate(result, table[k][0], u)
                        _accumulate(result, table[k][1], -v)
                if power < highest:  # x He_k = He_{k+1} + k He_{k−1}
                    raised = []
                    for k in range(len(table) - 1):
                        pair: ComplexCombination = ({}, {})
                        for part in (0, 1):
                            _accumulate(pair[part], table[k + 1][part], self._ring.one)
                            if k:
                                _accumulate(pair[part], table[k - 1][part], self._ring(k))
                        raised.append(pair)
                    table = raised
        values: dict[Atom, list[tuple[Expr, Expr]]] = {}
        return tuple(self._resolved(result, values) for result in results)

    def _resolved(self, combination: Combination, values: dict[Atom, list[tuple[Expr, Expr]]]) -> Expr:
        grouped: dict[Expr, Any] = {}
        for atom, factor in combination.items():
            if factor.as_expr() == 0:
                continue
            if atom not in values:
                values[atom] = [part.as_coeff_Mul() for part in sympy.Add.make_args(sympy.expand_mul(atom.value()))]
            for rational, shape in values[atom]:
                grouped[shape] = grouped.get(shape, 0) + factor * self._ring.domain_new(rational)
        result = sympy.Add(*(shape * factor.as_expr() for shape, factor in grouped.items()))
        if result.has(sympy.sin, sympy.cos):
            return linear_in_trigonometric(sympy.expand(result))
        if not result.free_symbols or _vanishes_at_a_point(result):
            return sympy.expand(result)
        return result


def _vanishes_at_a_point(value: Expr) -> bool:
    """Whether an expression in parameters is zero, to 20 digits, at one rational point."""
    names = sorted(value.free_symbols, key=str)
    point = {name: sympy.Rational(2 * i + 5, 2 * i + 7) * (-1 if name.is_negative else 1) for i, name in enumerate(names)}
    return bool(abs(value.subs(point).evalf(30)) < sympy.Float("1e-20"))


def weight_of(kernel: Kernel) -> Weight:
    return Weight(S.Zero, kernel.mu, kernel.omega, sympy.expand(1 - 2 * kernel.beta))


_SQUARE_INTEGRABLE = "the function is square integrable against the normal density (E σ(g)² < ∞)"
_INTEGRABLE = "the function is integrable against the normal density (E|σ(g)| < ∞)"


def _require_decay(function: Function, squares: int, hypothesis: str, bound: str) -> None:
    """Require exp((squares · β − 1/2) x²) to decay on every unbounded interval, for each factor exp(β x²)."""
    for lo, hi, terms in function:
        for kernel in terms:
            if kernel.beta == 0 or not (lo.is_infinite or hi.is_infinite):
                continue
            decay = sign_of(1 - 2 * squares * kernel.beta)
            shown = sympy.exp(kernel.beta * X**2)
            if decay == 1:
                continue
            if decay is None:
                raise HypothesisError(
                    f"the assumptions on the parameters decide whether {hypothesis}",
                    f"the factor {shown}",
                    "declare signs, e.g. exp(-b*x**2) with Symbol('b', positive=True)",
                )
            balanced = any(other.erfs for other in terms if other.beta == kernel.beta)
            if balanced or (decay == 0 and kernel.mu != 0):
                raise OutsideFamilyError(shown, "the growth of this factor is balanced by another one")
            raise HypothesisError(
                hypothesis,
                f"the factor {shown} on ({lo}, {hi})",
                f"keep exp(b*x**2) to b < {bound}, or restrict it to a bounded interval",
            )


def require_square_integrable(function: Function) -> None:
    r"""HypothesisError unless :math:`\mathbb E f(g)^2 < \infty`, i.e. β < 1/4 on unbounded intervals."""
    _require_decay(function, 2, _SQUARE_INTEGRABLE, "1/4")


def gaussian_moments(function: Function, degree: int) -> tuple[Expr, ...]:
    """E[f(g) He_k(g)], k = 0, …, degree."""
    _require_decay(function, 1, _INTEGRABLE, "1/2")
    for _, _, terms in function:
        for kernel in terms:
            if sign_of(1 - 2 * kernel.beta) != 1:
                raise OutsideFamilyError(
                    sympy.exp(kernel.beta * X**2),
                    "b < 1/2 in exp(b*x**2) is needed on bounded intervals too",
                )
    if not any(terms for _, _, terms in function):
        return (S.Zero,) * (degree + 1)
    return Moments(function).coefficients(degree)
