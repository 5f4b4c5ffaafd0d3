"""The page on Transformers trained by gradient descent, written from the stored runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray
from rich.console import Console

from hermite_eq.errors import HypothesisError
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import GREY, PALE, entitle
from verify.campaigns.trained import EXPONENTS, TASK, TRAINED
from verify.campaigns.trained_curves import Found, load_all
from verify.claims.check import Check
from verify.claims.thresholds import Exponent, Threshold, exponent, threshold
from verify.claims.trained import PEAK, PLAIN, Stored, counts, dimension, judge, paper_exponent, theory
from verify.drawing import headline, panels, save
from verify.report import verdicts
from verify.report.page import Table
from verify.store.files import write_bytes, write_text
from verify.store.store import Store

Array = NDArray[np.float64]
_PLAIN = FuncFormatter(lambda value, _: f"{value:.3g}")
NAME = "trained"


def _curves(stored: Stored, name: str) -> list[Found]:
    return [results.curves[0] for results in stored.get(name, ())]


def _thresholds(stored: Stored, name: str, epoch: int = -1, level: float = TASK.noise) -> list[Threshold]:
    return [at for at in (threshold(crossing, level, epoch) for crossing in _curves(stored, name)) if at is not None]


def _median(runs: Array) -> tuple[Array, Array]:
    """Medians over the runs, and the distances to the least and largest, which contain the true median with probability 1 − 2^{1−runs}."""
    middle = np.median(runs, axis=0)
    return middle, np.stack([middle - runs.min(axis=0), runs.max(axis=0) - middle])


def _bars(axes: Axes, curve: Found, error: str, colour: str, marker: str = "o", label: str = "") -> None:
    middle, reach = _median(curve.last(error))
    axes.errorbar(
        curve.abscissa,
        middle,
        reach,
        color=colour,
        marker=marker,
        ms=4,
        capsize=2,
        lw=0.8,
        elinewidth=1.0,
        label=label,
        mfc="none" if marker != "o" else None,
    )


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    axes.xaxis.set_major_formatter(_PLAIN)
    _plain_decades(axes)
    ticks = (0.5, 1, 2, 4, 8, 16)
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.xaxis.set_minor_locator(NullLocator())


def _plain_decades(axes: Axes) -> None:
    """Decades in plain numbers along y, within few of them some steps between."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.yaxis.set_minor_formatter(NullFormatter())


def _errors(axes: Axes, stored: Stored, name: str) -> None:
    """One architecture: errors against τ at every d, the theory over the linear one, thresholds as vertical lines."""
    for colour, curve in zip(COLOURS, _curves(stored, name), strict=False):
        _bars(axes, curve, "icl", colour)
        at = threshold(curve)
        if at is not None:
            axes.axvline(at.median / curve.d**2, color=colour, ls=(0, (4, 3)), lw=0.8)
        if name == "la-fig5a":
            sizes = curve.curve.sizes(curve.d)
            axes.plot(curve.abscissa, theory(sizes), color=colour, lw=1.6, alpha=0.5)
            if curve is _curves(stored, name)[-1]:
                axes.plot(curve.abscissa, theory(sizes, PLAIN), color=colour, lw=1.0, ls=":")
    if name == "la-fig5c":
        for colour, curve in zip(COLOURS, _curves(stored, "la-fig5-mlp"), strict=False):
            _bars(axes, curve, "icl", colour, marker="s")
    axes.set_ylim(*_limits([curve.last("icl") for curve in _curves(stored, name)]))
    axes.set_title(str(TRAINED[name].curves[0].model), fontsize=10)
    _finish(axes, "n/d²", "ICL error")


def _limits(runs: Sequence[Array]) -> tuple[float, float]:
    medians = np.concatenate([np.median(errors, axis=0) for errors in runs])
    return 0.6 * float(medians.min()), 2.0 * float(medians.max())


def figure_5(stored: Stored, path: Path) -> Path:
    """Errors of the architectures against n/d², training errors, and the thresholds against d."""
    names = [name for name in EXPONENTS if name in stored]
    # Two architectures beside each other, and the thresholds on their right.
    drawing, grid = panels(2 * max(2, -(-len(names) // 2)), 3, height=2.7)
    places = [(2 * (number // 2), number % 2) for number in range(len(names))]
    for (row, column), name in zip(places, names, strict=True):
        _errors(grid[row, column], stored, name)
        below = grid[row + 1, column]
        for colour, curve in zip(COLOURS, _curves(stored, name), strict=False):
            _bars(below, curve, "training", colour)
        below.axhline(TASK.noise, color=PALE, lw=0.8, ls="-.")
        below.text(0.98, TASK.noise, "ρ", transform=below.get_yaxis_transform(), ha="right", va="bottom", color=GREY)
        _finish(below, "n/d²", "training error")
    axes = drawing.add_subplot(grid[0, 0].get_gridspec()[:2, 2])
    for colour, name in zip(COLOURS, names, strict=False):
        known = _thresholds(stored, name)
        for at in known:
            axes.plot([at.d] * len(at.runs), at.runs, ls="none", marker="o", ms=4, mfc="none", color=colour)
        fitted = exponent(known)
        label = str(TRAINED[name].curves[0].model)
        if fitted is not None:
            d = np.array([known[0].d, known[-1].d], dtype=float)
            logs = np.log([where for at in known for where in at.runs])
            centre = np.log([at.d for at in known for _ in at.runs]).mean()
            axes.plot(d, np.exp(logs.mean() + fitted.value * (np.log(d) - centre)), color=colour, lw=1.1)
            label = f"{label}\n{_slope(fitted)}"
        axes.plot([], [], color=colour, marker="o", mfc="none", lw=1.1, ms=4, label=label)
    sizes = np.geomspace(5.5, 22, 40)
    axes.plot(sizes, sizes**2 + 4 * sizes + 2, color=PALE, lw=0.9, ls="-.", label="d² + 4d + 2")
    axes.set(xscale="log", yscale="log", xlabel="d", ylabel="n*, every run")
    axes.set_title("interpolation threshold", fontsize=10)
    axes.set_xticks([6, 10, 14, 20])
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.xaxis.set_minor_locator(NullLocator())
    _plain_decades(axes)
    empty = [(2 * (number // 2) + row, number % 2) for number in range(len(names), len(grid)) for row in (0, 1)]
    for unused in [*grid[:, 2], *(grid[place] for place in empty)]:
        unused.set_axis_off()
    keywords: dict[str, Any] = {"fontsize": 8, "frameon": False, "loc": "upper left", "title": "n* and its exponent in d"}
    grid[2, 2].legend(*axes.get_legend_handles_labels(), **keywords)
    largest = max((_curves(stored, name) for name in names), key=len)
    dots: dict[str, Any] = {"marker": "o", "ms": 4, "lw": 0.8}
    entries = [Line2D([], [], color=colour, label=f"d = {curve.d}", **dots) for colour, curve in zip(COLOURS, largest, strict=False)]
    others: dict[str, dict[str, Any]] = {
        "threshold n*": {"ls": (0, (4, 3)), "lw": 0.8},
        "GELU MLP": dots | {"marker": "s", "mfc": "none"},
        "theory": {"lw": 1.6, "alpha": 0.5},
        "theory for d(d + 1) features, largest d": {"ls": ":", "lw": 1.0},
    }
    entries += [Line2D([], [], color=GREY, label=label, **look) for label, look in others.items()]
    drawing.legend(handles=entries, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    headline(drawing, f"Medians and ranges of all runs; target = {TASK.target}, ρ = {TASK.noise:g}, α = 1, κ = ∞")
    return save(drawing, path).with_suffix(".png")


def figure_6(stored: Stored, path: Path) -> Path:
    """In- and out-of-distribution errors against k/d."""
    curves = _curves(stored, "la-fig6")
    drawing, ((axes,),) = panels(1, 1, height=4.2)
    for colour, curve in zip(COLOURS, curves, strict=False):
        runs = f"d = {curve.d}, {len(curve.icl)} runs"
        _bars(axes, curve, "icl", colour, label=f"on new tasks, {runs}")
        _bars(axes, curve, "idg", colour, marker="s", label=f"on the training tasks, {runs}")
    where = ["α = 1", f"τ = {curves[0].curve.tau:g}", f"target = {TASK.target}", f"ρ = {TASK.noise:g}"]
    entitle(axes, ["medians and ranges of all runs", str(curves[0].curve.model), *where])
    axes.legend(fontsize=8, frameon=False)
    _finish(axes, "k/d", "error")
    return save(drawing, path).with_suffix(".png")


# The page.


def _slope(fitted: Exponent) -> str:
    low, high = fitted.interval
    return f"{fitted.value:.2f} ({low:.2f} to {high:.2f})"


def answer(stored: Stored, checks: Sequence[Check]) -> str:
    """What was found, as a list."""
    peaks = [check for check in checks if check.subject.endswith(PEAK)]
    listed = [
        f"{check.subject.removesuffix(f': {PEAK}')} {check.note.rpartition('; ')[2].partition(' times')[0]} ({verdicts.word(check)})"
        for check in peaks
    ]
    parts = []
    if peaks:
        # Of a row the log ratio that is least negative is shown.
        too = "too have" if all(check.measured < 0 for check in peaks) else "do not all have"
        parts.append(
            f"Transformers trained by gradient descent {too} the peak of double descent at their interpolation threshold n*; the "
            f"ICL error there is so many times that at the smallest and at the largest n stored: {', '.join(listed)}"
        )
    linear = _thresholds(stored, "la-fig5a")
    if linear:
        ratios = [at.median / dimension(at.d) for at in linear]
        parts.append(
            f"full linear attention interpolates up to {min(ratios):.2f} to {max(ratios):.2f} times d² + 4d + 2 contexts, the "
            f"number of parameters on which its predictions depend: a count that grows as d^{paper_exponent():.2f} over the "
            f"paper's d = 20 to 80, where [LA] fit d^{EXPONENTS['la-fig5a']}, and as d² in the limit"
        )
    slopes = []
    for name, paper in EXPONENTS.items():
        fit = exponent(_thresholds(stored, name))
        if fit is not None:
            sizes = ", ".join(str(at.d) for at in _thresholds(stored, name))
            counted = exponent(counts(linear)) if name == "la-fig5a" else None
            beside = "" if counted is None else f"; the count over these d: {counted.value:.2f}"
            slopes.append(f"{TRAINED[name].curves[0].model} {_slope(fit)} over d = {sizes} (paper {paper}{beside})")
    if slopes:
        parts.append(f"fitted exponents of n* against d, with their 95 % intervals: {'; '.join(slopes)}")
    changed = [
        (str(curve.curve.model), early.median / late.median)
        for name in EXPONENTS
        for curve in _curves(stored, name)[:1]
        if (early := threshold(curve, epoch=1)) is not None and (late := threshold(curve)) is not None
    ]
    if changed:
        shares = ", ".join(f"{ratio:.2f} ({model})" for model, ratio in changed)
        parts.append(
            f"the threshold hangs on how long one trains: after a tenth of the epochs it is this share of what it is after all "
            f"of them, at the smallest d stored: {shares}"
        )
    return "\n".join(f"- {part[0].upper()}{part[1:]}." for part in parts)


def threshold_table(stored: Stored) -> Table:
    """n* by architecture and d: of every run, and how it moves with the epochs and the level."""
    rows = []
    for name in EXPONENTS:
        for curve in _curves(stored, name):
            at = threshold(curve)
            cells = ["none" if at is None else ", ".join(f"{where:.0f}" for where in at.runs)]
            cells.append("–" if at is None else f"{at.median / curve.d**2:.2f} ({math.expm1(at.width):.0%} to the next point)")
            for epoch in range(1, len(curve.curve.epochs) - 1):
                early = threshold(curve, epoch=epoch)
                cells.append("–" if early is None else f"{early.median / curve.d**2:.2f}")
            higher = threshold(curve, level=10 * TASK.noise)
            cells.append("–" if higher is None else f"{higher.median / curve.d**2:.2f}")
            model = curve.curve.model
            rows.append((str(model), str(curve.d), f"{model.parameters(curve.d)}", f"{curve.curve.epochs[-1]:,}", *cells))
    return Table(
        (
            "architecture",
            "d",
            "parameters",
            "epochs",
            "n* of each run",
            "median n*/d²",
            "n*/d² after a tenth of them",
            "after three tenths",
            "where the error is 10 ρ",
        ),
        rows,
        (1, 2, 3),
    )


def exponent_table(stored: Stored) -> Table:
    """Exponents with their intervals, by how long one trains and at which level the error is crossed."""
    rows = []
    for name in EXPONENTS:
        fits = [
            exponent(_thresholds(stored, name, epoch, level))
            for epoch, level in ((1, TASK.noise), (2, TASK.noise), (-1, TASK.noise), (-1, 10 * TASK.noise))
        ]
        if any(fits):
            rows.append((str(TRAINED[name].curves[0].model), *("–" if fit is None else _slope(fit) for fit in fits), f"{EXPONENTS[name]}"))
    return Table(
        (
            "exponent of n* (95 % interval)",
            "after a tenth of the epochs",
            "after three tenths",
            "after all",
            "where the error is 10 ρ",
            "paper",
        ),
        rows,
    )


def stored_table(stored: Stored) -> Table:
    """What is stored: runs, medians of the time they took, and how many trainings have not begun to learn."""
    rows = []
    for name, ladder in stored.items():
        for results in ladder:
            trainings = sum(curve.stuck.size for curve in results.curves)
            stuck = sum(int(curve.stuck.sum()) for curve in results.curves)
            values = ", ".join(f"{value:.3g}" for value in results.curves[0].abscissa)
            rows.append(
                (
                    name,
                    results.campaign.figure,
                    str(results.d),
                    str(results.runs),
                    values,
                    f"{stuck} of {trainings}",
                    f"{sum(origin.seconds for origin in results.origins) / 60:.1f}",
                )
            )
    return Table(("name", "figure", "d", "runs", "n/d² or k/d", "stuck", "minutes"), rows, (2, 3, 5, 6))


def numbers_table(stored: Stored) -> Table:
    """Every point: medians and ranges over the runs."""
    rows = []
    for name, ladder in stored.items():
        for results, line in itertools.chain.from_iterable(((of_size, curve) for curve in of_size.curves) for of_size in ladder):
            for i, value in enumerate(line.abscissa):
                cells = []
                for error in ("training", "icl", *(["idg"] if line.curve.axis == "tasks" else [])):
                    runs = line.last(error)[:, i]
                    cells.append(f"{np.median(runs):.3g} ({runs.min():.3g} to {runs.max():.3g})")
                rows.append((name, line.curve.label, str(results.d), f"{value:.3g}", *cells, *[""] * (3 - len(cells))))
    return Table(("name", "architecture", "d", "n/d² or k/d", "training error", "ICL error", "in-distribution error"), rows, (2, 3))


def page(stored: Stored, images: dict[str, str]) -> str:
    """The page, which opens with the answer."""
    checks = judge(stored)
    origins = sorted(
        {
            f"hermite_eq {origin.hermite_eq}, Python {origin.python}, NumPy {origin.numpy}"
            for ladder in stored.values()
            for results in ladder
            for origin in results.origins
        }
    )
    jax = sorted({version for ladder in stored.values() for results in ladder for version in results.jax})
    lines = [
        "# Transformers trained by gradient descent",
        "",
        answer(stored, checks),
        "",
        "The architectures are those of [LA] (arXiv 2405.11751) Fig. 5 and 6, by its published code: `hermite_eq.trained` trains them in "
        'JAX (`pip install "hermite-eq[trained]"`), by AdamW on batches of n/10 contexts, at ℓ = d, ρ = 0.01 and, but for Fig. 6, with a '
        'fresh task in every context. **The paper\'s "1-layer MLP" is one affine map without nonlinearity**, in the published code; '
        '`SoftmaxTransformer(2, mlp="gelu")` has a nonlinear one, which is run beside it. The paper has d = 20, 40 and 80 and ten runs; '
        "here d is from 6 to 20, the runs are as many as the table says, and the learning rate is 1e-3 in place of 1e-4 for as many "
        "fewer epochs.",
        "",
        f"The rule for the threshold: n* of a run is where its training error, after the epochs of the table, crosses the noise variance ρ "
        f"= {TASK.noise:g} for the last time: from there on the noise is no longer fitted. Between two points log(error) is linear in "
        "log(n). Exponents are slopes of log n* against log d by least squares over all runs; their intervals are Student's, of the "
        "scatter of the runs about the line and of n* being anywhere in its cell of the grid. Error bars of figures are the range of the "
        "runs about their median: they contain the true median with probability 1 − 2^(1−runs), 75 % for three runs. A training is *stuck* "
        "if its error is still above 3/4 of the variance of its labels; it is in the medians, and in no threshold.",
        "",
        *(f"![{text}]({name})\n\n*{text}*\n" for name, text in images.items()),
        "The line over full linear attention is the theory of the ridgeless linear Transformer (`hermite_eq.theory`), which has d(d + 1) "
        "features, at as many contexts for each feature as full linear attention has for each of its d² + 4d + 2 numbers; dotted, at the "
        "largest d, the same theory at n itself.",
        "",
        verdicts.TEST,
        "",
    ]
    for figure, rows in itertools.groupby(checks, key=lambda check: check.claim):
        lines += [f"## {figure}", "", *verdicts.table(list(rows)).markdown(), ""]
    lines += [
        "## Thresholds",
        "",
        *threshold_table(stored).markdown(),
        "",
        *exponent_table(stored).markdown(),
        "",
        "## What is stored",
        "",
        *stored_table(stored).markdown(),
        "",
        f"Computed by {'; '.join(origins)}, JAX {', '.join(jax)}. `python -m verify run la-fig5a --d 10 --runs 5`, say, adds what is "
        f"missing, and `python -m verify run la-fig5a --d 4 --runs 2` takes a minute; `python -m verify {NAME} --documents docs/figures` "
        "writes this page.",
        "",
        *missing(stored),
        "## All numbers",
        "",
        "Medians, and ranges over the runs, after the last epoch.",
        "",
        *numbers_table(stored).markdown(),
        "",
    ]
    return "\n".join(lines).rstrip() + "\n"


#: The sizes that two cores carry in the background.
WANTED = {
    "la-fig5a": (6, 10, 14, 20),
    "la-fig5b": (6, 10, 14),
    "la-fig5c": (6, 10, 14),
    "la-fig5d": (6, 10),
    "la-fig5-rate": (6,),
    "la-fig5-mlp": (6, 10),
    "la-fig6": (6, 10),
}


def missing(stored: Stored) -> list[str]:
    """Which sizes are not stored yet, in a sentence."""
    absent = {name: [d for d in sizes if d not in [results.d for results in stored.get(name, ())]] for name, sizes in WANTED.items()}
    listed = "; ".join(f"{name} at d = {', '.join(map(str, sizes))}" for name, sizes in absent.items() if sizes)
    return [f"Not stored yet, of what two cores carry: {listed}.", ""] if listed else []


def write(root: Path, documents: Path | None, console: Console) -> None:
    """``trained.md`` and its pictures in the folder of documents or of pictures, from all that is stored in ``root``.

    Raises
    ------
    HypothesisError
        If nothing is stored.
    """
    stored = load_all(root, dict(TRAINED))
    if not stored:
        repair = "python -m verify run la-fig5a --d 6, say"
        raise HypothesisError("there are stored runs of trained Transformers", f"none in {root}", repair)
    folder, images = documents or root / "pictures", {}
    drawn = [
        (
            "trained_fig5",
            figure_5,
            "Above: ICL errors; dashed: thresholds. Below: training errors after the last epoch.",
            any(name in stored for name in EXPONENTS),
        ),
        (
            "trained_fig6",
            figure_6,
            "[LA] Fig. 6: errors on new tasks and on the training tasks, against their number.",
            "la-fig6" in stored,
        ),
    ]
    for name, draw, text, there in drawn:
        if there:
            png = draw(stored, root / "pictures" / name)
            write_bytes(folder / f"{name}.png", png.read_bytes())
            images[f"{name}.png"] = text
    write_text(folder / f"{NAME}.md", page(stored, images))
    console.print(f"written: {folder / f'{NAME}.md'}")


def write_one(store: Store, console: Console) -> None:
    """What is said of a campaign, with all that is stored of it, on the terminal; and the page in the folder of campaigns."""
    root = store.folder.parent.parent
    stored = load_all(root, {store.setup.campaign.name: TRAINED[store.setup.campaign.name]})
    if stored:
        verdicts.print_table(judge(stored), console)
        write(root, None, console)
