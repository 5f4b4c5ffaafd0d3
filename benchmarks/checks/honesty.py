"""Nothing is beyond its stated error: random expressions by every route, against an integral to 25 digits by another one.

``python -m benchmarks.checks.honesty --draws 5000`` draws expressions (piecewise, exponential, trigonometric, saturating, singular,
removable; scaled by 10^±6), takes :math:`c_k` and :math:`\\mathbb E\\sigma^2` in double precision with their estimated errors, the
enclosures and the closed forms where there are any, and compares each with an integral by another route: tanh-sinh nodes at the kinks
and Gauss nodes between them, values by a function that SymPy prints, not by ours. That integral is itself held against mpmath's, which
takes twenty times as long, in one draw of fifty. 5,000 draws take some 20 minutes on one core
with ``--no-enclosures``, which take most of the time otherwise.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import math
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy
from flint import arb, ctx
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, atan, cos, erf, exp, log, sign, sin, sqrt, tanh
from sympy.printing.pycode import MpmathPrinter

from hermite_eq import coefficients
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion import Enclosure
from hermite_eq.hermite import X
from verify.command_line import command_line, positive

SMALLEST = ("--draws", "2", "--first", "1", "--no-enclosures")
DEGREE = 4
DIGITS = 40
#: Between which distances from a cut the first intervals lie.
_STEPS = ("0.5", "1", "2", "4", "8", "16")
#: Relative error of the integral below, by the difference of two rules: of E σ², and of c_k relative to its bound √(k! E σ²).
REFERENCE = 1e-25
_BITS, _MOST_HALVINGS = 270, 60
#: What is left of an integral beyond |x| = 32, where the reference ends: φ(32) = 1e-223.
_BEYOND = mpmath.mpf(10) ** -200
#: One draw of so many is integrated by mpmath too.
_EVERY = 50
_PRINTER = MpmathPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True, "user_functions": {}})


def _of_arb(name: str) -> Callable[[Any], arb]:
    method: Callable[[arb], arb] = getattr(arb, "sgn" if name == "sign" else name)
    return lambda number: method(arb(number))


_ARB = {"mpf": arb, **{name: _of_arb(name) for name in ("sin", "cos", "tanh", "exp", "log", "sqrt", "atan", "erf", "sign")}}


@dataclasses.dataclass(frozen=True)
class Draw:
    """An expression, the kind it is of, and the points between which it is smooth."""

    kind: str
    expression: sympy.Expr
    cuts: tuple[sympy.Expr, ...]


def _rational(rng: random.Random, least: int = -12, most: int = 12) -> sympy.Rational:
    return Rational(rng.randint(least, most), rng.choice((1, 2, 3, 4, 5)))


def _slope(rng: random.Random) -> sympy.Rational:
    return Rational(rng.randint(1, 8), rng.choice((1, 2, 3, 4))) * rng.choice((1, -1))


def _affine(rng: random.Random) -> tuple[sympy.Expr, sympy.Expr]:
    slope, place = _slope(rng), _rational(rng) / 3
    return slope * (X - place), place


def _piecewise(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, place = _affine(rng)
    build: Callable[[], sympy.Expr] = rng.choice(
        (
            lambda: Max(u, 0),
            lambda: Abs(u),
            lambda: sign(u),
            lambda: Heaviside(u) * (X + 1),
            lambda: Max(u, 0) ** 2,
            lambda: Piecewise((X, u > 0), (exp(X) - 1, True)),
            lambda: Piecewise((sin(X), u > 0), (X**2, True)),
            lambda: Min(u, 1 - u),
        )
    )
    expression = build()
    return expression, [place, *([_meeting(u)] if expression.func == Min else [])]


def _meeting(u: sympy.Expr) -> sympy.Expr:
    return sympy.solve(2 * u - 1, X)[0]


def _exponential(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, _ = _affine(rng)
    return rng.choice((exp(u / 2), X * exp(u / 3), exp(-u * u / 3), exp(X**2 / rng.choice((5, 6, 8)) + X / 3), X**3 - X, u**2)), []


def _trigonometric(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, _ = _affine(rng)
    return rng.choice((sin(u), cos(u) ** 2, X * sin(u), sin(u) + cos(2 * u))), []


def _saturating(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, place = _affine(rng)
    expression = rng.choice(
        (tanh(u), 1 / (1 + exp(-u)), erf(u), atan(u), log(1 + exp(u)), u / sqrt(1 + u * u), X / (1 + exp(-u)), log(1 + u * u))
    )
    return expression, [place]


def _singular(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, place = _affine(rng)
    a = rng.choice((Rational(-1, 4), Rational(-1, 3), Rational(-3, 10), Rational(1, 3), Rational(1, 2), Rational(-2, 5)))
    return rng.choice((Abs(u) ** a, log(Abs(u)), X * log(Abs(u)), sign(u) * Abs(u) ** a, cos(X) * Abs(u) ** a)), [place]


def _removable(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, place = _affine(rng)
    return rng.choice((sin(u) / u, (exp(u / 4) - 1) / u, u / (exp(u) - 1), (1 - cos(u)) / u**2, tanh(u) / u, log(1 + u**2) / u)), [place]


KINDS: dict[str, Callable[[random.Random], tuple[sympy.Expr, list[sympy.Expr]]]] = {
    "piecewise": _piecewise,
    "exponential": _exponential,
    "trigonometric": _trigonometric,
    "saturating": _saturating,
    "singular": _singular,
    "removable": _removable,
}


def draws(count: int, seed: int) -> Iterator[Draw]:
    """Expressions of every kind in turn: one building block or the sum of two, scaled by 1, 10^6 or 10^-6 (value or argument)."""
    rng = random.Random(seed)
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        expression, cuts = KINDS[kind](rng)
        if rng.random() < 0.4:
            other, more = KINDS[rng.choice(list(KINDS))](rng)
            expression, cuts = expression + _rational(rng, 1, 6) * other, cuts + more
        scale = rng.choice((1, 1, 1, 10**6, Rational(1, 10**6)))
        where = rng.choice(("value", "slope"))
        if where == "value":
            expression = scale * expression
        elif scale < 1:
            expression, cuts = expression.subs(X, scale * X), [cut / scale for cut in cuts]
        elif kind == "saturating":
            expression, cuts = KINDS["saturating"](rng)
            expression, cuts = expression.subs(X, scale * X), [cut / scale for cut in cuts]
        yield Draw(kind, expression, tuple(sorted(set(cuts))))


@functools.cache
def _gauss(count: int) -> list[tuple[arb, arb]]:
    return [arb.legendre_p_root(count, k, weight=True) for k in range(count)]


@functools.cache
def _tanh_sinh(step: Fraction) -> list[tuple[arb, arb]]:
    """Nodes 1/(1 + e^{−π sinh u}) of (0, 1), which come as near to 0 as 10^-160 and as near to 1 as 10^-35, and weights."""
    nodes = []
    for j in range(int(-Fraction(11, 2) / step), int(Fraction(17, 4) / step) + 1):
        u = arb(j * step.numerator) / step.denominator
        odds = (-arb.pi() * u.sinh()).exp()
        nodes.append((1 / (1 + odds), arb.pi() * u.cosh() * odds / (1 + odds) ** 2 * step.numerator / step.denominator))
    return nodes


@dataclasses.dataclass(frozen=True, eq=False)
class _Interval:
    """∫ σφHe_k, k ≤ 4, and ∫ σ²φ over the distances (near, far) from a cut, and by how much a coarser rule differs."""

    side: _Side
    near: arb
    far: arb

    @functools.cached_property
    def fine(self) -> list[arb]:
        return self._by(_tanh_sinh(Fraction(1, 16)), 0) if self.near == 0 else self._by(_gauss(40), 1)

    @functools.cached_property
    def difference(self) -> list[float]:
        coarse = self._by(_tanh_sinh(Fraction(1, 8)), 0) if self.near == 0 else self._by(_gauss(28), 1)
        return [float(abs(fine - other).upper()) for fine, other in zip(self.fine, coarse, strict=True)]

    def halves(self) -> list[_Interval]:
        middle = (self.near + self.far) / 2 if self.near > 0 else self.far / 4
        return [_Interval(self.side, self.near, middle), _Interval(self.side, middle, self.far)]

    def _by(self, rule: list[tuple[arb, arb]], from_: int) -> list[arb]:
        length = (self.far - self.near) / (1 + from_)
        sums = [arb(0)] * (DEGREE + 2)
        for node, weight in rule:
            for j, value in enumerate(self.side.at(self.near + length * (node + from_))):
                sums[j] += weight * value
        return [length * value for value in sums]


class _Side:
    """The expression in the distance t from a cut: exp(t) − 1 and t^(-1/3) are numbers at t = 10^-160 too."""

    def __init__(self, expression: sympy.Expr, centre: sympy.Expr, side: int) -> None:
        t = sympy.Symbol("t", positive=True)
        self._centre, self._side = centre, side
        # flint has no power of a ball that holds zero.
        written = expression.subs(X, centre + side * t).replace(
            lambda part: part.is_Pow and part.exp in (2, 3, 4), lambda part: sympy.Mul(*[part.base] * int(part.exp), evaluate=False)
        )
        self._function = sympy.lambdify(t, written, [_ARB], printer=_PRINTER)

    def at(self, t: arb) -> list[arb]:
        """σφHe_k, k ≤ 4, and σ²φ."""
        t = t.mid()
        for bits in (_BITS, 3 * _BITS, 10 * _BITS):
            with ctx.workprec(bits):
                value = arb(self._function(t))
            if value.rel_accuracy_bits() > 110 or (value == 0 and bits > _BITS):
                break
        x = _arb(self._centre) + self._side * t
        weighted = value * (-x * x / 2).exp() / (2 * arb.pi()).sqrt()
        row = [weighted, x * weighted]
        for k in range(1, DEGREE):
            row.append(x * row[k] - k * row[k - 1])
        return [*row, weighted * value]


def reference(draw: Draw) -> list[Any] | None:
    r""":math:`c_0,\dots,c_4` and :math:`\mathbb E\sigma^2` to 25 digits, or None where two rules go on disagreeing.

    Between the cuts the expression is written in the distance from one of them, which tanh-sinh nodes approach to 10^-160; further
    away there are Gauss rules on intervals that are halved where 28 nodes and 40 differ most. The arithmetic is of 80 digits and more.
    """
    with ctx.workprec(_BITS):
        centres = [cut for cut in draw.cuts if abs(cut) < 30] or [sympy.Integer(0)]
        edges = [arb(-32), *((_arb(a) + _arb(b)) / 2 for a, b in itertools.pairwise(centres)), arb(32)]
        intervals: list[_Interval] = []
        for i, centre in enumerate(centres):
            for sign, length in ((-1, _arb(centre) - edges[i]), (1, edges[i + 1] - _arb(centre))):
                side = _Side(draw.expression, centre, sign)
                points = [arb(0), *(p for p in map(arb, _steps(draw)) if p < length), length]
                intervals += [_Interval(side, near, far) for near, far in itertools.pairwise(points)]
        for _ in range(_MOST_HALVINGS):
            totals = [sum((part.fine[j] for part in intervals), arb(0)) for j in range(DEGREE + 2)]
            norm = float(totals[-1])
            if norm == 0:
                return [mpmath.mpf(0)] * (DEGREE + 2)
            scales = [*(math.sqrt(norm * math.factorial(k)) for k in range(DEGREE + 1)), norm]
            most = [max(part.difference[j] / scale for j, scale in enumerate(scales)) for part in intervals]
            if sum(most) < REFERENCE:
                return [mpmath.mpf(total.mid().str(2 * DIGITS, radius=False)) for total in totals]
            # All that are not far below the rest at once: sums over the intervals cost as much as a few nodes.
            intervals = [
                half
                for part, off in zip(intervals, most, strict=True)
                for half in (part.halves() if off > REFERENCE / (2 * len(most)) else [part])
            ]
        return None


def by_mpmath(draw: Draw) -> list[Any]:
    """The same numbers with errors, by the functions, nodes and arithmetic of mpmath.

    Its nodes end at 10^-40 from a cut: of |t|^(2a) it misses that to the power 1 + 2a.
    """
    powers = [float(part.exp) for part in draw.expression.atoms(sympy.Pow) if part.exp.is_Rational and part.exp.q > 1]
    missed = mpmath.mpf(10) ** (-DIGITS * (1 + 2 * min([0.0, *powers])))
    weights = [functools.partial(_times_hermite, k) for k in range(DEGREE + 1)] + [lambda s, x: s * s]
    t = sympy.Symbol("t", positive=True)
    centres = [cut for cut in draw.cuts if abs(cut) < 30] or [sympy.Integer(0)]
    edges = [mpmath.mpf(-32), *((_mp(a) + _mp(b)) / 2 for a, b in itertools.pairwise(centres)), mpmath.mpf(32)]
    totals: list[Any] = [(0, 0)] * len(weights)
    for i, centre in enumerate(centres):
        c = _mp(centre)
        for side, length in ((-1, c - edges[i]), (1, edges[i + 1] - c)):
            local = sympy.lambdify(t, draw.expression.subs(X, centre + side * t), "mpmath")
            # Every weight asks for the same nodes.
            at = functools.cache(lambda d, f=local, side=side, c=c: (_precisely(f, d), c + side * d, mpmath.npdf(c + side * d)))
            points = sorted({p for p in (mpmath.mpf(0), *map(mpmath.mpf, _steps(draw)), length) if p <= length})
            for j, weight in enumerate(weights):
                integral = mpmath.quad(lambda d, w=weight, at=at: w(*at(d)[:2]) * at(d)[2], points, error=True)
                totals[j] = tuple(map(sum, zip(totals[j], integral, strict=True)))
    return [(value, error + missed * abs(totals[-1][0])) for value, error in totals]


def _times_hermite(k: int, s: Any, x: Any) -> Any:
    return s * mpmath.polyval([int(c) for c in sympy.Poly(sympy.hermite_prob(k, X), X).all_coeffs()], x)


def _precisely(function: Callable[[Any], Any], distance: Any) -> Any:
    """exp(t) − 1 is a number at t = 10^-60 too."""
    with mpmath.workdps(4 * mpmath.mp.dps):
        return function(distance)


def _mp(number: sympy.Expr) -> Any:
    return mpmath.mpf(number.p) / number.q if number.is_Rational else mpmath.mpf(str(sympy.N(number, DIGITS + 10)))


def _arb(number: sympy.Rational) -> arb:
    return arb(int(number.p)) / int(number.q)


def _steps(draw: Draw) -> list[str]:
    """Features of a scale of 10^-6 sit at the cuts."""
    steep = any(abs(number) >= 10**5 for number in draw.expression.atoms(sympy.Rational))
    return [*([f"1e-{p}" for p in range(9, 1, -1)] if steep else []), *_STEPS]


def compare(draw: Draw, enclosures: bool = True, mpmath_too: bool = False) -> list[str]:
    """What of ``draw`` is beyond its stated error, and which routes were compared (with a leading +)."""
    notes = []
    with mpmath.workdps(DIGITS), warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        expansion = coefficients(draw.expression, DEGREE)
        try:
            values, errors, estimate = np.asarray(expansion), expansion.errors, expansion.estimate
        except HypothesisError as refusal:
            return [f"refused: {refusal.finding}"]
        truths = reference(draw)
        if truths is None:
            return ["no reference"]
        *true, norm2 = truths
        notes += ["+doubles", *_beyond("E σ²", norm2, estimate.norm2, estimate.norm2_error, norm2)]
        scales = [*(mpmath.sqrt(norm2 * math.factorial(k)) for k in range(DEGREE + 1)), norm2]
        exact = expansion.exact
        for k, (c, scale) in enumerate(zip(true, scales, strict=False)):
            notes += _beyond(f"c_{k}", c, values[k], errors[k], scale)
            if exact is not None:
                # Not SymPy's own digits, which for 1 − erf(10^6) asks for 10^11 of them.
                with mpmath.workdps(5 * DIGITS + 40):
                    closed = mpmath.re(sympy.lambdify((), exact[k], "mpmath")())
                beyond = abs(closed - c) > REFERENCE * scale + _BEYOND
                notes += ["+closed forms"] * (k == 0) + [f"closed c_{k} = {closed} ≠ {c}"] * beyond
            notes += _outside(f"c_{k}", c, functools.partial(expansion.enclosure, k, 20), scale) if enclosures else []
        notes += _outside("E σ²", norm2, lambda: expansion.norm2_enclosure(20), norm2) if enclosures else []
        if mpmath_too:
            notes.append("+mpmath")
            for what, (value, error), truth, scale in zip((*range(DEGREE + 1), "E σ²"), by_mpmath(draw), truths, scales, strict=True):
                notes += [f"mpmath: {what} = {value} ± {error}, not {truth}"] * (abs(value - truth) > error + REFERENCE * scale)
    return notes


def _outside(what: str, truth: Any, enclosure: Callable[[], Enclosure], scale: Any) -> list[str]:
    try:
        ball = enclosure()
    except HypothesisError:
        return ["+no enclosure"]
    inside = abs(mpmath.mpf(str(ball.mid)) - truth) <= mpmath.mpf(str(ball.radius)) + REFERENCE * scale + _BEYOND
    return ["+enclosures", *([] if inside else [f"enclosure of {what} = {ball.mid} ± {ball.radius} without {truth}"])]


def _beyond(what: str, truth: Any, value: float, error: float, scale: Any) -> list[str]:
    # The truth is rounded once, and known to REFERENCE of its scale: an exact zero, of no error, is not zero to the reference.
    allowed = error + abs(float(truth)) * 2.0**-53 + float(REFERENCE * scale) + 5e-324
    return [f"{what} = {value!r} ± {error:.3g}, true {mpmath.nstr(truth, 20)}"] if not abs(truth - value) <= allowed else []


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_line("benchmarks.checks.honesty", __doc__, SMALLEST)
    parser.add_argument("--draws", type=positive, default=200, help="how many expressions (default 200)")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--first", type=int, default=0, help="skip as many")
    parser.add_argument("--no-enclosures", action="store_true", help="leave out the enclosures, which take most of the time")
    options = parser.parse_args(argv)
    tally: collections.Counter[str] = collections.Counter()
    failures = 0
    for number, draw in enumerate(draws(options.draws, options.seed)):
        if number < options.first:
            continue
        try:
            notes = compare(draw, not options.no_enclosures, number % _EVERY == 0)
        except Exception as crash:  # the tally goes on
            notes = [f"crash: {type(crash).__name__}: {crash}"]
        tally.update([f"{draw.kind}", *(note for note in notes if note.startswith("+"))])
        for note in notes:
            if not note.startswith("+"):
                failures += 1
                print(f"draw {number} ({draw.kind}): {draw.expression}: {note}", flush=True)
    for what, count in sorted(tally.items()):
        print(f"{what:20s} {count:6d}")
    print(f"beyond its stated error, refused or crashed: {failures}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
