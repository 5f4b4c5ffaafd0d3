"""Gauss-Legendre panels between kinks, bisected towards whatever is not analytic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sympy
from flint import acb, arb, ctx

from hermite_eq.activations import Activation, pieces
from hermite_eq.activations.formulas.balls import Ball, ball_function, working_precision
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.certified.bounds import BOUND_BITS, Moments, growth_at_ends, orthonormal_bounds, real_value, tail_cut
from hermite_eq.expansion.certified.singular_ends import bits_beside, cut_off, points_to_cut

#: Bernstein ellipses tried, by the sum of their semi-axes over the half panel.
_ELLIPSES = (12.0, 8.0, 5.0, 3.5, 2.4, 1.7)
_MOST_PANELS, _MOST_DECADES = 20000, 100


@lru_cache(maxsize=64)
def _legendre(n: int, precision: int) -> list[tuple[arb, arb]]:
    return [arb.legendre_p_root(n, k, weight=True) for k in range(n)]


@dataclass(frozen=True, eq=False)
class _Rule:
    """A Gauss rule of n nodes on a panel, with its error for every orthonormal coefficient and for the norm."""

    n: int
    errors: list[arb]


def by_panels(sigma: Activation, degree: int, digits: int) -> Moments:
    r"""Gauss-Legendre on panels, each with the error bound of a Bernstein ellipse on which σ is proven analytic.

    If |F| ≤ M in the ellipse with foci at the panel's ends and sum of semi-axes ρH, H half its length, the rule of n nodes is off by
    at most :math:`\frac{64}{15}\frac{H M\rho^{-2n}}{1-\rho^{-2}}`. Where no ellipse is free of kinks and singularities the
    panel is bisected; a remnant so short that its whole content is below the goal is enclosed as it is.
    """
    # Nodes δ beside a singularity s ≠ 0 take as many more bits as s/δ has.
    with working_precision(ctx.prec + bits_beside(sigma.expression, digits + 4)):
        return _by_panels(sigma, degree, digits)


def _by_panels(sigma: Activation, degree: int, digits: int) -> Moments:
    ends = growth_at_ends(sigma.expression, sigma)
    quarters, tails = tail_cut(ends, degree, digits + 1)
    _check_size(sigma, quarters)
    totals = [arb(0) for _ in range(degree + 1)]
    norm2 = arb(0)
    with working_precision(BOUND_BITS):
        errors = [*tails.c, tails.norm2]
        roots = [arb.fac_ui(k).sqrt() for k in range(degree + 1)]
    normal = 1 / (2 * arb.pi()).sqrt()
    count = 0
    for expression, left, right, beside in _cuts_into_panels(sigma.expression, quarters, digits + 4):
        with working_precision(BOUND_BITS):
            for cut_at, first, two in beside:
                near = orthonormal_bounds((abs(cut_at) + 1).upper(), degree)
                errors = [*(known + first * bound for known, bound in zip(errors[:-1], near, strict=True)), errors[-1] + two]
        f = ball_function(expression)
        stack = [(left, right)]
        while stack:
            a, b = stack.pop()
            count += 1
            rule = _rule_for(f, a, b, degree, digits)
            if rule is None:
                if count > _MOST_PANELS:
                    raise HypothesisError(
                        "the function is bounded near its singularities, which are few",
                        f"{sigma.name}, unresolved near x = {float(a):.6g} after {_MOST_PANELS} panels",
                        "ask for fewer digits, or use the double-precision coefficients np.asarray(coefficients(…))",
                    )
                middle = (a + b) / 2
                stack += [(a, middle), (middle, b)]
                continue
            with working_precision(BOUND_BITS):
                errors = [known + new for known, new in zip(errors, rule.errors, strict=True)]
            center, half = (a + b) / 2, (b - a) / 2
            for node, weight in _legendre(rule.n, ctx.prec) if rule.n else ():
                x = center + half * node
                value = real_value(f, sigma, x)
                w = half * weight * normal * (-x * x / 2).exp() * value
                norm2 += w * value
                previous, current = arb(0), w
                for k in range(degree + 1):
                    totals[k] += current
                    previous, current = current, x * current - k * previous
    with working_precision(BOUND_BITS):
        radii = [arb(0, (error * root).upper()) for error, root in zip(errors, roots, strict=False)]
        norm_radius = arb(0, errors[-1].upper())
    return Moments(tuple(total + radius for total, radius in zip(totals, radii, strict=True)), norm2 + norm_radius)


def _check_size(sigma: Activation, quarters: int) -> None:
    """An absolute error of a norm of 400 decades would cost as many digits, and a c_k may be half as many decades below the norm."""
    with working_precision(BOUND_BITS):
        f = ball_function(sigma.expression)
        places = [arb(j) / 4 for j in range(-quarters, quarters + 1)]
        squares = [abs(f(acb(x), False)).abs_lower() ** 2 * (-x * x / 2).exp() for x in places]
        largest = max((float(square.log() / arb(10).log()) for square in squares if square.is_finite() and square > 0), default=0.0)
    if largest > _MOST_DECADES:
        raise HypothesisError(
            f"where exponentials are no factors of the terms of a sum, σ²φ is below 1e{_MOST_DECADES}",
            f"1e{largest:.0f} for {sigma.name}",
            f"multiply the function by exp(-{largest / 2 * math.log(10):.0f}): coefficients go with its scale, E σ² with the square",
        )


#: (s, ∫|f|, ∫f²) of what is cut off beside a singularity s; the density φ ≤ 1 is left out.
_Beside = list[tuple[arb, arb, arb]]


def _cuts_into_panels(expression: sympy.Expr, quarters: int, digits: int) -> Iterator[tuple[sympy.Expr, arb, arb, _Beside]]:
    """Panels of length at most 2 of [−T, T], cut at the kinks, with the expression of their piece.

    Beside a singularity the panels begin at a distance within which there is less than 10^-digits; bounds of that come with the first.
    """
    T = arb(quarters) / 4
    for piece in pieces(expression):
        if piece.expression == 0:
            continue
        left = -T if piece.left == -sympy.oo else _number(piece.left)
        right = T if piece.right == sympy.oo else _number(piece.right)
        if right <= -T or left >= T:
            continue
        left, right = (-T if left < -T else left), (T if right > T else right)
        ends, beside = [left], []
        for point in points_to_cut(piece.expression):
            place = _number(point)
            before, after = not place <= left and place <= T, not place >= right and place >= -T
            if place < left or place > right:
                continue
            if before and point != piece.left:
                delta, first, two = cut_off(piece.expression, point, -1, digits)
                ends.append(place - delta)
                beside.append((place, first, two))
            else:
                ends.pop()
            if after and point != piece.right:
                delta, first, two = cut_off(piece.expression, point, 1, digits)
                ends.append(place + delta)
                beside.append((place, first, two))
        if len(ends) % 2:
            ends.append(right)
        for start, end in zip(ends[::2], ends[1::2], strict=True):
            n = max(1, math.ceil(float(end - start) / 2))
            # The ends themselves, which may be closer to a singularity than a rounded sum.
            cuts = [start, *(start + (end - start) * j / n for j in range(1, n)), end]
            for a, b in itertools.pairwise(cuts):
                yield piece.expression, a, b, beside
                beside = []


def _number(value: sympy.Expr) -> arb:
    return ball_function(value)(acb(0), False).real


def gauss_error(rho: arb, n: int) -> arb:
    r"""Error bound of the Gauss-Legendre rule of n ≥ 2 nodes on [−1, 1] for |F| ≤ 1 in the Bernstein ellipse of ρ > 1:
    :math:`\frac{64}{15}\frac{\rho^{-2n}}{1-\rho^{-2}}`. Derivation: ``derivations/coefficients/trapezoid_error.py``.
    """
    return arb(64) / 15 * rho ** (-2 * n) / (1 - rho**-2)


def _rule_for(f: Ball, a: arb, b: arb, degree: int, digits: int) -> _Rule | None:
    center, half = (a + b) / 2, ((b - a) / 2).upper()
    # Each of some tens of panels may spend a thousandth of the goal.
    log_goal = -(digits + 3) * math.log(10)
    best: tuple[int, float, arb, list[arb]] | None = None
    for rho in _ELLIPSES:
        wide, high = half * arb((rho + 1 / rho) / 2), half * arb((rho - 1 / rho) / 2)
        x, y = center + arb(0, wide.upper()), arb(0, high.upper())
        value = f(acb(x, y), True)
        if not value.is_finite():
            continue
        bounds = _integrand_bounds(value.abs_upper(), x, y, degree)
        largest = max(float(bound.upper().log()) if bound > 0 else -1e300 for bound in bounds)
        # 64/15 · H · M ρ^{-2n}/(1 − ρ^{-2}) ≤ goal
        front = math.log(64 / 15) + float(half.log()) - math.log(1 - rho**-2)
        n = max(2, math.ceil((front + largest - log_goal) / (2 * math.log(rho)) / 4) * 4)
        if best is None or n < best[0]:
            best = (n, rho, half, bounds)
    if best is not None and best[0] <= 40 + 3 * digits:
        n, rho, half, bounds = best
        factor = gauss_error(arb(rho), n)
        return _Rule(n, [factor * half * bound for bound in bounds])
    x = center + arb(0, half)
    value = f(acb(x), False)
    if value.is_finite():
        contents = [2 * half * bound for bound in _integrand_bounds(value.abs_upper(), x, arb(0), degree)]
        if all(bool(content < arb(10) ** -(digits + 3)) for content in contents):
            return _Rule(0, contents)
    return None


def _integrand_bounds(sigma: arb, x: arb, y: arb, degree: int) -> list[arb]:
    r"""Bounds of :math:`|\sigma h_k\phi|` for every k, and of :math:`|\sigma^2\phi|`, over the box x + iy."""
    y2 = y.abs_upper() ** 2
    density = ((y2 - x.abs_lower() ** 2) / 2).exp() / (2 * arb.pi()).sqrt()
    z = (x.abs_upper() ** 2 + y2).sqrt()
    base = sigma * density
    return [(base * bound).upper() for bound in orthonormal_bounds(z, degree)] + [(base * sigma).upper()]
