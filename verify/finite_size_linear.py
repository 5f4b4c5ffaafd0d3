"""``python -m verify.finite_size_linear``: the linear Transformer's error at finite d, against simulation over d = 20, 40, 60.

Two claims for every setting below, each for ICL and IDG: at d = 60 the theory at that d lies within 4 standard errors of 20 runs; and
the limit d = ∞ is off by a gap that falls as 1/d or faster, where one is seen. The table says in which rows the theory of a target 5 % too
large, 1.05 σ*, would have been rejected; where it is in none, the command fails. About a minute on two idle cores; ``--more`` adds points
above the threshold, n > d², which cost several times as much.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import hermite_eq
from hermite_eq import simulate
from hermite_eq.hermite import X
from hermite_eq.models import LinearTransformer, Sizes, Task
from verify.check import Check, Verdict, by_rate, fit_slope, z_score
from verify.command_line import command_line, positive
from verify.workers import workers

Array = NDArray[np.float64]

#: Runs at each d; 20 at the largest.
LADDER = {20: 160, 40: 60, 60: 20}
#: |z| allowed at the largest d: with 12 scores, a false alarm in one table out of 1,300.
Z_LIMIT = 4.0
#: Fixed before the first run; one stream for each setting and d.
SEED = 20240511
#: Arguments of the smallest run.
SMALLEST = ("--d", "8", "12", "--runs", "4", "4", "--workers", "1")


@dataclass(frozen=True)
class Setting:
    """A point of the theory."""

    target: str
    noise: float
    alpha: float
    kappa: float
    tau: float
    ridge: float
    intercept: bool = False

    @property
    def task(self) -> Task:
        return Task(self.target, self.noise)

    @property
    def model(self) -> LinearTransformer:
        return LinearTransformer(self.ridge, self.intercept)

    def sizes(self, d: int) -> Sizes:
        """The sizes at d."""
        return Sizes.from_ratios(d, alpha=self.alpha, kappa=self.kappa, tau=self.tau)

    def __str__(self) -> str:
        ratios = f"α = {self.alpha:g}, κ = {self.kappa:g}, τ = {self.tau:g}"
        return f"{self.target}, ρ = {self.noise:g}, {ratios}, λ = {self.ridge:g}{', intercept' if self.intercept else ''}"


SETTINGS = (
    Setting("identity", 0.1, 1, 0.5, 0.5, 1e-2),
    Setting("identity", 0.5, 3, 2, 0.7, 0.0),
    Setting("relu", 0.1, 1, 0.5, 0.6, 1e-3),
    Setting("relu", 0.01, 2, math.inf, 0.4, 0.1, True),
    Setting("tanh", 0.1, 1, 1, 0.5, 1e-2),
    Setting("abs", 0.2, 1, 0.5, 0.5, 1e-2, True),
)
MORE = (
    Setting("identity", 0.1, 1, 0.5, 1.3, 1e-2),
    Setting("relu", 0.01, 1, 0.5, 1.3, 1e-3, True),
)


def one(setting: Setting, d: int, runs: range) -> Array:
    """(ICL, IDG) of some runs of one setting, shape (2, runs); a function of its arguments alone."""
    index = (*SETTINGS, *MORE).index(setting)
    seed = np.random.SeedSequence(SEED, spawn_key=(index, d))
    found = simulate.icl_error(setting.model, setting.task, setting.sizes(d), runs=runs, rng=seed)
    return np.array([found.icl_runs, found.idg_runs])


@dataclass(frozen=True)
class Row:
    """One setting and error over the ladder.

    Attributes
    ----------
    runs, simulated, stderr, predicted, limit : dict
        By d.
    """

    setting: Setting
    error: str
    runs: dict[int, int]
    simulated: dict[int, float]
    stderr: dict[int, float]
    predicted: dict[int, float]
    limit: dict[int, float]

    @property
    def z(self) -> dict[int, float]:
        return {d: z_score(self.predicted[d], mean, self.stderr[d], self.runs[d]) for d, mean in self.simulated.items()}

    @property
    def slope(self) -> tuple[float, float]:
        """Exponent of the limit's relative gap in d, and its error."""
        d = list(self.simulated)
        return fit_slope(d, *self._gaps)

    @property
    def _gaps(self) -> tuple[list[float], list[float]]:
        """The limit's relative gap at each d, and its standard error."""
        return ([mean / self.limit[d] - 1 for d, mean in self.simulated.items()],
                [stderr / self.limit[d] for d, stderr in self.stderr.items()])

    @property
    def rate(self) -> Check:
        """Whether the limit's gap vanishes as 1/d."""
        d = list(self.simulated)
        return by_rate("linear Transformer at finite d", f"{self.setting}: {self.error}", d, *self._gaps, order=-1,
                       runs=[self.runs[x] for x in d])

    @property
    def holds(self) -> bool:
        """|z| < 4 at the largest d, and the gap of the limit is not seen or vanishes as 1/d, by :func:`verify.check.by_rate`."""
        return abs(self.z[max(self.z)]) < Z_LIMIT and self.rate.verdict in (Verdict.AGREES, Verdict.IN_THE_LIMIT)


def rows(setting: Setting, found: dict[int, Array]) -> list[Row]:
    """ICL and IDG of one setting; the arrays are those of :func:`one` at each d."""
    theory = {d: hermite_eq.icl_error(setting.model, setting.task, setting.sizes(d)) for d in found}
    limit = {d: hermite_eq.icl_error(setting.model, setting.task, setting.sizes(d).ratios) for d in found}
    runs = {d: each.shape[1] for d, each in found.items()}
    table = []
    for kind, name in enumerate(("icl", "idg")):
        means = {d: simulate.MonteCarlo.from_runs(each[kind]) for d, each in found.items()}
        table.append(Row(setting, name, runs, {d: each.mean for d, each in means.items()}, {d: each.stderr for d, each in means.items()},
                         {d: getattr(theory[d], name) for d in found}, {d: getattr(limit[d], name) for d in found}))
    return table


def rejected(setting: Setting, row: Row) -> bool:
    """Whether the target 1.05 σ* instead of σ* would have been caught at the largest d."""
    d = max(row.simulated)
    wrong = Task(sympy.Rational(21, 20) * (setting.task.target.expression or X), setting.noise)
    predicted = getattr(hermite_eq.icl_error(setting.model, wrong, setting.sizes(d)), row.error)
    return abs(z_score(predicted, row.simulated[d], row.stderr[d], row.runs[d])) >= Z_LIMIT


def show(table: list[Row], console: Console) -> None:
    """The rows as a table."""
    ladder = list(table[0].simulated)
    shown = Table(header_style="bold", title="linear Transformer at finite d")
    for column in ("setting", "error", *(f"d = {d}: simulated, theory at d, z" for d in ladder), "slope of the limit's gap", "5 % off", ""):
        shown.add_column(column)
    for row in table:
        cells = [f"{row.simulated[d]:.4f} ± {row.stderr[d]:.4f}, {row.predicted[d]:.4f}, {row.z[d]:+.1f}" for d in ladder]
        slope, error = row.slope
        caught = "caught" if rejected(row.setting, row) else "not seen"
        shown.add_row(str(row.setting), row.error, *cells, f"{slope:.2f} ± {error:.2f}", caught, "" if row.holds else "FAILS")
    console.print(shown)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every row holds."""
    parser = command_line("verify.finite_size_linear", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, nargs="+", default=list(LADDER), help="the dimensions (20 40 60)")
    parser.add_argument("--runs", type=positive, nargs="+", default=list(LADDER.values()), help="runs at each of them (160 60 20)")
    parser.add_argument("--more", action="store_true", help="also n > d²")
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    arguments = parser.parse_args(argv)
    if not 2 <= len(set(arguments.d)) == len(arguments.runs) or min(arguments.runs) < 2:
        parser.error("two dimensions or more that differ, each with two runs or more")
    ladder = dict(sorted(zip(arguments.d, arguments.runs, strict=True)))
    console = Console() if Console().is_terminal else Console(width=220)
    settings = (*SETTINGS, *MORE) if arguments.more else SETTINGS
    with workers(arguments.workers) as pool:
        # Twenty runs at a time; the longest first.
        jobs = {
            (setting, d): [pool.submit(one, setting, d, range(start, min(start + 20, ladder[d]))) for start in range(0, ladder[d], 20)]
            for d in sorted(ladder, reverse=True) for setting in settings
        }
        table = []
        for setting in settings:
            table += rows(setting, {d: np.concatenate([job.result() for job in jobs[setting, d]], axis=1) for d in ladder})
    show(table, console)
    return 0 if all(row.holds for row in table) and any(rejected(row.setting, row) for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
