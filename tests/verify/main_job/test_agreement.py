"""Theory beside simulation: rows on runs drawn about a known mean agree with it, and refuse what is 5 % off."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hermite_eq
from hermite_eq import Sizes
from hermite_eq.models import OneStepTransformer, Source, Spike, Task
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.heads import StepSource
from hermite_eq.simulate.training.onestep import gradients
from verify.campaigns.campaign import Panel
from verify.campaigns.curves import Curve, Key, Results
from verify.campaigns.mixing import Mixing
from verify.campaigns.theory import Theory
from verify.claims import inflation
from verify.claims.agreement import gains, in_the_limit, theory_rows
from verify.claims.check import Check, Verdict
from verify.claims.defects import controls
from verify.claims.mixing import same_error, step_helps

Array = NDArray[np.float64]

STEPS = (0.0, 1.0, 4.0)
PANEL = Panel("step", STEPS, (Mixing(task_spike=1.0, name="one"),))
#: Errors with the step, whole and of rank one, without it, and of the equivalent.
TRUE = {"relu": (0.5, 0.45, 0.4), "relu, rank one": (0.5, 0.44, 0.42), "relu, no step": (0.5, 0.5, 0.5), "relu, p = 4": (0.51, 0.46, 3.0)}
RUNS, SCATTER = 20, 0.01
KEY = (0, 0, "relu")


def with_theory(curve: Curve, icl: Array, notes: tuple[str, ...] = ("first", "last")) -> Curve:
    theory = Theory(icl, icl, np.stack([icl, icl], 1), (notes,) * len(icl))
    return dataclasses.replace(curve, predict=lambda points: theory)


def unasked(points: object) -> Theory:
    raise AssertionError("the theory is another one")


def drawn(names: Iterable[str] = tuple(TRUE), factor: float = 1.0, d: int = 20, seed: int = 0, panel: Panel = PANEL) -> Results:
    """Runs with 1 % of scatter, common to all points but for a tenth of it, about ``factor`` times the theory."""
    rng, errors = np.random.default_rng(seed), dict[Key, Curve]()
    settings = panel.settings(panel.families[0], d)
    for name in names:
        mean = np.array(TRUE[name])
        noise = SCATTER * (rng.standard_normal((RUNS, 1)) + 0.1 * rng.standard_normal((RUNS, len(STEPS))))
        runs = factor * mean * (1 + noise)
        sources, empty = np.repeat(runs[:, :, None], 2, 2), np.zeros(3, int)
        errors[0, 0, name] = with_theory(Curve(panel, panel.families[0], name, settings, runs, runs, sources, empty, unasked), mean)
    return Results(d, RUNS, errors)


def changed(results: Results, key: Key, **fields: Any) -> Results:
    return dataclasses.replace(results, curves={**results.curves, key: dataclasses.replace(results.curves[key], **fields)})


def curve_rows(results: Results) -> list[Check]:
    return [row for (_, error), row in theory_rows([results]).items() if error is not None]


def gain_rows(results: Results) -> list[Check]:
    return [row for (_, error), row in theory_rows([results]).items() if error is None]


def test_the_right_theory_agrees_and_a_wrong_one_is_caught() -> None:
    # 20 runs of 1 %: 5 % is z = 22 standard errors, and |z| < 4.42 fails once in 1e5.
    rows = curve_rows(drawn())
    assert [row.verdict for row in rows] == [Verdict.AGREES] * 4
    assert all("(worst of 9)" in row.subject for row in rows)
    # That of an equivalent whose degree is too high for d is not blamed on the theory.
    outcome = {item["defect"]: (item["caught"], item["checks"]) for item in controls([drawn()])}
    assert outcome == {
        "predicted errors 5% too large": (3, 4),
        "predicted errors 20% too large": (3, 4),
        "gain of the step half as large": (2, 2),
    }


def test_an_agreeing_row_has_particular_notes_and_another_all() -> None:
    good, bad = (curve_rows(drawn(("relu",), factor))[0] for factor in (1.0, 1.1))
    assert good.note.endswith("the theory says: last")
    assert bad.verdict == Verdict.DISAGREES
    assert bad.note.endswith("the theory says: first; last")


def test_one_source_that_disagrees_is_found() -> None:
    results = drawn(("relu",))
    sources = results.curves[KEY].source_runs.copy()
    sources[:, 1, 1] *= 1.1
    (row,) = curve_rows(changed(results, KEY, source_runs=sources))
    assert row.verdict == Verdict.DISAGREES
    assert row.subject == "relu, task spike, one: error on source 1 at 1 (worst of 9)"


def test_a_point_without_theory_is_left_out_a_curve_undecided() -> None:
    results = drawn(("relu",))
    for missing, verdict, count in ((slice(1, 2), Verdict.AGREES, 6), (slice(None), Verdict.UNDECIDED, 0)):
        icl = np.array(TRUE["relu"])
        icl[missing] = math.nan
        curve = with_theory(results.curves[KEY], icl, ("no value: because",))
        (row,) = curve_rows(dataclasses.replace(results, curves={KEY: curve}))
        assert row.verdict == verdict
        assert f"(worst of {count})" in row.subject
        assert "no value" in row.note


def test_a_gain_has_the_error_of_paired_differences() -> None:
    results = drawn(("relu",), seed=3)
    curve = results.curves[KEY]
    runs, icl = gains(curve), curve.theory("icl")
    np.testing.assert_allclose(runs.mean(axis=0), curve.icl_runs.mean(axis=0) / curve.icl_runs[:, 0].mean() - 1, rtol=1e-12, atol=1e-15)
    # Of the runs' 1 % a tenth is not common: √2 of it is left of e(η)/e(0), times R; a standard deviation of 20 runs is known to 16 %.
    np.testing.assert_allclose(runs.std(axis=0, ddof=1)[1:], math.sqrt(2) * 0.1 * SCATTER * icl[1:] / icl[0], rtol=5 * 0.16)
    (row,) = gain_rows(results)
    assert row.verdict == Verdict.AGREES
    # Against the errors themselves, whose scatter is ten times as large, a gain that is 2 % of the error less would agree.
    (row,) = gain_rows(dataclasses.replace(results, curves={KEY: with_theory(curve, icl * [1, 1.02, 1])}))
    assert row.verdict == Verdict.DISAGREES
    assert "at η = d²: -10" in row.note


def test_fig3_shows_the_predicted_gain_and_the_best_step() -> None:
    lowers, best = step_helps(ladder=[drawn()])
    assert lowers.predicted == pytest.approx(-0.1, rel=1e-12)
    assert (lowers.verdict, lowers.kind) == (Verdict.AGREES, "one-sided")
    assert "theory -10.0%, and least at 4 d² (-20.0%)" in lowers.note
    assert (best.predicted, best.measured, best.verdict, best.kind) == (0.0, 0.0, Verdict.AGREES, "two-sided")
    # Without a task spike the claim is no change: the theory's gain is shown, the z is that of none.
    (nothing,) = step_helps(ladder=[drawn(panel=Panel("step", STEPS, (Mixing(input_spike=1.0, name="one"),)))])
    assert nothing.verdict == Verdict.DISAGREES
    assert nothing.predicted == pytest.approx(-0.1, rel=1e-12)


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.0, Verdict.AGREES), (0.01, Verdict.AGREES), (-0.01, Verdict.AGREES), (0.0199, Verdict.DISAGREES), (-0.03, Verdict.DISAGREES)],
)
def test_errors_that_differ_by_less_than_two_per_cent_agree(share: float, verdict: Verdict) -> None:
    """Gaps of .1 % scatter in 20 runs: 1 % is z = 45, and five standard errors are .11 %."""
    results = drawn(("relu", "relu, rank one"))
    head = results.curves[KEY]
    noise = np.random.default_rng(3).standard_normal(head.icl_runs.shape)
    off = head.icl_runs * (1 + share + 0.001 * (noise - noise.mean(axis=0)))
    (row,) = same_error(ladder=[changed(results, (0, 0, "relu, rank one"), icl_runs=off)])
    assert row.verdict == verdict
    assert ("everywhere less than 2%" in row.note) == (abs(share) == 0.01)


def test_a_gap_seen_at_one_point_only_is_not_taken_back() -> None:
    row = Check("subject", 1.0, 2.0, 0.1, "z", 10.0, Verdict.DISAGREES)
    unseen = [(d, 0.01 * np.random.default_rng(d).standard_normal((12, 3))) for d in (10, 20, 40)]
    assert in_the_limit(row, lambda: unseen).verdict == Verdict.DISAGREES
    shrinking = [(d, runs / 100 + 2 / d) for d, runs in unseen]
    assert in_the_limit(row, lambda: shrinking).verdict == Verdict.IN_THE_LIMIT
    assert in_the_limit(row, lambda: shrinking).statistic == "slope"


def test_a_degree_that_is_too_high_is_said_to_be() -> None:
    # At η = 4d² the fourth power of the step's component is larger than what the head makes of it.
    key = (0, 0, "relu, p = 4")
    results = drawn(("relu, p = 4", "relu"))
    row, head = curve_rows(changed(results, key, icl_runs=results.curves[key].icl_runs * [1, 1, 2]))
    assert (row.verdict, head.verdict) == (Verdict.DEGREE_TOO_HIGH, Verdict.AGREES)
    assert "above E σ²" in row.note
    # Where the features are not inflated, nothing excuses an equivalent; nor a head.
    still, *_, stepped = PANEL.settings(PANEL.families[0], 40)
    assert inflation.excess(still.point("relu, p = 4")) < 0.1
    assert inflation.excess(stepped.point("relu")) == 0


def test_scales_are_the_spread_of_the_pre_activations() -> None:
    # The mean of (F̂h)² over neurons and contexts, F̂ = F + ηuvᵀ as it is drawn, is that of the squares of the scales.
    task = Task(sources=[Source("relu", 1e-4, task_cov=Spike(256.0))], unit_inputs=True, unit_link=True)
    sizes, eta = Sizes(d=16, context=16, tasks=math.inf, samples=128, hidden=128), 4 * 256.0
    model = OneStepTransformer("relu", eta, 0.1, rank_one=True)
    scales = []
    for seed in child_seeds(0, range(30)):
        draw = draw_run(task, sizes, 2, True, np.float64, seed, True)
        assert draw.step is not None
        n, m = sizes.samples, len(draw.layer)
        source = StepSource(hermite_eq.activation("relu"), False)
        g = gradients(source, draw.step, draw.layer, draw.start, draw.trace, [(n, m)], [0, n])[n, m]
        F = draw.layer + eta * np.outer(g.u, g.v)
        h = (draw.training.x[:, :, None] * draw.training.b[:, None, :]).reshape(n, -1)
        scales.append(np.mean((h @ F.T) ** 2))
    expected = [np.mean(inflation.scales(model, task, sizes, seed) ** 2) for seed in range(60)]
    gap = np.mean(scales) - np.mean(expected)
    stderr = math.hypot(np.std(scales, ddof=1) / math.sqrt(len(scales)), np.std(expected, ddof=1) / math.sqrt(len(expected)))
    # |t| < 5 with some 30 degrees of freedom fails once in 4e4.
    assert abs(gap) < 5 * stderr
    # Without a step the mean is E‖h‖²/t = 1.
    assert np.mean(scales) - 1 > 5 * stderr
