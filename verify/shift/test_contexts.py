"""The page on contexts of another length in the test."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib.axes import Axes

from hermite_eq import icl_curve
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import DOTS, KINDS, LINE, PALE, paired_legend
from hermite_eq.theory import optimal_context, optimal_test_context
from verify.drawing import headline, panels, png, ticked
from verify.report.page import Table
from verify.shift.stored import Experiment, Found, Page, runs_of
from verify.store.files import write_bytes, write_text

NAME, FIGURE, RUNS = "test_contexts.md", "test_contexts.png", 12
_HEADS = (
    LinearTransformer(0.1, intercept=True), RandomTransformer("relu", 0.1), RandomTransformer("tanh", 0.1),
    RandomTransformer("relu", 0.1, normalise=True),
)  # fmt: skip
_LENGTHS = (0.25, 0.5, 1, 2, 4, 8)
#: Below this d a run is the smallest.
SMALL = 20
_WHERE = {"alpha": 1.0, "kappa": 0.5, "tau": 1.5, "mu": 0.75}


def experiments(d: int) -> Page:
    """Of the smallest run the linear head on one target."""
    listed = []
    for target, at in (("tanh", d), ("relu", d), ("softplus", round(0.6 * d))) if d >= SMALL else (("tanh", d),):
        sizes = tuple(Sizes.from_ratios(at, **_WHERE, test_alpha=length) for length in _LENGTHS)
        listed.append(Experiment(target, Task(target, 0.1), _HEADS if d >= SMALL else _HEADS[:1], sizes))
    return Page("test-contexts", 2026_12_01, tuple(listed))


def write(results: dict[str, Found], documents: Path) -> None:
    """The page and its figure."""
    figure, grid = panels(1, len(results), height=3.6)
    handles, labels = [_draw(axes, result) for axes, result in zip(grid[0], results.values(), strict=True)][-1]
    grid[0, 0].set_ylabel("ICL error")
    ratios = next(iter(results.values())).experiment.sizes[0].ratios
    constants = f"κ = {ratios.kappa:.2g}, τ = {ratios.tau:.3g}, μ = {ratios.mu:.3g}, λ = {_HEADS[0].ridge:g}, ρ = 0.1"
    headline(figure, f"Trained at α = {ratios.alpha:g} (dotted), {constants}")
    paired_legend(figure, handles, labels, loc="outside lower center", ncols=4, title=KINDS)
    write_bytes(documents / FIGURE, png(figure))
    write_text(documents / NAME, "\n".join(_text(results)) + "\n")


def _draw(axes: Axes, result: Found) -> tuple[list[Any], list[str]]:
    task, sizes = result.experiment.task, result.experiment.sizes
    fine = np.unique(np.round(np.geomspace(sizes[0].tested.context, sizes[-1].tested.context, 24)).astype(int)).tolist()
    handles: list[Any] = []
    for i, model in enumerate(result.experiment.models):
        theory = icl_curve(model, task, sizes[0], test_context=fine)
        handles += axes.plot(np.array(fine) / sizes[0].d, theory.icl, color=COLOURS[i], **LINE)
        mean, stderr = result.mean(i)
        handles.append(axes.errorbar([size.tested.context / size.d for size in sizes], mean, stderr, color=COLOURS[i], marker="o", **DOTS))
    axes.set(xscale="log", yscale="log", xlabel="ℓ/d in the test", title=f"target {task.target}, d = {sizes[0].d}")
    ticked(axes, _LENGTHS, (0.4, 0.6, 0.8, 1, 1.5, 2, 3))
    axes.axvline(1, color=PALE, linewidth=0.8, linestyle=":")
    return handles, [str(model) for model in result.experiment.models for _ in range(2)]


def _gap(result: Found) -> tuple[float, float, float]:
    """Largest relative gap between theory and simulation, in per cent; largest in standard errors; and at the training length alone."""
    relative, errors, still = [], [], []
    for i, model in enumerate(result.experiment.models):
        theory = icl_curve(model, result.experiment.task, list(result.experiment.sizes)).icl
        mean, stderr = result.mean(i)
        relative += np.abs(theory / mean - 1).tolist()
        errors += (np.abs(theory - mean) / stderr).tolist()
        still += np.abs(theory[_LENGTHS.index(1)] / mean - 1).tolist()
    return 100 * max(relative), max(errors), 100 * max(still)


def rows(result: Found) -> list[tuple[str, ...]]:
    """Theory and simulation of every head, a row of cells each."""
    table = []
    for i, model in enumerate(result.experiment.models):
        theory = icl_curve(model, result.experiment.task, list(result.experiment.sizes)).icl
        mean, stderr = result.mean(i)
        cells = [f"{t:.3f} ({m:.3f} ± {s:.3f})" for t, m, s in zip(theory, mean, stderr, strict=True)]
        table.append((f"{result.experiment.name}, d = {result.experiment.sizes[0].d}", str(model), *cells))
    return table


def _text(results: dict[str, Found]) -> list[str]:
    runs, gaps = runs_of(list(results.values())), {name: _gap(result) for name, result in results.items()}
    worst, sigmas, still = (max(gap[i] for gap in gaps.values()) for i in range(3))
    points = sum(len(result.experiment.models) * len(result.experiment.sizes) for result in results.values())
    table = [row for result in results.values() for row in rows(result)]
    whole = all(result.experiment.sizes[0].d >= SMALL for result in results.values())
    best = [
        (target, f"{alpha:g}", *(_optimum(RandomTransformer(head, 0.0, normalise), target, alpha) for head, normalise in
                                 (("relu", False), ("tanh", False), ("relu", True))))
        for target in (("relu", "tanh", "softplus") if whole else ()) for alpha in (1.0, 4.0)
    ]  # fmt: skip
    train = []
    for kappa, tau in ((0.5, 10.0), (math.inf, 2.0), (math.inf, 10.0))[: 3 if whole else 1]:
        cells = [_training(kappa, tau, length) for length in (1.0, 2.0, 4.0, 10.0)]
        train.append(("∞" if math.isinf(kappa) else f"{kappa:g}", f"{tau:g}", *cells))
    return [
        "# Longer contexts in the test than in training",
        "",
        "A Transformer is trained on contexts of ℓ examples and asked about contexts of another length. Is it better with more of them? "
        "`Sizes(…, test_context=…)` and `Ratios(…, test_alpha=…)` answer, in theory and simulation:",
        "",
        "- **A linear head always is**: its error is A + B/ℓ′ in the test's length ℓ′, for every target, ridge and number of tasks.",
        "- **A ReLU head need not be**: its pre-activations shrink with longer contexts, and with them the mean that it predicts; "
        "for labels with a mean there may be a best finite length. `theory.optimal_test_context` finds it.",
        "- **Training on longer contexts than the test has can pay**, most where samples are scarce: the fit then sees less noise. "
        "`theory.optimal_context(…, test_alpha=…)` finds that length.",
        "",
        f"![error against the length of the test's contexts]({FIGURE})",
        "",
        f"Lines are theory at finite d, dots {runs} simulated runs with their standard errors; trained at ℓ = d (dotted), κ = ½, τ = 1.5, "
        "μ = 0.75, λ = 0.1, ρ = 0.1.",
        "",
        "```python",
        ">>> from hermite_eq import LinearTransformer, RandomTransformer, Ratios, Sizes, Task, icl_curve, icl_error",
        ">>> from hermite_eq.theory import optimal_test_context",
        '>>> task, head = Task("tanh", noise=0.1), LinearTransformer(ridge=0.1, intercept=True)',
        ">>> print(icl_error(head, task, Ratios(alpha=1, kappa=0.5, tau=2, test_alpha=4)))",
        "ICL 0.471661, IDG 0.38474",
        ">>> sizes = Sizes.from_ratios(24, alpha=1, kappa=0.5, tau=2, test_alpha=4)",
        ">>> sizes.test_context, round(icl_error(head, task, sizes).icl, 3)",
        "(96, 0.471)",
        '>>> curve = icl_curve(RandomTransformer("relu", 0.1), task, Sizes(24, 24, 12, 864, 432), test_context=[12, 24, 96])',
        ">>> curve.icl.round(2)",
        "array([1.11, 0.84, 0.65])",
        ">>> axes = curve.plot()",
        "",
        "```",
        "",
        "The ICL error is that of fresh tasks on contexts of the test's length; the in-distribution error stays that of the training "
        "tasks on "
        "contexts of the training length. The first layer keeps the scale of the training contexts, as it was drawn for them. "
        "Everything else "
        "that takes sizes takes the test's length too: few training tasks, several sources, gradient steps, the optimal ridge, "
        "`icl_gradient`, `exact_bayes_error`, dMMSE; given moments, whose test populations are passed themselves, and architectures "
        "trained "
        "by gradient descent refuse it.",
        "",
        "## Theory beside simulation",
        "",
        f"At {points} points theory is within {worst:.1f} % and {sigmas:.1f} standard errors of {runs} runs; the theory of the training "
        f"length for all of them would be up to {still:.0f} % off. Theory (simulation):",
        "",
        *Table(("target", "head", *(f"ℓ′ = {length:g} d" for length in _LENGTHS)), table).markdown(),
        "",
        "## Which length is the best",
        "",
        "In the test, for models trained at α (κ = ½, τ = 4, μ = 20, no ridge, ρ = 0.01): α* of the test, and how much less the error "
        "is there "
        "than at the training length.",
        "",
        *Table(("target", "trained at α", "relu", "tanh", "relu, h normalised"), best).markdown(),
        "",
        f"For training, where the test has α′ (linear head, target identity, ρ = 0.01, λ = {0.01:g}): α* of training, and how much less "
        f"the "
        "error is there than if it were trained at α′.",
        "",
        *Table(("κ", "τ", *(f"α′ = {length:g}" for length in (1, 2, 4, 10))), train).markdown(),
        "",
        "## What is proved, derived, measured",
        "",
        "- *Derived* (`python -m derivations test_contexts --steps`): E[hy] does not depend on the length; for the linear head "
        "e = A + B/α′ with B > 0; for a homogeneous head whose constant is fitted e = A + Bs² + y₀²(1−s)², where s² is the ratio of "
        "E‖h‖² in the test and in training and y₀ the mean label: least at s = y₀²/(B + y₀²). The rest is the equivalent of "
        "`derivations/heads/random_features.py` with nodes of the test's own, which enter linearly.",
        "- *Published*: for linear targets the limit is the formula of Letey, Zavatone-Veth, Lu and Pehlevan (arXiv 2509.26551) with a "
        "context length of its own in the test, to rounding, on both sides of τ = 1 (`tests/theory/feature_law/test_test_contexts.py`).",
        "- *Measured*: the table above, by `python -m verify.shift`, which writes this page; few tasks, two sources, an input spike "
        "and given "
        "contexts in `tests/theory/feature_law/test_test_contexts.py`.",
    ]


def _optimum(model: RandomTransformer, target: str, alpha: float) -> str:
    task, ratios = Task(target, 0.01), Ratios(alpha, 0.5, 4.0, 20.0)
    best, plain = optimal_test_context(model, task, ratios), icl_curve(model, task, [ratios]).icl[0]
    return f"{_length(best.alpha)}, {best.error.icl / plain - 1:+.1%}"


def _training(kappa: float, tau: float, length: float) -> str:
    model, task = LinearTransformer(0.01), Task("identity", 0.01)
    best = optimal_context(model, task, kappa=kappa, tau=tau, test_alpha=length)
    plain = icl_curve(model, task, [Ratios(length, kappa, tau)]).icl[0]
    return f"{_length(best.alpha)}, {best.error.icl / plain - 1:+.1%}"


def _length(alpha: float) -> str:
    return "∞" if math.isinf(alpha) else f"{alpha:.3g}"
