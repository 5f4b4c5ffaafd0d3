r"""Certified coefficients: enclosures of all :math:`c_k` and of :math:`\mathbb E\sigma^2` from one evaluation of σ per node.

Two rules, both with proven error bounds, chosen by what σ is:

- *analytic in a strip*: the trapezoidal rule on the line (:func:`_trapezoid`);
- *piecewise*, or with singularities near the line: Gauss-Legendre panels between the kinks, bisected towards whatever is not
  analytic (:func:`_panels`).

That σ is analytic where a bound presupposes it is not believed but shown, by finite balls which cover the region; the tails beyond
±T are bounded by :mod:`hermite_eq.expansion.growth`. Derivation: ``derivations/trapezoid_error.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb, arb_mat, ctx, fmpq

from hermite_eq.activations import Activation, pieces
from hermite_eq.activations.symbolic import proved_parity
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.balls import Ball, ball_function, bits_for, to_enclosure, working_precision
from hermite_eq.expansion.enclosure import Enclosure
from hermite_eq.expansion.growth import Growth, growth
from hermite_eq.hermite import check_degree

MOST_DIGITS = 1000
#: Precision of bounds, as opposed to values: their size matters, not their digits.
_BOUND_BITS = 64
_SWITCHES = (sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min, sympy.Piecewise)


@dataclass(frozen=True, eq=False)
class Moments:
    r"""Balls around :math:`c_0,\dots,c_K` and :math:`\mathbb E\sigma^2`."""

    c: tuple[arb, ...]
    norm2: arb


def enclosed_coefficient(sigma: Activation, k: int, digits: int, degree: int) -> Enclosure:
    r"""An enclosure of :math:`c_k` of relative radius 10^-digits; of a c_k indistinguishable from zero, one of absolute radius.

    All degrees up to ``degree`` ≥ k are computed at once, and kept.
    """
    expression = _numeric_expression(sigma)
    digits = _check_digits(digits)
    if proved_parity(expression) == ("even" if k % 2 else "odd"):
        _moments(sigma, 0, digits)  # the integral exists, or this raises
        return to_enclosure(arb(0), digits)
    return _refined(lambda working: _moments(sigma, max(k, degree), working).c[k], digits)


def enclosed_norm2(sigma: Activation, digits: int) -> Enclosure:
    r"""An enclosure of :math:`\mathbb E\sigma(g)^2`."""
    _numeric_expression(sigma)
    return _refined(lambda working: _moments(sigma, 0, working).norm2, _check_digits(digits))


def enclosed_residual(sigma: Activation, r: int, digits: int) -> Enclosure:
    r"""An enclosure of :math:`c_r^*`, with working digits until the difference of squares itself has ``digits``."""
    _numeric_expression(sigma)

    def residual(working: int) -> arb:
        moments = _moments(sigma, r, working)
        square = moments.norm2 - sum((c * c / arb.fac_ui(k) for k, c in enumerate(moments.c)), arb(0))
        # The truth is not negative: what a ball has below zero may be cut off.
        return square.nonnegative_part().sqrt()

    return _refined(residual, _check_digits(digits))


def _numeric_expression(sigma: Activation) -> sympy.Expr:
    if sigma.expression is None:
        raise HypothesisError(
            "an enclosure needs a formula, of which it can take balls",
            f"the bare callable {sigma.name}",
            "pass a SymPy expression; np.asarray(coefficients(…)) serves callables",
        )
    if sigma.parameters:
        sigma(0.0)  # raises: values need numbers for every parameter
    return sigma.expression


def _check_digits(digits: Any) -> int:
    digits = check_degree(digits, name="digits")
    if not 1 <= digits <= MOST_DIGITS:
        raise HypothesisError(f"the engine certifies 1 to {MOST_DIGITS} digits", f"digits={digits}", "ask for digits=50, say")
    return digits


def _refined(compute: Any, digits: int) -> Enclosure:
    """Raise the working digits until the relative radius is 10^-digits, or the number is zero to twice as many digits.

    What is returned is rounded to one digit more than asked for, and so does not depend on what was computed before.
    """
    working = digits + 4
    while True:
        with working_precision(bits_for(working) + 32):
            ball = compute(working)
            enclosure = to_enclosure(ball, digits)
            if enclosure.mid == 0 == enclosure.radius:
                return enclosure
            if enclosure.digits > digits:
                return enclosure.rounded(digits + 1)
            if ball.contains(0):
                if working > 2 * digits + 10:
                    return enclosure
                working = max(2 * digits + 11, 2 * working)
            else:
                working += digits - enclosure.digits + 2


# --- one computation: all degrees up to `degree`, absolute errors 10^-digits · √k! ---


@lru_cache(maxsize=256)
def _moments(sigma: Activation, degree: int, digits: int) -> Moments:
    expression = _numeric_expression(sigma)
    _check_declarations(sigma)
    with working_precision(bits_for(digits) + 64):
        if not expression.has(*_SWITCHES):
            strip = _strip(sigma, degree, digits)
            if strip is not None:
                return _trapezoid(sigma, degree, digits, strip)
        return _panels(sigma, degree, digits)


@lru_cache(maxsize=512)
def _check_declarations(sigma: Activation) -> None:
    """Hold a declared Lipschitz constant against certain differences of values (which can refute it, not prove it)."""
    L = sigma.lipschitz
    if L is None or math.inf == L:
        return
    with working_precision(_BOUND_BITS):
        f = ball_function(sigma.expression)
        # L is a double: one rounding of the true constant is granted.
        slack = arb(L) * (1 + arb(2) ** -51)
        places = [arb(j) / 16 for j in range(-160, 161)]
        values = [f(acb(place), False).real for place in places]
        for j in range(320):
            rise = abs(values[j + 1] - values[j])
            if rise > slack / 16:
                raise HypothesisError(
                    f"{sigma.name} has the declared Lipschitz constant {L:g}",
                    f"|σ({float(places[j + 1]):g}) − σ({float(places[j]):g})| = {float(rise):.6g} > {L / 16:.6g}",
                    "declare a larger one, lipschitz=math.inf, or lipschitz=None",
                )


def _orthonormal_bounds(z: arb, degree: int) -> list[arb]:
    r"""For every k ≤ degree an upper bound of :math:`|\mathrm{He}_k(w)|/\sqrt{k!}` for all complex |w| ≤ z.

    The coefficients of He_k alternate in sign, so that |He_k(w)| ≤ i^{-k} He_k(i|w|), which has the same recurrence with a plus.
    """
    bounds = [arb(1), z]
    for k in range(1, degree):
        bounds.append((z * bounds[k] + arb(k).sqrt() * bounds[k - 1]) / arb(k + 1).sqrt())
    return bounds[: degree + 1]


def _ends(expression: sympy.Expr, sigma: Activation) -> tuple[Growth, Growth]:
    """Growth on the left and on the right ray beyond 1 and all kinks."""
    parts = pieces(expression)
    edges = [abs(float(piece.left)) for piece in parts[1:]]
    start = max(1, math.ceil(max(edges, default=0) + 1e-9))
    left = growth(parts[0].expression, -1, start, sigma.lipschitz)
    right = growth(parts[-1].expression, 1, start, sigma.lipschitz)
    for end in (left, right):
        if not end.r < 0.25:
            raise HypothesisError(
                "the function is square integrable against the normal density (E σ(g)² < ∞)",
                f"no better bound for {sigma.name} than |σ(x)| ≤ … exp({float(end.r):.3g} x²)",
                "use a function that provably grows more slowly than exp(x²/4)",
            )
    return left, right


@dataclass(frozen=True, eq=False)
class _Tails:
    """Both tails beyond T: bounds of the missing part of every orthonormal coefficient, and of the norm."""

    c: list[arb]
    norm2: arb


def _tails(ends: tuple[Growth, Growth], degree: int, T: arb) -> _Tails:
    return _Tails(
        [sum((end.tail(k, T) for end in ends), arb(0)) / arb.fac_ui(k).sqrt() for k in range(degree + 1)],
        sum((end.times(end).tail(0, T) for end in ends), arb(0)),
    )


def _cut(ends: tuple[Growth, Growth], degree: int, digits: int) -> tuple[int, _Tails]:
    """The smallest T in quarters for which all tails are below 10^-digits, as 4T."""
    with working_precision(_BOUND_BITS):
        goal = arb(10) ** -digits
        low, high = 4, 8

        def small(quarters: int) -> bool:
            tails = _tails(ends, degree, arb(quarters) / 4)
            return all(bool(tail < goal) for tail in [*tails.c, tails.norm2])

        while not small(high):
            low, high = high, 2 * high
            if high > 4000:
                raise HypothesisError(
                    "the tails of the integral are bounded within |x| < 1000", f"{digits} digits, degree {degree}", "ask for fewer digits"
                )
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if small(middle) else (middle, high)
        return high, _tails(ends, degree, arb(high) / 4)


# --- the trapezoidal rule ---


@dataclass(frozen=True, eq=False)
class Strip:
    r"""A rectangle |Re z| ≤ n, |Im z| ≤ a in which σ is analytic, with what the error bound needs of it.

    ``columns`` bounds |σ| on the n columns j ≤ |Re z| ≤ j + 1, ``norm`` bounds
    :math:`(\int_{-n}^n|\sigma(x+ia)|^2\phi)^{1/2}`.
    """

    a: fmpq
    norm: arb
    columns: tuple[arb, ...]

    def side(self, T: arb) -> arb:
        """A bound of |σ| on the sides Re z = ±T; infinite beyond the rectangle."""
        low, high = math.floor(float(T.lower()) - 1e-9), math.floor(float(T.upper()) + 1e-9)
        if high >= len(self.columns):
            return arb.pos_inf()
        return arb.max(self.columns[low], self.columns[high])


class _NotAnalyticError(Exception):
    """No ball of moderate size around the values on a part of the rectangle; the argument says where."""


_MOST_BOXES = 4000
#: A strip on which σ is larger is of no use: it would cost more digits than it saves nodes.
_LARGEST_VALUE = arb(10) ** 400


@lru_cache(maxsize=512)
def _rectangle(expression: sympy.Expr, a: fmpq, columns: int) -> Strip:
    """Cover [−n, n] × [0, a], n = ``columns``, by balls on which σ is finite, hence analytic.

    The lower half follows by reflection: σ(conj z) = conj σ(z), the expression having no imaginary unit in it.
    """
    f = ball_function(expression)
    bounds = []
    spent = 0
    for column in range(columns):
        largest = arb(0)
        boxes = [(fmpq(column), fmpq(column + 1), fmpq(0), a), (fmpq(-column - 1), fmpq(-column), fmpq(0), a)]
        while boxes:
            left, right, low, high = boxes.pop()
            ball = acb(arb(left).union(arb(right)), arb(low).union(arb(high)))
            value = f(ball, True)
            spent += 1
            size = max(right - left, high - low)
            # Finite is proof; a large box is cut all the same if that may tell the size better, which saves digits.
            if value.is_finite() and (size <= 1 or value.abs_upper() < 100 * (1 + abs(f(ball.mid(), False)).upper())):
                largest = arb.max(largest, value.abs_upper())
                if largest > _LARGEST_VALUE:
                    raise _NotAnalyticError(f"z = {float(arb(left)):.3g} + {float(arb(high)):.3g}i")
            elif spent > _MOST_BOXES or size < a * fmpq(1, 64):
                raise _NotAnalyticError(f"z = {float(arb(left)):.3g} + {float(arb(high)):.3g}i")
            elif right - left > high - low:
                middle = (left + right) / 2
                boxes += [(left, middle, low, high), (middle, right, low, high)]
            else:
                middle = (low + high) / 2
                boxes += [(left, right, low, middle), (left, right, middle, high)]
        bounds.append(largest)
    total = sum((2 * bound**2 * (-arb(j) ** 2 / 2).exp() for j, bound in enumerate(bounds)), arb(0))
    return Strip(a, (total / (2 * arb.pi()).sqrt()).sqrt().upper(), tuple(bounds))


@dataclass(frozen=True, eq=False)
class _TrapezoidPlan:
    strip: Strip
    h: fmpq
    half: int  # nodes j h, |j| ≤ half; T = (half + 1/2) h


def _strip(sigma: Activation, degree: int, digits: int) -> _TrapezoidPlan | None:
    """The cheapest plan among a few strips that are proven; None if no strip is."""
    widest = 0.6 * math.sqrt(2 * digits * math.log(10))
    failure: _NotAnalyticError | None = None
    if sigma.strip is not None and 0 < sigma.strip < math.inf:
        widths = [0.95 * sigma.strip] if sigma.strip < widest else [widest]
    else:
        widths = [widest * 2.0**-j for j in range(9)]
    best: _TrapezoidPlan | None = None
    for width in widths:
        a = fmpq(math.floor(width * 64), 64)
        if not a > 0:
            break
        try:
            plan = _plan(sigma, a, degree, digits)
        except _NotAnalyticError as place:
            failure = place
            continue
        if best is not None and plan.half >= best.half:
            break
        best = plan
    if best is None and sigma.strip:
        raise HypothesisError(
            f"{sigma.name} is analytic in the declared strip |Im z| < {sigma.strip:g}",
            f"no finite ball around it near {failure}",
            "declare a narrower strip, or strip=None: then one is searched for",
        )
    return best


def _plan(sigma: Activation, a: fmpq, degree: int, digits: int) -> _TrapezoidPlan:
    """The step and the number of nodes for which every part of the error is below 10^-digits."""
    with working_precision(_BOUND_BITS):
        goal = arb(10) ** -digits
        quarters, _ = _cut(_ends(sigma.expression, sigma), degree, digits)
        while True:
            # In steps of 4, so that one rectangle serves several degrees and precisions.
            columns = 4 * (quarters // 16 + 1)
            strip = _rectangle(sigma.expression, a, columns)
            if all(bool(bound < goal) for bound in _side_errors(strip, arb(1), arb(quarters) / 4, degree)):
                break
            quarters += 1
        scale = max(float(bound.upper().log()) for bound in _strip_factors(strip, degree))
        h = 2 * math.pi * float(arb(a)) / (digits * math.log(10) + max(0.0, scale) + 0.1)
        step = fmpq(max(1, math.floor(h * 4096)), 4096)
        half = math.ceil(fmpq(quarters, 4) / step)
        # T = (half + 1/2) h may be a step and a half longer than asked for: the rectangle has to be, too.
        end = math.floor((fmpq(half) + fmpq(1, 2)) * step) + 1
        return _TrapezoidPlan(strip if end <= columns else _rectangle(sigma.expression, a, end), step, half)


def trapezoid_errors(strip: Strip, h: arb, T: arb, degree: int) -> list[arb]:
    r"""Error bounds of the trapezoidal rule for every orthonormal coefficient k ≤ degree, then for the norm.

    The error of :math:`h\sum_{|j|\le N}F(jh)` against :math:`\int_{-T}^TF`, T = (N + 1/2)h, F = σ h_k φ analytic in the rectangle,
    is at most

    .. math:: \frac{2e^{a^2/2}\sqrt{L_k(-a^2)}}{e^{2\pi a/h}-1}\Bigl(\int_{-T}^T|\sigma(x+ia)|^2\phi\Bigr)^{1/2}
        +\frac{2h\log2}{\pi}\sup_{|y|\le a}|F(\pm T+iy)|,

    and for E σ² the same with :math:`h_k` replaced by σ. Derivation: ``derivations/trapezoid_error.py``.
    """
    decay = (2 * arb.pi() * arb(strip.a) / h).exp() - 1
    return [
        factor / decay + side
        for factor, side in zip(_strip_factors(strip, degree), _side_errors(strip, h, T, degree), strict=True)
    ]


def _strip_factors(strip: Strip, degree: int) -> list[arb]:
    """What multiplies 1/(e^{2πa/h} − 1): for every orthonormal coefficient, then for the norm."""
    a = arb(strip.a)
    base = 2 * (a * a / 2).exp() * strip.norm
    return [base * value.sqrt() for value in _laguerre(a * a, degree)] + [base * strip.norm]


def _laguerre(y: arb, degree: int) -> list[arb]:
    r""":math:`L_0(-y),\dots,L_K(-y)` for y > 0, by :math:`(k+1)(L_{k+1}-L_k)=k(L_k-L_{k-1})+yL_k`: sums of positive terms."""
    # Not arb's laguerre_l, which is NaN here from degree 64 on at 64 bits.
    values, rise = [arb(1)], arb(0)
    for k in range(degree):
        rise = (k * rise + y * values[k]) / (k + 1)
        values.append(values[k] + rise)
    return values


def _side_errors(strip: Strip, h: arb, T: arb, degree: int) -> list[arb]:
    """What the vertical sides contribute: for every orthonormal coefficient, then for the norm."""
    a = arb(strip.a)
    z = (T * T + a * a).sqrt()
    base = 2 * h * arb.const_log2() / arb.pi() * strip.side(T) * ((a * a - T * T) / 2).exp() / (2 * arb.pi()).sqrt()
    return [base * bound for bound in _orthonormal_bounds(z, degree)] + [base * strip.side(T)]


@lru_cache(maxsize=16)
def _trapezoid_table(h: fmpq, half: int, degree: int, precision: int) -> tuple[list[arb], arb_mat, arb_mat, arb_mat]:
    """Nodes jh ≥ 0; h φ(jh) He_k(jh) for even k, for odd k, and for k = 0."""
    x = [arb(h * j) for j in range(half + 1)]
    root = arb(h) / (2 * arb.pi()).sqrt()
    previous, current = [arb(0)] * (half + 1), [root * (-t * t / 2).exp() for t in x]
    rows = [current]
    for k in range(degree):
        previous, current = current, [t * u - k * v for t, u, v in zip(x, current, previous, strict=True)]
        rows.append(current)
    return x, arb_mat(rows[::2]), arb_mat(rows[1::2] or [current]), arb_mat(rows[:1])


def _trapezoid(sigma: Activation, degree: int, digits: int, plan: _TrapezoidPlan) -> Moments:
    expression = _numeric_expression(sigma)
    x, even, odd, weight = _trapezoid_table(plan.h, plan.half, degree, ctx.prec)
    f = ball_function(expression)
    right = [_real_value(f, sigma, t) for t in x]
    left = [_real_value(f, sigma, -t) for t in x[1:]]
    sums = arb_mat([[right[0]], *([u + v] for u, v in zip(right[1:], left, strict=True))])
    differences = arb_mat([[arb(0)], *([u - v] for u, v in zip(right[1:], left, strict=True))])
    # u * u, not u ** 2, which is not finite for a ball that holds 0 inside.
    squares = arb_mat([[right[0] * right[0]], *([u * u + v * v] for u, v in zip(right[1:], left, strict=True))])
    evens, odds, norm2 = (even * sums).entries(), (odd * differences).entries(), (weight * squares)[0, 0]
    with working_precision(_BOUND_BITS):
        h, T = arb(plan.h), (plan.half + arb(0.5)) * arb(plan.h)
        tails = _tails(_ends(expression, sigma), degree, T)
        errors = [rule + tail for rule, tail in zip(trapezoid_errors(plan.strip, h, T, degree), [*tails.c, tails.norm2], strict=True)]
        radii = [arb(0, (error * arb.fac_ui(k).sqrt()).upper()) for k, error in enumerate(errors[:-1])]
        norm_radius = arb(0, errors[-1].upper())
    c = tuple((odds if k % 2 else evens)[k // 2] + radii[k] for k in range(degree + 1))
    return Moments(c, norm2 + norm_radius)


def _real_value(f: Ball, sigma: Activation, x: arb) -> arb:
    value = f(acb(x), False)
    if not value.is_finite():
        raise HypothesisError(
            "an activation is finite at every real number", f"{sigma.name} at x = {float(x):.6g}", "define it there"
        )
    if not value.imag.contains(0):
        raise HypothesisError("an activation is real-valued on the real line", f"{sigma.name} at x = {float(x):.6g}", "take the real part")
    return value.real


# --- Gauss-Legendre panels ---

#: Bernstein ellipses tried, by the sum of their semi-axes over the half panel.
_ELLIPSES = (12.0, 8.0, 5.0, 3.5, 2.4, 1.7)
_MOST_PANELS = 20000


@lru_cache(maxsize=64)
def _legendre(n: int, precision: int) -> list[tuple[arb, arb]]:
    return [arb.legendre_p_root(n, k, weight=True) for k in range(n)]


@dataclass(frozen=True, eq=False)
class _Rule:
    """A Gauss rule of n nodes on a panel, with its error for every orthonormal coefficient and for the norm."""

    n: int
    errors: list[arb]


def _panels(sigma: Activation, degree: int, digits: int) -> Moments:
    r"""Gauss-Legendre on panels, each with the error bound of a Bernstein ellipse on which σ is proven analytic.

    If |F| ≤ M in the ellipse with foci at the panel's ends and sum of semi-axes ρH, H half its length, the rule of n nodes is off by
    at most :math:`\frac{64}{15}\frac{H M\rho^{-2n}}{1-\rho^{-2}}`. Where no ellipse is free of kinks and singularities the
    panel is bisected; a remnant so short that its whole content is below the goal is enclosed as it is.
    """
    ends = _ends(sigma.expression, sigma)
    quarters, tails = _cut(ends, degree, digits + 1)
    totals = [arb(0) for _ in range(degree + 1)]
    norm2 = arb(0)
    with working_precision(_BOUND_BITS):
        errors = [*tails.c, tails.norm2]
        roots = [arb.fac_ui(k).sqrt() for k in range(degree + 1)]
    normal = 1 / (2 * arb.pi()).sqrt()
    count = 0
    for expression, left, right in _cuts_into_panels(sigma.expression, quarters):
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
            with working_precision(_BOUND_BITS):
                errors = [known + new for known, new in zip(errors, rule.errors, strict=True)]
            center, half = (a + b) / 2, (b - a) / 2
            for node, weight in _legendre(rule.n, ctx.prec) if rule.n else ():
                x = center + half * node
                value = _real_value(f, sigma, x)
                w = half * weight * normal * (-x * x / 2).exp() * value
                norm2 += w * value
                previous, current = arb(0), w
                for k in range(degree + 1):
                    totals[k] += current
                    previous, current = current, x * current - k * previous
    with working_precision(_BOUND_BITS):
        radii = [arb(0, (error * root).upper()) for error, root in zip(errors, roots, strict=False)]
        norm_radius = arb(0, errors[-1].upper())
    return Moments(tuple(total + radius for total, radius in zip(totals, radii, strict=True)), norm2 + norm_radius)


def _cuts_into_panels(expression: sympy.Expr, quarters: int) -> Iterator[tuple[sympy.Expr, arb, arb]]:
    """Panels of length at most 2 of [−T, T], cut at the kinks, with the expression of their piece."""
    T = arb(quarters) / 4
    for piece in pieces(expression):
        left = -T if piece.left == -sympy.oo else ball_function(piece.left)(acb(0), False).real
        right = T if piece.right == sympy.oo else ball_function(piece.right)(acb(0), False).real
        if right <= -T or left >= T or piece.expression == 0:
            continue
        left, right = (-T if left < -T else left), (T if right > T else right)
        n = max(1, math.ceil(float(right - left) / 2))
        for j in range(n):
            yield piece.expression, left + (right - left) * j / n, left + (right - left) * (j + 1) / n


def gauss_error(rho: arb, n: int) -> arb:
    r"""Error bound of the Gauss-Legendre rule of n ≥ 2 nodes on [−1, 1] for |F| ≤ 1 in the Bernstein ellipse of ρ > 1:
    :math:`\frac{64}{15}\frac{\rho^{-2n}}{1-\rho^{-2}}`. Derivation: ``derivations/trapezoid_error.py``.
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
    return [(base * bound).upper() for bound in _orthonormal_bounds(z, degree)] + [(base * sigma).upper()]
