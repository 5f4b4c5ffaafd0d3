"""What is reported of a campaign at one d: its rows, numbers and figure."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from verify.campaigns.campaign import Campaign, error_name
from verify.campaigns.curves import Results, load
from verify.campaigns.theory import Predictions, by_workers
from verify.claims import defects
from verify.claims.agreement import judge
from verify.claims.check import Check
from verify.report import figures
from verify.report.page import Table
from verify.report.verdicts import KINDS, counts, finite, table
from verify.store.folders import stored
from verify.store.store import Store

#: A campaign is shown at the largest d with this many runs (else at that with most), beside its other d.
ENOUGH = 10


@dataclass(frozen=True, eq=False)
class Section:
    """A campaign at one d: its curves; the statements about the figure, then theory beside simulation; and how many of these reject
    theories that are wrong on purpose.
    """

    store: Store
    results: Results
    checks: list[Check]
    power: list[dict[str, Any]]

    @property
    def campaign(self) -> Campaign:
        return self.store.setup.campaign

    @property
    def d(self) -> int:
        return self.results.d

    @property
    def statements(self) -> list[Check]:
        return [check for check in self.checks if check.claim == self.campaign.figure]

    @property
    def comparisons(self) -> list[Check]:
        return [check for check in self.checks if check.claim != self.campaign.figure]

    @property
    def title(self) -> str:
        return f"d = {self.d}, {self.results.runs} runs"

    @property
    def name(self) -> str:
        return f"{self.campaign.name}-d{self.d}"

    @property
    def caption(self) -> str:
        lines = "the d named" if self.campaign.theory_at else f"d = {self.d}"
        return f"{self.campaign.figure}, {self.title}. Lines: the theory at {lines}. Error bars: one standard error."

    def tables(self) -> list[Table]:
        """What is said of the figure, and theory beside simulation."""
        shown = ((self.statements, "statement"), (self.comparisons, "curve and point"))
        return [table(checks, first) for checks, first in shown if checks]

    def numbers(self) -> Table:
        """Every simulated point with its standard error beside the theory."""
        rows = []
        for key, curve in self.results.curves.items():
            for error in curve.panel.errors:
                for part in curve.parts(error):
                    simulated, theory = curve.simulated(part), curve.theory(part)
                    rows += [
                        (
                            self.results.subject(key),
                            error_name(part),
                            f"{value:.4g}",
                            f"{mean:.5g} ± {stderr:.2g}",
                            "–" if expected != expected else f"{expected:.5g}",
                        )
                        for value, mean, stderr, expected in zip(curve.values, simulated.mean, simulated.stderr, theory, strict=True)
                    ]
        return Table(("model", "error", "at", "simulation ± standard error", "theory"), rows, (2, 3, 4))

    @property
    def origin(self) -> str:
        """What computed the runs, in a sentence."""
        origins = self.store.origins()
        versions = sorted(
            {
                f"hermite_eq {record.hermite_eq}"
                + (f" (revision {record.revision})" if record.revision else "")
                + f", Python {record.python}, NumPy {record.numpy}, SciPy {record.scipy}"
                for record in origins
            }
        )
        seconds = sum(record.seconds for record in origins) / len(origins)
        return (
            f"Seed {self.store.setup.seed}, parameters {self.store.setup.hash}; a run took {seconds:.3g} s by the clock; the slower "
            f"solver in {self.fallbacks} fits. Computed by {'; '.join(versions)}."
        )

    @property
    def fallbacks(self) -> int:
        """Fits in which the slower solver was needed."""
        return sum(int(curve.fallbacks.sum()) for curve in self.results.curves.values())


def plain(results: Results, *, theory: bool = True) -> list[dict[str, Any]]:
    """Every curve as plain data, with its theory or without."""
    return [
        {
            "panel": key[0],
            "family": curve.family.legend(curve.panel.axis),
            "model": key[2],
            "task": str(curve.task),
            "d": results.d,
            "axis": curve.panel.axis,
            "values": curve.values.tolist(),
            "fallbacks": curve.fallbacks.tolist(),
        }
        | {
            error_name(part): {
                "mean": curve.runs_of(part).mean(axis=0).tolist(),
                **({"theory": finite(curve.theory(part))} if theory else {}),
                **({"stderr": curve.simulated(part).stderr.tolist()} if curve.runs > 1 else {}),
            }
            for error in curve.panel.errors
            for part in curve.parts(error)
        }
        for key, curve in results.curves.items()
    ]


def section(store: Store, results: Results, others: Sequence[Results]) -> Section:
    """A store's results, judged beside those at other d."""
    if results.runs < 2:
        # One run has no standard error.
        return Section(store, results, [], [])
    ladder = [results, *others]
    return Section(store, results, judge(store.setup.campaign, ladder), defects.controls(ladder))


def prepared(store: Store, console: Console) -> Results:
    """The stored runs as curves, with the theory that their rows and figure need, computed by several processes where it is not kept."""
    results = load(store)
    curves = [curve for curve in results.curves.values() if curve.predicted]
    predictions = next((curve.predict for curve in curves if isinstance(curve.predict, Predictions)), None)
    if predictions is not None:
        asked = [points for curve in curves for points in (curve.points, curve.line(results.d)[1], *defects.asked(curve))]
        title = f"{store.setup.campaign.name}: theory at d = {results.d}"
        predictions.prepare(asked, functools.partial(by_workers, title=title, console=console))
    return results


def reported(root: Path, campaign: Campaign, console: Console) -> list[Section]:
    """The sections of all that is stored of a campaign, that to be shown first at the front; the console is told of long computations."""
    stores = stored(root, campaign)
    loaded = [prepared(store, console) for store in stores]
    return by_weight(
        [
            section(store, results, [other for other in loaded if other.d != results.d])
            for store, results in zip(stores, loaded, strict=True)
        ]
    )


def by_weight(sections: Sequence[Section]) -> list[Section]:
    """Those with enough runs first, by d; then the others by their runs."""

    def weight(section: Section) -> tuple[bool, int, int]:
        enough = section.results.runs >= ENOUGH
        return enough, 0 if enough else section.results.runs, section.d

    return sorted(sections, key=weight, reverse=True)


def pictures(group: Sequence[Section], folder: Path) -> dict[str, Path]:
    """The figures of the sections of a campaign as PNG by their names; one of several d only once."""
    drawn = {}
    for shown_part in group[: 1 if group[0].campaign.theory_at else None]:
        others = [other.results for other in group if other is not shown_part]
        drawn[shown_part.name] = figures.figure(shown_part.campaign, shown_part.results, folder / shown_part.name, others).with_suffix(
            ".png"
        )
    return drawn


def overview(shown: Iterable[Sequence[Section]]) -> Table:
    """A row for each campaign and d, with a column for each kind of test."""
    rows = []
    for shown_part in itertools.chain(*shown):
        theory = counts(shown_part.comparisons, "two-sided")
        rows.append(
            (
                shown_part.campaign.figure,
                shown_part.campaign.name,
                shown_part.title,
                theory,
                *(counts(shown_part.statements, kind) for kind in KINDS),
            )
        )
    header = ("figure", "name", "stored", "theory beside simulation, two-sided", *(f"statements, {kind}" for kind in KINDS))
    return Table(header, rows).without_empty("–")
