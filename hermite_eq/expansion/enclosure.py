"""A number with a proven bound on its error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

import sympy
from flint import acb, arb

from hermite_eq.activations.formulas.balls import ball_function, bits_for, working_precision
from hermite_eq.arguments import count, exact, instance
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import check_degree

#: More digits than any enclosure is asked for.
_MOST_DIGITS = 10_000


def _decimal(value: Any, name: str) -> Decimal:
    """``value`` as an exact decimal: what is given in binary or decimal is one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = Decimal(value)
    return instance(value, Decimal, f"the {name} of an enclosure is a Decimal", 'pass Decimal("0.5"), say')


@dataclass(frozen=True)
class Enclosure:
    """The interval ``mid ± radius``, which provably contains the number it stands for.

    Both ends are exact decimals, so that nothing is lost between the proof and the print.

    Attributes
    ----------
    mid, radius : Decimal

    Examples
    --------
    >>> third = Enclosure(Decimal("0.33333"), Decimal("0.00001"))
    >>> print(third)
    0.3333 ± 0.00004
    >>> third.contains(sympy.Rational(1, 3)), third.contains(0.3)
    (True, False)
    """

    mid: Decimal
    radius: Decimal

    def __post_init__(self) -> None:
        for name in ("mid", "radius"):
            object.__setattr__(self, name, _decimal(getattr(self, name), name))
        if not (self.mid.is_finite() and self.radius.is_finite() and self.radius >= 0):
            raise HypothesisError(
                "an enclosure has a finite middle and a finite radius ≥ 0", f"{self.mid} ± {self.radius}", "enclose it anew"
            )

    @property
    def lower(self) -> Fraction:
        """The left end, exactly."""
        return Fraction(self.mid) - Fraction(self.radius)

    @property
    def upper(self) -> Fraction:
        """The right end, exactly."""
        return Fraction(self.mid) + Fraction(self.radius)

    @property
    def digits(self) -> int:
        """How many significant digits of ``mid`` are certain: the largest n with radius ≤ 10⁻ⁿ times its size; 0 if there is none.

        >>> Enclosure(Decimal(2), Decimal("1e-30")).digits
        30
        """
        if not self.mid or not self.radius:
            return 0 if self.radius else len(self.mid.as_tuple().digits)
        ratio = Fraction(self.radius) / abs(Fraction(self.mid))
        n = 0
        while ratio * 10 ** (n + 1) <= 1:
            n += 1
        return n

    def rounded(self, digits: int) -> Enclosure:
        """The middle rounded to ``digits`` significant digits, the radius enlarged by what that moves it.

        >>> print(Enclosure(Decimal("0.333333333"), Decimal("1e-9")).rounded(3))
        0.333 ± 0.0004
        """
        mid = Context(prec=count(digits, "digits", least=1, most=_MOST_DIGITS), rounding=ROUND_HALF_EVEN).plus(self.mid)
        with localcontext(Context(prec=len(self.mid.as_tuple().digits) + len(self.radius.as_tuple().digits) + 400)):
            return Enclosure(mid, self.radius + abs(self.mid - mid))

    def contains(self, number: Any) -> bool:
        """Whether an exact number lies in the interval: int, float (its binary value), Fraction, Decimal, or a SymPy number.

        Raises
        ------
        HypothesisError
            For a SymPy expression with free symbols, or closer to an end than a thousand digits tell.
        """
        if not isinstance(number, float | Decimal):
            number = exact(number, "number")
        elif not math.isfinite(number):
            return False
        if isinstance(number, sympy.Basic) and not isinstance(number, sympy.Rational | sympy.Float):
            return self._contains_symbolic(number)
        if isinstance(number, sympy.Float):
            number = sympy.Rational(number)
        if isinstance(number, sympy.Rational):
            number = Fraction(int(number.p), int(number.q))
        return self.lower <= Fraction(number) <= self.upper

    def _contains_symbolic(self, number: sympy.Basic) -> bool:
        if number.free_symbols:
            raise HypothesisError("an enclosure contains numbers", f"{number}", "substitute the symbols first")
        if number.is_real is False:
            raise HypothesisError("an enclosure contains real numbers", f"{number}", "take the real part")
        for digits in (30, 100, 300, 1000):
            other = enclose_number(number, digits)
            if self.lower <= other.lower and other.upper <= self.upper:
                return True
            if other.upper < self.lower or self.upper < other.lower:
                return False
        raise HypothesisError(
            "a number is inside or outside an interval by more than 1e-1000", f"{number} at an end of {self}", "widen the interval"
        )

    def __float__(self) -> float:
        """The double nearest to the middle."""
        return float(self.mid)

    def __str__(self) -> str:
        """The middle rounded to the decimals that the radius leaves certain, ± a radius that covers the rounding too."""
        if not self.radius:
            return f"{self.mid:f}"
        place = self.radius.adjusted() + 1
        with localcontext(Context(prec=len(self.mid.as_tuple().digits) + 400)):
            shown = self.mid.quantize(Decimal(1).scaleb(place), ROUND_HALF_EVEN)
            spread = self.radius + abs(self.mid - shown)
        if not shown:
            shown = Decimal(0)
        return f"{shown} ± {Context(prec=1, rounding=ROUND_CEILING).plus(spread):g}"

    def latex(self, digits: int = 6) -> str:
        """TeX of the number, at most ``digits`` decimals, certain ones only.

        >>> Enclosure(Decimal("0.33333"), Decimal("0.00001")).latex()
        '0.3333'
        """
        from hermite_eq.latex import decimal

        return decimal(self.mid, radius=self.radius, digits=digits)

    def _repr_latex_(self) -> str:
        return f"${self.latex(max(1, self.digits))}$"


def to_enclosure(ball: arb, digits: int) -> Enclosure:
    """The ball as exact decimals, a little wider; ``digits`` is how many are worth keeping.

    Raises
    ------
    HypothesisError
        If the ball is not finite: it encloses nothing, and its decimals would read 0 ± 0.
    """
    if not ball.is_finite():
        raise HypothesisError("an enclosure is finite", f"{ball}", "use the double-precision np.asarray(coefficients(…)), and report this")
    mid, radius, exponent = (int(part) for part in ball.mid_rad_10exp(digits + 10))
    return Enclosure(_scaled(mid, exponent), _scaled(radius, exponent))


def _scaled(mantissa: int, exponent: int) -> Decimal:
    return Decimal((int(mantissa < 0), tuple(map(int, str(abs(mantissa)))), exponent))


MOST_DIGITS = 1000


def check_digits(digits: Any) -> int:
    """``digits`` as an int from 1 to 1000."""
    number = check_degree(digits, name="digits")
    if not 1 <= number <= MOST_DIGITS:
        raise HypothesisError(f"the engine certifies 1 to {MOST_DIGITS} digits", f"digits={number}", "ask for digits=50, say")
    return number


def enclose_number(number: sympy.Expr, digits: int) -> Enclosure:
    """An enclosure of a SymPy number, of relative radius below 10^-digits however its terms cancel; of what does not differ from 0
    by then, of absolute radius 10^-2000.

    >>> enclose_number(sympy.sqrt(2) - sympy.Rational(1, 3), 20).digits >= 20
    True
    """
    bits = bits_for(digits) + 32
    while True:
        with working_precision(bits):
            value = _real(ball_function(number)(acb(0), False), number)
            if value.rel_accuracy_bits() >= bits_for(digits) or value.rad() < arb(10) ** -2000:
                return to_enclosure(value, digits)
        bits *= 2


def _real(value: acb, shown: Any) -> arb:
    if not value.imag.contains(0) or not value.is_finite():
        raise HypothesisError("what is enclosed is a finite real number", f"{shown} = {value}", "pass a number that is finite and real")
    return value.real
