"""Wrong samplers and moments fail in the derivations that the sampler and the linear head rest on."""

from __future__ import annotations

from fractions import Fraction

from derivations import context_law, given_weights


def test_moments_see_five_per_cent_across_the_task():
    assert context_law._moments_agree(order=2)
    assert not context_law._moments_agree(stretch=Fraction(21, 20), order=2)


def test_moments_see_a_mean_forgotten():
    general = {"order": 2, "factor": context_law.SHEAR, "mean": context_law.MEAN}
    assert not context_law._moments_agree(**general, represented_mean=(Fraction(0), Fraction(0)))
    assert not context_law._moments_agree(**general, stretch=Fraction(21, 20))


def test_moments_of_the_library_five_per_cent_off():
    assert not given_weights._library(unit_inputs=True, change=1.05)
