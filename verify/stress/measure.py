r"""The gap between a random Transformer and its equivalents on common draws, over a ladder of two dimensions.

The gap of a run is :math:`\log(e_{\hat\sigma_r}/e_\sigma)`, which single runs of heavy-tailed data do not dominate. It falls as 1/d where
the equivalence holds, so that :math:`g_\infty=(d_2g_2-d_1g_1)/(d_2-d_1)` is its limit; the limit is compared with that of Gaussian data,
whose corrections of higher order are like theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hermite_eq import RandomTransformer, Ratios, equivalent_model
from hermite_eq.simulate.population import Array
from verify.campaigns.campaign import Campaign, Panel, label
from verify.campaigns.curves import load
from verify.campaigns.store import Setup, Store
from verify.check import z_score
from verify.settings.measure import MEMORY
from verify.stress.cases import CASES, REFERENCE

HEAD, RIDGE, DEGREES = "relu", 0.1, (1, 2)
RATIOS = Ratios(alpha=1.0, kappa=0.5, tau=2.0, mu=1.0)
#: Beyond this many standard errors a limit differs from the Gaussian one: a false alarm in 6e-5 of comparisons, as t is turned into z.
SIGMAS = 4.0
#: The largest gap that may hide where an equivalence is said to hold.
RESOLUTION = 0.25
#: σ and its equivalents, without and with normalised input.
HEADS = tuple(
    tuple(RandomTransformer(each, RIDGE, normalise) for each in (HEAD, *(equivalent_model(HEAD, r) for r in DEGREES)))
    for normalise in (False, True)
)

#: A panel of one point for each case; the heads of a case share all draws of a run.
CAMPAIGN = Campaign(
    "stress", "Where the equivalence breaks", "Theorem 3 holds for Gaussian data and linear attention; where else?",
    tuple(Panel(task, HEADS[0] + HEADS[1], "samples", (RATIOS.tau,), (RATIOS,)) for task in CASES.values()),  # type: ignore[arg-type]
    d=24, runs=12, seed=20251030,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Gaps:
    """Gaps of one case at one d.

    Attributes
    ----------
    runs : (runs, 2, degrees) array
        Log ratios of ICL errors, the plain head and the one with normalised input, degree by degree.
    """

    runs: NDArray[np.float64]

    @property
    def mean(self) -> Array:
        return np.asarray(self.runs.mean(axis=0))

    @property
    def stderr(self) -> Array:
        return np.asarray(self.runs.std(axis=0, ddof=1) / math.sqrt(len(self.runs)))


def store(root: Path, d: int) -> Store:
    """The folder of the runs at dimension d."""
    return Store(root, Setup(CAMPAIGN, d, CAMPAIGN.seed, MEMORY))


def gaps(stored: Store, runs: range) -> dict[str, Gaps]:
    """The gaps of every case in these runs, all stored, at the d of the store."""
    curves = load(stored, runs).curves
    found = {}
    for index, name in enumerate(CASES):
        log = np.log([[curves[index, 0, label(head)].icl_runs[:, 0] for head in heads] for heads in HEADS])
        found[name] = Gaps(np.moveaxis(log[:, 1:] - log[:, :1], -1, 0))
    return found


@dataclass(frozen=True)
class Finding:
    """One case, one head, one degree.

    Attributes
    ----------
    near, far : (float, float)
        Gap and standard error at the smaller and the larger d.
    limit, stderr : float
        The extrapolated gap and its standard error.
    z : float
        Of its difference from the Gaussian limit; of the Gaussian limit itself, from zero.
    hidden : float
        :data:`SIGMAS` standard errors of that difference.
    """

    case: str
    normalised: bool
    degree: int
    near: tuple[float, float]
    far: tuple[float, float]
    limit: float
    stderr: float
    z: float
    hidden: float

    @property
    def verdict(self) -> str:
        """Whether the equivalence breaks, holds up to a gap that could be hidden, or cannot be told to."""
        if abs(self.z) > SIGMAS:
            return "breaks"
        return f"holds within {self.hidden:.2f}" if self.hidden <= RESOLUTION else "cannot tell"


def findings(measurements: dict[tuple[str, int], Gaps]) -> list[Finding]:
    """The limits and verdicts of all cases."""
    names = list(dict.fromkeys(name for name, _ in measurements))
    d1, d2 = sorted({d for _, d in measurements})

    def limit(name: str) -> tuple[Array, Array]:
        one, two = measurements[name, d1], measurements[name, d2]
        return (d2 * two.mean - d1 * one.mean) / (d2 - d1), np.hypot(d2 * two.stderr, d1 * one.stderr) / (d2 - d1)

    reference, reference_error = limit(REFERENCE)
    found = []
    for name in names:
        one, two = measurements[name, d1], measurements[name, d2]
        value, error = limit(name)
        for n in range(2):
            for r, degree in enumerate(DEGREES):
                # The reference is compared with no gap at all.
                against, spread = (0.0, 0.0) if name == REFERENCE else (float(reference[n, r]), float(reference_error[n, r]))
                difference = float(np.hypot(error[n, r], spread))
                z = z_score(against, float(value[n, r]), difference, len(two.runs))
                found.append(Finding(name, bool(n), degree, (float(one.mean[n, r]), float(one.stderr[n, r])),
                                     (float(two.mean[n, r]), float(two.stderr[n, r])), float(value[n, r]), float(error[n, r]), z,
                                     SIGMAS * difference))
    return found
