"""What is written of a campaign of [DM]: its picture, verdict table and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from verify import report
from verify.campaigns.agreement import power_sentence
from verify.campaigns.mixing import MixingCampaign
from verify.campaigns.mixing_agreement import sabotaged, tested_on
from verify.campaigns.mixing_claims import judge
from verify.campaigns.mixing_curves import Key, MixingCurve, curves
from verify.campaigns.mixing_figure import figure
from verify.campaigns.mixing_predictions import predictions
from verify.campaigns.store import Store
from verify.check import Check


def load(store: Store, runs: Sequence[int], console: Console | None = None) -> dict[Key, MixingCurve]:
    """The stored runs beside the theory, which is computed where it is not kept."""
    campaign, d = store.setup.campaign, store.setup.d
    assert isinstance(campaign, MixingCampaign)
    return curves(campaign, d, [store.read(run) for run in runs], predictions(campaign, d, store.folder, console))


def points(key: Key, curve: MixingCurve) -> dict[str, Any]:
    """A curve as plain data."""
    shown: dict[str, Any] = {"panel": key[0], "family": curve.legend, "model": curve.name, "axis": curve.panel.axis,
                             "values": curve.values.tolist()}
    for source in tested_on(curve):
        shown["icl" if source is None else f"source {source}"] = {
            "mean": curve.runs(source).mean(axis=0).tolist(), "theory": report.finite(curve.predicted(source))}
    return shown


def write(store: Store, runs: int, manifest: dict[str, Any], console: Console, siblings: Sequence[Store] = ()) -> list[Check]:
    """Figure, verdict table, ``summary.json`` and ``report.html`` in the campaign's folder."""
    campaign, d = store.setup.campaign, store.setup.d
    assert isinstance(campaign, MixingCampaign)
    found = load(store, range(runs), console)
    ladder = [(d, found), *((other.setup.d, load(other, other.runs(), console)) for other in siblings)]
    # One run has no standard error.
    checks, power = (judge(campaign, ladder), sabotaged(ladder)) if runs > 1 else ([], [])
    picture = figure(campaign, found, d, store.folder / "figure")
    shown = [points(key, curve) for key, curve in found.items()]
    report.write_json(store.folder / "summary.json", checks, power, shown, manifest)
    report.write_html(store.folder / "report.html", checks, power, {}, [(picture, f"{campaign.figure}. {campaign.claim}")], manifest)
    if checks:
        report.print_table(checks, console)
        for check in checks:
            console.print(f"{check.subject}: {check.note}")
        for item in power:
            console.print(power_sentence(item))
    console.print(f"{manifest['seconds']} s of computing; figure, summary.json and report.html in {store.folder}/")
    return checks
