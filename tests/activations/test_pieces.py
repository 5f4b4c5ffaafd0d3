"""Branches of piecewise expressions: where they meet, exactly, and which one holds."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, sign, sqrt, tanh

from hermite_eq.activations import activation, kinks, pieces
from hermite_eq.activations.formulas.symbolic import ExpressionFunction
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (X**3, ()),
        (Max(X, 0), (0,)),
        (Max(X - Rational(1, 3), 0), (Rational(1, 3),)),
        (Abs(Abs(X) - 1), (-1, 0, 1)),
        (Max(-1, Min(1, X)), (-1, 1)),
        (Abs(X**2 - 2), (-sqrt(2), sqrt(2))),
        (sign(X**3 - X), (-1, 0, 1)),
        (Heaviside(sqrt(2) * X - sympy.pi), (sqrt(2) * sympy.pi / 2,)),
        (Piecewise((X, X < -1), (tanh(X), X <= 2), (1, True)), (-1, 2)),
        (Piecewise((1, (X > 0) & (X < 1)), (0, True)), (0, 1)),
        # Both sides of the sign change inside |x| > 1/2 agree: no kink at 0.
        (Piecewise((X, Abs(X) > Rational(1, 2)), (0, True)), (-Rational(1, 2), Rational(1, 2))),
        # Squares to something smooth.
        (Abs(X) ** 2, ()),
        # Where a transcendental function switches, the place is no exact number: none is claimed.
        (Max(tanh(X), Rational(1, 2)), ()),
    ],
)
def test_where_branches_meet(expression: sympy.Expr, expected: tuple[sympy.Expr, ...]) -> None:
    assert kinks(expression) == expected


def test_pieces_cover_the_line_and_are_free_of_switches() -> None:
    parts = pieces(Max(Abs(X) - 1, 0) * tanh(X) + Min(X, 2))
    assert (parts[0].left, parts[-1].right) == (-sympy.oo, sympy.oo)
    assert all(left.right == right.left for left, right in itertools.pairwise(parts))
    assert not any(part.expression.has(Abs, Max, Min) for part in parts)


def affine() -> st.SearchStrategy[sympy.Expr]:
    quarters = st.integers(-12, 12).map(lambda n: Rational(n, 4))
    return st.builds(lambda a, b: a * X + b, quarters, quarters)


def piecewise() -> st.SearchStrategy[sympy.Expr]:
    return st.recursive(
        affine(),
        lambda inner: st.one_of(
            inner.map(Abs),
            st.builds(Max, inner, inner),
            st.builds(Min, inner, inner),
            st.builds(lambda f, g: f + g, inner, inner),
            st.builds(lambda f, g, h: Piecewise((f, h > 0), (g, True)), inner, inner, affine()),
        ),
        max_leaves=5,
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(piecewise())
def test_each_piece_is_the_whole_on_its_interval(expression: sympy.Expr) -> None:
    whole = ExpressionFunction(expression)
    for part in pieces(expression):
        left, right = max(float(part.left), -50.0), min(float(part.right), 50.0)
        if left >= right:
            continue
        x = left + (right - left) * np.linspace(0.01, 0.99, 23)
        # Quarters are exact in binary; a handful of operations on values below 50·(9·…) round once each.
        assert np.allclose(ExpressionFunction(part.expression)(x), whole(x), rtol=64 * np.finfo(float).eps, atol=1e3 * np.finfo(float).eps)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (lambda: sum(Abs(X - k) for k in range(60)), "the branches of a formula have no more than 1600 pairs"),
        (lambda: Abs(X**100 - X - 1), "polynomials of degree ≤ 32 vanish"),
        (lambda: sum(Max(X - Rational(k, 7), 0) for k in range(160)), "an expression has at most 500 operands and operators"),
        (lambda: (1 + X + X**2) ** 400, "an expression has at most 5000 terms when it is multiplied out"),
        (lambda: (((X + 1) ** 9 + 1) ** 9 + X) ** 9, "an expression has at most 5000 terms when it is multiplied out"),
        # The number of terms has 99^12 digits.
        (lambda: functools.reduce(lambda inner, _: (inner + 1) ** 99, range(12), X), "at most 5000 terms when it is multiplied out"),
        (lambda: sympy.Integer(10) ** 400 * X, "within the range of double precision"),
        (lambda: X + sympy.Rational(1, 10**400), "within the range of double precision"),
    ],
)
def test_what_would_take_long_is_refused_at_once(expression: Callable[[], sympy.Expr], message: str) -> None:
    made = expression()
    with pytest.raises(HypothesisError, match=message):
        activation(made)


def test_many_kinks_within_the_budget() -> None:
    assert kinks(sum(Abs(X - k) for k in range(16))) == tuple(range(16))
    assert kinks(Abs(X**50 * (X - 1))) == (1,)
