"""Wrong formulas fail in the theory's derivations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy

from derivations import Step
from derivations.heads import context_types, given_covariances, given_means, given_samples, spiked_features, spiked_quadratics


@pytest.mark.parametrize(
    "steps",
    [
        lambda: given_covariances._second_order(sympy.Integer(2)),
        lambda: given_covariances._finite_block(sympy.Integer(1)),
        lambda: given_covariances._against_library(1.05),
        lambda: given_means._against_library(1.05),
        lambda: given_means._moments(1.05),
        lambda: context_types.check(1.05),
        lambda: context_types.check(1.0, 1),
        lambda: spiked_features._elimination(-1),
        lambda: spiked_features._one_type(sympy.Rational(21, 20)),
        lambda: spiked_features._finite_block_and_conditioning(-1),
        lambda: [spiked_features._against_library(1.05)],
        lambda: spiked_quadratics.check(1),
        lambda: spiked_quadratics.check(2, 1.05),
        lambda: given_samples._second_order(sympy.Rational(21, 20)),
        lambda: given_samples.drawn(0.95),
        lambda: given_samples.drawn(1.05),
    ],
)
def test_a_wrong_sign_or_factor_fails(steps: Callable[[], list[Step]]) -> None:
    assert not all(step.holds for step in steps())
