r"""Certified coefficients: enclosures of all :math:`c_k` and of :math:`\mathbb E\sigma^2` from one evaluation of σ per node.

Two rules, both with proven error bounds, chosen by what σ is:

- *analytic in a strip*: the trapezoidal rule on the line (:func:`by_trapezoids`);
- *piecewise*, or with singularities near the line: Gauss-Legendre panels between the kinks, bisected towards whatever is not
  analytic (:func:`by_panels`).

That σ is analytic where a bound presupposes it is not believed but shown, by finite balls which cover the region; the tails beyond
±T are bounded by :mod:`hermite_eq.expansion.growth`. Derivation: ``derivations/coefficients/trapezoid_error.py``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb

from hermite_eq.activations import Activation
from hermite_eq.activations.formulas.balls import ball_function, bits_for, working_precision
from hermite_eq.activations.formulas.rewriting import cancelled_exponentials
from hermite_eq.activations.formulas.symbolic import proved_parity
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.certified.bounds import BOUND_BITS, Moments, numeric_expression
from hermite_eq.expansion.certified.gauss_panels import by_panels
from hermite_eq.expansion.certified.tilted import tilted, tilted_moments
from hermite_eq.expansion.certified.trapezoid import by_trapezoids, trapezoid_plan
from hermite_eq.expansion.enclosure import Enclosure, check_digits, to_enclosure

_SWITCHES = (sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min, sympy.Piecewise)


def enclosed_coefficient(sigma: Activation, k: int, digits: int, degree: int) -> Enclosure:
    r"""An enclosure of :math:`c_k` of relative radius 10^-digits; of a c_k indistinguishable from zero, one of absolute radius.

    All degrees up to ``degree`` ≥ k are computed at once, and kept.
    """
    expression = numeric_expression(sigma)
    digits = check_digits(digits)
    if proved_parity(expression) == ("even" if k % 2 else "odd"):
        _moments(sigma, 0, digits)  # the integral exists, or this raises
        return to_enclosure(arb(0), digits)
    return _refined(lambda working: _moments(sigma, max(k, degree), working).c[k], digits)


def enclosed_norm2(sigma: Activation, digits: int) -> Enclosure:
    r"""An enclosure of :math:`\mathbb E\sigma(g)^2`."""
    numeric_expression(sigma)
    return _refined(lambda working: _moments(sigma, 0, working).norm2, check_digits(digits))


def enclosed_residual(sigma: Activation, r: int, digits: int) -> Enclosure:
    r"""An enclosure of :math:`c_r^*`, with working digits until the difference of squares itself has ``digits``."""
    numeric_expression(sigma)

    def residual(working: int) -> arb:
        moments = _moments(sigma, r, working)
        square = moments.norm2 - sum((c * c / arb.fac_ui(k) for k, c in enumerate(moments.c)), arb(0))
        # The truth is not negative: what a ball has below zero may be cut off.
        return square.nonnegative_part().sqrt()

    return _refined(residual, check_digits(digits))


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
                # In steps of 16: all degrees are computed at once, and most coefficients then ask for the same digits.
                working += -(-(digits - enclosure.digits + 2) // 16) * 16


@lru_cache(maxsize=256)
def _moments(sigma: Activation, degree: int, digits: int) -> Moments:
    _check_declarations(sigma)
    ball_function(numeric_expression(sigma))  # raises: a function without ball arithmetic is named before bounds are missed
    # e^u/(1 + e^u) is 1/(1 + e^-u), of which balls and growth bounds see that it is bounded.
    expression = cancelled_exponentials(numeric_expression(sigma))
    terms = tilted(expression)
    if terms:
        try:
            return tilted_moments(terms, degree, lambda shifted, k: _moments(shifted, k, digits))
        except HypothesisError:
            # A term by itself is singular where the sum is not, as of sinh(9x)/x.
            if len(terms) == 1:
                raise
    sigma = replace(sigma, expression=expression)
    with working_precision(bits_for(digits) + 64):
        if not expression.has(*_SWITCHES):
            strip = trapezoid_plan(sigma, degree, digits)
            if strip is not None:
                return by_trapezoids(sigma, degree, digits, strip)
        return by_panels(sigma, degree, digits)


@lru_cache(maxsize=512)
def _check_declarations(sigma: Activation) -> None:
    """Hold a declared Lipschitz constant against certain differences of values (which can refute it, not prove it)."""
    L = sigma.lipschitz
    if L is None or math.inf == L:
        return
    with working_precision(BOUND_BITS):
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
