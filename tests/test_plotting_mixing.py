"""Curves over two sources as drawn: abscissa, the dot at the best share, a line for each source."""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Sizes, Source, Task
from hermite_eq.plotting import plot_mixing
from hermite_eq.theory import mixing_curve

TASK = Task(sources=[Source("relu", 0.01), Source("tanh", 0.05)])
SIZES = Sizes.from_ratios(10, alpha=1, kappa=math.inf, tau=1.5)


def test_lines_and_the_best_share() -> None:
    curves = [mixing_curve(LinearTransformer(ridge), TASK, SIZES, [0.9, 0.5, 0.1]) for ridge in (1.0, 4.0)]
    axes = plot_mixing(curves, by_source=True)
    lines = axes.get_lines()
    assert len(lines) == 8
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
    curve = mixing_curve(LinearTransformer(1.0), TASK, SIZES, [0.5])
    with pytest.raises(HypothesisError) as caught:
        plot_mixing(replace(curve, weights=np.array([[0.2, 0.3, 0.5]])))
    assert str(caught.value) == "what is drawn are curves over two sources; found 1 curves. Repair: pass what mixing_curve returns"
