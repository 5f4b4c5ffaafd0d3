"""The parts of a gradient step, and what each does to the error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import HypothesisError
from hermite_eq.covariance.sources import source_moments
from hermite_eq.simulate.draw import draw_run
from verify import gradient_parts
from verify.gradient_parts import directions, expectations, main, setting, simulated


@pytest.fixture(scope="module")
def drawn():
    model, task, sizes = setting(8, 4.0)
    law = expectations(task, sizes, np.random.SeedSequence(1))
    draw = draw_run(task, sizes, 5, True, np.float64, np.random.SeedSequence(2), True)
    return model, draw, law, directions(model, draw, law, np.random.SeedSequence(3))


def test_the_parts_are_those_of_the_definition(drawn):
    model, draw, _, found = drawn
    h, y, n, m = draw.step.h(), draw.step.y, len(draw.step), len(draw.layer)
    # η/√m (w/√m)_j c₁ (1/n) Σ y h with c₁ = 1/2, and the same with c₂ = 1/√(2π) and h hᵀf.
    weight = model.step_size / m * draw.start[:, None]
    first = weight * 0.5 * (y @ h / n)
    second = weight / math.sqrt(2 * math.pi) * ((draw.layer @ h.T * y) @ h / n)
    size = np.abs(found["whole"]).max()
    np.testing.assert_allclose(found["rank one"], first, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(found["sample"], first + second, rtol=0, atol=1e-12 * size)
    # What is left of the whole is orthogonal to both, on average: σ' has nothing of degree 0 and 1 there.
    rest = found["whole"] - found["sample"]
    for part in (first, second):
        each = (rest * part).sum(axis=1) / np.linalg.norm(part)
        assert abs(each.sum()) < 5 * math.sqrt((each**2).sum())
    assert np.linalg.norm(rest) < np.linalg.norm(found["whole"] - first)


def test_the_fluctuation_apart_does_not_see_the_directions(drawn):
    _, draw, law, found = drawn
    change = found["apart"] - found["mean"]
    gap = draw.step.y @ draw.step.h() / len(draw.step) - law.signal
    size = np.linalg.norm(change, 2)
    for direction in (law.signal, gap, law.second @ gap):
        assert np.linalg.norm(change @ direction) < 1e-10 * size * np.linalg.norm(direction)
        assert np.linalg.norm((found["sample"] - found["mean"]) @ direction) > 1e-3 * size * np.linalg.norm(direction)


def test_expectations_are_the_exact_moments(monkeypatch):
    """Squared distances from the exact moments have means below E y²‖h‖²/N and E‖h‖⁴/N, here some 3 (E‖h‖²)²/N."""
    _, task, sizes = setting(4, 1.0)
    monkeypatch.setattr(gradient_parts, "MANY", 80_000)
    law, count = expectations(task, sizes, np.random.SeedSequence(1)), 80_000 * sizes.samples
    exact = source_moments(task, 4, sizes.context, source=0)
    signal, second = exact.labels.ravel(), np.kron(exact.inputs, exact.second_b)
    near = {"signal": 4 * (law.root**2).sum() / count, "second": 12 * np.trace(second) ** 2 / count}
    for name, expected in (("signal", signal), ("second", second)):
        found = getattr(law, name)
        assert ((found - expected) ** 2).sum() < near[name] < ((1.05 * found - expected) ** 2).sum()


def test_the_sum_over_contexts_costs_more_than_independent_noise():
    """Paired over 16 runs at d = 20: the sample's second term is as good as the whole, independent noise is not (t > 5 would be chance
    once in 10⁴ times)."""
    found = simulated(20, 8.0, 16)

    def t(part):
        gap = found[part] - found["whole"]
        return float(gap.mean() / gap.std(ddof=1) * 4)

    assert abs(t("sample")) < 4
    assert t("rank one") < -3
    assert t("mean") < -3


def test_the_command(capsys):
    assert main(["--d", "6", "--runs", "2", "--step", "1"]) == 0
    shown = capsys.readouterr().out
    for part in gradient_parts.PARTS.values():
        assert " ".join(part.split()[:3]) in shown
    with pytest.raises(HypothesisError, match="--runs is at least 2; found --runs 1"):
        main(["--runs", "1"])
