"""The settings simulated with normalised input, run by run, and held against the theory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hermite_eq.simulate import MonteCarlo
from hermite_eq.theory import icl_error
from verify.campaigns.campaign import Campaign, Error, Panel
from verify.campaigns.curves import load
from verify.campaigns.store import Setup, Store
from verify.check import can_tell, fit_slope, z_score
from verify.settings.table import SEED, SETTINGS, Setting

ERRORS: tuple[Error, ...] = ("icl", "idg")
#: Declared before the first run: the relative gap allowed between simulation and the theory at the same d, or standard errors.
ALLOWED = {"icl": 0.03, "idg": 0.06}
SIGMAS = 4.0
#: A dimension at which nothing is left of the corrections.
FAR = 10_000
#: Bytes for the arrays of one run.
MEMORY = 4 * 10**9

#: One panel of one point for each setting: tasks, contexts, F and test contexts of every setting and run are draws of their own.
CAMPAIGN = Campaign(
    "settings", "24 random settings", "The error theory holds at settings nobody has looked at before.",
    tuple(Panel(row.task, (row.model(),), "samples", (row.tau,), (row.ratios,), ERRORS) for row in SETTINGS),
    d=40, runs=20, seed=SEED,
)


@dataclass(frozen=True)
class Outcome:
    """One error of one setting at one d.

    Attributes
    ----------
    setting : Setting
    error : {"icl", "idg"}
    d : int
    simulated : MonteCarlo
    predicted : float
        Theory at this d.
    limit : float
        Theory at d = :data:`FAR` and the same ratios and ridge per sample λ/d: the formulas of the limit up to 1/FAR.
    """

    setting: Setting
    error: str
    d: int
    simulated: MonteCarlo
    predicted: float
    limit: float

    @property
    def gap(self) -> float:
        """simulation/theory − 1 at this d."""
        return float(self.simulated.mean / self.predicted - 1)

    @property
    def z(self) -> float:
        """Standard score of the gap, Student's t turned normal."""
        return z_score(self.predicted, self.simulated.mean, self.simulated.stderr, self.simulated.runs)

    @property
    def holds(self) -> bool:
        """Within :data:`ALLOWED` or :data:`SIGMAS` standard errors, and a gap of :data:`verify.check.RESOLUTION` would have been seen."""
        return not self.fails and can_tell(self.simulated.stderr, self.predicted, self.simulated.runs, SIGMAS)

    @property
    def fails(self) -> bool:
        """Beyond both; what neither holds nor fails cannot be told."""
        return not (abs(self.gap) <= ALLOWED[self.error] or abs(self.z) <= SIGMAS)


def store(root: Path, d: int) -> Store:
    """The folder of the runs at dimension d."""
    return Store(root, Setup(CAMPAIGN, d, CAMPAIGN.seed, MEMORY))


def outcomes(stored: Store) -> list[Outcome]:
    """Every setting and error at the d of a store, from all its runs."""
    results = load(stored, stored.runs())
    found = []
    for (index, _, _), curve in results.curves.items():
        row = SETTINGS[index]
        finite = icl_error(row.model(), row.task, row.sizes(results.d))
        far = dataclasses.replace(row, ridge=row.ridge * FAR / results.d)
        limit = icl_error(far.model(), far.task, far.sizes(FAR))
        for error in ERRORS:
            runs = MonteCarlo.from_runs(curve.each(error)[:, 0])
            found.append(Outcome(row, error, results.d, runs, getattr(finite, error), getattr(limit, error)))
    return found


def slope(ladder: Mapping[int, Sequence[Outcome]], error: str, *, against: str) -> tuple[float, float, dict[int, tuple[float, float]]]:
    """Exponent in d of the root mean square relative gap over the settings, its error, and (gap, standard error) by d.

    ``against`` is ``"limit"`` or ``"predicted"``. The settings have the same weights at every d, the inverse of their sampling variance
    summed over d; the sampling variance is taken off the mean square before the root.
    """
    table = {}
    for d, each in sorted(ladder.items()):
        chosen = [outcome for outcome in each if outcome.error == error]
        value = np.array([outcome.simulated.mean / getattr(outcome, against) - 1 for outcome in chosen])
        noise = np.array([outcome.simulated.stderr / getattr(outcome, against) for outcome in chosen])
        table[d] = (value, noise)
    weights = 1 / np.sum([noise**2 for _, noise in table.values()], axis=0)
    weights = weights / weights.sum()
    gaps = {}
    for d, (value, noise) in table.items():
        square = float(weights @ (value**2 - noise**2))
        # Var(v²) = 4 E²σ² + 2σ⁴ for v ~ N(E, σ²); E² by v² − σ².
        variance = float(weights**2 @ (4 * np.maximum(value**2 - noise**2, 0) * noise**2 + 2 * noise**4))
        root = np.sqrt(max(square, np.sqrt(variance)))
        gaps[d] = (float(root), float(np.sqrt(variance) / (2 * root)))
    if len(gaps) < 2:
        return float("nan"), float("nan"), gaps
    exponent, error_of_it = fit_slope(list(gaps), [gap for gap, _ in gaps.values()], [stderr for _, stderr in gaps.values()])
    return exponent, error_of_it, gaps
