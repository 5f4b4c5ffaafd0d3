r"""The page of the documentation on where the equivalence breaks: every number in it is computed from the stored runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import scipy.stats

from hermite_eq.models import Sizes, SoftmaxAttention
from verify.campaigns.joint import markdown_table
from verify.campaigns.store import Store
from verify.report import write_text
from verify.stress.cases import CASES, NOISE, REFERENCE, TARGET
from verify.stress.measure import CAMPAIGN, DEGREES, HEAD, RATIOS, RESOLUTION, RIDGE, SIGMAS, Finding

NAME = "stress.md"


def table(found: Sequence[Finding], d: Sequence[int]) -> list[list[str]]:
    """The rows of the table, the first its heading."""
    rows = [["data", "head", "r", f"gap at d = {d[0]}", f"gap at d = {d[1]}", "limit", "z", "verdict"]]
    for each in found:
        pairs = [f"{mean:+.3f} ± {error:.3f}" for mean, error in (each.near, each.far, (each.limit, each.stderr))]
        rows.append([each.case, _head(each.normalised), str(each.degree), *pairs, f"{each.z:+.1f}", each.verdict])
    return rows


def _head(normalised: bool) -> str:
    return "h normalised" if normalised else "plain"


def question() -> list[str]:
    """What is asked, and of which heads and data."""
    r = " and ".join(map(str, DEGREES))
    return [
        "[RT] Theorem 3 says that, as d → ∞, a random Transformer with activation σ and the one with σ̂_r in place of σ have the same ICL "
        "error. It is stated for Gaussian inputs and tasks and for linear attention. Here one of these is changed at a time, by simulation "
        f"alone: σ = {HEAD}, r = {r}, target {TARGET}, noise variance {NOISE:g}, ℓ/d = {RATIOS.alpha:g}, k/d = {RATIOS.kappa:g}, "
        f"n/d² = {RATIOS.tau:g}, m/d² = {RATIOS.mu:g}, λ = {RIDGE:g}; the head as it is (\"plain\"), and one that divides h by its length "
        "(\"h normalised\").",
        "Entries of inputs or tasks are independent, of mean 0 and variance 1 (times 1/d for inputs), with the law named: random signs, "
        "uniform, Student t with so many degrees of freedom; or tasks are uniform on a sphere. Softmax attention weighs the examples of a "
        "context by exp(β xᵢᵀx/ν), over their sum, with ν the standard deviation of xᵢᵀx; β = 0 is linear attention.",
    ]


def method(ladder: Mapping[int, int], comparisons: int) -> list[str]:
    """The gap, its limit, and how a verdict is reached."""
    alarm = 2 * scipy.stats.norm.sf(SIGMAS)
    (d1, n1), (d2, n2) = ladder.items()
    return [
        "The two heads of a run share tasks, contexts and F, and the gap of a run is g = log(e of σ̂_r / e of σ): single runs of "
        f"heavy-tailed data do not dominate the mean of logarithms. There are {n1} runs at d₁ = {d1} and {n2} at d₂ = {d2}; ± is one "
        "standard error of their mean.",
        "Where the equivalence holds, the gap vanishes as 1/d. So the two dimensions give the limit",
        "    g∞ = (d₂ g(d₂) − d₁ g(d₁)) / (d₂ − d₁),   with variance (d₂² s₂² + d₁² s₁²) / (d₂ − d₁)².",
        "What is of order c/d² leaves −c/(d₁d₂) behind. It is much the same for Gaussian data, with whose limit all others are therefore "
        f"compared (that limit itself with 0). A row *breaks* where the two differ by more than {SIGMAS:g} standard errors, z being the "
        f"normal score of Student's t with {n2 - 1} degrees of freedom: a false alarm in {alarm:.1g} of comparisons, and among these "
        f"{comparisons} with a probability of at most {comparisons * alarm:.1g}. It *holds within* {SIGMAS:g} standard errors of the "
        f"difference if these are at most {RESOLUTION:g}; else one *cannot tell*. Rows of the same head and r share the Gaussian limit "
        "and its sampling error, so that their z lean to the same side.",
    ]


def _named(rows: Iterable[Finding]) -> str:
    return "; ".join(f"{row.case}, r = {row.degree} ({row.limit:+.2f} ± {row.stderr:.2f})" for row in rows)


def meaning(found: Sequence[Finding], d: int) -> list[str]:
    """What the table says, in sentences."""
    lines = []
    for normalised in (True, False):
        rows = [row for row in found if row.normalised == normalised]
        breaks = [row for row in rows if row.verdict == "breaks"]
        blind = [row for row in rows if row.verdict == "cannot tell"]
        holds = [row for row in rows if row not in breaks and row not in blind]
        head = "A head that normalises h" if normalised else "A plain head"
        text = [f"**{head}.** The equivalence holds in {len(holds)} of {len(rows)} rows"]
        if holds:
            hidden = [row.hidden for row in holds]
            text[0] += f", up to a gap of {min(hidden):.2f} to {max(hidden):.2f} that could be hidden"
        text[0] += "."
        text.append(f"It breaks, with the limit of the gap in brackets, for: {_named(breaks)}." if breaks else "Nothing here breaks it.")
        if blind:
            text.append(f"It cannot be told for: {_named(blind)}.")
        gaps = [row.far[0] for row in rows]
        low, high = (rows[gaps.index(end)] for end in (min(gaps), max(gaps)))
        text.append(f"At d = {d} itself the error of σ̂_r is between {_factor(low)} and {_factor(high)} times that of σ.")
        lines.append(" ".join(text))
    lines += _cause(found, d)
    return lines


def _factor(row: Finding) -> str:
    return f"{math.exp(row.far[0]):.3g} ({row.case}, r = {row.degree})"


def _cause(found: Sequence[Finding], d: int) -> list[str]:
    """Where only the plain head departs, it is the length of h that does it."""
    verdicts = {(row.case, row.degree, row.normalised): row.verdict for row in found}
    departs = [row for row in found if not row.normalised and row.verdict in ("breaks", "cannot tell")]
    mended = [row for row in departs if verdicts[row.case, row.degree, True].startswith("holds")]
    lines = []
    if departs:
        share = "all of them" if len(mended) == len(departs) else f"{len(mended)} of them"
        cases = f" ({'; '.join(dict.fromkeys(row.case for row in mended))})" if mended else ""
        lines.append(
            f"**The cause.** In {len(departs)} rows a plain head breaks the equivalence or leaves it undecided. In {share} it holds once h "
            f"is divided by its length{cases}. The two heads see the same data and differ in ‖h‖ alone: up to what could be hidden, "
            "what matters is whether s = ‖h‖/√t concentrates. Over F the pre-activations of a context are N(0, s²) "
            "whatever the law of the data; ReLU's features have a second moment ∝ s², those of σ̂_r, whose coefficients are for s = 1, a "
            "polynomial of degree r in s²."
        )
    lines.append(
        "**What two dimensions do not tell.** They tell a gap that stays from one that vanishes as 1/d, not from one that vanishes more "
        "slowly. Where inputs or tasks are Student t with at most 4 degrees of freedom, ‖h‖² has no variance, and no rate is known. And "
        "under softmax attention ‖b‖ concentrates only once many examples share the weight, 1/Σp² ≈ ℓ e^{−β²} of them for p ∝ e^{βg} with "
        f"g normal: {_sharing(found, d)}. Where that is not large, *breaks* is said of these d, and nothing of the limit. The Gaussian "
        f"rows, which have to hold, have limits of {_reference(found)}."
    )
    return lines


def _sharing(found: Sequence[Finding], d: int) -> str:
    """How many examples share the weight of softmax attention, at the larger d."""
    shown = {row.case: CASES[row.case] for row in found}
    ell = Sizes.from_ratios(d, alpha=RATIOS.alpha, kappa=RATIOS.kappa, tau=RATIOS.tau).context
    counts = [(task.sharpness, ell * math.exp(-task.sharpness**2)) for task in shown.values() if isinstance(task, SoftmaxAttention)]
    said = [f"{count:.2g} for β = {beta:g}" + (", where one example has most of the weight" if count < 1 else "") for beta, count in counts]
    return f"at ℓ = {ell}, {'; '.join(said)}"


def _reference(found: Sequence[Finding]) -> str:
    return "; ".join(f"{row.limit:+.3f} ± {row.stderr:.3f} ({_head(row.normalised)}, r = {row.degree})"
                     for row in found if row.case == REFERENCE)


def origin(stores: Sequence[Store], runs: Mapping[int, int]) -> str:
    """What computed the runs, in a sentence."""
    used = [one for store in stores for run, one in zip(store.runs(), store.origins(), strict=True) if run < runs[store.setup.d]]
    versions = sorted({f"hermite_eq {one.hermite_eq}" + (f" (revision {one.revision})" if one.revision else "")
                       + f", Python {one.python}, NumPy {one.numpy}, SciPy {one.scipy}" for one in used})
    return f"Seed {CAMPAIGN.seed}, parameters {' and '.join(store.setup.hash for store in stores)}. Computed by {'; '.join(versions)}."


def write(folder: Path, found: Sequence[Finding], stores: Sequence[Store], runs: Mapping[int, int]) -> Path:
    """``stress.md`` in the folder of documents.

    Parameters
    ----------
    folder : Path
    found : sequence of Finding
    stores : sequence of Store
        At the two dimensions, the smaller first.
    runs : mapping
        Runs of each dimension.
    """
    d = list(runs)
    command = f"python -m verify.stress --d {d[0]} {d[1]} --runs {runs[d[0]]} {runs[d[1]]} --documents docs"
    heading, *rows = table(found, d)
    parts = [
        "# Where the equivalence breaks", f"This page is written by `{command}`.",
        "## What is asked", *question(), "## How", *method(runs, len(found)),
        "## The table", "\n".join(markdown_table(heading, rows)), origin(stores, runs),
        "## What it means", *meaning(found, d[1]),
    ]
    path = folder / NAME
    write_text(path, "\n\n".join(parts) + "\n")
    return path
