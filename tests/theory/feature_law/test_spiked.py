"""Heads after a gradient step: the engine against drawn matrices, the theory against simulation and against that of one covariance."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from simulated import simulated

from hermite_eq import equivalent_model, simulate
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.models import LinearTransformer, OneStepTransformer, RandomTransformer, Ratios, Sizes, Source, Spike, Task, Toeplitz
from hermite_eq.theory import Population, given_moments, icl_curve, icl_error, spiked_icl_error
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.sources.mixture import mixture_moments
from hermite_eq.theory.neuron_types.contexts import context_nodes
from hermite_eq.theory.neuron_types.features import typed_features
from hermite_eq.theory.neuron_types.neurons import conditional_moments
from hermite_eq.theory.ridge_equivalent.typed import Channel, Subspace, TypedFeatures, TypedRidge
from hermite_eq.theory.roots import PositiveIteration

D = 16


def spike(d: int) -> Task:
    """One source with a task spike of d², in the conventions of [DM]."""
    return Task(sources=[Source("relu", 0.01, task_cov=Spike(float(d * d)))], unit_inputs=True, unit_link=True)


def input_spike(d: int) -> Task:
    """Beside an isotropic source one whose inputs have half their length along a direction, in the conventions of [DM]."""
    spiked = Source("relu", 1e-4, input_cov=Spike(float(d), normalised=True))
    return Task(sources=[Source("relu", 1e-4), spiked], unit_inputs=True, unit_link=True)


def half(d: int) -> Sizes:
    return Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=0.5, mu=0.5)


def drawn_law(rng: np.random.Generator) -> TypedFeatures:
    """Two types of samples and of neurons: linear and quadratic functions of many directions in dense blocks, and of one outside them."""

    def channel(functions: int, copies: int) -> Channel:
        roots = rng.standard_normal((2, 2, 1, 2, 4))
        samples, neurons = roots @ roots.swapaxes(-1, -2) / 4
        dense = Subspace(samples, neurons / copies, np.zeros((1, 1, 1, 2, 2)), copies)
        apart = Subspace(np.zeros((2, 1, 1, 1)), rng.uniform(0.5, 2.0, (2, 1, 1, 1)), np.ones((1, 1, 1, 1, 1)), 1)
        alpha, beta = rng.standard_normal((2, 2, functions))
        return Channel(alpha, beta, rng.uniform(0.5, 1.5, (1, 2)), rng.standard_normal((2, 1)), np.zeros((2, 1)), [dense, apart])

    return TypedFeatures(
        weights=np.array([0.4, 0.6]), source=np.arange(2), label=rng.standard_normal(2), label_variance=np.array([0.1, 0.3]),
        shares=np.array([0.3, 0.7]), psi=rng.standard_normal((2, 2)), chi=rng.standard_normal((2, 2)),
        channels=[channel(2, 30), channel(1, 60)], residual2=rng.uniform(0.1, 0.5, (2, 2)), square=np.ones(2),
    )  # fmt: skip


def _products(rng: np.random.Generator, law: TypedFeatures, channel: Channel, s: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """fᵀh for the neurons of types s and the samples of types θ."""
    total = np.zeros((len(theta), len(s)))
    for part in channel.subspaces:
        for b in range(part.samples.shape[1]):
            roots_f = np.linalg.cholesky(part.neurons[:, b])
            if not part.samples.any():
                f = roots_f[s, 0, 0] * rng.standard_normal(len(s))
                total += np.outer(channel.coordinates[theta, 0], f)
                continue
            roots_h = np.linalg.cholesky(part.samples[:, b])
            p = part.samples.shape[-1]
            h = np.einsum("nij,ncj->nci", roots_h[law.source[theta]], rng.standard_normal((len(theta), part.copies, p)), optimize=True)
            f = np.einsum("mij,mcj->mci", roots_f[s], rng.standard_normal((len(s), part.copies, p)), optimize=True)
            h *= np.sqrt(channel.scale[part.kind, theta])[:, None, None]
            total += h.reshape(len(theta), -1) @ f.reshape(len(s), -1).T
    return total


def _drawn_error(rng: np.random.Generator, law: TypedFeatures, n: int, m: int, ridge: float) -> float:
    """Error of one fit on features of the law, drawn as it says."""
    total = n + 1000

    def types(shares: np.ndarray, count: int) -> np.ndarray:
        # In their proportions, as the theory has them: less scatter than independent draws.
        return rng.permutation(np.searchsorted(np.cumsum(shares), (np.arange(count) + 0.5) / count))

    s = types(law.shares, m)
    theta = np.concatenate([types(law.weights, n), types(law.weights, 1000)])
    phi = law.chi[theta] @ law.psi[s].T
    for channel in law.channels:
        phi += (channel.beta[theta] @ channel.alpha[s].T) * _products(rng, law, channel, s, theta)
    phi += np.sqrt(law.residual2[s][:, theta].T) * rng.standard_normal(phi.shape)
    y = law.label[theta] + np.sqrt(law.label_variance[theta]) * rng.standard_normal(total)
    train = phi[:n]
    w = np.linalg.solve(train.T @ train + n * ridge * np.eye(m), train.T @ y[:n])
    return float(np.mean((y[n:] - phi[n:] @ w) ** 2))


def test_the_engine_describes_features_drawn_as_it_says() -> None:
    n, m, ridge, runs = 300, 200, 0.05, 80
    law = drawn_law(np.random.default_rng(5))
    theory = float(law.weights @ TypedRidge(law, n, m, ridge).errors().error)
    rng = np.random.default_rng(1)
    drawn = np.array([_drawn_error(rng, law, n, m, ridge) for _ in range(runs)])
    stderr = drawn.std(ddof=1) / math.sqrt(runs)
    # Five standard errors of 80 runs (a false alarm in 4e-6), and the equivalent's own remainder of order 1/n.
    assert abs(drawn.mean() - theory) < 5 * stderr + theory / n
    assert abs(drawn.mean() - 1.1 * theory) > 5 * stderr + theory / n, "a tenth too much is not seen"


STEPS = [
    OneStepTransformer("relu", eta * D**2, 1.0, normalise=True, rank_one=rank_one) for eta, rank_one in ((0, True), (3, True), (3, False))
]


def test_task_spike_and_gradient_step_against_simulation() -> None:
    """d = 16, 120 runs of which the standard error is .7 %."""
    with pytest.warns(HypothesisWarning, match="supposes η = o"):
        simulated_steps = simulate.icl_error(STEPS, spike(D), half(D), runs=120, rng=20, test=4000)
    theory = [spiked_icl_error(model, spike(D), half(D), nodes=4096).icl for model in STEPS]
    for model, predicted, measured in zip(STEPS, theory, simulated_steps, strict=True):
        # Five standard errors (1e-6 each) and a tenth of the order 1/d: 0.6 %. The whole gradient at η = 3d² has a noise of its own, which
        # is known to leading order: there half of 1/d.
        order = (0.1 if model.rank_one else 0.5) / D
        allowed, wrong = 5 * measured.icl.stderr + order * predicted, 1.07 if model.rank_one else 1.1
        assert abs(measured.icl.mean - predicted) < allowed, (str(measured), predicted)
        assert abs(measured.icl.mean - wrong * predicted) > allowed - order * predicted, f"{wrong - 1:.0%} off is not seen"
    # The step's gain of an eighth, on common draws; a theory without the step is refuted.
    gain = simulated_steps[1].minus(simulated_steps[0]).icl
    assert abs(gain.mean) > 5 * gain.stderr
    assert abs(gain.mean - (theory[1] - theory[0])) < 5 * gain.stderr + 0.1 * theory[0] / D


def test_labels_that_grow_with_the_spike_at_rest() -> None:
    """A task spike under which contexts of one source differ: both theories know their energies."""
    task = Task(sources=[Source("relu", 0.01), Source("relu", 0.01, task_cov=Spike(2.0 * D))])
    sizes = Sizes.from_ratios(D, alpha=1, kappa=math.inf, tau=1.2, mu=0.5)
    head = RandomTransformer("relu", 0.1)
    measured = simulated(head, task, sizes, runs=80, rng=0, test=4000).icl
    nodes, covariances = spiked_icl_error(head, task, sizes, nodes=4096), icl_error(head, task, sizes)
    # Five standard errors (5 %; a false alarm in 1e-5 with 80 runs of heavy tails) and half of the order 1/d.
    allowed = 5 * measured.stderr + 0.5 * nodes.icl / D
    assert abs(measured.mean - nodes.icl) < allowed
    assert abs(measured.mean - covariances.icl) < allowed
    # Contexts of one energy, as if the law of ‖h‖ did not matter, are refuted.
    given = mixture_moments(task, D, D)
    alike = [[replace(p, contexts=None) for p in part] for part in (given.training, given.test)]
    assert measured.mean - icl_error(head, given_moments(*alike, trace=given.trace), sizes).icl > allowed
    assert nodes.icl == pytest.approx(np.mean(nodes.icl_by_source), rel=64 * np.finfo(float).eps)


@pytest.mark.parametrize("normalise", [True, False])
def test_one_isotropic_source_without_step_is_that_at_finite_d(normalise: bool) -> None:
    """Two routes to one number: regressions on exact moments of norms with one covariance, and contexts one by one."""
    d = 24
    sizes = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=1.0, mu=0.75)
    head = RandomTransformer("relu", 0.5, normalise=normalise)
    by_moments, by_types = icl_error(head, Task("relu", 0.01), sizes), spiked_icl_error(head, Task("relu", 0.01), sizes)
    still = icl_error(OneStepTransformer("relu", 0.0, 0.5, normalise=normalise), Task("relu", 0.01), sizes)
    # The average over nodes errs by at most 1 %, were they independent; the two theories differ by a tenth of the order 1/d.
    assert abs(by_types.icl / by_moments.icl - 1) < 0.01 + 0.1 / d
    assert abs(by_types.effective_ridge / by_moments.effective_ridge - 1) < 0.01 + 0.1 / d
    assert abs(by_types.dof / by_moments.dof - 1) < 0.01 + 0.1 / d
    assert still.icl == by_moments.icl


UNEQUAL = Source("relu", 0.01, input_cov=Spike(4.0))
TWICE = Task(sources=[Source("relu", 0.01), Source("tanh", 0.1, task_cov=Spike(4.0)), Source("relu", 0.01)])
#: Tasks, and whether h is normalised. For the last two contexts are drawn, and the spike is a type.
AT_REST = [(Task("relu", 0.01), False), (TWICE, True), (TWICE, False), (spike(12), True), (Task(sources=[UNEQUAL]), True),
           (input_spike(12), True)]  # fmt: skip
COLUMNS = ("icl", "idg", "bias", "variance", "effective_ridge", "dof")


@pytest.mark.parametrize(("task", "normalise"), AT_REST)
def test_a_step_of_size_0_is_no_step(task: Task, normalise: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every error is continuous in η at 0, whatever describes the features without a step best."""
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 256)
    sizes = half(12)
    still, stepped, far = (icl_error(OneStepTransformer("relu", eta, 0.1, normalise=normalise), task, sizes) for eta in (0.0, 1e-6, 100.0))
    for column in COLUMNS:
        # The step's rate is η c_1/m, 1e-8, and errors are even in it; weights settle to 1e-12, the leave-one-out errors to 1e-8.
        assert getattr(stepped, column) == pytest.approx(getattr(still, column), rel=1e-7), column
    assert stepped.icl_by_source == pytest.approx(still.icl_by_source or (still.icl,), rel=1e-7)
    assert abs(far.icl / still.icl - 1) > 1e-4
    assert far.icl == pytest.approx(far.bias + far.variance, rel=1e-12)
    assert far.icl == pytest.approx(np.dot(task.test_weights, far.icl_by_source), rel=1e-12)
    # What icl_error gave before: types after a step, and another theory without one.
    typed = spiked_icl_error(OneStepTransformer("relu", 1e-6, 0.1, normalise=normalise), task, sizes, nodes=256)
    assert max(abs(a / b - 1) for a, b in zip(typed.icl_by_source, stepped.icl_by_source[:2], strict=False)) > 1e-5


def test_what_a_step_changes_is_the_same_by_types_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relative change of what exceeds the noise; the rank-one step of an even σ, for which c_1 = 0, changes nothing."""
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 256)
    task, sizes = Task("relu", 0.3), half(12)
    by_draws, typed = (
        [error(OneStepTransformer("relu", eta, 0.1), task, sizes).icl - 0.3 for eta in (1e-6, 144.0)]
        for error in (icl_error, functools.partial(spiked_icl_error, nodes=256))
    )
    assert by_draws[1] / by_draws[0] == pytest.approx(typed[1] / typed[0], rel=1e-9)
    still, even = (icl_error(OneStepTransformer("x^2-1", eta, 0.1, rank_one=True), task, sizes).icl for eta in (0.0, 144.0))
    assert even == pytest.approx(still, rel=1e-12)


def test_beyond_types_a_step_changes_the_better_theory() -> None:
    """An input spike of 4, d = 16, 200 runs with a standard error of .8 %: types alone are 4 % too high.

    One check at |z| < 3.5, and a tenth of the order 1/d: one false alarm in 2,000 seeds.
    """
    task, sizes = Task(sources=[UNEQUAL]), Sizes.from_ratios(D, alpha=1, kappa=math.inf, tau=1, mu=0.75)
    head = OneStepTransformer("relu", float(D**2), 0.1, normalise=True)
    with pytest.warns(HypothesisWarning, match="supposes η = o"):
        measured = simulated(head, task, sizes, runs=200, rng=7).icl
    assert abs(icl_error(head, task, sizes).icl - measured.mean) < 3.5 * measured.stderr + 0.1 * measured.mean / D
    assert spiked_icl_error(head, task, sizes).icl - measured.mean > 3.5 * measured.stderr


def test_nodes_have_the_moments_of_contexts() -> None:
    task = Task(sources=[Source("relu", 0.1), Source("tanh", 0.2, task_cov=Spike(9.0))], weights=[0.25, 0.75], unit_link=True)
    nodes, count = context_nodes(task, D, D, False, 4096), 4096
    assert nodes.weights.sum() == pytest.approx(1)
    assert nodes.test_weights.sum() == pytest.approx(1)
    for s in range(2):
        exact, at = source_moments(task, D, D, source=s), nodes.source == s
        length = nodes.rest.sum(0) + (nodes.coordinates**2).sum(1)
        signals = nodes.signal * nodes.label
        shares = nodes.shares[at]
        known = nodes.known[at][:, :-1]
        mixed = 0.25 * source_moments(task, D, D, source=0).labels + 0.75 * source_moments(task, D, D, source=1).labels
        pairs = [
            (nodes.label[at] ** 2 + nodes.label_variance[at], exact.square_y),
            (length[at], exact.trace),
            (signals[at], float((mixed * exact.labels).sum())),
        ]
        for values, expected in pairs:
            # Evenly spread points do no worse than independent ones: five standard errors of these.
            assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(count)
            assert abs(values.mean() - 1.4 * expected) > 5 * values.std() / math.sqrt(count), "two fifths too much are not seen"
        # Calibrated weights, all near those of independent draws, meet what is known exactly.
        exact_known = [exact.square_y - task.sources[s].noise, float((exact.labels**2).sum())]
        assert np.allclose(shares @ known[:, -2:], exact_known, rtol=1e-8, atol=0)
        assert shares @ length[at] == pytest.approx(exact.trace, rel=1e-8)
        assert abs(count * shares - 1).max() < 0.2
    # E⟨N,h⟩² n = E y'²⟨h'_⊥,h_⊥⟩² ≈ Σ_s π_s E_s[y²‖h_⊥‖²] tr C_sC over blocks of trace one, up to what y² tells of the direction of h.
    seen_by = nodes.moments[1] * np.array(task.weights)
    expected = 0.0
    for block in nodes.blocks:
        lengths = np.array([nodes.weights @ (nodes.rest[block.kind] * (nodes.source == s)) for s in range(2)])
        expected += seen_by[block.kind] @ (block.copies * np.einsum("sij,tji->st", block.matrices, block.matrices)) @ lengths
    variance = float(nodes.weights @ nodes.noise**2)
    assert abs(variance / expected - 1) < 5 * math.sqrt(2 / count) + 2 / D


#: Head, task and k of a step whose effect is not that with a fresh task in every context, or with inputs of mean 0, and its η/d².
OTHERS = {
    "six training tasks": ("tanh", Task("relu", 0.01), 6, 4.0),
    "inputs with a mean": ("tanh", Task(sources=[Source("relu", 0.01, input_mean=0.3)]), math.inf, 1.0),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_step_on_other_contexts_changes_the_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """d = 12, 60 runs with and without the step on common draws: the change of IDG, as a share of it."""
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 2048)
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES_OF_A_DRAW", 512)
    d = 12
    head, task, tasks, eta = OTHERS[name]
    sizes = Sizes(d, d, tasks, samples=2 * d * d, hidden=d * d)
    models = [OneStepTransformer(head, step, 1.0) for step in (0.0, eta * d * d)]
    with warnings.catch_warnings():
        # From η = d² on the equivalence is no theorem.
        warnings.simplefilter("ignore", HypothesisWarning)
        before, after = simulated(models, task, sizes, runs=60, rng=3)

    def change(task: Task, sizes: Sizes) -> float:
        first, second = (icl_error(model, task, sizes).idg for model in models)
        return 1 - second / first

    gain = before.minus(after).idg
    relative, stderr = gain.mean / before.idg.mean, gain.stderr / before.idg.mean
    # Five standard errors: a false alarm in 1e-6.
    assert abs(change(task, sizes) - relative) < 5 * stderr
    assert abs(change(Task("relu", 0.01), replace(sizes, tasks=math.inf)) - relative) > 5 * stderr


def test_polynomial_heads_have_their_moments_exactly() -> None:
    head = equivalent_model("relu", 2)
    mean, scale = np.linspace(-2, 2, 7), np.linspace(0.7, 1.3, 7)
    a0, a1, a2, rest = conditional_moments(head, mean, scale)
    c = [float(x) for x in head.c]
    # c₀ + c₁z + c₂(z² − 1)/2 at z = μ + ρg.
    curved = c[2] / 2 * scale**2
    values = c[0] + c[1] * mean + c[2] / 2 * (mean**2 + scale**2 - 1)
    exact = (values, (c[1] + c[2] * mean) * scale, 2 * curved, 2 * curved**2 + float(head.residual) ** 2)
    for moment, expected in zip((a0, a1, a2, rest), exact, strict=True):
        # Quintic splines with 161 and 16 nodes: 1e-8 for functions as smooth as these.
        assert np.abs(moment - expected).max() < 1e-7


def test_a_curve_is_its_points_and_the_equivalent_head_is_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 512)
    sizes = [half(8), replace(half(8), samples=48)]
    sigma, equivalent = (OneStepTransformer("relu", 63.0, 1.0, normalise=True, head=h) for h in (None, equivalent_model("relu", 4)))
    curve = icl_curve(sigma, spike(8), sizes)
    assert curve[1].icl == pytest.approx(icl_error(sigma, spike(8), sizes[1]).icl, rel=1e-12)
    assert curve.icl_by_source is not None
    assert np.allclose(curve.icl_by_source[:, 0], curve.icl)
    # Theorem 4.12 of [DM]: the same error, up to what degree 4 misses under a spike of O(1).
    first, second = (spiked_icl_error(head, spike(8), sizes[0], nodes=512).icl for head in (sigma, equivalent))
    assert 0 < abs(second / first - 1) < 0.05


STEP = STEPS[1]
MOMENTS = given_moments([Population(np.eye(2), np.ones(2), 3.0)])
LIMIT: Any = Ratios(alpha=1, kappa=math.inf, tau=1, mu=1)
BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: icl_error(STEP, spike(D), LIMIT), "spikes are studied at a finite d; found .*Repair: pass Sizes"),
    (lambda: icl_error(STEP, spike(D), replace(half(D), hidden=None)), "a random head has hidden units; .*Repair: pass hidden="),
    (lambda: spiked_icl_error(STEP, spike(D), replace(half(D), tasks=8)), "every training context has a task of its own; found tasks=8"),
    (lambda: icl_error(OneStepTransformer("relu", 1.0, 0.0), spike(D), half(D)), "the ridge is positive; found ridge=0"),
    (lambda: icl_error(STEP, MOMENTS, half(D)), "a gradient step is taken on contexts of a Task"),
    (lambda: spiked_icl_error("relu", spike(D), half(D)), "the model is a LinearTransformer, .*; found str"),  # type: ignore[arg-type]
    (lambda: spiked_icl_error(LinearTransformer(0.1), spike(D), half(D)), "the head is random; found Lin"),  # type: ignore[arg-type]
    (lambda: icl_error(STEP, Task(sources=[Source("relu", input_mean=1.0)]), half(D)), "the mean of the inputs holds at most 12%"),
    (lambda: icl_error(STEP, Task(sources=[Source("relu", tasks="rademacher")]), half(D)), "tasks are Gaussian or on the sphere"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_outside_its_domain_it_says_so(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(HypothesisError, match=message):
        call()


def test_contexts_whose_labels_all_vanish_have_h_zero() -> None:
    """ReLU labels of ℓ = 2 inputs are all 0 in a quarter of the contexts; little noise is about none."""
    head, sizes = RandomTransformer("relu", 0.1), Sizes(6, 2, math.inf, 64, 64)
    none, little = (spiked_icl_error(head, Task("relu", noise), sizes, nodes=64).icl for noise in (0.0, 1e-10))
    # The noise itself, h of order √noise, and the 1e-4 of the largest h that stands for less.
    assert none == pytest.approx(little, rel=1e-3)
    with pytest.raises(HypothesisError, match=r"labels that all vanish, as h = 0 has no direction; .* Repair: pass noise=1e-6"):
        spiked_icl_error(RandomTransformer("relu", 0.1, normalise=True), Task("relu"), sizes, nodes=64)


@pytest.mark.parametrize("nodes", [16, 64, 1024])
def test_no_number_of_contexts_ends_in_a_raw_error_at_d_1(nodes: int) -> None:
    with pytest.raises(HypothesisError, match=r"directions that hold less than 2% .* Repair: raise d|the nodes surround the exact means"):
        spiked_icl_error(RandomTransformer("relu", 0.1), Task("relu"), Sizes(1, 2, math.inf, 4, 4), nodes=nodes)


def test_an_input_spike_of_order_d_needs_quadratic_functions() -> None:
    """d = 24, 160 runs: the head that sees an O(1) share of h in one direction, and functions of degree 2 in the query."""
    d = 24
    head, task = RandomTransformer("relu", 1.0, normalise=True), input_spike(d)
    sizes = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=1.5, mu=0.5)
    measured = simulated(head, task, sizes, runs=160, rng=3, test=4000)
    nodes = context_nodes(task, d, d, True, 4096)
    assert nodes.large == 1
    theory = icl_error(head, task, sizes)
    without = typed_features(Head.of(head), replace(nodes, quadratics=None), sizes)
    noise = nodes.shares * TypedRidge(without, sizes.samples, sizes.hidden or 0, 1.0 / d).errors().error
    # Five standard errors (5 %; a false alarm in 1e-6) and a quarter of the order 1/d.
    assert abs(measured.icl.mean - theory.icl) < 5 * measured.icl.stderr + 0.25 * theory.icl / d, (str(measured), theory)
    # On the spiked source alone; there these functions as noise are refuted.
    runs = measured.source_runs[:, 1]
    stderr = runs.std(ddof=1) / math.sqrt(len(runs))
    allowed = 5 * stderr + 0.25 * theory.icl_by_source[1] / d
    assert abs(runs.mean() - theory.icl_by_source[1]) < allowed
    assert float(noise[nodes.source == 1].sum()) - runs.mean() > allowed


def test_the_theory_takes_a_concentrated_direction_as_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """icl_error asks for it where it can, and says what it could not do elsewhere."""
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 512)
    d = 8
    head, task = RandomTransformer("relu", 1.0), input_spike(d)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        by_moments, typed = icl_error(head, task, half(d)), spiked_icl_error(head, task, half(d), nodes=512)
        without = icl_error(replace(head, ridge=0.0), task, half(d))
    assert by_moments == typed
    assert any("one direction of h holds 41% of E‖h‖² at d = 8, of which this theory knows too little" in x for x in without.notes)


def test_labels_without_a_linear_part() -> None:
    """E[hy] = 0: there is no signal direction, and the mean label is still fitted."""
    d = 16
    task, sizes = Task("square", 0.01), half(d)
    head = RandomTransformer("relu", 1.0, normalise=True)
    by_types, known = spiked_icl_error(head, task, sizes).icl, icl_error(head, task, sizes).icl
    # Sampling (1 %) and half of the order 1/d, in which the two theories differ.
    assert abs(by_types / known - 1) < 0.01 + 0.5 / d


@pytest.mark.parametrize("ridge", [1e-8, 0.05, 1e4])
def test_the_weights_settle_at_every_ridge(ridge: float) -> None:
    """Extrapolation led astray where σ has no linear part and the ridge is small: now it goes on from the best weights."""
    task = Task(sources=[Source("abs", 0.01), Source("tanh", 0.01)], unit_inputs=True, unit_link=True)
    sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=0.3, mu=2.5)
    error, beside = (icl_error(RandomTransformer("x^2-1", factor * ridge), task, sizes) for factor in (1.0, 1.01))
    assert error.fixed_point_residual < 1e-8
    # With another ridge by 1 % every √s/(s + λ) and λ/(s + λ) is another by 1 % at most, and errors are made of their squares.
    assert beside.icl == pytest.approx(error.icl, rel=0.02)


def test_an_iteration_led_astray_goes_on_from_the_best() -> None:
    """x ↦ √x about 1 contracts logarithms by ½; images that are wrong for a while are what an extrapolation far off sees."""
    weights = PositiveIteration(np.array([4.0, 0.0, 1e-3]), memory=3)
    for number in range(60):
        image = np.sqrt(weights.values) * (1e9 if number in (4, 5, 6) else 1.0)
        if weights.settled(image):
            break
    np.testing.assert_allclose(weights.values, [1.0, 0.0, 1.0], rtol=1e-11)
    assert weights.residual <= 1e-12


def test_without_a_large_direction_one_type_describes_neurons() -> None:
    """Many moderate directions: their quadratic functions are what a head of degree 2 sees, and no type of a neuron.

    One check at |z| < 3.5: one false alarm in 2,000 seeds.
    """
    task = Task(sources=[Source("relu", 0.01, input_cov=Toeplitz(0.3))], unit_inputs=True, unit_link=True)
    head, sizes = RandomTransformer("x^2-1", 0.1, normalise=True), Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=2, mu=1)
    measured = simulated(head, task, sizes, runs=32, rng=2).icl
    assert abs(icl_error(head, task, sizes).icl - measured.mean) < 3.5 * measured.stderr
    assert spiked_icl_error(head, task, sizes).icl - measured.mean > 7 * measured.stderr
