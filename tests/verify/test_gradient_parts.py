"""The parts of a gradient step, and what each does to the error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.checks import gradient_parts
from benchmarks.checks.gradient_parts import Expectations, directions, expectations, setting, simulated
from hermite_eq.models import OneStepTransformer
from hermite_eq.simulate.sampler import context_law
from hermite_eq.simulate.training.draw import Draw, draw_run

Array = NDArray[np.float64]
Drawn = tuple[OneStepTransformer, Draw, Expectations, dict[str, Array]]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    model, task, sizes = setting(8, 4.0)
    law = expectations(task, sizes, np.random.SeedSequence(1))
    draw = draw_run(task, sizes, 5, True, np.float64, np.random.SeedSequence(2), True)
    return model, draw, law, directions(model, draw, law, np.random.SeedSequence(3))


def test_the_parts_are_those_of_the_definition(drawn: Drawn) -> None:
    model, draw, _, parts = drawn
    assert draw.step is not None
    h, y, n, m = draw.step.h(), draw.step.y, len(draw.step), len(draw.layer)
    # η/√m (w/√m)_j c₁ (1/n) Σ y h with c₁ = 1/2, and the same with c₂ = 1/√(2π) and h hᵀf.
    weight = model.step_size / m * draw.start[:, None]
    first = weight * 0.5 * (y @ h / n)
    second = weight / math.sqrt(2 * math.pi) * ((draw.layer @ h.T * y) @ h / n)
    size = np.abs(parts["whole"]).max()
    np.testing.assert_allclose(parts["rank one"], first, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(parts["sample"], first + second, rtol=0, atol=1e-12 * size)
    # What is left of the whole is orthogonal to both, on average: σ' has nothing of degree 0 and 1 there.
    rest = parts["whole"] - parts["sample"]
    for part in (first, second):
        projection = (rest * part).sum(axis=1) / np.linalg.norm(part)
        assert abs(projection.sum()) < 5 * math.sqrt((projection**2).sum())
    assert np.linalg.norm(rest) < np.linalg.norm(parts["whole"] - first)


def test_the_fluctuation_apart_does_not_see_the_directions(drawn: Drawn) -> None:
    _, draw, law, parts = drawn
    assert draw.step is not None
    change = parts["apart"] - parts["mean"]
    gap = draw.step.y @ draw.step.h() / len(draw.step) - law.signal
    size = np.linalg.norm(change, 2)
    for direction in (law.signal, gap, law.second @ gap):
        assert np.linalg.norm(change @ direction) < 1e-10 * size * np.linalg.norm(direction)
        assert np.linalg.norm((parts["sample"] - parts["mean"]) @ direction) > 1e-3 * size * np.linalg.norm(direction)


def test_expectations_are_those_of_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of N contexts, others than those behind the means: squared distances of √N-consistent means are below 20 E y²‖h‖²/N and so on."""
    _, task, sizes = setting(4, 1.0)
    monkeypatch.setattr(gradient_parts, "MANY", 80_000)
    law = expectations(task, sizes, np.random.SeedSequence(1))
    count, sampler = 80_000 * sizes.samples, context_law(task, sizes)
    drawn = sampler.draw(sampler.tasks(count, np.random.default_rng(5)), np.arange(count), np.random.SeedSequence(6))
    h, y, square = drawn.h(), drawn.y, (drawn.h() ** 2).sum(axis=1)
    pairs = [
        (law.signal, y @ h / count, y**2 * square), (law.second, h.T @ h / count, square**2),
        (law.labelled, (h * y[:, None]).T @ h / count, (y * square) ** 2),
        (law.root.T @ law.root, (h * y[:, None] ** 2).T @ h / count, (y**2 * square) ** 2),
    ]  # fmt: skip
    for expected, measured, scatter in pairs:
        # Both sides are means of as many contexts at most. Were all scatter along one direction, this would be 2χ² of one degree of
        # freedom in units of its mean: above 20 once in 600 times.
        near = 20 * scatter.mean() / count
        assert ((measured - expected) ** 2).sum() < near < ((1.3 * measured - expected) ** 2).sum()


def test_beyond_rank_one_the_sum_over_contexts_is_what_counts() -> None:
    """Paired over 60 runs at d = 20: with the sample's second term the error is the whole gradient's, without it, or with its mean, less.
    |t| > 4 of 59 degrees of freedom is chance once in 5000 times. (Independent noise is told from it at d = 40, not here.)"""
    parts = simulated(20, 8.0, 60)

    def t(part: str) -> float:
        gap = parts[part] - parts["whole"]
        return float(gap.mean() / gap.std(ddof=1) * math.sqrt(len(gap)))

    assert abs(t("sample")) < 4
    assert max(t("rank one"), t("mean")) < -4


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradient_parts.main(["--d", "6", "--runs", "2", "--step", "1"]) == 0
    shown = capsys.readouterr().out
    for part in gradient_parts.PARTS.values():
        assert " ".join(part.split()[:3]) in shown
    with pytest.raises(SystemExit, match=r"^2$"):
        gradient_parts.main(["--runs", "1"])
    assert "d and the number of runs are at least 2; found d = 40, 1 runs" in capsys.readouterr().err
