"""The gradient step: against the loss differentiated by another route, and heads after it against a literal script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import literal
import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import HypothesisError, HypothesisWarning, LinearTransformer, RandomTransformer, Sizes, Task, equivalent_model
from hermite_eq.models import OneStepTransformer, PolynomialActivation, TrainedModel, rt_ridge
from hermite_eq.simulate import Contexts, gradient_step, icl_curve, icl_error
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import Draw, draw_run
from hermite_eq.simulate.training.heads import StepSource
from hermite_eq.simulate.training.onestep import Gradient, gradients

Array = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
TASK = Task("relu", noise=0.1)
SMALL = Sizes(d=3, context=4, tasks=5, samples=14, hidden=6)
LARGER = Sizes(d=5, context=6, tasks=12, samples=60, hidden=30)


def drawn(sizes: Sizes, seed: int = 0) -> Draw:
    return draw_run(TASK, sizes, 40, True, np.float64, child_seeds(seed, range(1))[0], True)


def gradient(
    draw: Draw, sigma: str, points: Sequence[tuple[int, int]], edges: list[int] | None = None, normalise: bool = False
) -> dict[tuple[int, int], Gradient]:
    assert draw.step is not None
    model = OneStepTransformer(sigma, 1.0, 0.1, normalise=normalise)
    edges = edges or sorted({0, *(n for n, _ in points)})
    return gradients(StepSource(model.activation, normalise), draw.step, draw.layer, draw.start, draw.trace, points, edges)


@pytest.mark.parametrize("sigma", ["tanh", "gelu"])
@pytest.mark.parametrize("normalise", [False, True])
def test_the_gradient_is_that_of_the_loss_in_extended_precision(sigma: str, normalise: bool) -> None:
    # Central differences at 40 digits with a step of 1e-15 err by 1e-30, far below the 1e-10 asked for.
    draw = drawn(SMALL)
    assert draw.step is not None
    g = gradient(draw, sigma, [(14, 6)], normalise=normalise)[14, 6].matrix
    h, labels = draw.step.h(), draw.step.y
    if normalise:
        h = h * math.sqrt(draw.trace) / np.linalg.norm(h, axis=1)[:, None]
    function = {"tanh": mpmath.tanh, "gelu": lambda z: z * mpmath.ncdf(z)}[sigma]
    with mpmath.workdps(40):
        m, step = 6, mpmath.mpf(10) ** -15
        w = [mpmath.mpf(float(value)) / mpmath.sqrt(m) for value in draw.start]
        pre = [[mpmath.fdot(map(float, row), map(float, f)) for f in draw.layer] for row in h]

        def loss(i: int, j: int, change: mpmath.mpf) -> mpmath.mpf:
            total = mpmath.mpf(0)
            for y, row, z in zip(labels, h, pre, strict=True):
                out = sum(w[unit] * function(z[unit] + (change * float(row[j]) if unit == i else 0)) for unit in range(m)) / mpmath.sqrt(m)
                total += (float(y) - out) ** 2
            return total / (2 * len(h))

        rng = np.random.default_rng(1)
        places = {(int(rng.integers(6)), int(rng.integers(12))) for _ in range(12)}
        numeric = {place: float((loss(*place, -step) - loss(*place, step)) / (2 * step)) for place in places}
    worst = max(abs(g[place] - value) for place, value in numeric.items())
    assert worst <= 1e-10 * np.abs(g).max()


class Dual:
    """a + b ε with ε² = 0: forward differentiation of the loss along one direction."""

    def __init__(self, value: Any, slope: Any) -> None:
        self.value, self.slope = value, slope

    def relu(self) -> Dual:
        return Dual(np.maximum(self.value, 0), np.where(self.value > 0, self.slope, 0.0))


def test_the_gradient_of_relu_against_dual_numbers() -> None:
    sizes = Sizes(d=6, context=6, tasks=10, samples=200, hidden=40)
    draw = drawn(sizes)
    assert draw.step is not None
    g = gradient(draw, "relu", [(200, 40)])[200, 40].matrix
    h, y, w = draw.step.h(), draw.step.y, draw.start / math.sqrt(40)
    rng = np.random.default_rng(3)
    for _ in range(5):
        direction = rng.standard_normal(draw.layer.shape)
        features = Dual(h @ draw.layer.T, h @ direction.T).relu()
        residual = y - features.value @ w / math.sqrt(40)
        slope = -np.mean(residual * (features.slope @ w) / math.sqrt(40))
        # −dL/dε = ⟨G, direction⟩, a sum of 1680 terms.
        assert abs(np.sum(g * direction) + slope) <= 1e-10 * np.linalg.norm(g) * np.linalg.norm(direction)


def test_blocks_and_nested_points_do_not_matter() -> None:
    draw = drawn(LARGER)
    points = [(20, 30), (60, 30), (60, 7)]
    together = gradient(draw, "tanh", points, [0, 11, 20, 37, 60])
    for point in points:
        alone = gradient(draw, "tanh", [point])[point]
        size = np.abs(alone.matrix).max()
        np.testing.assert_allclose(together[point].matrix, alone.matrix, rtol=0, atol=64 * 60 * EPS * size)
        np.testing.assert_allclose(together[point].v, alone.v, rtol=0, atol=64 * 60 * EPS * np.abs(alone.v).max())
        np.testing.assert_array_equal(together[point].u, alone.u)


def one_step_literal(model: OneStepTransformer, draw: Draw, n: int, m: int) -> tuple[float, float]:
    """ICL and in-distribution error with every array in full, on the draws of the engine."""
    assert draw.step is not None
    assert draw.fresh is not None
    assert draw.again is not None

    def normalised(h: NDArray[Any]) -> Array:
        return h * math.sqrt(draw.trace) / np.linalg.norm(h, axis=1)[:, None] if model.normalise else h

    f, w = draw.layer[:m], draw.start[:m] / math.sqrt(m)
    h, y = normalised(draw.step.h()[:n]), draw.step.y[:n]
    pre = h @ f.T
    slope = (pre > 0).astype(float)
    inside = np.outer(y, w) / math.sqrt(m) - np.outer(np.maximum(pre, 0) @ w, w) / m
    change = (inside * slope).T @ h / n
    if model.rank_one:
        # E σ'(g) = 1/2 for ReLU.
        change = np.outer(w / 2, y @ h / (n * math.sqrt(m)))
    stepped = f + model.step_size * change

    def features(contexts: Contexts, count: int, stream: Any) -> Array:
        z_ = normalised(contexts.h()[:count]) @ stepped.T
        if isinstance(model.head, PolynomialActivation):
            polynomial = PolynomialActivation(model.head.source, model.head.c, 0.0)(z_, rng=np.random.default_rng())
            noise = np.random.default_rng(stream).standard_normal((count, len(draw.layer)))[:, :m]
            return polynomial + float(model.head.residual) * noise
        return np.asarray(np.maximum(z_, 0))

    a = features(draw.training, n, draw.noise[0])
    weights = literal.ridge(a, draw.training.y[:n], model.ridge * n / draw.training.x.shape[1])
    tested = ((draw.fresh, draw.noise[1]), (draw.again, draw.noise[2]))
    icl, idg = (float(np.mean((c.y - features(c, len(c), stream) @ weights) ** 2)) for c, stream in tested)
    return icl, idg


HEADS = (
    OneStepTransformer("relu", 20.0, 0.3),
    OneStepTransformer("relu", 20.0, 0.3, head=equivalent_model("relu", 4)),
    OneStepTransformer("relu", 20.0, 0.3, rank_one=True),
    OneStepTransformer("relu", 5.0, 0.3),
    OneStepTransformer("relu", 20.0, 0.3, normalise=True),
)


@pytest.mark.parametrize("axis", ["samples", "hidden"])
def test_heads_after_a_step_are_those_of_the_literal_script(axis: str) -> None:
    values = [20, 30, 60] if axis == "samples" else [10, 70]
    along: dict[str, Any] = {axis: values}
    company: list[TrainedModel] = [RandomTransformer("relu", 0.3), *HEADS, LinearTransformer(0.3)]
    curves = icl_curve(company, TASK, LARGER, **along, runs=1, rng=4, test=40, precision="double")
    largest = Sizes(5, 6, 12, 60, 70 if axis == "hidden" else 30)
    draw = drawn(largest, 4)
    for model, curve in zip(HEADS, curves[1:-1], strict=True):
        for value, point in zip(values, curve.points, strict=True):
            n, m = (value, 30) if axis == "samples" else (60, value)
            expected = one_step_literal(model, draw, n, m)
            errors = [point.icl_runs[0], point.idg_runs[0]]
            np.testing.assert_allclose(errors, expected, rtol=64 * 60 * EPS * point.condition_runs[0])
    # The others are what they are without company.
    alone = icl_curve(RandomTransformer("relu", 0.3), TASK, LARGER, **along, runs=1, rng=4, test=40, precision="double")
    np.testing.assert_allclose(alone.icl_runs, curves[0].icl_runs, rtol=64 * 60 * EPS * alone.points[-1].condition_runs[0])


def test_without_a_step_it_is_the_random_head() -> None:
    zero, random = icl_error([OneStepTransformer("tanh", 0.0, 0.2), RandomTransformer("tanh", 0.2)], TASK, LARGER, runs=2, rng=0, test=30)
    np.testing.assert_array_equal(zero.icl_runs, random.icl_runs)


def test_batches_do_not_matter() -> None:
    keep: dict[str, Any] = {"samples": [30, 60], "runs": 1, "rng": 4, "test": 40, "precision": "double"}
    whole = icl_curve(HEADS, TASK, LARGER, **keep)
    with pytest.raises(HypothesisError) as refusal:
        icl_curve(HEADS, TASK, LARGER, memory=1000, **keep)
    pieces = icl_curve(HEADS, TASK, LARGER, memory=refusal.value.repair.split('"')[1], **keep)
    for first, second in zip(whole, pieces, strict=True):
        bound = 64 * 60 * EPS * max(point.condition_runs.max() for point in first.points)
        np.testing.assert_allclose(first.icl_runs, second.icl_runs, rtol=bound)


def test_the_gradient_in_single_precision() -> None:
    draw = drawn(LARGER)
    assert draw.step is not None
    layer = draw.layer.astype(np.float32)
    source = StepSource(HEADS[0].activation, False)
    single, double = (
        gradients(source, draw.step, f, draw.start, draw.trace, [(60, 30)], [0, 25, 60])[60, 30] for f in (layer, layer.astype(float))
    )
    # Sums of 60 products of entries rounded at ε; no pre-activation is so close to 0 that ReLU's slope changes.
    bound = 8 * 60 * np.finfo(np.float32).eps * np.abs(double.matrix).max()
    assert np.abs(single.matrix - double.matrix).max() < bound
    assert single.matrix.dtype == np.float32


def test_a_step_beyond_the_theorem_is_flagged_and_simulated() -> None:
    with pytest.warns(HypothesisWarning, match=r"η = o\(d²\); found η = 25 at d² = 25"):
        icl_error(OneStepTransformer("relu", 25.0, 0.3), TASK, LARGER, runs=1, rng=0, test=20)


def test_the_ridge_of_the_other_paper() -> None:
    # (1/n)‖y − A w/√k‖² + λ‖w‖² and ‖y − A w'‖² + λ_RT (n/d) ‖w'‖² have the same predictions.
    rng = np.random.default_rng(0)
    n, k, d, lam = 50, 20, 7, 0.03
    a, y = rng.standard_normal((n, k)), rng.standard_normal(n)
    theirs = a @ literal.ridge(a / math.sqrt(k), y, n * lam) / math.sqrt(k)
    ours = a @ literal.ridge(a, y, rt_ridge(lam, d, k) * n / d)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e3 * EPS * np.abs(y).max())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: OneStepTransformer(np.tanh, 1.0, 0.1),
            "a gradient step differentiates σ, which needs a formula; "
            "found the bare callable tanh. Repair: pass a name or a SymPy expression",
        ),
        (
            lambda: OneStepTransformer("sign", 1.0, 0.1),
            "a gradient step differentiates σ, which is continuous; found sign, which jumps at x = 0. Repair: pass 'relu', say",
        ),
        (
            lambda: OneStepTransformer(equivalent_model("relu", 2), 1.0, 0.1),
            "the gradient step keeps σ; "
            "found the equivalent activation relu, r = 2. Repair: pass σ, and the equivalent activation as head=…",
        ),
        (
            lambda: OneStepTransformer("relu", -1.0, 0.1),
            "step_size (the step size η) is a finite number ≥ 0; found step_size=-1.0. Repair: pass step_size=0.01, say",
        ),
    ],
)
def test_errors(make: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as error:
        make()
    assert str(error.value) == message


# The gradient as a rank-one matrix and a rest: norms by another route, and what is refused.


def test_norms_are_those_of_the_matrices_in_full() -> None:
    step = gradient_step(OneStepTransformer("tanh", 3.0, 0.1), TASK, LARGER, runs=2, rng=4)
    for run, seed in enumerate(child_seeds(4, range(2))):
        draw = draw_run(TASK, LARGER, 1, True, np.float64, seed, True)
        assert draw.step is not None
        h, y, w = draw.step.h(), draw.step.y, draw.start / math.sqrt(30)
        pre = h @ draw.layer.T
        residual = y - np.tanh(pre) @ w / math.sqrt(30)
        g = (residual[:, None] * (1 - np.tanh(pre) ** 2) * w).T @ h / (60 * math.sqrt(30))
        # E tanh'(g) = 1 − E tanh², by a Gauss-Hermite sum of 100 terms: poles at distance π/2 leave e^{−π√100}.
        x, weight = np.polynomial.hermite_e.hermegauss(100)
        slope = float(weight @ (1 - np.tanh(x) ** 2) / weight.sum())
        u, v = slope * w, y @ h / (60 * math.sqrt(30))
        accuracy = 1e4 * EPS + math.exp(-math.pi * 10)
        assert step.rank_one_runs[run] == pytest.approx(np.linalg.norm(np.outer(u, v), 2), rel=accuracy)
        assert step.remainder_runs[run] == pytest.approx(np.linalg.norm(g - np.outer(u, v), 2), rel=accuracy)
        assert step.spike_runs[run] == pytest.approx(3 * step.rank_one_runs[run] / np.linalg.norm(draw.layer, 2), rel=1e4 * EPS)
        direction = np.linalg.svd(g)[2][0]
        assert step.alignment_runs[run] == pytest.approx(abs(direction @ v) / np.linalg.norm(v), rel=1e6 * EPS)
    assert step.ratio.mean == pytest.approx(np.mean(step.remainder_runs / step.rank_one_runs), rel=4 * EPS)
    assert str(step).startswith("tanh, η = 3, d = 5: ‖uvᵀ‖ ")


def test_what_is_no_gradient_step() -> None:
    with pytest.raises(HypothesisError) as error:
        gradient_step(RandomTransformer("tanh", 0.1), TASK, LARGER, runs=1)  # type: ignore[arg-type]
    assert str(error.value).startswith("a gradient step is that of a OneStepTransformer; found RandomTransformer(")
    with pytest.raises(HypothesisError) as error:
        gradient_step(OneStepTransformer("tanh", 3.0, 0.1), TASK, Sizes(5, 6, 12, 60), runs=1)
    assert str(error.value) == (
        "a random head has a number m of hidden units; found sizes.hidden=None. Repair: pass Sizes(…, hidden=…) or from_ratios(…, mu=…)"
    )
