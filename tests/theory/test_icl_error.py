"""The entry point: dispatch, the limit of finite sizes, the equivalent model, notes, and messages."""

from __future__ import annotations

import math
import sys
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import sympy
from simulated import simulated

from hermite_eq.equivalence import equivalent_model
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X
from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer, Ratios, Sizes, Task, TrainedModel
from hermite_eq.theory import TheoryError, icl_curve, icl_error
from hermite_eq.theory.feature_law.head import HeadMoments
from hermite_eq.theory.prediction import REMAINDER, ErrorArrays

EPS = sys.float_info.epsilon
RELU = Task("relu", noise=0.01)
MODELS: list[TrainedModel] = [
    LinearTransformer(0.01),
    LinearTransformer(0.01, intercept=True),
    RandomTransformer("relu", 1e-8),
    RandomTransformer("tanh", 0.1),
    RandomTransformer("tanh", 0.1, normalise=True),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("target", ["relu", "tanh"])
@pytest.mark.parametrize(("tau", "mu"), [(0.5, 1.0), (1.5, 0.5), (2.0, 3.0)])
def test_finite_sizes_approach_the_limit_at_rate_one_over_d(model: Any, target: str, tau: float, mu: float) -> None:
    """gap(d)·d has a limit: between d = 1e3 and 4e3 it changes by its own relative order, a few times 1/√d at most."""
    task = Task(target, noise=0.01)
    ratios = {"alpha": 1.0, "kappa": 0.5, "tau": tau, "mu": mu}
    limit = icl_error(model, task, Ratios(**ratios))
    for error in ("icl", "idg"):
        scaled = []
        for d in (1000, 4000):
            value = getattr(icl_error(model, task, Sizes.from_ratios(d, **ratios)), error)
            scaled.append((value / getattr(limit, error) - 1) * d)
        # The scaled gap is 1-60 for these points (the random head's ridge λ/d belongs to it).
        assert abs(scaled[0]) < 100
        assert abs(scaled[1] - scaled[0]) < 0.1 * (1 + abs(scaled[0]))


@pytest.mark.parametrize("head", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("point", [Ratios(1, 0.5, 1.5, 3), Ratios(2, 3, 0.5, 1)])
def test_the_equivalent_model_has_the_error_of_its_activation(head: str, point: Ratios) -> None:
    """[RT] Theorem 3 in the limit: degree 1 suffices where c_0 ≠ 0 or c_2 = 0."""
    exact = icl_error(RandomTransformer(head, 0.0), RELU, point)
    for degree in (1, 2, 5):
        error = icl_error(RandomTransformer(equivalent_model(head, degree=degree), 0.0), RELU, point)
        # Parseval's difference is rounded at the size of E σ².
        assert abs(error.icl - exact.icl) < 1e3 * EPS * exact.icl
        assert abs(error.idg - exact.idg) < 1e3 * EPS * exact.idg


def test_degree_two_carries_the_mean_label_where_c0_vanishes() -> None:
    centred = sympy.Max(X, 0) - 1 / sympy.sqrt(2 * sympy.pi)
    head = RandomTransformer(centred, 0.0)
    second, first = (RandomTransformer(equivalent_model(centred, degree=r), 0.0) for r in (2, 1))
    point = Ratios(1, 0.5, 1.5, 3)
    exact, with_two, with_one = (icl_error(model, RELU, point) for model in (head, second, first))
    fitted = icl_error(RandomTransformer("relu", 0.0), RELU, point)
    assert abs(with_two.icl - exact.icl) < 1e3 * EPS * exact.icl
    assert fitted.icl < exact.icl < with_one.icl
    assert exact.notes == ("c_0 = 0: the mean label is fitted in part, through degree 2",)
    assert with_one.notes == ("c_0 = c_2 = 0: the mean label is not fitted",)
    assert fitted.notes == ()


def test_moments_at_scale_one_are_those_of_the_scaled_head() -> None:
    for head in (RandomTransformer("gelu", 0).activation, equivalent_model("relu", degree=4)):
        plain, scaled = HeadMoments.of(head), HeadMoments.scaled(head, np.array([1.0, 0.5]))
        for f in fields(HeadMoments):
            assert abs(getattr(plain, f.name)[0] - getattr(scaled, f.name)[0]) < 1e-13
    # ReLU is homogeneous: every coefficient is proportional to s.
    relu, half = (
        HeadMoments.of(RandomTransformer("relu", 0).activation),
        HeadMoments.scaled(RandomTransformer("relu", 0).activation, np.array([0.5])),
    )
    assert abs(half.c1[0] / relu.c1[0] - 0.5) < 1e-13
    assert abs(half.residual2[0] / relu.residual2[0] - 0.25) < 1e-12


def test_an_even_target_teaches_the_linear_transformer_nothing() -> None:
    """a₁ = 0: h is noise. Ridgeless, D features and n samples: e = (E y² − c₀²)/(1 − min(τ, 1/τ)) with an intercept."""
    task = Task("abs", noise=0.3)
    variance = 1 + 0.3 - 2 / math.pi
    for tau in (0.25, 3.0):
        error = icl_error(LinearTransformer(0.0, intercept=True), task, Ratios(2, 0.5, tau))
        assert abs(error.icl - variance / (1 - min(tau, 1 / tau))) < 1e-13
        assert error.g_task == pytest.approx(0, abs=1e-13)


def test_a_small_dimension_says_so() -> None:
    error = icl_error(LinearTransformer(0.1), RELU, Sizes(5, 5, 3, 40))
    assert error.notes == ("d = 5: the remainder, of the next order in 1/d, is several per cent",)
    assert icl_error(LinearTransformer(0.1), RELU, Sizes(8, 8, 4, 100)).notes == ()


def test_a_head_without_linear_part_says_so() -> None:
    error = icl_error(RandomTransformer("abs", 0.0), RELU, Ratios(1, 0.5, 2, 1))
    assert error.notes == ("c_1 = 0: the head passes nothing linear in h; what remains is the mean label and noise features",)
    assert math.isfinite(error.icl)


def test_interpolation_is_said_aloud() -> None:
    error = icl_error(RandomTransformer("relu", 0.5), RELU, Ratios(1, 0.5, 1.5, 1.5))
    assert (error.icl, error.idg, error.g_task) == (math.inf, math.inf, 0.0)
    assert str(error) == "ICL inf, IDG inf; exact interpolation without ridge: the error diverges"
    assert math.isinf(icl_error(LinearTransformer(0.0), RELU, Ratios(1, 0.5, 1)).icl)
    assert math.isinf(icl_error(LinearTransformer(0.0), RELU, Sizes(10, 10, 5, 110)).icl)
    finite = icl_error(RandomTransformer("relu", 1e-3), RELU, Sizes(10, 10, 5, 100, 100))
    assert math.isfinite(finite.icl)


@pytest.mark.parametrize("d", [11, 19, 30])
def test_samples_equal_to_weights_interpolate_at_rounded_ratios(d: int) -> None:
    """n = D, and n/d² · d/(d+1) = 1 + ε in floating point."""
    samples = d * (d + 1)
    assert samples / d**2 * (d / (d + 1)) != 1
    assert math.isinf(icl_error(LinearTransformer(0.0), RELU, Sizes(d, 2 * d, d, samples)).icl)
    beside = icl_error(LinearTransformer(0.0), RELU, Sizes(d, 2 * d, d, samples + 1))
    assert math.isfinite(beside.icl)
    linear = RandomTransformer(PolynomialActivation("linear", (1.0, 1.0), 0.0), 0.0, normalise=True)
    assert math.isinf(icl_error(linear, RELU, Sizes(d, 2 * d, d, samples, 2 * samples)).icl)


def test_a_curve_is_its_points() -> None:
    points = [
        Sizes.from_ratios(d, alpha=1, kappa=kappa, tau=tau, mu=1)
        for d in (10, 26)
        for kappa in (0.5, math.inf)
        for tau in ((0.5, 2) if d == 26 else (2,))
    ]
    for model in MODELS:
        curve = icl_curve(model, RELU, points)
        for at_point, point in zip(curve, points, strict=True):
            alone = icl_error(model, RELU, point)
            for f in fields(ErrorArrays):
                if f.name != "fixed_point_residual":
                    # Points solved together iterate to the same fixed point, the weights to 1e-10.
                    assert abs(getattr(at_point, f.name) - getattr(alone, f.name)) <= 1e-8 * abs(getattr(alone, f.name)) + 1e-14
        assert abs(curve.icl - curve.bias - curve.variance).max() < 1e3 * EPS * curve.icl.max()
    table = curve.to_dataframe()
    assert list(table.columns[:5]) == ["d", "context", "tasks", "samples", "hidden"]
    assert len(curve) == len(table) == len(points)


def test_large_and_small_sizes_have_errors_above_the_noise() -> None:
    """Property over sizes from d = 4 to 2000, ratios over four decades, λ from 0 to 100: no NaN, above ρ, fixed point solved."""
    rng = np.random.default_rng(2)
    names = ["relu", "tanh", "abs", "identity", "gelu"]
    refused = []
    for _ in range(24):
        d = int(rng.choice([4, 8, 20, 2000]))
        tasks = math.inf if rng.random() < 0.15 else max(1, int(d * 10 ** rng.uniform(-1, 2)))
        samples = int(max(1 if tasks == math.inf else tasks, 10 ** rng.uniform(-2, 2) * d * d + 1))
        hidden = samples if rng.random() < 0.1 else int(10 ** rng.uniform(-2, 2) * d * d + 1)
        sizes = Sizes(d, int(max(1, d * 10 ** rng.uniform(-1, 2))), tasks, samples, hidden)
        ridge = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-10, 2)
        task = Task(str(rng.choice(names)), noise=float(10 ** rng.uniform(-4, 0)))
        flag = bool(rng.random() < 0.5)
        model = LinearTransformer(ridge, flag) if rng.random() < 0.3 else RandomTransformer(str(rng.choice(names)), ridge, flag)
        try:
            error = icl_error(model, task, sizes)
        except HypothesisError:
            refused.append((sizes.d, sizes.context))
            continue
        assert error.icl >= task.noise
        assert error.idg >= task.noise
        # Given contexts, Newton's iteration ends at 1e-7.
        assert error.fixed_point_residual < (1e-7 if error.icl_stderr else 1e3 * EPS)
    # Refusals only where the law of ‖h‖² is far from concentrated (contexts of at most four examples), or the noise in b is below its
    # fluctuations (contexts of 16 d examples or more).
    assert all(d <= 20 and (context <= 4 or context >= 16 * d) for d, context in refused), refused
    assert len(refused) <= 6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: icl_error("relu", RELU, Ratios(1, 1, 1)),  # type: ignore[arg-type]
            "the model is a LinearTransformer, a RandomTransformer or a OneStepTransformer; found str. "
            "Repair: pass LinearTransformer(ridge=…), RandomTransformer(activation, ridge=…) "
            "or OneStepTransformer(activation, step_size, ridge)",
        ),
        (
            lambda: icl_error(LinearTransformer(0), RELU, 3),  # type: ignore[arg-type]
            "where to evaluate is given as Sizes (finite d) or Ratios (the limit); found int. "
            "Repair: pass Ratios(alpha=…, kappa=…, tau=…, mu=…) or Sizes.from_ratios(d, …)",
        ),
        (
            lambda: icl_error(RandomTransformer("relu", 0), RELU, Ratios(1, 1, 2)),
            "a random head has hidden units; found Ratios(alpha=1.0, kappa=1.0, tau=2.0, mu=None). Repair: pass mu=…",
        ),
        (
            lambda: icl_error(RandomTransformer("relu", 0), RELU, Sizes(10, 10, 5, 100)),
            "a random head has hidden units; found Sizes(d=10, context=10, tasks=5, samples=100, hidden=None). Repair: pass hidden=…",
        ),
        (
            lambda: icl_error(RandomTransformer(sympy.Integer(2) + 0 * X, 0), RELU, Ratios(1, 1, 2, 1)),
            "the head is not constant; found 2. Repair: use a head with some c_k ≠ 0, k ≥ 1",
        ),
        (
            lambda: icl_error(LinearTransformer(0), Task(0 * X), Ratios(1, 1, 2)),
            "the labels are not all zero; found target 0, noise variance 0. Repair: pass a nonzero target or noise > 0",
        ),
        (
            lambda: icl_error(LinearTransformer(0), RELU, Sizes(3, 4, 4, 40)),
            "d, ℓ and k are large enough for the theory, whose remainder is of the next order in 1/d; found d=3. "
            "Repair: raise d, context or tasks, or simulate: hermite_eq.simulate.icl_error",
        ),
        (
            lambda: icl_curve(LinearTransformer(0), RELU, []),
            "the points are all Sizes, or all Ratios; found no points. Repair: pass [Sizes(…), …] or [Ratios(…), …]",
        ),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message


def test_results_are_plain_and_frozen() -> None:
    error = icl_error(LinearTransformer(0.1), RELU, Ratios(1, 0.5, 2))
    assert isinstance(error, TheoryError)
    assert all(type(getattr(error, f.name)) is float for f in fields(ErrorArrays))
    with pytest.raises(AttributeError):
        error.icl = 0.0  # type: ignore[misc]


def test_what_an_error_may_be_off_by() -> None:
    """The next order in 1/d and the standard error of draws; nothing in the limit, where the error is exact."""
    model, task = LinearTransformer(0.1), Task("relu", 0.01)
    assert icl_error(model, task, Ratios(1, math.inf, 1.5)).error == 0
    sizes = [Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=1.5) for d in (20, 40)]
    curve = icl_curve(model, task, sizes)
    assert curve.error / curve.icl == pytest.approx([REMAINDER / 20, REMAINDER / 40])
    few = icl_error(model, task, Sizes(20, 20, 3, samples=600))
    assert few.error == pytest.approx(math.hypot(few.icl_stderr, few.icl * REMAINDER / 20))
    assert few.icl_stderr > 0
    peak = icl_error(RandomTransformer("relu", 0.0), task, Sizes(20, 20, math.inf, samples=400, hidden=400))
    assert peak.icl == peak.error == math.inf


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_a_simulation_is_within_the_stated_error(name: str) -> None:
    """Three standard deviations: of two right theories one is refused in 180 seeds or less often; one that is a tenth off is refused."""
    model, task, sizes = RandomTransformer(name, 0.1), Task("relu", 0.1), Sizes.from_ratios(24, alpha=1, kappa=math.inf, tau=2, mu=1)
    error, measured = icl_error(model, task, sizes), simulated(model, task, sizes, runs=40, rng=3).icl
    allowed = 3 * math.hypot(error.error, measured.stderr)
    assert abs(error.icl - measured.mean) < allowed < 0.1 * error.icl
