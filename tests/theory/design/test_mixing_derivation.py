"""The derivation of the gradient in the training proportions sees a wrong sign or factor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from derivations import Step
from derivations.heads import mixing_gradient

MUTATIONS: list[tuple[str, Callable[[], Step | list[Step]]]] = [
    ("dR̃ = +R̃NR̃", lambda: mixing_gradient._resolvent(1)),
    ("s c_k' = k c_k − c_{k+2}", lambda: mixing_gradient._ladder(lambda k, c, above: k * c - above)),
    ("s c_k' = k c_k + 1.05 c_{k+2}", lambda: mixing_gradient._ladder(lambda k, c, above: k * c + above * 21 / 20)),
    ("r/(1+δ)²", lambda: mixing_gradient._one_more_sample(2)),
    ("the loss is r", lambda: mixing_gradient._symmetry(0)),
    ("∂r/(1+δ)²", lambda: mixing_gradient._symmetry(2)),
    ("t held", lambda: mixing_gradient._against_library(False)),
]


@pytest.mark.parametrize(("what", "run"), MUTATIONS, ids=[what for what, _ in MUTATIONS])
def test_a_wrong_sign_or_factor_fails(what: str, run: Callable[[], Step | list[Step]]) -> None:
    steps = run()
    assert not all(step.holds for step in ([steps] if isinstance(steps, Step) else steps)), what
