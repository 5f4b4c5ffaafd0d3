"""Several sources: moments of norms against drawn contexts, one isotropic source against the theory of one, and messages."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hermite_eq.covariance.sources import source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, MixtureTask, Model, RandomTransformer, Ratios, Sizes, Source, Spike, Task
from hermite_eq.theory import Kronecker, icl_curve, icl_error
from hermite_eq.theory.source_norms import curvature, norm_moments
from hermite_eq.theory.source_quadratics import quadratic_blocks

D = 20
CONTEXTS = 20_000
SOURCES = {
    "isotropic": Source("relu", 0.1),
    "task spike": Source("relu", 0.1, task_cov=Spike(9.0)),
    "input spike": Source("tanh", 0.1, input_cov=Spike(5.0)),
    "sphere": Source("gelu", 0.1, tasks="sphere"),
}


def drawn(task: MixtureTask, source: Source, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """‖h‖², y and (Mᵀh)y of literal contexts, each with a task of its own."""
    factor = 1.0 if task.unit_inputs else float(D)
    shrink = 1.0 if task.unit_inputs else 1 / math.sqrt(D)
    xi = source.task_cov.colour(rng.standard_normal((CONTEXTS, D)))
    if source.tasks != Source("relu").tasks:
        xi *= math.sqrt(D) / np.linalg.norm(xi, axis=1, keepdims=True)
    X = source.input_cov.colour(rng.standard_normal((CONTEXTS * (D + 1), D))).reshape(CONTEXTS, D + 1, D)
    if task.unit_link:
        link = np.einsum("nid,nd->ni", X, xi) / (np.linalg.norm(xi, axis=1, keepdims=True) * math.sqrt(source.input_cov.norm(D)))
    else:
        link = np.einsum("nid,nd->ni", X, xi) / math.sqrt(D)
    y = np.asarray(source.target(link), float) + math.sqrt(source.noise) * rng.standard_normal(link.shape)
    x = shrink * X
    b = np.concatenate([factor / D * np.einsum("ni,nid->nd", y[:, :D], x[:, :D]), (y[:, :D] ** 2).mean(1, keepdims=True)], axis=1)
    M = source_moments(task, D, D).labels
    return {"h2": (x[:, D] ** 2).sum(1) * (b**2).sum(1), "y": y[:, D], "signal": np.einsum("ni,ij,nj->n", x[:, D], M, b) * y[:, D]}


@pytest.mark.parametrize(("name", "unit"), [*((name, False) for name in SOURCES), ("task spike", True)])
def test_norms_and_slopes_are_those_of_drawn_contexts(name: str, unit: bool) -> None:
    source = SOURCES[name]
    task = MixtureTask([source], unit_inputs=unit, unit_link=unit)
    found, moments = norm_moments(task, 0, D, D), source_moments(task, D, D)
    sample = drawn(task, source, np.random.default_rng(3))
    s2 = sample["h2"] / (np.trace(moments.inputs) * np.trace(moments.second_b))
    V = found.norm_variance
    pairs = {
        "norm_variance": (s2 - 1) ** 2,
        "mean_slope": sample["y"] * (s2 - 1) / V,
        "square_slope": sample["y"] ** 2 / moments.square_y * (s2 - 1) / V,
        "signal_slope": sample["signal"] / float((moments.labels**2).sum()) * (s2 - 1) / V,
    }
    for field, values in pairs.items():
        expected, scale = getattr(found, field), float(np.abs(values).mean())
        stderr = float(values.std() / math.sqrt(CONTEXTS))
        # Five standard errors, and 2 % of the size for the average over 512 tasks; squares of norms are heavy-tailed, so that the sample's
        # own standard error is uncertain by some ten per cent.
        assert abs(values.mean() - expected) < 5.5 * stderr + 0.02 * scale, field
        if field == "norm_variance":
            assert abs(values.mean() - 1.3 * expected) > 5.5 * stderr + 0.02 * scale, "a variance 30 % off is not seen"


@pytest.mark.parametrize("model", [RandomTransformer("relu", 0.1, normalise=True), LinearTransformer(0.1)], ids=str)
def test_one_isotropic_source_is_a_task(model: Model) -> None:
    """Two routes to one number: explicit matrices of exact moments, and the spectrum at finite d, which knows more of the norms."""
    for d in (16, 40):
        sizes = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=1.5, mu=0.8)
        one, other = (icl_error(model, task, sizes).icl for task in (Task("relu", 0.01), MixtureTask([Source("relu", 0.01)])))
        # What the two treat differently (directions of b, which go with its length) is of order 1/d; seen: at most 0.06/d.
        assert abs(other / one - 1) < 0.1 / d


def test_per_source_errors_sum_to_the_mixture() -> None:
    sources = [Source("relu", 0.01), Source("tanh", 0.2, task_cov=Spike(9.0))]
    sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=1.5, mu=0.8)
    model = RandomTransformer("relu", 0.1, normalise=True)
    task = MixtureTask(sources, [0.25, 0.75], test_weights=[0.6, 0.4])
    found = icl_error(model, task, sizes)
    assert found.icl == pytest.approx(0.6 * found.icl_by_source[0] + 0.4 * found.icl_by_source[1], rel=1e-14)
    # The in-distribution error is that of the training mixture.
    assert found.idg == pytest.approx(0.25 * found.icl_by_source[0] + 0.75 * found.icl_by_source[1], rel=1e-9)
    assert [icl_error(model, task.tested_on(s), sizes).icl for s in (0, 1)] == pytest.approx(list(found.icl_by_source), rel=1e-12)
    curve = icl_curve(model, task, [sizes, Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=3, mu=0.8)])
    assert curve[0].icl_by_source == pytest.approx(found.icl_by_source, rel=1e-9)
    assert curve[1].icl < found.icl


def test_contexts_that_differ_too_much_are_said_aloud() -> None:
    sizes = Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=1.5, mu=0.8)
    model = RandomTransformer("relu", 0.1, normalise=True)
    found = icl_error(model, MixtureTask([Source("relu", 0.01, task_cov=Spike(256.0))]), sizes)
    (note,) = found.notes
    assert note.startswith("‖h‖² has the relative variance 1")
    assert note.endswith(
        "within source 0 at d = 16: its contexts differ too much for one covariance, and the error may be off by more than 10 %"
    )
    bounded = MixtureTask([Source("relu", 0.01, task_cov=Spike(256.0))], unit_inputs=True, unit_link=True)
    assert icl_error(model, bounded, sizes).notes == ()


@pytest.mark.parametrize("unit", [False, True])
def test_the_curvature_of_the_label_is_that_of_drawn_queries(unit: bool) -> None:
    """E[y(xxᵀ − Σ)] along and across a task spike, for a target with c_2 ≠ 0."""
    task = MixtureTask([Source("relu", 0.1, task_cov=Spike(400.0))], unit_inputs=unit, unit_link=unit)
    matrix = curvature(task, 0, D, D)
    source, rng = task.sources[0], np.random.default_rng(5)
    xi = source.task_cov.colour(rng.standard_normal((CONTEXTS, D)))
    X = rng.standard_normal((CONTEXTS, D))
    link = (X * xi).sum(1) / (np.linalg.norm(xi, axis=1) if unit else math.sqrt(D))
    y, scale = np.asarray(source.target(link)), 1.0 if unit else D
    for i, j in ((0, 0), (0, 1), (3, 3)):
        values = y * (X[:, i] * X[:, j] - (i == j)) / scale
        stderr = float(values.std() / math.sqrt(CONTEXTS))
        # The average over 512 tasks is good to 2 % of the size of its terms.
        assert abs(values.mean() - matrix[i, j]) < 5 * stderr + 0.02 * abs(matrix).max()


def test_quadratic_functions_are_orthonormal_and_complete() -> None:
    """Σ e = ½(tr Σ²/tr²Σ + 1) tr R²/tr²R, the part of the kernel that depends on x alone; directions of finite share are left out."""
    d = 30
    spike, R = np.diag([3.0] + [1.0] * (d - 1)), np.diag([1.0] * d + [20.0])
    blocks = quadratic_blocks([Kronecker(spike, R)], [np.zeros((d, d))])
    assert sum(block.copies for block in blocks) == d * (d + 1) // 2
    total = sum(float(block.traces[0]) for block in blocks)
    expected = 0.5 * (np.trace(spike @ spike) / np.trace(spike) ** 2 + 1) * np.trace(R @ R) / np.trace(R) ** 2
    assert abs(total / expected - 1) < 1e-12
    heavy = np.diag([30.0] + [1.0] * (d - 1))
    left = quadratic_blocks([Kronecker(heavy, R)], [np.zeros((d, d))])
    assert sum(block.copies for block in left) == d * (d - 1) // 2


def test_a_source_that_was_never_sampled_is_tested() -> None:
    sources = [Source("relu", 0.01), Source("relu", 0.01, input_cov=Spike(3.0, normalised=True))]
    sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=2, mu=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = MixtureTask(sources, [1.0, 0.0])
    found = icl_error(RandomTransformer("relu", 0.1, normalise=True), task, sizes)
    alone = icl_error(RandomTransformer("relu", 0.1, normalise=True), task.only(0), sizes)
    assert found.idg == pytest.approx(alone.icl, rel=1e-9)
    assert found.icl_by_source[0] == pytest.approx(alone.icl, rel=1e-9)
    assert found.icl_by_source[1] != pytest.approx(alone.icl, rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: icl_error(LinearTransformer(0.1), MixtureTask([Source("relu")]), Sizes(8, 8, 4, 100)),
            "every training context has a task of its own; found tasks=4. "
            "Repair: pass tasks=math.inf, or given_moments of covariance.source_moments(…, tasks=xi)",
        ),
        (
            lambda: icl_error(LinearTransformer(0.1), MixtureTask([Source("relu", input_mean=1.0)]), Sizes(8, 8, math.inf, 100)),
            "h has mean zero, as it has for inputs of mean zero; found source 0 with input_mean=1.0. "
            "Repair: leave out input_mean, or simulate: hermite_eq.simulate.icl_error",
        ),
        (
            lambda: icl_error(LinearTransformer(0.1), MixtureTask([Source("relu")]), Ratios(1, 1, 1)),
            "several sources are studied at a finite d; found Ratios(alpha=1.0, kappa=1.0, tau=1.0, mu=None). Repair: pass Sizes(…)",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == message
