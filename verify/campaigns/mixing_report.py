"""What is written of a campaign of [DM]: its picture, verdict table and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from verify import report
from verify.campaigns.mixing import MixingCampaign, curves
from verify.campaigns.mixing_claims import judge
from verify.campaigns.mixing_figure import figure
from verify.campaigns.store import Store
from verify.check import Check


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
