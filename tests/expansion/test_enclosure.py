"""The type that carries a proof: exact ends, honest printing, membership."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
import sympy
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from hermite_eq.activations.formulas.balls import working_precision
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.enclosure import Enclosure, enclose_number, to_enclosure

decimals = st.decimals(-(10**6), 10**6, allow_nan=False, places=20)
radii = st.decimals(Decimal("1e-30"), 1, allow_nan=False, places=30)


@given(decimals, radii)
def test_what_is_printed_contains_the_interval(mid: Decimal, radius: Decimal) -> None:
    if radius == 0:
        radius = Decimal("1e-30")
    enclosure = Enclosure(mid, radius)
    shown, spread = (Fraction(part) for part in str(enclosure).split(" ± "))
    assert shown - spread <= enclosure.lower
    assert enclosure.upper <= shown + spread


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20), st.integers(10, 300))
def test_the_decimal_interval_contains_the_ball(mantissa: int, radius: int, bits: int) -> None:
    with working_precision(bits):
        ball = arb(mantissa, radius) / 7
        enclosure = to_enclosure(ball, 30)
    with working_precision(400):
        low, high = ball.lower().man_exp(), ball.upper().man_exp()
    assert enclosure.lower <= Fraction(int(low[0])) * Fraction(2) ** int(low[1])
    assert Fraction(int(high[0])) * Fraction(2) ** int(high[1]) <= enclosure.upper


def test_membership_of_exact_numbers() -> None:
    half = Enclosure(Decimal("0.5"), Decimal(0))
    assert all(half.contains(number) for number in (0.5, Fraction(1, 2), Decimal("0.5"), sympy.Rational(1, 2), sympy.Float(0.5)))
    assert not half.contains(0.5 + 2**-53)
    root = enclose_number(sympy.sqrt(2), 40)
    assert root.contains(sympy.sqrt(2))
    assert not root.contains(sympy.sqrt(2) + sympy.Rational(1, 10**39))
    assert not root.contains(1.4142135623730951)


def test_membership_needs_a_number() -> None:
    with pytest.raises(HypothesisError) as raised:
        enclose_number(sympy.pi, 10).contains(sympy.Symbol("a"))
    assert str(raised.value) == "an enclosure contains numbers; found a. Repair: substitute the symbols first"


def test_an_end_that_cannot_be_told_is_said() -> None:
    # 1/4 given as an expression whose value no finite precision tells from 1/4.
    quarter = sympy.sqrt(2) * sympy.sqrt(3, evaluate=False) / sympy.sqrt(96, evaluate=False)
    with pytest.raises(HypothesisError, match="a number is inside or outside an interval by more than 1e-1000"):
        Enclosure(Decimal("0.5"), Decimal("0.25")).contains(sympy.Add(quarter, sympy.sin(1) ** 2 + sympy.cos(1) ** 2 - 1, evaluate=False))


@pytest.mark.parametrize(
    ("mid", "radius", "text", "digits"),
    [
        ("0.6057055096021588", "3e-12", "0.60570550960 ± 6e-12", 11),
        ("123456.789", "4e1", "123500 ± 9e+1", 3),
        ("0", "2e-30", "0 ± 2e-30", 0),
        ("-1E-7", "1E-9", "-1.0E-7 ± 1e-9", 2),
        ("0.25", "0", "0.25", 2),
    ],
)
def test_print(mid: str, radius: str, text: str, digits: int) -> None:
    enclosure = Enclosure(Decimal(mid), Decimal(radius))
    assert enclosure.digits == digits
    shown, _, spread = str(enclosure).partition(" ± ")
    expected_shown, _, expected_spread = text.partition(" ± ")
    assert Decimal(shown) == Decimal(expected_shown)
    assert Decimal(spread or 0) == Decimal(expected_spread or 0)


def test_tex_shows_certain_digits_only() -> None:
    enclosure = Enclosure(Decimal("0.60570550960"), Decimal("3e-5"))
    assert enclosure.latex(12) == "0.6057"
    assert enclosure._repr_latex_() == "$0.6057$"


def test_a_ball_without_end_is_no_enclosure() -> None:
    with pytest.raises(HypothesisError, match="an enclosure has a finite middle and a finite radius ≥ 0; found NaN ± 1"):
        Enclosure(Decimal("NaN"), Decimal(1))
