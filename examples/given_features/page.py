"""The page on given features, with its figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np

from examples.given_features.fits import (
    COUNTS,
    FEATURES,
    RIDGE,
    Measured,
    digits,
    first_layer,
    fit,
    population,
    relu_features,
    theory,
    theory_of_kernel,
    theory_of_random_features,
)
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import DOTS, LINE, paired_legend
from hermite_eq.theory import RidgeError
from verify.drawing import headline, panels, png, ticked
from verify.report.page import Table
from verify.store.files import write_bytes, write_text

_FIGURE = "given_features.png"
#: Name, theory, and what was measured.
Row = tuple[str, RidgeError, Measured]


def rows(draws: int) -> list[Row]:
    """Pixels, random features with a given first layer, and with one drawn for each fit."""
    pixels, layer = digits()[0], first_layer()
    known = population(pixels)
    any_layer = fit(lambda draw: relu_features(first_layer(draw)), draws, intercept=False)
    return [
        ("pixels", theory(known), fit(lambda _: pixels, draws, intercept=True)),
        ("ReLU features, W given", theory(population(relu_features(layer))), fit(lambda _: relu_features(layer), draws, intercept=True)),
        ("ReLU features, the kernel given", theory_of_kernel(), any_layer),
        ("ReLU features, as of Gaussian pixels", theory_of_random_features(known), any_layer),
    ]


def write(documents: Path, draws: int) -> Path:
    """The page and its figure."""
    lines = rows(draws)
    write_bytes(documents / _FIGURE, _figure(lines))
    write_text(documents / "given_features.md", "\n".join(_text(lines, draws)) + "\n")
    return documents / "given_features.md"


def _figure(lines: list[Row]) -> bytes:
    figure, ((axes,),) = panels(1, 1, height=4.4)
    handles: list[Any] = []
    for (_, expected, measured), colour in zip(lines, COLOURS, strict=False):
        handles += axes.plot(COUNTS, expected.test, color=colour, **LINE)
        axes.plot(COUNTS, expected.training, color=colour, linewidth=1, linestyle=":")
        handles.append(axes.errorbar(COUNTS, measured.test, measured.test_error, color=colour, marker="o", **DOTS))
        axes.plot(COUNTS, measured.training, color=colour, marker="x", linestyle="none", markersize=4)
    axes.set(xscale="log", yscale="log", xlabel="training rows n", ylabel="squared error", ylim=(0.02, 2.5))
    ticked(axes, COUNTS, (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2))
    labels = [name for name, _, _ in lines for _ in range(2)]
    paired_legend(axes, handles, labels, title="lines: theory, markers: fits; dotted, crosses: in training")
    headline(figure, f"Digits of scikit-learn, odd or even; λ = {RIDGE:g}")
    return png(figure)


def _gap(row: Row) -> str:
    return f"{100 * np.abs(row[1].test / row[2].test - 1).max():.0f} %"


def _text(lines: list[Row], draws: int) -> list[str]:
    table = []
    for name, expected, measured in lines:
        for what, values, simulated in (("test", expected.test, measured.test), ("training", expected.training, measured.training),
                                   ("left out", expected.leave_one_out, measured.left_out)):  # fmt: skip
            table.append((name, what, *(f"{a:.3f} ({b:.3f})" for a, b in zip(values, simulated, strict=True))))
    return [
        "# The learning curve of your own features",
        "",
        "How well will ridge regression do with n samples, on features you have, or on random ones of them? `theory.ridge` answers "
        "from the "
        "spectrum of the features and how the target is spread over it; `theory.random_features` for p random features; "
        "`theory.estimated_spectrum` reads both off a matrix of data. No fit is made.",
        "",
        f"On the digits of scikit-learn (odd or even; {digits()[0].shape[0]} rows of {digits()[0].shape[1]} pixels) theory is within "
        f"{_gap(lines[0])} of held-out errors on pixels, {_gap(lines[1])} on {FEATURES} random ReLU features whose first layer is "
        f"given, and {_gap(lines[2])} where only the kernel of these features is known. As if pixels were Gaussian it is up to "
        f"{_gap(lines[3])} off: what is quadratic in pixels is then noise, and these labels are not linear in them.",
        "",
        f"![learning curves]({_FIGURE})",
        "",
        f"Lines: theory, test and (dotted) training errors; dots and crosses: means over {draws} draws of n rows, tested on the others.",
        "",
        "```python",
        ">>> import numpy as np",
        ">>> from hermite_eq.theory import estimated_spectrum, power_law_rates, random_features, ridge",
        ">>> rng = np.random.default_rng(0)",
        ">>> features = rng.standard_normal((5000, 40)) / np.sqrt(np.arange(1, 41))",
        ">>> labels = features[:, 0] + 0.5 * rng.standard_normal(5000)",
        ">>> found = estimated_spectrum(features, labels)                 # eigenvalues, alignment, noise",
        ">>> curve = ridge(found.spectrum, found.alignment, n=[50, 100, 400], ridge=1.0, noise=found.noise, intercept=True)",
        ">>> curve.test.round(1), curve.training.round(1)",
        "(array([0.4, 0.3, 0.3]), array([0.1, 0.2, 0.2]))",
        ">>> known = found.spectrum, found.alignment",
        '>>> wide = random_features(*known, n=100, p=[50, 100, 1000], sigma="relu", ridge=1e-3, noise=found.noise)',
        ">>> wide.test.round(1)",
        "array([0.6, 1.7, 0.4])",
        ">>> print(curve.latex().splitlines()[2])",
        "\\Upsilon &= \\tfrac1n \\operatorname{tr} \\Sigma^2 (\\Sigma + \\nu)^{-2}, \\\\",
        ">>> power_law_rates(capacity=1.5, source=0.5, ridge=1.0).excess   # of n^-γ, for k^-1.5 and λ = 1",
        "0.33333333333333337",
        "",
        "```",
        "",
        "A result has the errors in test and training, bias and variance, degrees of freedom and the effective ridge, as floats or as "
        "arrays "
        "over n, λ and p, and `.latex()`. Leave-one-out and generalised cross-validation estimate the test error: "
        "`leave_one_out` is that.",
        "",
        "## Theory and held-out errors",
        "",
        f"λ = {RIDGE:g} on pixels scaled to E‖x‖² = 1. Theory (measured):",
        "",
        *Table(("features", "error", *(f"n = {n}" for n in COUNTS)), table).markdown(),
        "",
        "## What is proved, derived, measured",
        "",
        "- *Derived* (`python -m derivations given_features --steps`): the equations are those of the equivalent that all heads of this "
        "package are solved by, and the same as the dimension-free ones of Defilippis, Loureiro and Misiakiewicz (arXiv 2405.15699), whose "
        "expressions for bias and variance the library meets to 10⁻⁹ and better; the rates of power laws; the intercept.",
        "- *Measured*: training, left-out and test errors of fits to Gaussian inputs of dimension 24 and 40, on the inputs and on random "
        "features (`tests/theory/ridge_equivalent/test_given_features.py`); the table above, by "
        "`python -m examples.given_features`, which writes this page.",
        "- *Not known to the theory*: features of few random variables, such as all products of a handful, do not concentrate: seven "
        "per cent off for the 27 linear and quadratic functions of 6 uniform variables at n = 60.",
    ]
