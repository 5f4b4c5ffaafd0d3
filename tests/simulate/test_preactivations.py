"""Pre-activations: samples and their first two moments; couplings against their covariance for a drawn layer, and what a spike and a step
do to them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hermite_eq import HypothesisError, LinearTransformer, OneStepTransformer, RandomTransformer, Sizes, Task
from hermite_eq.models import Source, Spike
from hermite_eq.simulate import contexts, coupling, preactivations
from hermite_eq.simulate.sampler import child_seeds, context_law
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.structured import degree_needed

TASK = Task("relu", noise=0.1)
SIZES = Sizes(d=6, context=8, tasks=1, samples=1)
EPS = np.finfo(float).eps
# |z| < 5: a false alarm with probability 5.7e-7 for each comparison.
Z = 5.0


def test_z_and_signal_are_what_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.simulate.preactivation._ELEMENTS", 100)
    xi = np.arange(1.0, 7.0)
    drawn = preactivations(TASK, SIZES, units=4, count=30, rng=1, xi=xi)
    h = np.einsum("ni,nj->nij", drawn.contexts.x, drawn.contexts.b).reshape(30, 42)
    np.testing.assert_allclose(drawn.z, h @ drawn.F, rtol=0, atol=42 * EPS * (np.abs(h) @ np.abs(drawn.F)).max())
    np.testing.assert_allclose(drawn.signal, drawn.contexts.x @ xi, rtol=0, atol=6 * EPS * np.abs(xi).sum())
    assert drawn.trace == context_law(TASK, Sizes(6, 8, 1, 1)).trace()


def test_given_layer_is_used() -> None:
    layer = np.random.default_rng(0).standard_normal((42, 2))
    drawn = preactivations(TASK, SIZES, units=2, count=5, rng=1, F=layer)
    np.testing.assert_array_equal(drawn.F, layer)
    np.testing.assert_array_equal(drawn.z, drawn.contexts.h() @ layer)


def test_variance_of_a_pre_activation_is_one_over_layers() -> None:
    # E[(fᵀh)²] = E‖h‖²/t = 1 over F and fresh tasks. Units share the contexts: the scatter is taken over contexts.
    drawn = preactivations(TASK, SIZES, units=500, count=20_000, rng=2)
    square = (drawn.z**2).mean(axis=1)
    over_contexts = square.std() / np.sqrt(len(square))
    # Given the contexts, the mean over units is a quadratic form of 500 Gaussian columns with matrix Σ = mean hhᵀ/t:
    # variance 2 tr Σ²/500.
    h = drawn.contexts.h()
    sigma = h.T @ h / (len(h) * drawn.trace)
    stderr = np.hypot(over_contexts, np.sqrt(2 * np.trace(sigma @ sigma) / 500))
    assert abs(square.mean() - 1) < Z * stderr
    assert abs(1.3 * square.mean() - 1) > Z * stderr


def test_fresh_tasks_without_xi() -> None:
    drawn = preactivations(TASK, SIZES, units=1, count=50, rng=0)
    assert drawn.contexts.xi.shape == (50, 6)
    assert len(np.unique(drawn.contexts.xi[:, 0])) == 50
    np.testing.assert_allclose(drawn.signal, (drawn.contexts.xi * drawn.contexts.x).sum(axis=1), rtol=0, atol=32 * EPS * 6)


def test_correlation_with_the_signal_given_task_and_layer() -> None:
    # Given ξ and F: E[fᵀh · ξᵀx] = fᵀ(ξ/d ⊗ E[b]); E[b] from an independent sample of contexts.
    xi = np.random.default_rng(4).standard_normal(6)
    # 5 % of the largest of 16 are 8 standard errors.
    count, units = 300_000, 16
    drawn = preactivations(TASK, SIZES, units=units, count=count, rng=5, xi=xi)
    product = drawn.z * drawn.signal[:, None]
    b = contexts(TASK, SIZES, xi, count, rng=6).b
    through = np.einsum("i,ijk->jk", xi / 6, drawn.F.reshape(6, 7, units))
    expected = b.mean(axis=0) @ through
    stderr = np.hypot(product.std(axis=0), (b @ through).std(axis=0)) / np.sqrt(count)
    assert (np.abs(product.mean(axis=0) - expected) < Z * stderr).all()
    assert (np.abs(1.05 * product.mean(axis=0) - expected) / stderr).max() > Z


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 0}, "units is a positive integer; found units=0. Repair: pass units=1 or more"),
        ({"count": 1.5}, "count is a positive integer; found count=1.5. Repair: pass count=1 or more"),
        ({"xi": np.ones(5)}, "ξ is a vector of length d = 6; found shape (5,). Repair: pass shape (6,)"),
        (
            {"F": np.ones((2, 42))},
            "F has shape (d(d+1), units) = (42, 2); found shape (2, 42). Repair: transpose or redraw F",
        ),
    ],
)
def test_errors(change: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        preactivations(TASK, SIZES, **({"units": 2, "count": 5, "rng": 0} | change))
    assert str(error.value) == message


HALF = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=0.5, mu=0.5)


def test_the_spread_without_structure_is_that_of_directions() -> None:
    # Cov(h)/t ≈ I/D: ω_ij = f_iᵀf_j has mean square tr Cov²/t² = 1/D up to O(1/d), D = d(d+1); one draw of 2556 pairs: 10 %.
    measured = coupling(RandomTransformer("relu", 0.1), Task("relu", 0.01), HALF, contexts=40_000, rng=0)
    assert measured.spread**2 * 156 == pytest.approx(1, rel=0.1 + 4 / 12)
    assert measured.noise < measured.spread < measured.largest < 6 * measured.spread


def test_a_spike_couples_and_the_step_couples_more() -> None:
    # Along γγᵀ every unit has a share of order d^{-1/2}, which the step along E[y h] multiplies.
    spiked = Task(sources=[Source("relu", 1e-4, task_cov=Spike(144.0))], unit_inputs=True, unit_link=True)
    plain = coupling(OneStepTransformer("relu", 0.0, 0.1), spiked, HALF, rng=0)
    stepped = coupling(OneStepTransformer("relu", 576.0, 0.1), spiked, HALF, rng=0)
    rank_one = coupling(OneStepTransformer("relu", 576.0, 0.1, rank_one=True), spiked, HALF, rng=0)
    assert stepped.spread > plain.spread
    assert rank_one.spread > plain.spread
    rules = [degree_needed(HALF, coupling=measured.largest).by_coupling for measured in (plain, stepped)]
    without, after = rules
    assert without is not None
    assert after is not None
    assert after > without > 1


def test_normalised_input_and_literal_correlations() -> None:
    sizes = Sizes(d=3, context=4, tasks=math.inf, samples=9, hidden=5)
    measured = coupling(RandomTransformer("relu", 0.1, normalise=True), Task("relu", 0.01), sizes, contexts=300, rng=4)
    draw = draw_run(Task("relu", 0.01), sizes, 300, True, np.float64, child_seeds(4, range(1))[0])
    h = draw.fresh.h()
    omega = np.corrcoef((h / np.linalg.norm(h, axis=1)[:, None] @ draw.layer.T).T)
    expected = np.abs(omega - np.diag(omega.diagonal())).max()
    assert measured.largest == pytest.approx(expected, rel=1e4 * np.finfo(float).eps)


def test_a_coupling_needs_a_first_layer() -> None:
    with pytest.raises(HypothesisError) as error:
        coupling(LinearTransformer(0.1), Task("relu"), HALF)  # type: ignore[arg-type]
    assert str(error.value) == (
        "a coupling is that of a random head; found LinearTransformer(ridge=0.1, intercept=False). "
        "Repair: pass RandomTransformer(activation, ridge=…)"
    )
    with pytest.raises(HypothesisError) as error:
        coupling(RandomTransformer("relu", 0.1), Task("relu"), Sizes(3, 4, 2, 9))
    assert str(error.value) == (
        "a coupling is that of two hidden units; found sizes.hidden=None. Repair: pass Sizes(…, hidden=…) or from_ratios(…, mu=…)"
    )
