"""The theory at round and extreme settings: a number that two routes give, or an error of its own; never a warning, a NaN or a hang."""

from __future__ import annotations

import itertools
import math
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.checks.extremes import AGREE, NOISES, RATIOS, RIDGES, Setting, fault, settings
from hermite_eq import LinearTransformer, PolynomialActivation, RandomTransformer, Ratios, Sizes, Task, equivalent_model
from hermite_eq.errors import ConvergenceError, HypothesisError
from hermite_eq.models import OneStepTransformer, Source, Spike
from hermite_eq.theory import bayes_error, context_ridge_error, icl_curve, icl_error, interpolation_peak, optimal_ridge
from hermite_eq.theory.bayes.error import bayes_error_with_covariance
from hermite_eq.theory.roots import increasing_root

INF, LARGEST = math.inf, sys.float_info.max
ABOVE, BELOW = float(np.nextafter(1, 2)), float(np.nextafter(1, 0))
#: Some hundred roundings.
ROUNDING = 1e3 * np.finfo(float).eps


@pytest.mark.parametrize("setting", list(settings(80)), ids=lambda setting: setting.question)
def test_no_setting_is_wrong(setting: Any) -> None:
    assert fault(setting) is None, setting


@pytest.mark.parametrize("setting", [
    # The mean over draws of a residual at rounding level, by regression; shares of nodes that summed to 1 + 2e-11.
    Setting("icl", "1", "abs(x)", 1.0, 1e-6, 0.0, 1e160, Sizes(20, 20, 1, 4 * 10**8, 4 * 10**8), False),
    Setting("icl", "sign(x)", "x^2-1", 1e6, 1e6, 0.1, 0.1, Sizes(4, 1, INF, 4, 16), True),
], ids=["residual", "dof"])  # fmt: skip
def test_settings_that_were_wrong_once_are_not(setting: Setting) -> None:
    assert fault(setting) is None


# Exactly 1, and one unit of rounding beside it.


@pytest.mark.parametrize("mu", [1e-6, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("kappa", [0.4, 1.0, 3.0, INF])
@pytest.mark.parametrize("head", ["identity", "3*x + 1", PolynomialActivation("linear", (0.0, 2.0), 0.0)], ids=str)
def test_heads_without_residual_at_the_linear_peak(head: Any, kappa: float, mu: float) -> None:
    """For m < D nothing happens at n = D: the error has a derivative there, and two units of rounding are no visible step."""
    model, task = RandomTransformer(head, 0.1, True), Task("identity", 0.1)
    errors = [icl_error(model, task, Ratios(1.0, kappa, tau, mu)) for tau in (1 - 1e-6, BELOW, 1.0, ABOVE, 1 + 1e-6)]
    icl = [error.icl for error in errors]
    assert icl[1:4] == pytest.approx([icl[2]] * 3, rel=ROUNDING)
    # From both sides: the mean of two points at a distance of 1e-6 is off by their curvature, of order 1e-12.
    assert (icl[0] + icl[4]) / 2 == pytest.approx(icl[2], rel=1e-9)
    assert not errors[2].notes


def test_the_value_of_large_simulated_sizes() -> None:
    answer = icl_error(RandomTransformer("identity", 0.1, True), Task("identity", 0.1), Ratios(1, INF, 1.0, 0.5))
    # Simulated at d = 640: 1.7250; the remainder is of order 1/d.
    assert answer.icl == pytest.approx(1.7250, abs=2 / 640)


@pytest.mark.parametrize("which", ["alpha", "kappa", "tau", "mu"])
@pytest.mark.parametrize(
    "model",
    [LinearTransformer(0.1), LinearTransformer(0.1, True), RandomTransformer("relu", 0.1), RandomTransformer("identity", 0.1)],
    ids=str,
)
def test_nothing_happens_at_a_ratio_of_exactly_one(model: Any, which: str) -> None:
    ordinary = {"alpha": 0.7, "kappa": 1.4, "tau": 2.3, "mu": 3.1}
    points = [Ratios(**ordinary | {which: value}) for value in (BELOW, 1.0, ABOVE)]
    icl = icl_curve(model, Task("relu", 0.01), points).icl
    if isinstance(model, RandomTransformer) and which == "tau":
        # The head without residual interpolates there: rank D, n = D, no ridge in the limit.
        assert math.isinf(icl[1]) == (str(model) == "identity")
        icl = icl[:2] if str(model) == "relu" else []
    assert icl == pytest.approx([icl[1]] * len(icl) if len(icl) else [], rel=ROUNDING)


def test_interpolation_at_finite_sizes_diverges_only_ridgeless() -> None:
    """n = D = d(d+1), m = D: λ → 0 diverges as a power of λ, and every λ > 0 is finite."""
    sizes, task = Sizes(8, 8, 2, 72, 144), Task("identity", 0.1)
    assert math.isinf(icl_error(RandomTransformer("identity", 0.0, True), task, sizes).icl)
    icl = [icl_error(RandomTransformer("identity", 10.0**-power, True), task, sizes).icl for power in (4, 10, 16)]
    assert np.all(np.diff(icl) > 0)
    assert np.all(np.isfinite(icl))


TINY = [5e-324, 1e-300, 1e-60, 1e-30]


# D = 72: the rank of the features is m, or D where no sample has a nonlinear part.
@pytest.mark.parametrize("tasks", [1, 20])
@pytest.mark.parametrize(("head", "samples", "hidden", "power"), [
    ("identity", 72, 72, 1 / 3), ("identity", 20, 20, 1 / 2), ("identity", 72, 144, 1 / 2),
    ("tanh", 72, 72, 1 / 2), ("relu", 144, 144, 1 / 2),
])  # fmt: skip
def test_a_ridge_too_small_for_a_power_law_is_refused(head: str, samples: int, hidden: int, power: float, tasks: int) -> None:
    def icl(ridge: float) -> float:
        return icl_error(RandomTransformer(head, ridge, True), Task("identity", 0.1), Sizes(8, 8, tasks, samples, hidden)).icl

    assert icl(0.0) == INF
    constant = icl(1e-15) * 1e-15**power
    for ridge in (TINY[0], TINY[-1]):
        try:
            value = icl(ridge)
        except HypothesisError as refusal:
            # The repair works.
            offer = re.search(r"precision; .*Repair: pass ridge=0(?:, or one (.*) times as large)?$", str(refusal))
            assert offer is not None
            factor = offer[1]
            ridge = ridge * float(factor) if factor else 1e-15
            value = icl(ridge)
        # The next order is another such power; and of a factor half of the digits are left.
        assert value * ridge**power == pytest.approx(constant, rel=100 * (1e-15**power + math.sqrt(np.finfo(float).eps)))


# Few training tasks, one by one, take long; which of n and m is the smaller, and the rank, is the same for both.
@pytest.mark.parametrize(("head", "samples", "hidden", "tasks"), [
    ("identity", 144, 20, 20), ("identity", 20, 144, 20), ("identity", 144, 72, 20), ("identity", 144, 144, 20), ("tanh", 72, 20, 20),
    ("tanh", 72, 144, 20), ("identity", 20, 144, 4), ("tanh", 72, 20, 4),
])  # fmt: skip
def test_small_ridges_are_none_where_n_is_not_the_rank(head: str, samples: int, hidden: int, tasks: int) -> None:
    sizes = Sizes(8, 8, tasks, samples, hidden)
    icl = [icl_error(RandomTransformer(head, ridge, True), Task("relu", 0.1), sizes).icl for ridge in (0.0, TINY[0], TINY[-1])]
    assert icl == pytest.approx([icl[0]] * len(icl), rel=1e-6)
    assert icl[0] < 10


@pytest.mark.parametrize("tasks", [1, 20])
@pytest.mark.parametrize("head", ["", "identity", "relu"])
def test_the_largest_ridges_are_infinite(head: str, tasks: int) -> None:
    """With few hidden units too, where the ridge in units of the features is larger than λ."""
    sizes = Sizes(8, 8, tasks, 20, 1)
    models = [RandomTransformer(head, ridge, True) if head else LinearTransformer(ridge) for ridge in (1e100, 1e300, LARGEST)]
    icl = [icl_error(model, Task("relu", 0.1), sizes).icl for model in models]
    assert icl == pytest.approx([icl[0]] * 3, rel=1e-9)


# The ends of double precision.


@pytest.mark.parametrize("target", ["abs", "relu", "identity", "x^2-1", "sign"])
@pytest.mark.parametrize("ridge", [1e20, 1e100, 1e160, 1e200, 1e300, LARGEST])
def test_a_huge_ridge_predicts_nothing(target: str, ridge: float) -> None:
    r"""λ → ∞: ŷ = 0, whose error is E y²; with an intercept ŷ = E y, and Var y. What is fitted still is below 1/λ."""
    task = Task(target, 0.1)
    square = icl_error(LinearTransformer(1e15), task, Ratios(1, 1, 2, 1)).icl
    moments = {"abs": (1.0, 2 / math.pi), "relu": (0.5, 0.5 / math.pi), "identity": (1.0, 0.0), "x^2-1": (2.0, 0.0), "sign": (1.0, 0.0)}
    norm2, mean2 = moments[target]
    assert square == pytest.approx(norm2 + 0.1, rel=1e-12)
    for where in (Ratios(1, 1, 2, 1), Ratios(1e-6, 1e6, 1e-6, 1e6)):
        assert icl_error(LinearTransformer(ridge), task, where).icl == pytest.approx(norm2 + 0.1, rel=1e-9)
        assert icl_error(LinearTransformer(ridge, True), task, where).icl == pytest.approx(norm2 - mean2 + 0.1, rel=1e-9)
    # At d = 20 the target of ‖ξ‖ξᵀx/d has the moments of its degree in ‖ξ‖²/d, of mean 1: E y² is that of the limit up to degree 1.
    if target != "x^2-1":
        for model in (LinearTransformer(ridge), RandomTransformer("sign", ridge), RandomTransformer("tanh", ridge, True)):
            assert icl_error(model, task, Sizes(20, 20, 20, 800, 400)).icl == pytest.approx(norm2 + 0.1, rel=1e-6)


@pytest.mark.parametrize("model", [LinearTransformer, lambda ridge: RandomTransformer("relu", ridge)], ids=["linear", "relu"])
def test_the_error_changes_without_a_step_over_all_ridges(model: Any) -> None:
    """λ over six hundred decades: errors stay between those of no ridge and of an infinite one, and the last steps are none."""
    # Few training tasks one by one, which takes long, under one kind of head.
    task, where = Task("relu", 0.1), Sizes(10, 10, 4 if model is LinearTransformer else 20, 300, 100)
    decades = [-320, -80, -20, -8, *range(-3, 6), 8, 20, 80, 308]
    icl = np.array([icl_error(model(10.0**power), task, where).icl for power in decades])
    assert np.all(np.isfinite(icl))
    # d e/d log λ is bounded by a few E y²: neighbours a decade apart differ by no more.
    assert np.abs(np.diff(np.log(icl))).max() < math.log(10)
    assert icl[:3] == pytest.approx([icl_error(model(0.0), task, where).icl] * 3, rel=1e-9)
    assert icl[-3:] == pytest.approx([icl[-1]] * 3, rel=1e-9)


@pytest.mark.parametrize("model", [
    LinearTransformer(0.0), LinearTransformer(0.1), *(RandomTransformer(head, 0.1) for head in ("relu", "tanh", "x^2-1", "identity")),
], ids=str)  # fmt: skip
def test_ratios_at_both_ends_have_errors(model: Any) -> None:
    curve = icl_curve(model, Task("relu", 0.01), [Ratios(*ratios) for ratios in itertools.product((1e-12, 1.0, 1e12), repeat=4)])
    assert min(curve.icl.min(), curve.idg.min()) >= 0


@pytest.mark.parametrize("noise", [value for value in NOISES if value >= 1e6])
@pytest.mark.parametrize("model", [LinearTransformer(0.0), LinearTransformer(0.0, True), RandomTransformer("relu", 0.0)], ids=str)
def test_noise_beyond_every_signal(model: Any, noise: float) -> None:
    """Labels of noise alone are homogeneous: the error is that of a vanishing target in units of the noise, or there is no such double."""
    where = Ratios(1.0, 2.0, 3.0, 2.0)
    alone = icl_error(model, Task("1e-20*x", 1.0), where).icl
    if alone * noise > LARGEST:
        with pytest.raises(HypothesisError, match="errors are below the largest double"):
            icl_error(model, Task("relu", noise), where)
    else:
        assert icl_error(model, Task("relu", noise), where).icl == pytest.approx(alone * noise, rel=10 / noise)


@pytest.mark.parametrize("noise", [5e-324, 1e-300, 1e-100, 1e-30])
def test_noise_below_every_signal(noise: float) -> None:
    for where in (Ratios(1.0, 2.0, 3.0, 2.0), Sizes(10, 10, 20, 300, 200)):
        for model in (LinearTransformer(1e-3), RandomTransformer("relu", 1e-3)):
            without = icl_error(model, Task("relu"), where).icl
            assert icl_error(model, Task("relu", noise), where).icl == pytest.approx(without, rel=ROUNDING)


@pytest.mark.parametrize("power", [-40, 40])
@pytest.mark.parametrize("where", [Ratios(1.0, 0.5, 1.5, 0.7), Sizes(10, 10, 5, 150, 70)], ids=["limit", "d = 10"])
def test_a_head_and_the_root_of_its_ridge_have_a_common_scale(where: Any, power: int) -> None:
    task, scale = Task("relu", 0.1), 2.0**power
    error = icl_error(RandomTransformer("tanh", 0.3), task, where).icl
    assert icl_error(RandomTransformer(f"2^({power})*tanh(x)", 0.3 * scale**2), task, where).icl == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("power", [-150, -40, 40, 150])
@pytest.mark.parametrize("model", [LinearTransformer(0.0), LinearTransformer(0.0, True), RandomTransformer("tanh", 0.0)], ids=str)
def test_errors_in_the_limit_go_with_the_square_of_the_labels(model: Any, power: int) -> None:
    where, scale = Ratios(1.0, 0.5, 1.5, 0.7), 2.0**power
    error = icl_error(model, Task("relu", 0.1), where).icl
    assert icl_error(model, Task(f"2^({power})*relu(x)", 0.1 * scale**2), where).icl / scale**2 == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("scale", ["10^200", "10^(-200)", "10^61", "10^(-61)"])
def test_sizes_whose_squares_are_no_doubles_are_refused(scale: str) -> None:
    where, plain = Sizes(10, 10, 5, 150, 70), "relu"
    for at in (where, where.ratios):
        with pytest.raises(HypothesisError, match=r"values of the target are between .* Repair: divide the target by"):
            icl_error(LinearTransformer(0.1), Task(f"{scale}*abs(x)", 0.1), at)
        with pytest.raises(HypothesisError, match=r"values of the head are between .* Repair: divide the head by"):
            icl_error(RandomTransformer(f"{scale}*abs(x)", 0.1), Task(plain, 0.1), at)


@pytest.mark.parametrize("noise", [1e31, 1e150, 1e300, LARGEST])
def test_labels_whose_twelfth_powers_overflow_are_refused(noise: float) -> None:
    with pytest.raises(HypothesisError, match=r"at finite d labels are between .* Repair: pass a target and noise of order 1"):
        icl_error(LinearTransformer(0.1), Task("relu", noise), Sizes(10, 10, 5, 150))


@pytest.mark.parametrize("which", ["alpha", "kappa", "tau", "mu"])
@pytest.mark.parametrize("model", [LinearTransformer(0.1), RandomTransformer("relu", 0.0), RandomTransformer("identity", 0.0)], ids=str)
def test_ratios_towards_their_ends_settle(model: Any, which: str) -> None:
    """At 10^±6 the next decade changes little: errors are functions of the ratio or of its reciprocal, or grow as the ratio does."""
    ordinary = {"alpha": 0.7, "kappa": 1.4, "tau": 2.3, "mu": 3.1}
    for end in (-1, 1):
        points = [Ratios(**ordinary | {which: 10.0 ** (end * power)}) for power in (5, 6, 7)]
        icl = icl_curve(model, Task("relu", 0.1), points).icl
        assert np.all(np.isfinite(icl))
        assert np.all(icl >= 0.1)
        # The logarithm changes by the same from decade to decade, a power law, up to the terms that vanish.
        first, second = np.diff(np.log(icl))
        assert first == pytest.approx(second, abs=1e-3)


@pytest.mark.parametrize(("tasks", "context", "target"), [(8, 1, "relu(x)"), (20, 8, "abs(x)")])
def test_labels_that_outweigh_the_signals_of_a_context(target: str, tasks: int, context: int) -> None:
    """b₂ is quadratic in the labels, b₁ linear: of labels of 10³ and more b is b₂, and errors go with their square."""
    sizes, model = Sizes(8, context, tasks, 72, 8), RandomTransformer("relu", 0.1, True)
    icl = [icl_error(model, Task(f"{scale}*({target})", 0.0), sizes).icl / scale**2 for scale in (10**4, 10**6, 10**8)]
    # b₁/b₂ is of the order of 1/scale.
    assert icl == pytest.approx([icl[1]] * 3, rel=10 / 10**4)


def test_too_many_training_tasks_of_several_sources_are_refused() -> None:
    task, sizes = Task(sources=[Source("tanh", 0.1), Source("relu", 0.1)]), Sizes(8, 8, 8 * 10**6, 10**7, 64)
    model = RandomTransformer("relu", 0.1, True)
    with pytest.raises(HypothesisError, match=r"at most 20000 training tasks .* found tasks=8000000\. Repair: pass tasks=math\.inf"):
        icl_error(model, task, sizes)
    assert math.isfinite(icl_error(model, task, replace(sizes, tasks=INF)).icl)


# Questions built on the error.


@pytest.mark.parametrize("noise", [value for value in NOISES if value > 0])
def test_bayes_errors_with_a_covariance_of_no_direction(noise: float) -> None:
    task, alpha = Task("identity", noise), [*RATIOS, 5e-324, 1e-300, 1e-100, 1e100, LARGEST]
    first, second = bayes_error(task, alpha), bayes_error_with_covariance(task, alpha, np.ones(3))
    # At α = 1 ψ is a double root; and of e ≤ E y² ≥ 1 no digits below its rounding.
    assert second == pytest.approx(first, rel=AGREE, abs=float(ROUNDING))
    assert np.all(second >= noise)


@pytest.mark.parametrize("noise", NOISES)
def test_bayes_errors_are_between_the_noise_and_the_label(noise: float) -> None:
    task = Task("identity", noise)
    for alpha in RATIOS:
        for function in (bayes_error, context_ridge_error):
            (error,) = function(task, [alpha])
            assert noise <= error <= min(LARGEST, (1 + noise) * float(1 + ROUNDING))


def test_optimal_ridges_at_the_ends() -> None:
    task = Task("1", 1.0)
    # Nothing to learn: the more ridge the better.
    best = optimal_ridge(LinearTransformer(0.0, True), task, Ratios(1, INF, 1.0))
    assert best.ridge == INF
    # The error beyond the noise falls as λ^-2, or λ^-1: the largest one tried is 1e6.
    assert best.error.icl == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("tau", [1e-6, 1e6])
def test_peaks_far_from_where_one_is(tau: float) -> None:
    peak = interpolation_peak(RandomTransformer("relu", 0.1), Task("relu", 0.01), Ratios(1, 0.5, tau, 1.0), along="mu")
    assert peak.position == tau
    assert peak.height == INF


def test_an_equivalent_of_an_extreme_head_has_its_errors() -> None:
    task, where = Task("relu", 0.1), Ratios(1e6, 1e-6, 1e6, 1e-6)
    error = icl_error(RandomTransformer("tanh", 0.0), task, where).icl
    assert icl_error(RandomTransformer(equivalent_model("tanh", 3), 0.0), task, where).icl == pytest.approx(error, rel=1e-9)


# Loops.


def test_roots_decades_away_are_exact_and_soon_found() -> None:
    roots = np.array([1e-300, 1e-100, 1e-20, 1.0, 1e20, 1e80])
    count = 0

    def log(x: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        return np.asarray(np.log(x) - np.log(roots))

    located = increasing_root(log, np.full(6, 1e-305), np.full(6, 1e100))
    # Logarithms up to 700 are rounded, twice.
    assert located == pytest.approx(roots, rel=2 * 700 * np.finfo(float).eps)
    # 10 halvings of 405 decades, and what a function of one decade takes.
    assert count < 100


def test_what_is_no_number_is_no_root() -> None:
    with pytest.raises(ConvergenceError, match="a bracket of a root shrinks"):
        increasing_root(lambda x: np.where(x == 0, -1.0, np.nan), np.array([0.0]), np.array([1.0]))


@pytest.mark.parametrize("ridge", RIDGES)
def test_every_ridge_is_answered_by_every_linear_transformer(ridge: float) -> None:
    for where in (Ratios(1e-6, 1.0, 1.0), Ratios(1.0, 1e-6, 1e6), Sizes(8, 8, 16, 64), Sizes(8, 64, INF, 10**6)):
        for noise in (0.0, 0.1):
            if isinstance(where, Ratios) and 0 < ridge < 1e-300:
                # No normal number in units of E y².
                with pytest.raises(HypothesisError, match="the ridge is 0 or large enough"):
                    icl_error(LinearTransformer(ridge), Task("tanh", noise), where)
                continue
            answer = icl_error(LinearTransformer(ridge), Task("tanh", noise), where)
            assert answer.icl >= noise
            assert math.isfinite(answer.icl) or (ridge == 0 and any("diverges" in note for note in answer.notes))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", [OneStepTransformer("relu", 12.0, 1e300), RandomTransformer("relu", 1e300)])
@pytest.mark.parametrize("task", [Task("relu", 0.01), Task(sources=[Source("relu", 0.01, input_cov=Spike(24.0, normalised=True))])])
def test_types_of_neurons_at_the_largest_ridge(
    model: OneStepTransformer | RandomTransformer, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is learnt: E y² = ½ + ρ."""
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 256)
    error = icl_error(model, task, Sizes(12, 12, math.inf, samples=200, hidden=100))
    assert error.icl == pytest.approx(0.51, rel=1e-12)
    assert error.effective_ridge == math.inf
