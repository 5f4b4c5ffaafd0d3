"""Figures show the numbers they are given: every line, dot, bar and grey cell is read back from the axes."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from hermite_eq import HypothesisError, LinearTransformer, RandomTransformer, Ratios, Sizes, Task, equivalent_model, simulate
from hermite_eq.models import Source
from hermite_eq.plotting import COLOURS, plot_curve, plot_mixing, plot_phase
from hermite_eq.theory import Population, given_moments, icl_curve, mixing_curve, phase_diagram

TASK = Task("relu", 0.01)
RELU, LINEAR = RandomTransformer("relu", 1e-3), LinearTransformer(1e-3)
TAUS = (0.25, 0.5, 2.0, 4.0)


def points(d: int | None, mu: float = 1.0) -> list[Any]:
    if d is None:
        return [Ratios(alpha=1, kappa=2, tau=tau, mu=mu) for tau in TAUS]
    return [Sizes.from_ratios(d, alpha=1, kappa=2, tau=tau, mu=mu) for tau in TAUS]


@pytest.fixture(scope="module")
def simulated() -> tuple[simulate.SimulatedCurve, ...]:
    samples = [size.samples for size in points(12)]
    return simulate.icl_curve([RELU, LINEAR], TASK, points(12)[-1], samples=samples, runs=4, rng=0)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def legend(axes: Axes) -> list[str]:
    box = axes.get_legend()
    assert box is not None
    return [text.get_text() for text in box.get_texts()]


def marks(axes: Axes) -> dict[str, float]:
    """The thresholds and their places."""
    return {text.get_text().strip(): float(text.get_position()[0]) for text in axes.texts}


@pytest.mark.parametrize("error", ["icl", "idg", "g_task"])
def test_lines_and_dots_are_the_numbers(simulated: tuple[simulate.SimulatedCurve, ...], error: Literal["icl", "idg", "g_task"]) -> None:
    theory = icl_curve(RELU, TASK, points(12))
    axes = plot_curve([theory, simulated[0]], error)
    line, dots = axes.lines[0], axes.containers[0]
    wanted = theory.icl - theory.idg if error == "g_task" else getattr(theory, error)
    np.testing.assert_array_equal(line.get_xydata(), np.stack([TAUS, wanted], axis=1))
    runs = {"icl": simulated[0].icl_runs, "idg": simulated[0].idg_runs}.get(error, simulated[0].icl_runs - simulated[0].idg_runs)
    mean = simulate.MonteCarlo.from_runs(runs)
    np.testing.assert_array_equal(dots[0].get_xydata(), np.stack([TAUS, mean.mean], axis=1))
    bars = np.array([segment[:, 1] for segment in dots[2][0].get_segments()])
    # The ends of a bar are mean ∓ stderr, each rounded once.
    np.testing.assert_allclose(bars, np.stack([mean.mean - mean.stderr, mean.mean + mean.stderr], axis=1), rtol=4 * np.finfo(float).eps)


def test_the_legend_names_models_and_what_differs(simulated: tuple[simulate.SimulatedCurve, ...]) -> None:
    assert legend(plot_curve(simulated)) == ["relu", "linear"]
    both = [icl_curve(RELU, TASK, points(d)) for d in (12, None)]
    assert legend(plot_curve([*both, simulated[0]])) == ["d = 12", "d = ∞"]
    ridges = [icl_curve(dataclasses.replace(LINEAR, ridge=ridge), TASK, points(None)) for ridge in (0.1, 1.0)]
    assert legend(plot_curve(ridges)) == ["λ = 0.1", "λ = 1"]
    assert legend(plot_curve(ridges[0])) == ["linear"]
    widths = [icl_curve(RELU, TASK, points(None, mu)) for mu in (0.5, np.inf)]
    assert legend(plot_curve(widths)) == ["μ = 0.5", "μ = ∞"]
    assert plot_curve(widths, legend=False).get_legend() is None


def test_a_theory_and_its_simulation_are_one_entry(simulated: tuple[simulate.SimulatedCurve, ...]) -> None:
    theory = icl_curve([RELU, LINEAR], TASK, points(12))
    axes = plot_curve([*theory, *simulated])
    box = axes.get_legend()
    assert box is not None
    assert (legend(axes), box.get_title().get_text()) == (["relu", "linear"], "lines: theory, markers: simulation")
    # Each entry shows the line and, over it, the marker of the same colour.
    handles = [entry for entry in box.legend_handles if entry is not None]
    assert len(handles) == 2
    for number, colour in enumerate(COLOURS[:2]):
        drawn = [line for line in box.findobj(matplotlib.lines.Line2D) if line.get_color() == colour]
        assert {line.get_linestyle() for line in drawn} >= {"-", "None"}, number
        assert "o" in {line.get_marker() for line in drawn}
    # Where there is one kind alone, nothing is said of kinds.
    alone = plot_curve(theory).get_legend()
    assert alone is not None
    assert alone.get_title().get_text() == ""


def test_the_title_says_what_is_the_same(simulated: tuple[simulate.SimulatedCurve, ...]) -> None:
    relu, linear = icl_curve([RELU, LINEAR], TASK, points(12))
    expected = "λ = 0.001, α = 1, κ = 2, μ = 1, target = relu, ρ = 0.01, d = 12"
    assert plot_curve([relu, simulated[0]]).get_title() == expected
    assert plot_curve([relu, linear, *simulated]).get_title() == expected
    limit = icl_curve(RELU, TASK, points(None))
    assert plot_curve([relu, limit]).get_title() == f"relu, {expected.removesuffix(', d = 12')}"
    noises = [icl_curve(RELU, TASK.with_noise(noise), points(12)) for noise in (0.01, 0.1)]
    assert plot_curve(noises).get_title() == f"relu, {expected.replace('ρ = 0.01, ', '')}"
    along = icl_curve(RELU, TASK, points(12)[0], noise=[0.1, 0.2])
    assert plot_curve(along).get_title() == "λ = 0.001, α = 1, κ = 2, τ = 0.25, μ = 1, target = relu, d = 12"
    # Where a panel is narrow the title has lines, broken between facts.
    panel = plt.subplots(1, 3, figsize=(9, 3))[1][0]
    lines = plot_curve(relu, axes=panel).get_title().splitlines()
    assert len(lines) > 1
    assert " ".join(lines) == expected


def test_small_ratios_are_told_apart() -> None:
    few = [icl_curve(RELU, TASK, [Ratios(alpha=1, kappa=kappa, tau=tau, mu=1) for tau in TAUS]) for kappa in (0.002, 0.004)]
    axes = plot_curve(few)
    assert legend(axes) == ["κ = 0.002", "κ = 0.004"]
    assert [line.get_color() for line in axes.lines[:2]] == list(COLOURS[:2])


def test_tasks_of_several_sources_and_given_moments_are_drawn() -> None:
    mixtures = [Task("relu", noise, unit_link=True) for noise in (0.01, 0.1)]
    sizes = [Sizes(8, 8, np.inf, samples) for samples in (20, 40)]
    theory = [icl_curve(LINEAR, mixture, sizes) for mixture in mixtures]
    axes = plot_curve(theory)
    assert legend(axes) == [f"task = {mixture}" for mixture in mixtures]
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), theory[1].icl)
    simulated = simulate.icl_curve(LINEAR, mixtures[0], sizes[0], samples=[20, 40], runs=2, rng=0)
    assert legend(plot_curve([theory[0], simulated])) == ["linear"]
    plain = icl_curve(LINEAR, TASK, sizes)
    assert legend(plot_curve([plain, theory[0]])) == ["target = relu, ρ = 0.01", f"task = {mixtures[0]}"]
    given = given_moments([Population(np.eye(6), np.full(6, 0.2), square=0.5)])
    assert legend(plot_curve(icl_curve(LINEAR, given, [Sizes(2, 8, 8, samples) for samples in (20, 40)]))) == ["linear"]
    assert str(given) == "given moments, D = 6"


def test_styles(simulated: tuple[simulate.SimulatedCurve, ...]) -> None:
    finite, limit = (icl_curve(RELU, TASK, points(d)) for d in (12, None))
    axes = plot_curve([finite, limit, *simulated])
    assert [line.get_linestyle() for line in axes.lines[:2]] == ["-", ":"]
    dots = [container[0] for container in axes.containers]
    assert [line.get_color() for line in (axes.lines[0], axes.lines[1], *dots)] == [COLOURS[0], COLOURS[0], COLOURS[0], COLOURS[1]]
    equivalent = dataclasses.replace(RELU, activation=equivalent_model("relu", 2))  # type: ignore[call-arg]
    (curve,) = simulate.icl_curve([equivalent], TASK, points(12)[-1], samples=[36, 72], runs=2, rng=0)
    (container,) = plot_curve(curve).containers
    assert (container[0].get_marker(), container[0].get_markerfacecolor()) == ("s", "none")
    shifted = plot_curve(simulated[0], style=lambda curve: {"shift": 2.0, "color": "red", "label": "moved"})
    assert legend(shifted) == ["moved"]
    np.testing.assert_array_equal(shifted.containers[0][0].get_xdata(), 2 * np.array(TAUS))
    # One run has no standard error, and no bar.
    single = simulate.icl_curve(RELU, TASK, points(12)[-1], samples=[36, 72], runs=1, rng=0)
    (segments,) = plot_curve(single).containers[0][2]
    assert all(np.ptp(segment[:, 1]) == 0 for segment in segments.get_segments())


def test_thresholds() -> None:
    relu, linear = (icl_curve(model, TASK, points(None, 0.6)) for model in (RELU, LINEAR))
    assert marks(plot_curve(relu)) == {"n = m": 0.6}
    assert marks(plot_curve(linear)) == {"n = d²": 1.0}
    assert marks(plot_curve([relu, linear])) == {"n = m": 0.6, "n = d²": 1.0}
    assert marks(plot_curve([icl_curve(model, TASK, points(None)) for model in (RELU, LINEAR)])) == {"n = m = d²": 1.0}
    assert marks(plot_curve(relu, thresholds=False)) == {}
    wide = icl_curve(RELU, TASK, [Ratios(alpha=1, kappa=0.5, tau=1.5, mu=mu) for mu in (0.5, 1, 3)])
    assert marks(plot_curve(wide)) == {"n = m": 1.5}
    assert marks(plot_curve(wide, x="mu/tau")) == {"n = m": 1.0}
    # Outside the picture there is nothing to mark; nor where the width is infinite.
    assert marks(plot_curve(icl_curve(RELU, TASK, points(None, 40)))) == {}
    assert marks(plot_curve(icl_curve(RELU, TASK, points(None, np.inf)))) == {}


def test_an_exact_divergence_leaves_the_picture() -> None:
    curve = icl_curve(dataclasses.replace(LINEAR, ridge=0), TASK, [Ratios(alpha=1, kappa=0.5, tau=tau) for tau in (0.5, 1, 2)])
    assert np.isinf(curve.icl[1])
    for error in ("icl", "g_task"):
        assert np.isfinite(plot_curve(curve, error).get_ylim()).all()


@pytest.mark.parametrize(
    ("curves", "keywords", "message"),
    [
        (lambda: [], {}, "there is a curve to draw; found none. Repair: pass at least one curve"),
        (
            lambda: [1.0],
            {},
            "what is drawn is a TheoryCurve or a SimulatedCurve; found float. "
            "Repair: pass what hermite_eq.theory.icl_curve and hermite_eq.simulate.icl_curve return",
        ),
        (
            lambda: icl_curve(RELU, TASK, [points(12)[0], points(16)[0]]),
            {},
            "all points of a curve have one d; found 12, 16. Repair: draw one curve per d",
        ),
        (
            lambda: icl_curve(RELU, TASK, [Ratios(1, 0.5, 1, 1), Ratios(2, 0.5, 2, 1)]),
            {},
            'one of the ratios α, κ, τ, μ varies along the curves; found τ, α. Repair: pass x="tau", say',
        ),
        (
            lambda: icl_curve(LINEAR, TASK, [Ratios(1, 0.5, 1), Ratios(1, 0.5, 2)]),
            {"x": "mu"},
            "every point has a value on the abscissa mu; found none in linear. Repair: choose another x",
        ),
        (
            lambda: icl_curve(LinearTransformer(0), TASK, [Ratios(1, 0.5, 1), Ratios(2, 0.5, 1)]),
            {},
            "some error is positive and finite, for a logarithmic axis; found no such icl. Repair: draw another error",
        ),
    ],
)
def test_what_cannot_be_drawn(curves: Any, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(HypothesisError, match=f"^{re.escape(message)}$"):
        plot_curve(curves(), **keywords)


def test_a_phase_diagram_is_grey_where_there_is_nothing() -> None:
    table = np.array([[1.0, 2.0, np.inf], [4.0, np.nan, np.inf]])
    axes = plot_phase([1, 2, 4], [0.1, 0.3], table, xlabel="κ", ylabel="ρ", label="α*")
    (mesh,) = axes.collections
    shown: Any = mesh.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), ~np.isfinite(table))
    np.testing.assert_array_equal(shown.compressed(), [1, 2, 4])
    assert mesh.get_clim() == (1, 4)
    assert tuple(mesh.cmap.get_bad()[:3]) == pytest.approx((200 / 255,) * 3)
    # Column 2 is grey throughout; the word stands in it.
    (word,) = axes.texts
    assert (word.get_text(), word.get_position()[0]) == ("monotone", 4)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.figure.axes[1].get_ylabel()) == ("κ", "ρ", "α*")
    # On a linear scale of colours, numbers below zero are shown; on a logarithmic one they are grey.
    for logarithmic, grey in ((False, 0), (True, 1)):
        mesh = plot_phase([1, 2], [1], [[-1.0, 2.0]], logarithmic=logarithmic).collections[0]
        shown = mesh.get_array()
        assert np.ma.getmaskarray(shown).sum() == grey
    assert plot_phase([1, 2], [1], [[np.nan, np.nan]]).texts


def test_the_phase_diagram_of_the_context_length() -> None:
    diagram = phase_diagram(LinearTransformer(0.0), "identity", kappa=[0.4, 0.8, 1.5], noise=[0.1, 0.5], tau=0.5)
    axes = plot_phase(diagram, limits=(3, 7))
    shown: Any = axes.collections[0].get_array()
    assert np.isfinite(diagram.alpha).any()
    assert np.isinf(diagram.alpha).any()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), ~np.isfinite(diagram.alpha.T))
    np.testing.assert_array_equal(shown.compressed(), diagram.alpha.T[np.isfinite(diagram.alpha.T)])
    assert axes.collections[0].get_clim() == (3, 7)
    assert axes.figure.axes[1].get_ylabel() == "α* of the ICL error"
    assert axes.get_title() == "linear, λ = 0, τ = 0.5, target = identity, d = ∞"


def test_a_phase_diagram_that_does_not_fit() -> None:
    with pytest.raises(
        HypothesisError,
        match=re.escape(
            "values has a row for each y and a column for each x; found shapes (2, 1), y (1,), x (2,). "
            "Repair: pass values[i, j] at (x[j], y[i])"
        ),
    ):
        plot_phase([1, 2], [1], [[1], [2]])
    with pytest.raises(HypothesisError, match="a table has x, y and values; found one of them missing"):
        plot_phase([1, 2], [1])  # type: ignore[call-overload]
    with pytest.raises(HypothesisError, match="x and y increase"):
        plot_phase([2, 1], [1], [[1, 2]])


# Curves over two sources as drawn: abscissa, the dot at the best share, a line for each source.


SOURCES = Task(sources=[Source("relu", 0.01), Source("tanh", 0.05)])
SIZES = Sizes.from_ratios(10, alpha=1, kappa=math.inf, tau=1.5)


def test_lines_and_the_best_share() -> None:
    curves = [mixing_curve(LinearTransformer(ridge), SOURCES, SIZES, [0.9, 0.5, 0.1]) for ridge in (1.0, 4.0)]
    axes = plot_mixing(curves, by_source=True)
    lines = axes.get_lines()
    assert len(lines) == 8
    assert axes.get_title().replace("\n", " ") == (
        "source 0: target relu, noise variance 0.01, source 1: target tanh, noise variance 0.05, d = 10, α = 1, κ = ∞, τ = 1.5"
    )
    assert np.array_equal(np.asarray(lines[0].get_xdata()), [0.1, 0.5, 0.9])
    assert np.array_equal(np.asarray(lines[0].get_ydata()), curves[0].icl[::-1])
    best = curves[0].weights[curves[0].least, 1]
    assert np.array_equal(np.asarray(lines[1].get_xdata()), [best])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "linear, λ = 1", "linear, λ = 1, on source 0", "linear, λ = 1, on source 1",
        "linear, λ = 4", "linear, λ = 4, on source 0", "linear, λ = 4, on source 1",
    ]  # fmt: skip
    plt.close("all")


def test_three_sources_are_no_curve() -> None:
    curve = mixing_curve(LinearTransformer(1.0), SOURCES, SIZES, [0.5])
    with pytest.raises(HypothesisError) as caught:
        plot_mixing(replace(curve, weights=np.array([[0.2, 0.3, 0.5]])))
    assert str(caught.value) == "what is drawn are curves over two sources; found 1 curves. Repair: pass what mixing_curve returns"


# Colours that are told apart, by every kind of colour vision: those of someone without one kind of cones are what the other two see.

#: Chromaticities of sRGB's primaries and white, and cone sensitivities of Hunt, Pointer and Estévez.
PRIMARIES = np.array([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06], [0.3127, 0.3290]])
CONES = np.array([[0.4002, 0.7076, -0.0808], [-0.2263, 1.1653, 0.0457], [0.0, 0.0, 0.9182]])
_TRISTIMULUS = np.stack([PRIMARIES[:, 0] / PRIMARIES[:, 1], np.ones(4), (1 - PRIMARIES.sum(axis=1)) / PRIMARIES[:, 1]])
WHITE = _TRISTIMULUS[:, 3]
TO_XYZ = _TRISTIMULUS[:, :3] * np.linalg.solve(_TRISTIMULUS[:, :3], WHITE)


def appearance(colour: str, missing: int | None) -> np.ndarray:
    """CIELAB coordinates; the response of the missing cones is such that white and one primary stay as they are (Viénot et al. 1999)."""
    values = np.array(matplotlib.colors.to_rgb(colour))
    cones = CONES @ TO_XYZ @ np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    if missing is not None:
        kept = [kind for kind in range(3) if kind != missing]
        anchors = CONES @ np.stack([WHITE, TO_XYZ[:, 0 if missing == 2 else 2]], axis=1)
        cones[missing] = np.linalg.solve(anchors[kept].T, anchors[missing]) @ cones[kept]
    share = np.clip(np.linalg.solve(CONES, cones), 0, None) / WHITE
    f = np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def least_distance(colours: Iterable[str], missing: int | None) -> float:
    appearances = [appearance(colour, missing) for colour in colours]
    return min(float(np.linalg.norm(left - right)) for left, right in itertools.combinations(appearances, 2))


@pytest.mark.parametrize("missing", [None, 0, 1, 2], ids=["trichromat", "protanope", "deuteranope", "tritanope"])
def test_colours_are_told_apart(missing: int | None) -> None:
    # 2.3 is a just noticeable difference.
    assert least_distance(COLOURS, missing) > 4 * 2.3


def test_a_palette_of_red_and_olive_would_fail() -> None:
    assert least_distance(["#ff0000", "#7a7a00"], None) > 80
    assert least_distance(["#ff0000", "#7a7a00"], 0) < 4 * 2.3
