"""Curves of theory and of simulation: along anything, with one set of names, equal by value, printed with their numbers."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hermite_eq import icl_curve, icl_error, simulate
from hermite_eq.curve import AXES
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Sizes, Source, Spike, Task, TrainedModel
from hermite_eq.plotting import plot_curve
from hermite_eq.simulate import results, simulation
from hermite_eq.simulate.training.draw import draw_run

LINEAR, TASK = LinearTransformer(0.1), Task("relu", 0.1)
MIXTURE = Task(sources=[Source("relu", 0.1), Source("relu", 0.1, task_cov=Spike(1.0))])
SIZES, RATIOS = Sizes(8, 8, 20, 60, 40), Ratios(1, 2, 1.5, 1)
FRESH = Sizes(8, 8, math.inf, 60, 40)
#: Two values on every axis.
VALUES: dict[str, list[Any]] = {
    "d": [8, 10], "context": [8, 12], "test_context": [8, 12], "tasks": [20, 30], "samples": [40, 60], "hidden": [20, 40],
    "alpha": [1, 2], "test_alpha": [1, 2], "kappa": [2, 2.5],
    "tau": [1.0, 1.5], "mu": [0.5, 1.0], "ridge": [0.1, 1.0], "noise": [0.1, 0.2], "weights": [[0.5, 0.5], [0.2, 0.8]],
    "test_weights": [[0.5, 0.5], [1.0, 0.0]],
}  # fmt: skip
OF_SOURCES = ("weights", "test_weights")


def same_numbers(point: Any, other: Any) -> bool:
    """Points together are summed in another order than one alone: a last digit may differ, by processor.

    Fixed points end at 64 roundings, and an error is up to some tens of times as sensitive to λ and the shares.
    """
    first, second = (np.hstack([of.icl, of.idg, of.effective_ridge, of.remainder]) for of in (point, other))
    return bool(np.allclose(first, second, rtol=64 * 64 * np.finfo(float).eps, atol=0.0))


def test_the_table_has_every_axis() -> None:
    assert tuple(VALUES) == AXES


@pytest.mark.parametrize("axis", AXES)
def test_a_curve_along_anything_is_its_points(axis: str) -> None:
    task, where = (MIXTURE, FRESH) if axis in OF_SOURCES else (TASK, SIZES)
    along: Any = {axis: VALUES[axis]}
    theory = icl_curve(LINEAR, task, where, **along)
    assert theory.axis == axis
    assert len(theory) == 2
    for point, setting in zip(theory, theory.settings, strict=True):
        assert same_numbers(point, icl_error(setting.model, setting.task, setting.sizes))
    simulated = simulate.icl_curve(LINEAR, task, where, **along, runs=2, rng=0)
    assert simulated.settings == theory.settings
    assert simulated.values == theory.values
    for measured, setting in zip(simulated, simulated.settings, strict=True):
        alone = simulate.icl_error(setting.model, setting.task, setting.sizes, runs=2, rng=0)
        assert measured.icl_runs == pytest.approx(alone.icl_runs, rel=1e-9)


@pytest.mark.parametrize("axis", ["alpha", "kappa", "tau", "mu"])
def test_a_curve_in_the_limit(axis: str) -> None:
    along: Any = {axis: VALUES[axis]}
    for point, setting in zip(curve := icl_curve(LINEAR, TASK, RATIOS, **along), curve.settings, strict=True):
        assert same_numbers(point, icl_error(LINEAR, TASK, setting.sizes))


def test_several_models_are_several_curves_on_common_draws() -> None:
    models: list[TrainedModel] = [LINEAR, RandomTransformer("relu", 0.1)]
    for curve, alone in zip(icl_curve(models, TASK, SIZES, samples=[40, 60]), models, strict=True):
        assert curve == icl_curve(alone, TASK, SIZES, samples=[40, 60])
    first, second = simulate.icl_curve(models, TASK, SIZES, noise=[0.1, 0.2], runs=2, rng=0)
    assert first.points[0].draws == second.points[1].draws
    assert first.minus(second).icl.mean.shape == (2,)


def test_a_list_of_points_has_an_axis_where_one_size_varies() -> None:
    assert icl_curve(LINEAR, TASK, [Ratios(1, 2, 1), Ratios(1, 2, 2)]).values == (1, 2)
    both = [Ratios(1, 2, 1), Ratios(2, 2, 2)]
    curve = icl_curve(LINEAR, TASK, both)
    assert (curve.axis, curve.values) == (None, tuple(both))


@pytest.mark.parametrize("task", [TASK, MIXTURE])
def test_theory_and_simulation_have_the_same_columns(task: Any) -> None:
    where = FRESH if task is MIXTURE else SIZES
    theory = icl_curve(LINEAR, task, where, noise=[0.1, 0.2]).to_dataframe()
    simulated = simulate.icl_curve(LINEAR, task, where, noise=[0.1, 0.2], runs=3, rng=0).to_dataframe()
    common = {"d", "context", "tasks", "samples", "hidden", "noise", "icl", "icl_stderr", "idg", "idg_stderr"}
    common |= {"icl_0", "icl_1"} if task is MIXTURE else set()
    assert common <= set(theory.columns)
    assert common <= set(simulated.columns)
    assert list(theory["noise"]) == [0.1, 0.2]
    # The errors of the sources, mixed by their weights in the test.
    if task is MIXTURE:
        for frame in (theory, simulated):
            assert np.asarray(frame["icl"]) == pytest.approx(np.asarray((frame["icl_0"] + frame["icl_1"]) / 2), rel=1e-12)


def test_results_are_equal_by_value_and_survive_pickling() -> None:
    theory = icl_curve(LINEAR, TASK, SIZES, noise=[0.1, 0.2])
    simulated = simulate.icl_curve(LINEAR, TASK, SIZES, noise=[0.1, 0.2], runs=2, rng=0)
    for curve, other in (
        (theory, icl_curve(LINEAR, TASK, SIZES, noise=[0.1, 0.3])),
        (simulated, simulate.icl_curve(LINEAR, TASK, SIZES, noise=[0.1, 0.2], runs=2, rng=1)),
    ):
        again = pickle.loads(pickle.dumps(curve))
        assert again == curve
        assert hash(again) == hash(curve)
        assert curve != other
        assert curve != "a curve"


def test_a_printed_curve_shows_its_numbers() -> None:
    curve = icl_curve(LINEAR, TASK, SIZES, noise=[0.1, 0.2])
    icl, idg = (f"{values[0]:.5g}, {values[1]:.5g}" for values in (curve.icl, curve.idg))
    assert repr(curve) == f"<TheoryCurve of linear: noise 0.1, 0.2, ICL {icl}, IDG {idg}>"
    long = repr(icl_curve(LINEAR, TASK, RATIOS, tau=np.linspace(1, 2, 11)))
    assert "tau 1, 1.1, 1.2, …, 1.8, 1.9, 2" in long
    simulated = simulate.icl_curve(LINEAR, TASK, SIZES, noise=[0.1, 0.2], runs=2, rng=0)
    assert f"{simulated.icl.mean[0]:.5g}" in repr(simulated)
    assert " ± " in repr(simulated)


@pytest.fixture
def figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.usefixtures("figures")
def test_a_curve_along_anything_draws_itself(axis: str) -> None:
    task, where = (MIXTURE, FRESH) if axis in OF_SOURCES else (TASK, SIZES)
    along: Any = {axis: VALUES[axis]}
    theory, simulated = icl_curve(LINEAR, task, where, **along), simulate.icl_curve(LINEAR, task, where, **along, runs=2, rng=0)
    axes = plot_curve([theory, simulated])
    sizes = theory.settings[1].sizes
    place = {
        "samples": sizes.ratios.tau, "hidden": sizes.ratios.mu, "context": sizes.ratios.alpha, "tasks": sizes.ratios.kappa,
        "test_context": sizes.ratios.tested.alpha,
        "weights": 0.2, "test_weights": 1.0,
    }.get(axis, theory.values[1])  # fmt: skip
    bars: Any = axes.containers[0]
    line, dots = axes.lines[0], bars.lines[0]
    assert line.get_xdata()[1] == dots.get_xdata()[1] == place  # type: ignore[index]
    assert (line.get_ydata() == theory.icl).all()  # type: ignore[union-attr]
    assert (dots.get_ydata() == simulated.icl.mean).all()
    assert axes.get_xlabel() == theory.plot().get_xlabel() != ""


def test_ctrl_c_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def interrupted(*arguments: Any) -> Any:
        drawn.append(arguments)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw_run(*arguments)

    monkeypatch.setattr(simulation, "draw_run", interrupted)
    with pytest.raises(simulate.Interrupted, match=r"after 2 of 5 runs") as stopped:
        simulate.icl_curve(LINEAR, TASK, SIZES, samples=[40, 60], runs=5, rng=0)
    assert isinstance(stopped.value, KeyboardInterrupt)
    (curve,) = stopped.value.finished
    assert pickle.loads(pickle.dumps(stopped.value)).finished == (curve,)
    monkeypatch.undo()
    assert curve == simulate.icl_curve(LINEAR, TASK, SIZES, samples=[40, 60], runs=2, rng=0)
    assert results.join([curve, simulate.icl_curve(LINEAR, TASK, SIZES, samples=[40, 60], runs=range(2, 5), rng=0)]) == simulate.icl_curve(
        LINEAR, TASK, SIZES, samples=[40, 60], runs=5, rng=0
    )


@pytest.mark.parametrize(
    ("along", "message"),
    [
        ({"samples": [40], "hidden": [20]}, r"along one axis; found samples, hidden\. Repair: pass samples=\[100, 200\], say"),
        ({"noise": []}, r"at least one point; found noise=\[\]"),
        ({"ridge": [0.1, 0.1]}, r"the points of a curve differ; found ridge=\[0.1, 0.1\]\. Repair: drop the repeated values"),
        ({"weights": [[0.5, 0.5]]}, r"weights are 1 probabilities, one for each source; found weights=\[0.5, 0.5\]"),
        ({"ridge": [-1.0]}, r"ridge"),
        ({"samples": np.diag([1.0, -1.0])}, r"positive integer; found \S+array"),
    ],
)
def test_what_is_refused(along: Any, message: str) -> None:
    for compute in (icl_curve, lambda *where, **along: simulate.icl_curve(*where, **along, runs=1)):
        with pytest.raises(HypothesisError, match=message):
            compute(LINEAR, TASK, SIZES, **along)


def test_an_unknown_axis_is_named() -> None:
    with pytest.raises(ArgumentTypeError, match=r"a curve is along one of d, context, .*; found temperature"):
        icl_curve(LINEAR, TASK, SIZES, temperature=[1.0])  # type: ignore[call-overload]
