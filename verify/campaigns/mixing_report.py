"""Figure and verdict table of a campaign of [DM]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console

from hermite_eq.simulate import context_law
from verify import report
from verify.campaigns.mixing import AXIS_LABEL, MixingCampaign, curves
from verify.campaigns.mixing_claims import Curves, judge
from verify.campaigns.store import Store
from verify.check import Check
from verify.figures import save

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: Labels from which the error of a constant is estimated: to 1 %, as labels of variance v have (y − ȳ)² of relative scatter ≈ 2.
_LABELS = 40_000


def constant_error(campaign: MixingCampaign, d: int, panel: int, family: int) -> float:
    """Error in the test of the best constant, E y over the training mixture, at the setting of a family."""
    mixing = campaign.panels[panel].families[family][1]
    law = context_law(mixing.task(d), mixing.sizes(d))
    streams = np.random.SeedSequence(campaign.seed).spawn(4)
    each = np.arange(_LABELS)
    seen = law.draw(law.tasks(_LABELS, np.random.default_rng(streams[0])), each, streams[1])
    tested = law.draw(law.fresh_tasks(_LABELS, np.random.default_rng(streams[2])), each, streams[3])
    squares = (tested.y - seen.y.mean()) ** 2
    means = [squares[tested.source == s].mean() for s in range(len(law.sources))]
    return float(np.dot(law.test_weights, means))


def figure(campaign: MixingCampaign, found: Curves, d: int, path: Path) -> Path:
    """A subplot for each panel; error bars are one standard error."""
    size = (2 + 4.6 * len(campaign.panels), 4.6)
    drawing, grid = plt.subplots(1, len(campaign.panels), figsize=size, layout="constrained", squeeze=False)
    for index, (axes, panel) in enumerate(zip(grid[0], campaign.panels, strict=True)):
        for (i, number, name), curve in found.items():
            if i != index:
                continue
            several = len(panel.families) > 1
            # One family: a colour for each activation; several: one for each of them, and only the heads and their equivalents.
            sigma = name.split(",")[0]
            order = number if several else [*panel.activations, "linear", "linear + intercept"].index(sigma)
            if several and sigma not in panel.activations:
                continue
            style = "--" if "no step" in name else ":" if "rank one" in name else "none" if "p =" in name else "-"
            mean, stderr = curve.icl_runs.mean(axis=0), curve.icl_runs.std(axis=0, ddof=min(1, len(curve.icl_runs) - 1))
            axes.errorbar(curve.values, mean, stderr / np.sqrt(len(curve.icl_runs)), color=_COLOURS[order % len(_COLOURS)], ls=style,
                          marker="s" if "p =" in name else "." if style != "-" else "o", mfc="none" if "p =" in name else None, ms=5,
                          capsize=2, lw=1.1, label=", ".join(filter(None, (curve.family, name))))
        # Equivalents may explode where d is too small for their degree, or the step beyond the theorem: the others set the scale.
        shown = [curve.icl_runs.mean(axis=0) for (i, _, name), curve in found.items() if i == index and "p =" not in name]
        axes.set_ylim(0.85 * np.min(shown), 1.3 * np.max(shown))
        axes.axhline(constant_error(campaign, d, index, 0), color="#999999", ls="-.", lw=0.9, label="constant")
        axes.set(xlabel=AXIS_LABEL[panel.axis], ylabel="ICL error")
        if panel.axis in ("samples", "context", "hidden"):
            axes.set(xscale="log")
        axes.legend(fontsize=6, frameon=False)
    drawing.suptitle(f"{campaign.figure}, d = {d}", fontsize=11)
    return save(drawing, path)


def write(store: Store, runs: int, manifest: dict[str, Any], console: Console, siblings: Sequence[Store] = ()) -> list[Check]:
    """Figure, verdict table, ``summary.json`` and ``report.html`` in the campaign's folder."""
    campaign = store.setup.campaign
    assert isinstance(campaign, MixingCampaign)
    found = curves(campaign, store.setup.d, [store.read(run) for run in range(runs)])
    others = [(other.setup.d, curves(campaign, other.setup.d, [other.read(run) for run in other.runs()])) for other in siblings]
    checks = judge(campaign, store.setup.d, found, others) if runs > 1 else []
    picture = figure(campaign, found, store.setup.d, store.folder / "figure")
    shown = [
        {"panel": key[0], "family": curve.family, "model": curve.name, "axis": curve.panel.axis, "values": curve.values.tolist(),
         "icl": curve.icl_runs.mean(axis=0).tolist(), "by source": curve.source_runs.mean(axis=0).tolist()}
        for key, curve in found.items()
    ]
    report.write_json(store.folder / "summary.json", checks, [], shown, manifest)
    report.write_html(store.folder / "report.html", checks, [], {}, [(picture, f"{campaign.figure}. {campaign.claim}")], manifest)
    if checks:
        report.print_table(checks, console)
        for check in checks:
            console.print(f"{check.subject}: {check.note}")
    console.print(f"{manifest['seconds']} s of computing; figure, summary.json and report.html in {store.folder}/")
    return checks
