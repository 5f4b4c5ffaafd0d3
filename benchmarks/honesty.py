"""Nothing is beyond its stated error: random expressions by every route, against an integral of 40 digits by another one.

``python -m benchmarks.honesty --draws 5000`` draws expressions (piecewise, exponential, trigonometric, saturating, singular,
removable; scaled by 10^±6), takes :math:`c_k` and :math:`\\mathbb E\\sigma^2` in double precision with their estimated errors, the
enclosures and the closed forms where there are any, and compares each with a tanh-sinh quadrature of mpmath, cut at the kinks. A draw
takes about two seconds of one core, most of it for the enclosures.
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
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, atan, cos, erf, exp, log, sign, sin, sqrt, tanh

from hermite_eq import coefficients
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion import Enclosure
from hermite_eq.hermite import X
from verify.command_line import command_line, positive

SMALLEST = ("--draws", "2", "--no-enclosures")
DEGREE = 4
DIGITS = 40
#: Relative error to which the quadrature below is held against itself at another step.
_STEPS = ("0.25", "0.5", "1", "1.5", "2", "3", "4", "5", "6", "8", "10", "12", "15", "18", "22", "26", "30", "40", "50")
REFERENCE = mpmath.mpf(10) ** -25
#: What is left of an integral beyond |x| = 32, where the reference ends: φ(32) = 1e-223.
_BEYOND = mpmath.mpf(10) ** -200


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
    build = rng.choice((
        lambda: Max(u, 0), lambda: Abs(u), lambda: sign(u), lambda: Heaviside(u) * (X + 1), lambda: Max(u, 0) ** 2,
        lambda: Piecewise((X, u > 0), (exp(X) - 1, True)), lambda: Piecewise((sin(X), u > 0), (X**2, True)), lambda: Min(u, 1 - u),
    ))
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
    expression = rng.choice((tanh(u), 1 / (1 + exp(-u)), erf(u), atan(u), log(1 + exp(u)), u / sqrt(1 + u * u), X / (1 + exp(-u)),
                             log(1 + u * u)))
    return expression, [place]


def _singular(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, place = _affine(rng)
    a = rng.choice((Rational(-1, 4), Rational(-1, 3), Rational(-3, 10), Rational(1, 3), Rational(1, 2), Rational(-2, 5)))
    return rng.choice((Abs(u) ** a, log(Abs(u)), X * log(Abs(u)), sign(u) * Abs(u) ** a, cos(X) * Abs(u) ** a)), [place]


def _removable(rng: random.Random) -> tuple[sympy.Expr, list[sympy.Expr]]:
    u, place = _affine(rng)
    return rng.choice((sin(u) / u, (exp(u / 4) - 1) / u, u / (exp(u) - 1), (1 - cos(u)) / u**2, tanh(u) / u, log(1 + u**2) / u)), [place]


KINDS: dict[str, Callable[[random.Random], tuple[sympy.Expr, list[sympy.Expr]]]] = {
    "piecewise": _piecewise, "exponential": _exponential, "trigonometric": _trigonometric, "saturating": _saturating,
    "singular": _singular, "removable": _removable,
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


def reference(draw: Draw, weights: list[Callable[[Any, Any], Any]]) -> list[Any] | None:
    r""":math:`\mathbb E\,w(\sigma(g),g)` for every w, 25 digits, by tanh-sinh quadrature between the cuts, or None if two steps disagree.

    On each interval the expression is written in the distance from a cut, which tanh-sinh nodes approach to 10^-40 of a unit.
    """
    t = sympy.Symbol("t", positive=True)
    centres = [cut for cut in draw.cuts if abs(cut) < 30] or [sympy.Integer(0)]
    edges = [mpmath.mpf(-32), *((_mp(a) + _mp(b)) / 2 for a, b in itertools.pairwise(centres)), mpmath.mpf(32)]
    totals = [mpmath.mpf(0)] * len(weights)
    fine = [mpmath.mpf(10) ** -p for p in range(9, 1, -1)] if _steep(draw) else []
    for i, centre in enumerate(centres):
        c = _mp(centre)
        for side, length in ((-1, c - edges[i]), (1, edges[i + 1] - c)):
            local = sympy.lambdify(t, draw.expression.subs(X, centre + side * t), "mpmath")
            # Every weight asks for the same nodes.
            at = functools.cache(lambda d, f=local, side=side, c=c: (_precisely(f, d), c + side * d, mpmath.npdf(c + side * d)))
            # Features of a scale of 10^-6 sit at the cuts.
            points = sorted({p for p in (mpmath.mpf(0), *fine, *map(mpmath.mpf, _STEPS), length) if p <= length})
            for j, weight in enumerate(weights):
                value, error = mpmath.quad(lambda d, w=weight, at=at: w(*at(d)[:2]) * at(d)[2], points, error=True)
                if error > REFERENCE * (1 + abs(value)):
                    return None
                totals[j] += value
    return totals


def _precisely(function: Callable[[Any], Any], distance: Any) -> Any:
    """exp(t) − 1 is a number at t = 10^-60 too."""
    with mpmath.workdps(4 * mpmath.mp.dps):
        return function(distance)


def _mp(number: sympy.Expr) -> Any:
    return mpmath.mpf(number.p) / number.q if number.is_Rational else mpmath.mpf(str(sympy.N(number, DIGITS + 10)))


def _steep(draw: Draw) -> bool:
    return any(abs(number) >= 10**5 for number in draw.expression.atoms(sympy.Rational))


def compare(draw: Draw, enclosures: bool = True) -> list[str]:
    """What of ``draw`` is beyond its stated error, and which routes were compared (with a leading +)."""
    notes = []
    with mpmath.workdps(DIGITS), warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        expansion = coefficients(draw.expression, DEGREE)
        try:
            values, errors, estimate = np.asarray(expansion), expansion.errors, expansion.estimate
        except HypothesisError as refusal:
            return [f"refused: {refusal.found}"]
        truths = reference(draw, [lambda s, x: s * s, *map(_against_hermite, range(DEGREE + 1))])
        if truths is None:
            return ["+no reference"]
        norm2, *true = truths
        notes += ["+doubles", *_beyond("E σ²", norm2, estimate.norm2, estimate.norm2_error, norm2)]
        exact = expansion.exact
        for k, c in enumerate(true):
            scale = mpmath.sqrt(norm2 * math.factorial(k))
            notes += _beyond(f"c_{k}", c, values[k], errors[k], scale)
            if exact is not None:
                closed = mpmath.mpf(str(sympy.re(sympy.N(exact[k], DIGITS))))
                beyond = abs(closed - c) > 1e-20 * scale + _BEYOND
                notes += ["+closed forms"] * (k == 0) + [f"closed c_{k} = {closed} ≠ {c}"] * beyond
            notes += _outside(f"c_{k}", c, lambda k=k: expansion.enclosure(k, 20), scale) if enclosures else []
        notes += _outside("E σ²", norm2, lambda: expansion.norm2_enclosure(20), norm2) if enclosures else []
    return notes


def _outside(what: str, truth: Any, enclosure: Callable[[], Enclosure], scale: Any) -> list[str]:
    try:
        found = enclosure()
    except HypothesisError:
        return []
    # Ten intervals at most, each integrated to REFERENCE of itself and of 1.
    inside = abs(mpmath.mpf(str(found.mid)) - truth) <= mpmath.mpf(str(found.radius)) + 10 * REFERENCE * (1 + scale)
    return ["+enclosures", *([] if inside else [f"enclosure of {what} = {found.mid} ± {found.radius} without {truth}"])]


def _against_hermite(k: int) -> Callable[[Any, Any], Any]:
    polynomial = [int(c) for c in sympy.Poly(sympy.hermite_prob(k, X), X).all_coeffs()]
    return lambda s, x: s * mpmath.polyval(polynomial, x)


def _beyond(what: str, truth: Any, value: float, error: float, scale: Any) -> list[str]:
    # The truth is rounded once, and known to REFERENCE of its scale: an exact zero, of no error, is not zero to the reference.
    allowed = error + abs(float(truth)) * 2.0**-53 + float(REFERENCE * scale) + 5e-324
    return [f"{what} = {value!r} ± {error:.3g}, true {mpmath.nstr(truth, 20)}"] if not abs(truth - value) <= allowed else []


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_line("benchmarks.honesty", __doc__, SMALLEST)
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
            notes = compare(draw, not options.no_enclosures)
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
