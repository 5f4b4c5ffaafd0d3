"""Random expressions by every route: nothing is beyond its stated error. ``python -m benchmarks.honesty`` draws as many as one likes."""

from __future__ import annotations

import mpmath
import pytest
import sympy

from benchmarks.honesty import KINDS, Draw, compare, draws, main, reference
from hermite_eq.hermite import X

COUNT = 18


@pytest.mark.parametrize("draw", list(draws(COUNT, seed=7)), ids=lambda draw: draw.kind)
def test_nothing_is_beyond_its_stated_error(draw) -> None:  # type: ignore[no-untyped-def]
    # Enclosures around singular points take seconds each: they are left to the benchmark.
    notes = compare(draw, enclosures=draw.kind in ("piecewise", "exponential", "trigonometric"))
    assert [note for note in notes if not note.startswith("+")] == []


def test_every_kind_is_drawn() -> None:
    assert {draw.kind for draw in draws(COUNT, seed=7)} == set(KINDS)


def test_the_command_prints_a_tally(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--draws", "1", "--no-enclosures"]) == 0
    assert "beyond its stated error, refused or crashed: 0" in capsys.readouterr().out


def test_the_reference_of_a_square_that_is_zero_at_a_node() -> None:
    with mpmath.workdps(40):
        found = reference(Draw("exponential", (X / 3 + sympy.Rational(1, 12)) ** 2, ()))
        assert found is not None
        # E(g/3 + 1/12)⁴ = 3/3⁴ + 6/(3·12)² + 1/12⁴.
        assert abs(found[-1] - (mpmath.mpf(1) / 27 + mpmath.mpf(1) / 216 + mpmath.mpf(1) / 20736)) < 1e-24
