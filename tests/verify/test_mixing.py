"""The claims of [DM], each with its effect size, at small d. Paired differences of fixed seeds; |t| > 6 over 8 runs or more is a false
alarm with probability below 6e-4, and below 1e-4 over 12."""

from __future__ import annotations

import dataclasses
import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hermite_eq
from hermite_eq import HypothesisWarning, Sizes
from hermite_eq.models import LinearTransformer, OneStepTransformer, PolynomialActivation, Source, Spike, Task, rt_ridge
from hermite_eq.simulate import DiscreteMMSE, context_law, icl_error
from hermite_eq.simulate.decomposition import gradient_step, spectral_norm
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.heads import StepSource
from hermite_eq.simulate.training.onestep import gradients
from verify.campaigns.campaign import Campaign, Panel, label
from verify.campaigns.curves import Results, results
from verify.campaigns.data_mixing import DATA_MIXING
from verify.campaigns.mixing import Mixing
from verify.campaigns.table import CAMPAIGNS
from verify.claims import agreement, statements
from verify.claims.agreement import THEORY, judge
from verify.claims.check import Check, Verdict, by_rate
from verify.report.figures import constant_errors
from verify.store.run import one_blas_thread, simulate_run

pytestmark = pytest.mark.filterwarnings("ignore::hermite_eq.HypothesisWarning")
T = 6.0


def t_ratio(values: np.ndarray) -> tuple[float, float]:
    """Mean, and mean over standard error."""
    return float(values.mean()), float(values.mean() / (values.std(ddof=1) / math.sqrt(len(values))))


def head(mixing: Mixing, d: int, **options: Any) -> OneStepTransformer:
    return OneStepTransformer("relu", mixing.step * d**2, rt_ridge(mixing.ridge, d, mixing.sizes(d).hidden), **options)


def errors(mixing: Mixing, d: int, runs: int, models: list[OneStepTransformer] | None = None) -> Any:
    return icl_error(models or [head(mixing, d)], mixing.task(d), mixing.sizes(d), runs=runs, rng=5)


SPIKED = Mixing(spiked=1.0, task_spike=1.0, ridge=5e-3)


def test_equivalence_needs_degree_two_under_a_task_spike() -> None:
    # Theorem 4.12: p = 2 is within 1 %, p = 0 is 30 % off, p = 1 keeps a few per cent.
    d = 18
    degrees = (0, 2, 4)
    models = [head(SPIKED, d, normalise=True)]
    models += [head(SPIKED, d, normalise=True, head=hermite_eq.equivalent_model("relu", p)) for p in degrees]
    models.append(head(SPIKED, d, normalise=True, rank_one=True))
    sigma, *others = errors(SPIKED, d, 12, models)
    gaps = dict(zip((*degrees, "rank one"), ((o.icl_runs - sigma.icl_runs) / sigma.icl.mean for o in others), strict=True))
    for p in (2, 4, "rank one"):
        mean, t = t_ratio(gaps[p])
        assert abs(mean) < 0.01 + 5 * abs(mean / t)
        assert abs(mean / t) < 0.005
    mean, t = t_ratio(gaps[0])
    assert mean > 0.2
    assert t > T


def test_without_normalisation_the_gap_vanishes_with_d() -> None:
    gaps, stderrs, sizes, runs = [], [], (10, 14, 20), (60, 30, 15)
    for d, count in zip(sizes, runs, strict=True):
        sigma, other = errors(SPIKED, d, count, [head(SPIKED, d), head(SPIKED, d, head=hermite_eq.equivalent_model("relu", 2))])
        relative = (other.icl_runs - sigma.icl_runs) / sigma.icl.mean
        gaps.append(relative.mean())
        stderrs.append(relative.std(ddof=1) / math.sqrt(count))
    row = by_rate("p = 2", sizes, gaps, stderrs, order=-1, runs=runs)
    assert row.verdict == Verdict.IN_THE_LIMIT, row.note
    # The effect: 13 % at d = 10.
    assert 0.05 < gaps[0] < 0.3


def test_less_noise_is_better_on_both_sources() -> None:
    d, base = 12, Mixing(ridge=5e-3)
    (clean,), (noisy,) = (errors(replace(base, noises=(1e-4, delta**2)), d, 160) for delta in (0.01, 0.8))
    # On source 0 the noise in source 1's training labels is all that differs.
    mean, t = t_ratio((noisy.source_runs[:, 0] - clean.source_runs[:, 0]) / clean.icl.mean)
    assert mean > 0.03
    assert t > T
    # On source 1 the noise of the test label itself, 0.64, is taken off; that of its context stays.
    mean, t = t_ratio((noisy.source_runs[:, 1] - 0.64 - clean.source_runs[:, 1]) / clean.icl.mean)
    assert mean > 0.2
    assert t > T


def constant(mixing: Mixing, d: int) -> np.ndarray:
    """Error of the best constant on each source, from 20 000 labels."""
    law = context_law(mixing.task(d), mixing.sizes(d))
    drawn = law.draw(law.fresh_tasks(20_000, np.random.default_rng(1)), np.arange(20_000), np.random.SeedSequence(2))
    return np.array([drawn.y[drawn.source == s].var() for s in range(len(law.sources))])


def test_structure_in_a_source_is_better_on_that_source_alone() -> None:
    d, base = 12, Mixing(ridge=5e-3)
    settings = {"plain": base, "task": replace(base, task_spike=1.0), "input": replace(base, input_spike=1.0)}
    errors_of = {name: errors(setting, d, 100)[0].source_runs for name, setting in settings.items()}
    levels = {name: constant(setting, d) for name, setting in settings.items()}
    for name, least in (("task", 0.04), ("input", 0.7)):
        mean, t = t_ratio((errors_of[name][:, 1] - errors_of["plain"][:, 1]) / errors_of["plain"].mean())
        assert mean < -least
        assert t < -5
        # On the isotropic source nothing is gained: less than the spiked source gains, and within the sampling error.
        mean, t = t_ratio((errors_of[name][:, 0] - errors_of["plain"][:, 0]) / errors_of["plain"].mean())
        assert abs(t) < 5
        assert abs(mean) < 0.04
    # The labels of spiked inputs are smaller, since the link divides by ‖Σ_x‖^{1/2}: most of that gain is had by the best constant too.
    assert levels["input"][1] < 0.3 * levels["plain"][1]
    ratio = {name: errors_of[name][:, 1].mean() / levels[name][1] for name in settings}
    assert 0.6 < ratio["input"] / ratio["plain"] < 1
    assert abs(levels["task"][1] / levels["plain"][1] - 1) < 0.05


@pytest.mark.parametrize(("name", "setting"), [("task", {"task_spike": 1.0}), ("input", {"input_spike": 1.0}), ("none", {})])
def test_the_step_helps_under_a_task_spike_only(name: str, setting: dict[str, Any]) -> None:
    d, mixing = 20, Mixing(spiked=1.0, ridge=5e-3, **setting)
    before, after = errors(mixing, d, 10, [head(replace(mixing, step=eta), d) for eta in (0.0, 1.0)])
    mean, t = t_ratio((after.icl_runs - before.icl_runs) / before.icl.mean)
    if name == "task":
        assert mean < -0.05
        assert t < -T
    else:
        assert abs(mean) + 5 * abs(mean / t) < 0.05


def test_the_best_step_is_beyond_the_theorem() -> None:
    # η = 4d² beats d²/4, where η = o(d²) could still be said to hold, and 4d² is flagged.
    d = 20
    small, large = errors(SPIKED, d, 10, [head(replace(SPIKED, step=eta), d) for eta in (0.25, 4.0)])
    mean, t = t_ratio((large.icl_runs - small.icl_runs) / small.icl.mean)
    assert mean < -0.1
    assert t < -T
    with pytest.warns(HypothesisWarning, match=r"η = o\(d²\)"):
        errors(SPIKED, 8, 1, [head(replace(SPIKED, step=4.0), 8)])


def test_far_beyond_the_theorem_degree_four_is_not_enough() -> None:
    # At η = 16 d² the units share one large component, of which σ̂_4 keeps a polynomial, while the head has gained from it. The ratio of
    # the errors falls with d all the same: 16, 9, 4 at d = 10, 14, 20.
    d = 14
    mixing = replace(SPIKED, step=16.0)
    sigma, other = errors(
        mixing, d, 12, [head(mixing, d, normalise=True, **options) for options in ({}, {"head": hermite_eq.equivalent_model("relu", 4)})]
    )
    assert sigma.icl.mean < 0.5
    mean, t = t_ratio(np.log(other.icl_runs / sigma.icl_runs))
    assert mean > math.log(2)
    assert t > T


def _task(unit: bool, theta: float = 0.0) -> Task:
    source = Source("relu", 1e-4, task_cov=Spike(theta)) if theta else Source("relu", 1e-4)
    return Task(sources=[source], unit_inputs=unit, unit_link=True)


def _sizes(d: int) -> Sizes:
    return Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=0.5, mu=0.5)


def _label_column(unit: bool, d: int, runs: int) -> np.ndarray:
    """Of Δ on the d columns of b₂, run by run: √m times its coefficient along diag(w)F over c₂E[y b₂² x²], and its norm over that of the
    other columns."""
    sizes, sigma = _sizes(d), hermite_eq.activation("relu")
    columns = np.arange(d) * (d + 1) + d
    c2 = float(np.asarray(hermite_eq.coefficients("relu", 2))[2])
    labels = []
    for seed in child_seeds(0, range(runs)):
        draw = draw_run(_task(unit), sizes, 2, True, np.float64, seed, True)
        assert draw.step is not None
        n, m = sizes.samples, len(draw.layer)
        g = gradients(StepSource(sigma, False), draw.step, draw.layer, draw.start, draw.trace, [(n, m)], [0, n])[n, m]
        rest = g.matrix - np.outer(g.u, g.v)
        block = rest[:, columns]
        direction = draw.start[:, None] * draw.layer[:, columns] / math.sqrt(m)
        b2, x = draw.step.b[:, -1], draw.step.x
        expected = c2 * np.mean(draw.step.y * b2**2 * (x**2).mean(axis=1))
        others = spectral_norm(np.delete(rest, columns, axis=1))
        labels.append((math.sqrt(m) * np.sum(block * direction) / np.sum(direction**2) / expected, spectral_norm(block) / others))
    return np.array(labels).T


def test_the_label_column_is_a_block_of_rank_d_as_derived() -> None:
    # The coefficient is 1 + O(1/d); extrapolated from d = 14 and 28, it is found to 4 %: a theory 30 % off is refused.
    (small, before), (large, after) = _label_column(True, 14, 40), _label_column(True, 28, 20)
    value = 2 * large.mean() - small.mean()
    stderr = math.hypot(2 * large.std(ddof=1) / math.sqrt(20), small.std(ddof=1) / math.sqrt(40))
    assert abs(value - 1) < 5 * stderr
    assert abs(value - 1.3) > 5 * stderr
    # Its part of ‖Δ‖ grows beside the others' where inputs have entries of O(1), and in the scale of [RT] it does not.
    growth, variance = [], 0.0
    for first, second in ((before, after), (_label_column(False, 14, 20)[1], _label_column(False, 28, 12)[1])):
        growth.append(second.mean() / first.mean() - 1)
        variance += (first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)) / first.mean() ** 2
    assert growth[0] > 0.1
    assert growth[1] < 0
    assert growth[0] - growth[1] > 5 * math.sqrt(variance)


def test_the_rest_of_the_gradient_vanishes_beside_rank_one() -> None:
    # Lemma 4.11, in the scale of [RT]: d^{-1}, less what √log m in max|w| takes off at these sizes (0.2).
    model, ladder, runs = OneStepTransformer("relu", 1.0, 0.1), (10, 16, 26), (60, 40, 16)
    ratios = [gradient_step(model, _task(False), _sizes(d), runs=count, rng=0).ratio for d, count in zip(ladder, runs, strict=True)]
    row = by_rate("‖Δ‖/‖uvᵀ‖", ladder, [r.mean for r in ratios], [r.stderr for r in ratios], order=-0.8, runs=runs)
    assert row.verdict == Verdict.IN_THE_LIMIT, row.note


# The campaigns of [DM]: their parameters, what their sweeps simulate, and that each claim is held against the runs.


MEMORY = 10**9
NAMES = [campaign.name for campaign in DATA_MIXING]


def small(name: str) -> Campaign:
    """Two values of every axis (three of the step) and at most two families."""
    panels = tuple(
        dataclasses.replace(
            panel, values=(0.0, 1.0, 4.0) if panel.axis == "step" else (panel.values[0], panel.values[-1]), families=panel.families[:2]
        )
        for panel in CAMPAIGNS[name].panels
    )
    return dataclasses.replace(CAMPAIGNS[name], panels=panels)


def simulated(campaign: Campaign, d: int = 6, seed: int = 5) -> Results:
    return results(campaign, d, [simulate_run(campaign, d, seed, MEMORY, run) for run in range(2)])


def test_the_table_has_the_papers_parameters() -> None:
    for name in NAMES:
        campaign = CAMPAIGNS[name]
        sweeps = campaign.sweeps(campaign.d)
        assert len({sweep.key for sweep in sweeps}) == len(sweeps)
        for sweep in sweeps:
            assert len({label(model) for model in sweep.models}) == len(sweep.models)
            assert isinstance(sweep.task, Task)
            assert sweep.task.unit_inputs
            assert sweep.task.unit_link
            assert sweep.sizes.tasks == np.inf
            if name not in ("dm-scan", "dm-heads"):
                assert campaign.d == 80
                # λ = 5e-5 of [DM]: n k λ for a head of k hidden units, n λ for a linear model.
                for model in sweep.models:
                    assert not isinstance(model, DiscreteMMSE)
                    assert sweep.sizes.hidden is not None
                    factor = 1 if isinstance(model, LinearTransformer) else sweep.sizes.hidden
                    assert model.ridge / 80 == pytest.approx(5e-5 * factor, rel=1e-12)
    first = CAMPAIGNS["dm-fig1"].sweeps(80)[0]
    heads = [model for model in first.models if isinstance(model, OneStepTransformer)]
    assert {model.step_size for model in heads} == {0.0, 6400.0}
    assert {model.head.degree for model in heads if isinstance(model.head, PolynomialActivation)} == {4}
    assert isinstance(first.task, Task)
    assert first.task.sources[1].task_cov == Spike(6400.0)


def test_curves_are_the_simulations_at_their_points() -> None:
    campaign = small("dm-fig3")
    curves = simulated(campaign, 8, 3)
    curve = curves.get("relu", 0, 1)
    (sweep,) = [sweep for sweep in campaign.sweeps(8) if sweep.key == (0, 1)]
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore", HypothesisWarning)
        models = [model for model in sweep.models if not isinstance(model, DiscreteMMSE)]
        seed = np.random.SeedSequence(3, spawn_key=sweep.key)
        direct = icl_error(models, sweep.task, sweep.sizes, runs=2, rng=seed, memory=MEMORY)
    heads = {
        model.step_size: error
        for model, error in zip(sweep.models, direct, strict=True)
        if isinstance(model, OneStepTransformer) and model.head == model.activation and not model.rank_one
    }
    for i, value in enumerate(curve.values):
        np.testing.assert_array_equal(curve.icl_runs[:, i], heads[value * 64].icl_runs)
    mixed = curves.get("relu")
    np.testing.assert_allclose(mixed.source_runs @ [0.5, 0.5], mixed.icl_runs, rtol=1e-14)


def test_the_constant() -> None:
    # An isotropic source's argument is N(0, 1): the label's variance is 1/2 − 1/(2π) + Δ².
    exact = 0.5 - 1 / (2 * np.pi) + 1e-4
    errors = constant_errors(CAMPAIGNS["dm-fig3"], Mixing(spiked=0.5).at("step", 1.0, 10))
    # 40 000 squares (y − ȳ)² with a relative scatter below 2: five standard errors.
    assert errors[0] == pytest.approx(exact, rel=5 * 2 / 200)
    # Each source has half of them.
    np.testing.assert_allclose(errors[1:], exact, rtol=5 * 2 / np.sqrt(20_000))


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_held_against_the_runs(name: str, invented_theory: None) -> None:
    campaign = small(name)
    results = simulated(campaign)
    families: list[tuple[Panel, Any]] = [(panel, family) for panel in campaign.panels for family in panel.families]
    # Beside the head, where it takes a step, it stands without one and with its rank-one part.
    steps = 2 * any(panel.axis == "step" or family.step for panel, family in families)
    assert len(results.curves) == sum(
        2 * series.linear + (1 + steps + len(series.degrees)) * len(series.activations) for _, series in families
    )
    # Every curve is held against the theory; and the gain of every step, whole and of rank one.
    rows = judge(campaign, [results])
    assert {row.claim for row in rows} == {campaign.figure, THEORY}
    gains = 2 * sum(panel.axis == "step" for panel, _ in families)
    assert sum(row.claim == THEORY for row in rows) == len(results.curves) + gains
    assert all(row.note for row in rows)
    assert len({row.subject for row in rows}) == len(rows)


def test_a_gap_which_shrinks_agrees_in_the_limit(invented_theory: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether a degree is too high for d is judged by drawn contexts, and is not what is tested here.
    for module in (agreement, statements):
        monkeypatch.setattr(module, "LIMIT", math.inf)
    panels = tuple(Panel(panel.axis, panel.values, panel.families) for panel in small("dm-fig2").panels[1:])
    campaign = dataclasses.replace(small("dm-fig2"), panels=panels)
    start, rng = simulated(campaign), np.random.default_rng(0)

    def stored(d: int, gap: float) -> Results:
        results = {}
        for key, curve in start.curves.items():
            noise = 1 + 1e-3 * rng.standard_normal((12, len(curve.values)))
            runs = noise * (1 + gap * ("p =" in key[2]))
            settings, sources = curve.panel.settings(curve.family, d), np.repeat(runs[:, :, None], 2, axis=2)
            results[key] = dataclasses.replace(curve, settings=settings, icl_runs=runs, source_runs=sources)
        return Results(d, 12, results)

    def judged(ladder: list[Results]) -> list[Check]:
        return [row for row in judge(campaign, ladder) if "p = 5" in row.subject and row.claim == campaign.figure]

    ladder = [stored(d, 2 / d) for d in (40, 10, 20)]
    rows = judged(ladder)
    assert rows
    assert {row.verdict for row in rows} == {Verdict.IN_THE_LIMIT}, [(row.subject, row.note) for row in rows]
    # A gap which stays, and one d alone, disagree; two d are shown.
    staying = [stored(d, 0.1) for d in (40, 10, 20)]
    for some in (staying, ladder[:1], ladder[:2]):
        rows = judged(some)
        assert all(row.verdict == Verdict.DISAGREES for row in rows)
        assert all(("at d = 10" in row.note) == (len(some) > 1) for row in rows)
