"""The page and its two figures, from stored runs; every number in it is computed here."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from numpy.typing import NDArray

from examples.real_data import data
from examples.real_data.data import languages, origin
from examples.real_data.experiment import DEGREES, PLAIN, SHARES, Setup
from examples.real_data.stored import Store
from hermite_eq.plotting.style import COLOURS, GREY, paired_legend, plain_ticks
from hermite_eq.simulate import MonteCarlo
from verify.claims.check import RESOLUTION, z_score
from verify.drawing import headline, panels, png
from verify.report.page import Table
from verify.store.files import write_bytes, write_text

Array = NDArray[np.float64]
#: What a legend shows: labels, each with its line and markers.
Drawn = list[tuple[str, Sequence[Any]]]

#: Beyond so many standard errors two numbers differ: as in docs/figures/stress.md, Student's t turned into the normal score.
SIGMAS = 4.0
_MARKERS = "osD^v"
_WIDTH = 140
_UNBROKEN: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_CURVE = ("measured", "given moments", "gap", "Gaussian inputs", "gap", "measured on Gaussian inputs", "gap")
_NAMES = {"linear": "linear + intercept", "relu": "ReLU head", "tanh": "tanh head"}


class Runs:
    """One data set: errors by part and model, shape (runs, points, sources)."""

    def __init__(self, store: Store, name: str, theory: dict[str, Any] | None = None) -> None:
        self.lines = [results for _, results in sorted(store.parts(name).items())]
        self.theory = theory or {}
        self.count = len(self.lines)

    def errors(self, part: str, model: str) -> Array:
        """Of every run; a theory that does not depend on it is repeated."""
        lines = [self.theory] * self.count if part in self.theory else self.lines
        return np.array([[point[model] for point in line[part]] for line in lines])

    def ratio(self, first: tuple[str, str], second: tuple[str, str]) -> Array:
        """The logarithm of the quotient of two errors, means over sources; shape (runs, points)."""
        return np.asarray(np.log(self.errors(*first).mean(axis=2) / self.errors(*second).mean(axis=2)))


def percent(runs: Array) -> str:
    """Mean and standard error of logarithms of quotients, as a change in per cent."""
    change = MonteCarlo.from_runs(runs)
    return f"{100 * math.expm1(change.mean):+.1f} ± {100 * math.exp(change.mean) * change.stderr:.1f} %"


def score(runs: Array, value: float = 0.0) -> float:
    """How many standard errors the mean is from a value."""
    gap = MonteCarlo.from_runs(runs)
    return z_score(value, gap.mean, gap.stderr, gap.runs)


def word(runs: Array, yes: str, no: str) -> str:
    """``yes`` if the mean is below 0 beyond doubt, ``no`` if it is above, or else that it cannot be told."""
    z = score(runs)
    return yes if z < -SIGMAS else no if z > SIGMAS else "inconclusive"


def sentence(runs: Array) -> str:
    """Whether a theory is told from the measurement."""
    z = score(runs)
    return f"told apart, z = {z:+.1f}" if abs(z) > SIGMAS else f"not told apart, z = {z:+.1f}"


def value(runs: Array) -> str:
    return str(MonteCarlo.from_runs(runs)).partition(" (")[0]


def write_page(setup: Setup, store: Store, documents: Path) -> Path:
    """``real_data.md`` and its figures; returns the page."""
    documents.mkdir(parents=True, exist_ok=True)
    _draw_words(setup, Runs(store, "words"), documents / "real_data_words.png")
    _draw_digits(setup, Runs(store, "digits", store.parts("digits theory")[0]), documents / "real_data_digits.png")
    path = documents / "real_data.md"
    write_text(path, page_text(setup, store))
    return path


def page_text(setup: Setup, store: Store) -> str:
    """The page, from what is stored."""
    words, digits = Runs(store, "words"), Runs(store, "digits", store.parts("digits theory")[0])
    once = {name: store.parts(name)[0] for name in ("best ridges", "norms")}
    sections = (_opening(words, digits), _words(setup, words, once), _digits(setup, digits, once), _meaning(setup, words, digits))
    return "\n\n".join(_filled(block) for text in sections for block in text.strip().split("\n\n")) + "\n"


def _filled(block: str) -> str:
    """A paragraph, or each item of a list, in lines of one length; tables, headings and figures as they are."""
    if block.startswith("- "):
        items = block.removeprefix("- ").split("\n- ")
        return "\n".join(textwrap.fill(f"- {item}", _WIDTH, subsequent_indent="  ", **_UNBROKEN) for item in items)
    return block if block[0] in "|#!" else textwrap.fill(block, _WIDTH, **_UNBROKEN)


def _opening(words: Runs, digits: Runs) -> str:
    rows, gaps = [], {column: list[Array]() for column in ("given", "gaussian", "simulated", "control")}
    for title, runs in (("words", words), ("digits", digits)):
        for name in PLAIN:
            pairs = {
                "given": ("measured", "theory"),
                "gaussian": ("measured", "theory twin"),
                "simulated": ("measured", "measured twin"),
                "control": ("measured twin", "theory twin"),
            }
            own = {column: runs.ratio((first, name), (second, name)).mean(axis=1) for column, (first, second) in pairs.items()}
            rows.append([f"{title}, {_NAMES[name]}", *map(percent, own.values())])
            for column, gap in own.items():
                gaps[column].append(gap)
    beyond = {column: sum(abs(score(ratios_of)) > SIGMAS for ratios_of in those) for column, those in gaps.items()}
    largest = {column: 100 * max(abs(math.expm1(ratios_of.mean())) for ratios_of in those) for column, those in gaps.items()}
    head = (
        "data and model",
        "real inputs over the theory of their moments",
        "over the theory of Gaussian inputs",
        "over simulated Gaussian inputs",
        "control: simulated Gaussian inputs over their theory",
    )
    beyond_given, beyond_gaussian, beyond_control = beyond["given"], beyond["gaussian"], beyond["control"]
    return f"""# Real inputs

The numbers of this page are written by `python -m examples.real_data`, from the runs stored in `examples/real_data/runs.jsonl`.

**Does the theory hold on real inputs?** The errors measured on them, relative to the theory that is given the moments of (h, y) of the
real contexts (`given_moments`), and to that of Gaussian inputs which have the mean and the covariance of the real ones. Each number is a
mean over a curve, with the standard error of {words.count} splits of the words and {digits.count} draws of the digits.

{chr(10).join(Table(head, rows).markdown())}

Gaussian inputs of the same covariance are off by up to {largest["gaussian"]:.1f} % by theory, beyond {SIGMAS:g} standard errors in
{beyond_gaussian} of {len(rows)} rows, and by up to {largest["simulated"]:.1f} % by simulation, which owes nothing to a theory: by so much
Gaussian equivalence of the *inputs* fails here. Given the moments of the contexts the theory is off by up to {largest["given"]:.1f} %,
beyond {SIGMAS:g} standard errors in {beyond_given} of {len(rows)} rows; on Gaussian inputs themselves, the control, by up to
{largest["control"]:.1f} %, in {beyond_control} of {len(rows)}. Theories that are wrong on purpose are told from the right one on the
same data, further down.

Where the control is near 0 and the first column is not, something in the real inputs matters that these moments do not know; where the
control is not, the theory misses something at this d whatever the inputs."""


def _gaps(runs: Runs, part: str, name: str) -> Array:
    """log(measured / theory), a mean over the curve, run by run."""
    return np.asarray(runs.ratio(("measured", name), (part, name)).mean(axis=1))


def _words(setup: Setup, words: Runs, once: dict[str, Any]) -> str:
    first, second = languages()
    facts, sizes = origin(), setup.sizes(setup.tau)
    ridges = ", ".join(f"{ridge:g} ({_NAMES[name]})" for name, ridge in once["best ridges"].items())
    explained = ", ".join(
        f"{_explained(setup.d, words.count, s, t):.2f} ({b} by {a})" for s, a in enumerate(languages()) for t, b in enumerate(languages())
    )
    counts = " and ".join(f"{facts['words'][name]:,} {name}" for name in (first, second))
    norms = ", ".join(f"{norm[0]:.2f} ({name}; Gaussian {norm[1]:.2f})" for name, norm in once["norms"].items() if name != "digits")
    curve = []
    for name in PLAIN:
        for i, share in enumerate(SHARES):
            at = [words.errors(part, name)[:, i].mean(axis=1) for part in ("measured", "theory", "theory twin", "measured twin")]
            gaps = [words.ratio(("measured", name), (part, name))[:, i] for part in ("theory", "theory twin", "measured twin")]
            curve.append(
                [
                    _NAMES[name],
                    f"{share:g}",
                    value(at[0]),
                    f"{at[1].mean():.3f}",
                    percent(gaps[0]),
                    f"{at[2].mean():.3f}",
                    percent(gaps[1]),
                    value(at[3]),
                    percent(gaps[2]),
                ]
            )
    by_language, gaps_of = [], list[float]()
    for i, share in enumerate(SHARES):
        row = [f"{share:g}"]
        for s in range(2):
            measured, theory = words.errors("measured", "relu")[:, i, s], words.errors("theory", "relu")[:, i, s]
            gap = np.log(measured / theory)
            gaps_of.append(100 * abs(math.expm1(gap.mean())))
            row += [value(measured), f"{theory.mean():.3f}", percent(gap)]
        by_language.append(row)
    wrong, largest = [[_NAMES[name], *_wrong_words(words, name)] for name in PLAIN], max(gaps_of)
    head = ("model", f"share of {first}", *_CURVE)
    own = (f"share of {first}", f"on {first}", "theory", "gap", f"on {second}", "theory", "gap")
    wrong_head = ("model", f"{first} less {second}", "right theory", "languages exchanged", "", "labels permuted, gap at a share of ½", "")
    return f"""## Words of two languages

*Data.* {counts} words with their polarity, from the lexica of textblob and textblob-fr, embedded by multilingual-e5-small
(`python -m examples.real_data.embed` makes the stored file; licences: `examples/real_data/LICENSES.md`). It is the sentiment of single
words, not of reviews as in [DM] Figure 3c; the embedding is the paper's, rounded to 4 bits. The first d = {setup.d} principal components,
normalised to ‖x‖ = √d, are the input, and the polarity, standardised in each language, is the label.

*Contexts.* {sizes.context} words of one language with labels, and another word of it as the query. Polarity does not vary from context
to context, so that a model could learn it once and for all and never look at its examples. Here every label of a context is multiplied
by the sign of that context, ±1 with equal probability: without the examples the best prediction is 0, of error about 1. What is in the
context is that sign, and what is learnt in training is how it shows and which direction of x it concerns.

*Sources.* They differ in how much of the polarity the embedding knows, and share its direction: least squares on the training words of
one language explains, of the variance of held-out polarity, {explained}.

*Models.* Those of [DM], without and with a gradient step on the first layer (η = d²/2), at d = {setup.d}, ℓ = {sizes.context},
n = {sizes.samples}, m = {sizes.hidden}, λ = {setup.ridge:g}, h not normalised. Each split trains on two thirds of the words of either
language, mixed as the share says, and is tested on contexts of the others: held-out words, half of the test in each language. The theory
takes the moments of these training words and these held-out words, split by split.

![Errors against the mixture: measured, and by both theories](real_data_words.png)

*Left: errors over both languages. Middle: the ReLU head on each language, with the theory of exchanged languages. Right: the error of
equivalents over that of the head. Bars are standard errors over {words.count} splits of these words.*

{chr(10).join(Table(head, curve).markdown())}

A gap is measured / theory − 1. The Gaussian inputs have labels which are jointly Gaussian with them, of the same means and covariances; the
last columns simulate them, so that the last gap compares two simulations. The relative variance of ‖h‖² is {norms}: normalised
embeddings all have the length √d, Gaussian ones do not.

The ReLU head on each language:

{chr(10).join(Table(own, by_language).markdown())}

By language its theory is off by up to {largest:.1f} % at a share; errors of opposite sign partly cancel in the mean of both.

### Theories that are wrong on purpose

{chr(10).join(Table(wrong_head, wrong).markdown())}

The first columns are log(error on {first} / error on {second}), a mean over the shares; with the moments of the languages exchanged it
has the opposite sign. The last ones are the theory of labels that were given to other words. |z| > {SIGMAS:g} tells a theory from the
measurement: a false alarm in 6e-05 of comparisons.

Ridges that are best by theory, for equal shares, among powers of two: {ridges}; they are used in one of the comparisons below."""


def _explained(d: int, splits: int, first: int, second: int) -> float:
    """The share of the variance of held-out labels of one language that least squares on the training words of another one explain."""
    shares = []
    for split in range(splits):
        training, held_out = data.words(d, split)
        x, y = (np.column_stack([group.x, np.ones(len(group.y))]) for group in (training[first], held_out[second]))
        residual = held_out[second].y - y @ np.linalg.lstsq(x, training[first].y)[0]
        shares.append(1 - residual.var() / held_out[second].y.var())
    return float(np.mean(shares))


def _wrong_words(words: Runs, name: str) -> list[str]:
    def contrast(part: str) -> Array:
        errors = words.errors(part, name)
        return np.asarray(np.log(errors[:, :, 0] / errors[:, :, 1]).mean(axis=1))

    measured, right = contrast("measured"), contrast("theory")
    # With the languages exchanged a share is that of the other one, and the errors are in the other order.
    exchanged = -right
    shuffled = np.array([line["shuffled"][name] for line in words.lines]).mean(axis=1)
    gap = np.log(words.errors("measured", name)[:, SHARES.index(0.5)].mean(axis=1) / shuffled)
    return [
        value(measured),
        f"{right.mean():.3f} ({sentence(measured - right)})",
        f"{exchanged.mean():.3f}",
        sentence(measured - exchanged),
        percent(gap),
        sentence(gap),
    ]


def _digits(setup: Setup, digits: Runs, once: dict[str, Any]) -> str:
    rows = []
    for name in PLAIN:
        for i, tau in enumerate(setup.taus):
            at = {part: digits.errors(part, name)[:, i, 0] for part in ("measured", "theory", "theory twin", "measured twin")}
            gaps = [digits.ratio(("measured", name), (part, name))[:, i] for part in ("theory", "theory twin")]
            rows.append(
                [
                    _NAMES[name],
                    f"{tau:g}",
                    value(at["measured"]),
                    f"{at['theory'][0]:.3f}",
                    percent(gaps[0]),
                    f"{at['theory twin'][0]:.3f}",
                    percent(gaps[1]),
                    value(at["measured twin"]),
                    percent(np.log(at["measured"] / at["measured twin"])),
                ]
            )
    wrong = []
    for name in PLAIN:
        by_part = {part: _gaps(digits, part, name) for part in ("theory", "isotropic", "half contexts")}
        wrong.append([_NAMES[name], *(cell for gap in by_part.values() for cell in (percent(gap), sentence(gap)))])
    norm, wide = once["norms"]["digits"]
    head = ("model", "n/d²", *_CURVE)
    return f"""## Digits

*Data.* The 1,797 images of scikit-learn's `load_digits`, by their first d = {setup.d} principal components, scaled together to E‖x‖² = d.

*Contexts.* Labels are synthetic: y = σ*(ξᵀx/√d) + ε with σ* = {setup.target}, a fresh ξ ~ N(0, I) for every context and ε of variance
{setup.noise:g}; ℓ = d, m = d², λ = {setup.ridge:g}. Training and test contexts are of the same images and of different tasks. The second
theory is `icl_error` of a `Task` with the covariance of the digits: what is computed from that alone.

![Errors against the number of contexts, and relative to the theories](real_data_digits.png)

*Left: errors; right: measured over predicted, for the ReLU head. Bars are standard errors over {digits.count} draws.*

{chr(10).join(Table(head, rows).markdown())}

The relative variance of ‖h‖² is {norm:.2f}, and {wide:.2f} for Gaussian inputs of the same covariance.

### Theories that are wrong on purpose

Means over the curve of measured / theory − 1:

{chr(10).join(Table(("model", "right", "", "covariance I", "", "contexts half as long", ""), wrong).markdown())}"""


def _meaning(setup: Setup, words: Runs, digits: Runs) -> str:
    first, second = languages()
    rows, sentences = [], []

    def equal(gaps: Array) -> str:
        z, mean = score(gaps), MonteCarlo.from_runs(gaps)
        # Student's quantile of the same probability as SIGMAS.
        reach = -float(scipy.special.stdtrit(mean.runs - 1, scipy.special.ndtr(-SIGMAS))) * mean.stderr + abs(mean.mean)
        return f"no: z = {z:+.1f}" if abs(z) > SIGMAS else f"up to {100 * reach:.0f} %" if reach <= RESOLUTION else "inconclusive"

    for name, degrees in DEGREES.items():
        for r in degrees:
            gaps = [column.ratio(("measured", f"{name}, r = {r}"), ("measured", name)).mean(axis=1) for column in (words, digits)]
            rows.append([f"{_NAMES[name]}, r = {r}", *(cell for gap in gaps for cell in (percent(gap), equal(gap)))])
    best = {name: np.log(np.array([line["best"][name] for line in words.lines]).mean(axis=1)) for name in PLAIN}
    for name in ("relu", "tanh"):
        gap = best[name] - best["linear"]
        sentences.append(
            [
                f"a nonlinear head has a lower error than linear + intercept: {_NAMES[name]}, equal shares, each at its best λ",
                percent(gap),
                word(gap, "holds", "does not hold"),
            ]
        )
    for name in PLAIN:
        gap = np.log(words.errors("measured", name).mean(axis=2))
        sentences.append(
            [
                f"the source with less noise is better to train on, for both: {first} alone against {second} alone, {_NAMES[name]}",
                percent(gap[:, 0] - gap[:, -1]),
                word(gap[:, 0] - gap[:, -1], "holds", "does not hold"),
            ]
        )
    for name in PLAIN:
        gap = np.log(words.errors("measured", name).mean(axis=2))
        sentences.append(
            [
                f"mixing pays: equal shares against {first} alone, {_NAMES[name]}",
                percent(gap[:, 2] - gap[:, 0]),
                word(gap[:, 2] - gap[:, 0], "holds", "does not hold"),
            ]
        )
    step = words.ratio(("measured", "relu, one step"), ("measured", "relu")).mean(axis=1)
    sentences.append(
        [
            "a gradient step on the first layer lowers the error where tasks are structured (here ± one direction), ReLU head",
            percent(step),
            word(step, "holds", "does not hold"),
        ]
    )
    head = ("equivalent", "words: error over that of the head", "equal?", "digits", "equal?")
    return f"""## What the papers say

**The equivalence** ([RT] Theorem 3, [DM] Theorem 4.12): the error of σ̂_r is that of σ, in the limit. At d = {setup.d}, means over the
curves:

{chr(10).join(Table(head, rows).markdown())}

"No" is beyond {SIGMAS:g} standard errors; otherwise a difference of up to so much could be hidden, or, beyond {100 * RESOLUTION:.0f} %, the
difference is inconclusive. On the digits ‖h‖ varies by more than its mean, and equivalents of high degree are dominated by few contexts.

**Mixtures, heads, and the gradient step** ([DM] Figures 2 and 3):

{chr(10).join(Table(("statement", "change of the error", "verdict"), sentences).markdown())}

## What is not here

- [DM]'s reviews. Its Figure 3c embeds reviews in several languages by this model, reduces them by PCA, normalises them and mixes two
  languages. The sign of a context, which makes the label a matter of the context, is a choice of this page.
- A theory of the gradient step on given moments: `icl_error` refuses it, as the step is taken on contexts of a `Task`.
- The limit d → ∞: there is one dimension of a finite data set, and the gaps are those of d = {setup.d}.
- E[hhᵀ] is taken to be E[xxᵀ] ⊗ E[bbᵀ], which leaves out O(1/W) of W words, as the words of a context differ from each other; the other
  moments are exact. How the energies of h vary is known from contexts drawn with a fixed seed."""


def _draw_words(setup: Setup, words: Runs, file: Path) -> None:
    first, second = languages()
    figure, grid = panels(2, 2, height=3.5)
    left, middle, right, unused = grid.flat
    unused.set_axis_off()
    drawn: Drawn = []
    for colour, marker, name in zip(COLOURS, _MARKERS, PLAIN, strict=False):
        theory = left.plot(SHARES, words.errors("theory", name).mean(axis=(0, 2)), color=colour)
        left.plot(SHARES, words.errors("theory twin", name).mean(axis=(0, 2)), color=colour, ls="--")
        bars = _bars(left, SHARES, words.errors("measured", name).mean(axis=2), color=colour, marker=marker)
        drawn.append((_NAMES[name], (*theory, bars)))
    drawn.append(("dashed: theory, Gaussian inputs", left.plot([], [], color=GREY, ls="--")))
    _legend(left, drawn)
    left.set_ylabel("ICL error, mean of both languages")
    drawn = []
    for colour, marker, s, language in zip(COLOURS[3:], _MARKERS, range(2), (first, second), strict=False):
        theory = middle.plot(SHARES, words.errors("theory", "relu")[:, :, s].mean(axis=0), color=colour)
        middle.plot(SHARES, words.errors("theory", "relu")[:, ::-1, 1 - s].mean(axis=0), color=colour, ls=":")
        bars = _bars(middle, SHARES, words.errors("measured", "relu")[:, :, s], color=colour, marker=marker)
        drawn.append((f"on {language}", (*theory, bars)))
    drawn.append(("dotted: moments of the other language", middle.plot([], [], color=GREY, ls=":")))
    _legend(middle, drawn)
    middle.set_ylabel("ICL error of the ReLU head, by language")
    pairs = [(name, r) for name, degrees in DEGREES.items() for r in degrees]
    drawn = []
    for i, (colour, marker, (name, r)) in enumerate(zip(COLOURS, _MARKERS, pairs, strict=False)):
        ratio = np.exp(words.ratio(("measured", f"{name}, r = {r}"), ("measured", name)))
        bars = _bars(right, np.array(SHARES) + 0.012 * (i - 2), ratio, color=colour, marker=marker, ls=":")
        drawn.append((f"{name}, r = {r}", (bars,)))
    _legend(right, drawn)
    right.axhline(1.0, color=GREY, lw=1)
    right.set_ylabel("error of the equivalent / that of the head")
    for axes in (left, right, middle):
        axes.set_xlabel(f"share of {first} in training")
    headline(figure, "Words: markers measured, full lines theory with given moments", _sizes(setup, f"τ = {setup.tau:g}"))
    write_bytes(file, png(figure))


def _draw_digits(setup: Setup, digits: Runs, file: Path) -> None:
    figure, ((left, right),) = panels(1, 2, height=4.0)
    drawn: Drawn = []
    for colour, marker, name in zip(COLOURS, _MARKERS, PLAIN, strict=False):
        theory = left.plot(setup.taus, digits.errors("theory", name)[0, :, 0], color=colour)
        left.plot(setup.taus, digits.errors("theory twin", name)[0, :, 0], color=colour, ls="--")
        bars = _bars(left, setup.taus, digits.errors("measured", name)[:, :, 0], color=colour, marker=marker)
        _bars(left, setup.taus, digits.errors("measured twin", name)[:, :, 0], color=colour, marker=marker, mfc="none")
        drawn.append((_NAMES[name], (*theory, bars)))
    twin = (*left.plot([], [], color=GREY, ls="--"), left.errorbar([], [], [], color=GREY, marker="o", mfc="none", ls=""))
    _legend(left, [*drawn, ("on Gaussian inputs", twin)])
    left.set_ylabel("ICL error")
    parts = {
        "theory": "given moments",
        "theory twin": "Gaussian inputs",
        "half contexts": "contexts half as long",
        "isotropic": "covariance I",
    }
    drawn = []
    for i, (colour, marker, (part, label)) in enumerate(zip(COLOURS, _MARKERS, parts.items(), strict=False)):
        ratio = np.exp(digits.ratio(("measured", "relu"), (part, "relu")))
        bars = _bars(right, np.array(setup.taus) * (1 + 0.02 * (i - 1.5)), ratio, color=colour, marker=marker, ls=":")
        drawn.append((label, (bars,)))
    _legend(right, drawn)
    right.axhline(1.0, color=GREY, lw=1)
    right.set_ylabel("ReLU head: measured / theory")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="training contexts n/d²")
        plain_ticks(axes.xaxis, setup.taus)
    constants = _sizes(setup, f"target = {setup.target}, ρ = {setup.noise:g}")
    headline(figure, "Digits: markers measured, full lines theory with given moments", constants)
    write_bytes(file, png(figure))


def _sizes(setup: Setup, further: str) -> str:
    return f"d = {setup.d}, α = 1, κ = ∞, μ = 1, λ = {setup.ridge:g}, {further}"


def _legend(axes: Axes, drawn: Drawn) -> None:
    """Above the data, for which room is made."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))
    handles = [handle for _, group in drawn for handle in group]
    labels = [label for label, group in drawn for _ in group]
    paired_legend(axes, handles, labels, loc="upper center", ncols=2)


def _bars(axes: Axes, x: Sequence[float] | Array, runs: Array, **style: Any) -> ErrorbarContainer:
    """Means over runs with standard errors."""
    mean = MonteCarlo.from_runs(runs)
    look: dict[str, Any] = {"marker": "o", "ls": "", "ms": 5, "capsize": 2}
    return axes.errorbar(x, mean.mean, mean.stderr, **look | style)
