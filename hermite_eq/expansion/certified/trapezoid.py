"""The trapezoidal rule on the line, for functions proven analytic in a strip; derivation:
``derivations/coefficients/trapezoid_error.py``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import sympy
from flint import acb, arb, arb_mat, ctx, fmpq

from hermite_eq.activations import Activation
from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.certified.bounds import (
    BOUND_BITS,
    Moments,
    growth_at_ends,
    numeric_expression,
    orthonormal_bounds,
    real_value,
    tail_bounds,
    tail_cut,
)


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
    total = sum((2 * bound**2 * (-(arb(j) ** 2) / 2).exp() for j, bound in enumerate(bounds)), arb(0))
    return Strip(a, (total / (2 * arb.pi()).sqrt()).sqrt().upper(), tuple(bounds))


@dataclass(frozen=True, eq=False)
class _TrapezoidPlan:
    strip: Strip
    h: fmpq
    half: int  # nodes j h, |j| ≤ half; T = (half + 1/2) h


def trapezoid_plan(sigma: Activation, degree: int, digits: int) -> _TrapezoidPlan | None:
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
    with working_precision(BOUND_BITS):
        goal = arb(10) ** -digits
        quarters, _ = tail_cut(growth_at_ends(sigma.expression, sigma), degree, digits)
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
        half = int((fmpq(quarters, 4) / step).ceil())
        # T = (half + 1/2) h may be a step and a half longer than asked for: the rectangle has to be, too.
        end = math.floor((fmpq(half) + fmpq(1, 2)) * step) + 1
        return _TrapezoidPlan(strip if end <= columns else _rectangle(sigma.expression, a, end), step, half)


def trapezoid_errors(strip: Strip, h: arb, T: arb, degree: int) -> list[arb]:
    r"""Error bounds of the trapezoidal rule for every orthonormal coefficient k ≤ degree, then for the norm.

    The error of :math:`h\sum_{|j|\le N}F(jh)` against :math:`\int_{-T}^TF`, T = (N + 1/2)h, F = σ h_k φ analytic in the rectangle,
    is at most

    .. math:: \frac{2e^{a^2/2}\sqrt{L_k(-a^2)}}{e^{2\pi a/h}-1}\Bigl(\int_{-T}^T|\sigma(x+ia)|^2\phi\Bigr)^{1/2}
        +\frac{2h\log2}{\pi}\sup_{|y|\le a}|F(\pm T+iy)|,

    and for E σ² the same with :math:`h_k` replaced by σ. Derivation: ``derivations/coefficients/trapezoid_error.py``.
    """
    decay = (2 * arb.pi() * arb(strip.a) / h).exp() - 1
    return [factor / decay + side for factor, side in zip(_strip_factors(strip, degree), _side_errors(strip, h, T, degree), strict=True)]


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
    return [base * bound for bound in orthonormal_bounds(z, degree)] + [base * strip.side(T)]


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


def by_trapezoids(sigma: Activation, degree: int, digits: int, plan: _TrapezoidPlan) -> Moments:
    expression = numeric_expression(sigma)
    x, even, odd, weight = _trapezoid_table(plan.h, plan.half, degree, ctx.prec)
    f = ball_function(expression)
    right = [real_value(f, sigma, t) for t in x]
    left = [real_value(f, sigma, -t) for t in x[1:]]
    sums = arb_mat([[right[0]], *([u + v] for u, v in zip(right[1:], left, strict=True))])
    differences = arb_mat([[arb(0)], *([u - v] for u, v in zip(right[1:], left, strict=True))])
    # u * u, not u ** 2, which is not finite for a ball that holds 0 inside.
    squares = arb_mat([[right[0] * right[0]], *([u * u + v * v] for u, v in zip(right[1:], left, strict=True))])
    evens, odds, norm2 = (even * sums).entries(), (odd * differences).entries(), (weight * squares)[0, 0]
    with working_precision(BOUND_BITS):
        h, T = arb(plan.h), (plan.half + arb(0.5)) * arb(plan.h)
        tails = tail_bounds(growth_at_ends(expression, sigma), degree, T)
        errors = [rule + tail for rule, tail in zip(trapezoid_errors(plan.strip, h, T, degree), [*tails.c, tails.norm2], strict=True)]
        radii = [arb(0, (error * arb.fac_ui(k).sqrt()).upper()) for k, error in enumerate(errors[:-1])]
        norm_radius = arb(0, errors[-1].upper())
    c = tuple((odds if k % 2 else evens)[k // 2] + radii[k] for k in range(degree + 1))
    return Moments(c, norm2 + norm_radius)
