"""The page on what remains of the equivalence, from stored runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import scipy.special
from numpy.typing import NDArray
from rich.console import Console

from hermite_eq.errors import HypothesisError
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import PALE
from verify.claims.check import RESOLUTION, z_score
from verify.claims.departures import SIGMAS
from verify.drawing import headline, panels, save
from verify.open_questions.equivalents import GIVEN, ITSELF, WRONG
from verify.open_questions.experiments import HEADS, QUESTIONS, RIDGE, SIZE, TEST
from verify.open_questions.network import DIVERGED, NOISE, SHARE, WIDTH, Stop
from verify.open_questions.runs import Results, Stored, gaps
from verify.report.page import Table
from verify.store.files import write_bytes, write_text
from verify.store.folders import stored
from verify.store.store import Store

Array = NDArray[np.float64]
#: The equivalents, and what each of them is called in a sentence.
KINDS = {kind: f"the {kind} one" for kind in GIVEN} | {ITSELF: "the plain one which was trained itself"}
#: Rows by experiment, the control with nothing trained first.
ROWS = {experiment.name: experiment.rows for experiment in QUESTIONS.experiments}
#: Added after the first runs.
EXPLORATORY = ("first layer, a large step", "first layer, a huge step")
TRAINED = [(name, row) for name, rows in ROWS.items() for row in rows[1:]]
#: What the conditional equivalent is compared with.
OTHERS = ("plain", "rescaled")
CASES = [(sigma, r) for sigma, degrees in HEADS.items() for r in degrees]


@dataclass(frozen=True)
class Limit:
    """A fit g(d) = g∞ + c/d to means over runs: g∞, its standard error, its z with the fewest runs, what of it could be hidden at |z| =
    :data:`SIGMAS`, and the means with their errors.
    """

    value: float
    stderr: float
    z: float
    hidden: float
    means: tuple[tuple[float, float], ...]

    @property
    def verdict(self) -> str:
        """The rule of docs/figures/stress.md, with Student's t of the fewest runs in place of the normal law."""
        if abs(self.z) > SIGMAS:
            return "remains"
        return f"vanishes within {self.hidden:.2f}" if self.vanishes else "inconclusive"

    @property
    def remains(self) -> bool:
        return abs(self.z) > SIGMAS

    @property
    def vanishes(self) -> bool:
        return not self.remains and self.hidden <= RESOLUTION


def limit(d: Sequence[int], runs: Sequence[Array]) -> Limit:
    """Weighted least squares; the error is the larger of what the standard errors give and what the scatter about the line gives.

    >>> found = limit([8, 16], [np.array([0.3, 0.4]), np.array([0.2, 0.3])])
    >>> round(found.value, 12), round(found.stderr, 3)
    (0.15, 0.112)
    """
    means, errors = np.array([values.mean() for values in runs]), np.array([values.std(ddof=1) / math.sqrt(len(values)) for values in runs])
    design = np.stack([np.ones(len(d)), 1 / np.asarray(d, dtype=float)], axis=1) / errors[:, None]
    covariance = np.linalg.inv(design.T @ design)
    fitted = covariance @ design.T @ (means / errors)
    free = len(d) - 2
    scatter = float(np.sum((means / errors - design @ fitted) ** 2)) / free if free else 1.0
    stderr = math.sqrt(covariance[0, 0] * max(1.0, scatter))
    few = min(len(values) for values in runs)
    hidden = -float(scipy.special.stdtrit(few - 1, scipy.special.ndtr(-SIGMAS))) * stderr
    return Limit(float(fitted[0]), stderr, z_score(0.0, float(fitted[0]), stderr, few), hidden, tuple(zip(means, errors, strict=True)))


class Found:
    """Limits of gaps, and of what training adds to them."""

    def __init__(self, stored: Sequence[Stored]) -> None:
        self.stored, self.d = stored, [dimension.d for dimension in stored]

    def gap(self, sigma: str, r: int, row: str, kind: str) -> Limit:
        """The limit of log(e of the equivalent / e of σ)."""
        return limit(self.d, [gaps(dimension, sigma, row, kind, r) for dimension in self.stored])

    def excess(self, sigma: str, r: int, name: str, row: str, kind: str) -> Limit:
        """The same less the gap before training, run by run."""
        first = ROWS[name][0]
        return limit(self.d, [gaps(dimension, sigma, row, kind, r) - gaps(dimension, sigma, first, kind, r) for dimension in self.stored])

    def apart_at(self, sigma: str, r: int, row: str, kind: str, other: str) -> float:
        """z of the same at the largest d."""
        last = self.stored[-1]
        mean, stderr = self.apart(sigma, r, row, kind, other).means[-1]
        return z_score(0.0, mean, stderr, len(last.runs))

    def apart(self, sigma: str, r: int, row: str, kind: str, other: str) -> Limit:
        """The limit of log(e of one equivalent / e of another)."""
        return limit(self.d, [gaps(dimension, sigma, row, kind, r) - gaps(dimension, sigma, row, other, r) for dimension in self.stored])


def _number(value: float, stderr: float) -> str:
    return f"{value:+.3f} ± {stderr:.3f}"


def _cell(value: Limit) -> str:
    return f"{_number(value.value, value.stderr)}: {value.verdict}"


def main_table(results: Found) -> Table:
    """What training adds to the gap of every equivalent, in the limit, with its verdict, and how far two equivalents are apart."""
    rows = []
    for (name, row), (sigma, r) in itertools.product(TRAINED, CASES):
        cells = [_cell(results.excess(sigma, r, name, row, kind)) for kind in KINDS]
        pairs = [_cell(results.apart(sigma, r, row, kind, "conditional")) for kind in OTHERS]
        rows.append((row, sigma, f"{r}", *cells, *pairs))
    return Table(("trained", "σ", "r", *KINDS, *(f"{kind} over conditional" for kind in OTHERS)), rows, (2,))


def control_table(results: Found) -> Table:
    """The gap with nothing trained, and how far an equivalent that is wrong is from the plain one."""
    rows = []
    for name, (sigma, r) in itertools.product(ROWS, CASES):
        row = ROWS[name][0]
        cells = [_cell(results.gap(sigma, r, row, kind)) for kind in ("plain", "rescaled")]
        rows.append((row, sigma, f"{r}", *cells, _cell(results.apart(sigma, r, row, WRONG, "plain"))))
    return Table(("nothing trained", "σ", "r", "plain", "rescaled", f"{WRONG} over plain"), rows, (2,))


def numbers_table(results: Found) -> Table:
    """Gaps at every d."""
    rows = []
    for row, (sigma, r) in itertools.product(itertools.chain(*ROWS.values()), CASES):
        for kind in KINDS:
            gap = results.gap(sigma, r, row, kind)
            rows.append((row, sigma, f"{r}", kind, *(_number(*mean) for mean in gap.means), _number(gap.value, gap.stderr)))
    return Table(("row", "σ", "r", "equivalent", *(f"d = {d}" for d in results.d), "limit"), rows, (2, 4, 5, 6, 7))


def training_table(results: Found) -> Table:
    """How far the training came, at the largest d."""
    rows, last = [], results.stored[-1]
    for row, sigma in itertools.product(itertools.chain(*ROWS.values()), HEADS):
        entries = [run[sigma][row] for run in last.runs]
        losses = [float(np.mean([entry["loss"][f"{r}"] for entry in entries])) for r in (0, *HEADS[sigma])]
        error = np.array([entry["errors"]["σ"]["0"] for entry in entries])
        shares = ", ".join(f"{share:.2f}" for share in np.mean([entry["shares"] for entry in entries], axis=0))
        steps = sorted({entry["steps"] for entry in entries})
        rows.append(
            (
                row,
                sigma,
                " to ".join(dict.fromkeys((f"{steps[0]}", f"{steps[-1]}"))),
                ", ".join(f"{loss:.4g}" for loss in losses),
                f"{error.mean():.3f} ± {error.std(ddof=1) / math.sqrt(len(error)):.3f}",
                shares,
            )
        )
    names = ("row", "σ", "steps", "training loss of σ, and of its equivalents", "error of σ", "share of the two directions")
    return Table(names, rows, (2, 4))


def picture(results: Found, path: Path) -> Path:
    """Gaps at the largest d along the first layer's training, and in the other rows."""
    beside = 2 if len(CASES) > 2 else len(CASES)
    drawing, grid = panels(2 * -(-len(CASES) // beside), beside, height=3.4)
    along = ROWS["first layer"]
    others = [row for name, row in TRAINED if name != "first layer"]
    for column, (sigma, r) in enumerate(CASES):
        block, place = divmod(column, beside)
        upper, lower = grid[2 * block : 2 * block + 2, place]
        for axes, rows in ((upper, along), (lower, others)):
            for i, (kind, colour, marker) in enumerate(zip(KINDS, COLOURS, "o^sD", strict=False)):
                means = [results.gap(sigma, r, row, kind).means[-1] for row in rows]
                axes.errorbar(
                    np.arange(len(rows)) + 0.16 * (i - 1.5),
                    [mean for mean, _ in means],
                    [2 * error for _, error in means],
                    ls="none",
                    marker=marker,
                    ms=5,
                    color=colour,
                    capsize=2,
                    label=kind,
                )
            axes.axhline(0, color=PALE, lw=0.8)
            axes.set_xticks(range(len(rows)))
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        upper.set_title(f"{sigma}, r = {r}", fontsize=10)
        upper.set_xticklabels([row.rpartition("T = ")[2].removeprefix("first layer, ") for row in along], fontsize=8)
        upper.set_xlabel("gradient steps T on the first layer", fontsize=9)
        names = [
            row.rpartition(", T")[0].removeprefix("first layer, ").replace("first layer and attention", "attention too") for row in others
        ]
        lower.set_xticklabels(names, fontsize=8, rotation=35, ha="right")
    # One scale for all panels above, and one for all below.
    for part in (grid[::2], grid[1::2]):
        limits = [bound for axes in part.flat for bound in axes.get_ylim()]
        for axes in part.flat:
            axes.set_ylim(min(limits), max(limits))
    for axes in grid[:, 0]:
        axes.set_ylabel("log(e(σ̂)/e(σ))", fontsize=9)
    grid[0, 0].legend(fontsize=8, frameon=False)
    headline(drawing, f"d = {results.d[-1]}, ± two standard errors; α = 1, κ = ∞, τ = 2, μ = 1, λ = {RIDGE:g}, target σ, ρ = {NOISE:g}")
    return save(drawing, path).with_suffix(".png")


# The page.


def _listed(rows: Sequence[str]) -> str:
    return "; ".join(rows) if rows else "none"


def answer(results: Found) -> list[str]:
    """What was found."""
    d, total = results.d[-1], len(TRAINED) * len(CASES)
    excess = {
        (row, sigma, r, kind): results.excess(sigma, r, name, row, kind)
        for (name, row), (sigma, r), kind in itertools.product(TRAINED, CASES, KINDS)
    }
    remain, vanish = (
        {kind: sum(getattr(value, word) for key, value in excess.items() if key[-1] == kind) for kind in KINDS}
        for word in ("remains", "vanishes")
    )

    def text(row: str, sigma: str, r: int, *limits: Limit) -> str:
        return f"{row}, {sigma}, r = {r} ({' against '.join(_number(value.value, value.stderr) for value in limits)})"

    both = {key: (excess[*key, "plain"], excess[*key, "conditional"]) for key in _keys()}
    finding = [text(*key, plain, given) for key, (plain, given) in both.items() if plain.remains and given.vanishes]
    failing = [text(*key, plain, given) for key, (plain, given) in both.items() if given.remains]
    apart = {
        kind: {key: text(*key, value) for key in _keys() if (value := results.apart(key[1], key[2], key[0], kind, "conditional")).remains}
        for kind in OTHERS
    }
    scale = len(apart["plain"].keys() - apart["rescaled"].keys())
    now = [
        (abs(before[0]) > abs(after[0]), f"{row}, {sigma}, r = {r} ({_number(*before)} against {_number(*after)})")
        for row, sigma, r in _keys()
        if abs(results.apart_at(sigma, r, row, "plain", "conditional")) > SIGMAS
        for before, after in [[results.gap(sigma, r, row, kind).means[-1] for kind in ("plain", "conditional")]]
    ]
    itself = [
        f"{row}, {sigma}, r = {r} ({_number(*means[0])} against {_number(*means[1])})"
        for row, sigma, r in _keys()
        if abs(results.apart_at(sigma, r, row, ITSELF, "plain")) > SIGMAS
        for means in [[results.gap(sigma, r, row, kind).means[-1] for kind in (ITSELF, "plain")]]
    ]
    at_d = {(kind, key): results.gap(key[1], key[2], key[0], kind).means[-1] for kind in KINDS for key in _keys()}
    largest = []
    for kind in KINDS:
        gap, (row, sigma, r) = max(((at_d[kind, key], key) for key in _keys()), key=lambda entry: abs(entry[0][0]))
        largest.append(f"{_number(*gap)} for {KINDS[kind]} ({row}, {sigma}, r = {r})")
    return [
        f"In {total} rows, each an amount of training for one σ and r, the largest gap log(e(σ̂)/e(σ)) at d = {d} is "
        f"{', '.join(largest)}. Plain and conditional equivalents differ there by more than {SIGMAS:g} standard errors, run by run, in "
        f"{len(now)} rows, and **the conditional one is the nearer to σ** in {sum(better for better, _ in now)} of them (the gaps of the "
        "plain one and of it):",
        "\n".join(f"- {value}{'' if better else '; the plain one is nearer'}" for better, value in now),
        f"Of the {total} rows, what training adds to the gap of the equivalent remains as d → ∞ in "
        f"{remain['plain']} for the plain equivalent σ̂_r of [RT] and [DM], in {remain['rescaled']} if its coefficients are for the mean "
        "and the variance that the pre-activation of each unit has after training, and in "
        f"{remain['conditional']} if they are given the component of the input along the two leading directions of W_T − W_0 as well. It "
        f"vanishes, within a width that the table states, in {vanish['plain']}, {vanish['rescaled']} and {vanish['conditional']}; of the "
        f"others the data are inconclusive. For the plain equivalent which was trained itself it remains in {remain[ITSELF]} and vanishes "
        f"in {vanish[ITSELF]}; at d = {d} its error differs from that of the plain one with the weights of σ, by more than {SIGMAS:g} "
        f"standard errors, in {len(itself)} rows: {_listed(itself)}.",
        "In the limit, with what training adds to both gaps, the plain equivalent fails and the conditional one holds in: "
        f"{_listed(finding)}. The conditional one fails: {_listed(failing)}.",
        "Run by run, on the same draws, equivalents can be told apart better than any of them from σ. The limit of log(e of the plain "
        f"one / e of the conditional one) is not 0 in {len(apart['plain'])} rows: {_listed(list(apart['plain'].values()))}. That of the "
        f"rescaled one over the conditional one is not 0 in {len(apart['rescaled'])}: {_listed(list(apart['rescaled'].values()))}. In "
        f"these rows at most one of the two is an equivalent; in {scale} of the former the scale of the pre-activations is all that was "
        "seen to matter, and not the directions.",
    ]


def _keys() -> list[tuple[str, str, int]]:
    return [(row, sigma, r) for (_, row), (sigma, r) in itertools.product(TRAINED, CASES)]


def page(results: Found, image: str) -> str:
    """The page, which opens with the answer."""
    stop, origins = Stop(), [origin for dimension in results.stored for origin in dimension.origins]
    counts = ", ".join(f"{len(dimension.runs)} runs at d = {dimension.d}" for dimension in results.stored)
    versions = sorted(
        {f"hermite_eq {source.hermite_eq}, Python {source.python}, NumPy {source.numpy}, SciPy {source.scipy}" for source in origins}
    )
    revisions = sorted({source.revision or "none" for source in origins})
    lines = [
        "# What remains of the equivalence once more is trained",
        "",
        *itertools.chain(*([line, ""] for line in answer(results))),
        f"![Gaps at the largest d]({image})",
        "",
        f"*The gap log(e(σ̂_r)/e(σ)) at d = {results.d[-1]}, ± two standard errors, of the plain equivalent, of that rescaled to the "
        "mean and variance of each unit, of the conditional one, and of the plain one which was trained itself. Above along T steps "
        "on the first layer, below what else is trained.*",
        "",
        "## What is asked",
        "",
        "[RT] (arXiv 2509.15152) Theorem 3 replaces σ by σ̂_r = Σ_{k≤r} c_k/k! He_k + c_r* ζ in a head of random weights whose read-out "
        "alone is trained; [DM] (arXiv 2510.25753) Theorem 4.12 does so after one gradient step of size o(d²) on the first layer. What "
        "holds after more training is open in both. Here it is measured.",
        "",
        "## How",
        "",
        "Data and head are those of [where the equivalence breaks](stress.md) with h normalised, but for tasks, which are fresh in every "
        "context: ℓ = d, n = 2d², "
        f"m = d², ρ = {NOISE:g}, λ = {RIDGE:g}; the target is σ. The network ŷ = w·σ(Fĥ)/√m, ‖ĥ‖ = 1, rows of F standard normal, w of "
        "N(0, I/m) and fixed, is trained by gradient descent with all n contexts in every step, on Σ(y − ŷ)²/2n, with a step of "
        f"{SIZE:g} mD for F, D = d(d + 1): of order d³ in the units of [RT], where a step changes pre-activations by order one. "
        "The *small step* is mD/d, of order d² in these units, the boundary of what [DM] suppose; the *large* and the *huge* step are "
        f"{' and '.join(f'{dimension.size:g} mD' for dimension in QUESTIONS.experiments if dimension.name in EXPLORATORY)}: "
        "these two, the comparisons of equivalents with each other, and the equivalents that are trained themselves were added after the "
        "first runs, and are exploratory. *Converged* is where the loss is below "
        f"{stop.enough:g}, or falls by less than {stop.tolerance:.0%} in {stop.every} steps, or after {stop.most} steps; the table below "
        "says which (for σ; an equivalent that is trained itself stops by the same rule, when it does). Then σ is replaced at the trained "
        f"weights, and the read-out is fitted by ridge regression to n fresh contexts; the error is that on {TEST} more. ζ, "
        "data and initial weights are the same for σ and its equivalents, and for all T.",
        "",
        "- *softmax attention*: β = 1 as in [where the equivalence breaks](stress.md), in place of linear attention; "
        "the first layer is trained.",
        f"- *two layers*: ŷ = w·σ(Gσ(Fĥ)/√(m E σ²))/√m, σ replaced in both; F and G are trained, G with a step of {SIZE:g} m.",
        f"- *first layer and attention*: the query's x is multiplied by A, at first the identity, trained with a step of {SIZE:g} d².",
        f"- *two blocks*: all tokens first pass linear attention and a random MLP of width {WIDTH}(d + 1), each with a residual, "
        f"the MLP with weight {SHARE:g}; its σ is replaced too, by the plain equivalent. Then the head, whose first layer is trained.",
        "",
        "*Trained itself* is the plain equivalent in the place of σ from the start, with the same data, initial weights and steps, and a "
        "noise c_r* ζ of its own for each context and unit, which does not change during training; its derivative is that of the "
        f"polynomial. A step to a loss above {DIVERGED:g} is not taken. "
        "The others have the weights to which σ was trained. "
        "The *rescaled* equivalent has the coefficients c_k(μ_i, s_i) = E σ(μ_i + s_i g) He_k(g), with μ_i and s_i the mean and standard "
        "deviation of the pre-activation of unit i. The *conditional* one has c_k(κ_i, s_i), where κ_i is μ_i plus what the components of "
        f"the layer's input along the {GIVEN['conditional']} leading right singular vectors of W_T − W_0 contribute, and s_i the standard "
        "deviation of the rest. Both are computed by the engine of `hermite_eq.structured.conditional_coefficients`. Where nothing is "
        "trained the two are the same.",
        "",
        "The gap is g = log(e of σ̂ / e of σ), run by run, as in [where the equivalence breaks](stress.md). What training adds is g less "
        f"the gap at T = 0 of the same run. Its mean is fitted by g∞ + c/d over d = {', '.join(map(str, results.d))} ({counts}), by "
        "weighted least squares; the error of g∞ is the larger of what the standard errors give and what the scatter about the line gives. "
        f"It *remains* if it is more than {SIGMAS:g} standard errors from 0 (z of Student's t); it *vanishes within* what could be hidden "
        f"at this z, if that is at most {RESOLUTION}; else it is *inconclusive*. "
        "The dimensions are small: terms of order 1/d² are not seen apart.",
        "",
        "## What training adds to the gap",
        "",
        "The last columns are limits of log(e of one equivalent / e of the conditional one), run by run.",
        "",
        *main_table(results).markdown(),
        "",
        "## Controls",
        "",
        "With nothing trained the plain equivalent has to hold, but for what the title of a row changes; without its residual "
        f"(*{WRONG}*) it has to fail for r = 1. Limits of the gap itself; the last column is run by run.",
        "",
        *control_table(results).markdown(),
        "",
        "## The training",
        "",
        f"At d = {results.d[-1]}: the training loss, the error after the read-out is fitted, and the share of ‖W_T − W_0‖² in the "
        f"{GIVEN['conditional']} leading directions, layer by layer.",
        "",
        *training_table(results).markdown(),
        "",
        "## What is left out",
        "",
        "Keys and queries of a softmax attention that are trained, and training of the first of two blocks, are not here.",
        "",
        "## All numbers",
        "",
        "Means of the gap ± one standard error, and the limit.",
        "",
        *numbers_table(results).markdown(),
        "",
        f"Computed by {'; '.join(versions)}, revision {', '.join(revisions)}, in "
        f"{sum(source.seconds for source in origins) / 60:.0f} minutes of one core. `python -m verify run {QUESTIONS.name} --d "
        f"{results.d[0]}` (and the other d) adds what is missing; `python -m verify {QUESTIONS.name} --documents docs/figures` writes "
        "this page.",
    ]
    return "\n".join(lines) + "\n"


def load(root: Path) -> list[Stored]:
    """The runs by d."""
    stores = [store for store in stored(root, QUESTIONS) if store.setup.seed == QUESTIONS.seed]
    loaded = {store.setup.d: list(store.read().values()) for store in stores}
    return [Stored(d, [cast(Results, run.record) for run in runs], [run.origin for run in runs]) for d, runs in sorted(loaded.items())]


def write(root: Path, documents: Path | None, console: Console) -> None:
    """``open_questions.md`` and its picture in the folder of documents or of pictures, from all that is stored in ``root``.

    Raises
    ------
    HypothesisError
        If fewer than two d with two runs each are stored.
    """
    results = load(root)
    if len(results) < 2:
        raise HypothesisError(
            "at two d at least two runs are stored",
            f"{len(results)} such d in {root / QUESTIONS.name}",
            f"python -m verify run {QUESTIONS.name} --d 8 --runs 2, and --d 12",
        )
    folder, name = documents or root / "pictures", "open_questions"
    png = picture(Found(results), root / "pictures" / name)
    write_bytes(folder / f"{name}.png", png.read_bytes())
    write_text(folder / f"{name}.md", page(Found(results), f"{name}.png"))
    console.print(f"written: {folder / f'{name}.md'}")


def write_one(store: Store, console: Console) -> None:
    """The page in the folder of campaigns, once two d are stored."""
    root = store.folder.parent.parent
    if len(load(root)) > 1:
        write(root, None, console)
