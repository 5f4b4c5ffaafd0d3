"""Every stored campaign has the rows it has always had: verdicts and numbers from its stored runs, beside numbers in place of a theory.

``frozen_reports.json`` was written before there was one type of campaign, one curve and one agreement, and has been reproduced since but
for four verdicts: of two curves a disagreement at one point is no longer taken back by a mean gap that is not seen, and of two others
E σ̂_2² is on the other side of 10 % above E σ², on other draws of 400 contexts.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hermite_eq
from hermite_eq.models import Ratios, Task
from verify.campaigns.curves import Curve, Results, load
from verify.campaigns.table import CAMPAIGNS
from verify.campaigns.theory import Points, Theory
from verify.claims.agreement import judge
from verify.claims.check import Check
from verify.claims.defects import controls
from verify.store.folders import stored
from verify.store.store import Store

ROOT = Path(__file__).parents[2] / "results" / "campaigns"
FROZEN = Path(__file__).with_name("frozen_reports.json")


def invented(curve: Curve) -> Theory:
    """Errors within some standard errors of the simulated ones: of a third of the curves 8 % off, of a fifth with a point missing."""
    code = zlib.crc32(np.ascontiguousarray(curve.icl_runs).tobytes())
    rng = np.random.default_rng(code)

    def near(runs: np.ndarray) -> np.ndarray:
        noise, stderr = rng.standard_normal(runs.shape[1:]), runs.std(axis=0, ddof=1) / math.sqrt(len(runs))
        planted_value = (runs.mean(axis=0) + 2 * stderr * noise) * (1.08 if code % 3 == 0 else 1.0)
        if code % 5 == 0:
            planted_value[0] = math.nan
        return np.asarray(planted_value)

    return Theory(near(curve.icl_runs), near(curve.idg_runs), near(curve.source_runs), (("first", "last"),) * len(curve.values))


def with_invented_theory(results: Results) -> Results:
    def changed(curve: Curve) -> Curve:
        here = invented(curve)

        def predict(points: Points) -> Theory:
            """In the limit, and for a target whose c_1 is off, a multiple."""
            task, factor = points[0].task, 1.0
            if isinstance(points[0].sizes, Ratios):
                factor = 1 / (1 + 1 / results.d)
            elif task != curve.task:
                assert isinstance(task, Task)
                assert isinstance(curve.task, Task)
                factor = float(hermite_eq.coefficients(task.target, 1)[1] / hermite_eq.coefficients(curve.task.target, 1)[1])
            return dataclasses.replace(here, icl=factor * here.icl, idg=factor * here.idg)

        return dataclasses.replace(curve, predict=predict)

    return results.replaced(changed)


def plain(row: Check) -> list[Any]:
    numbers = (row.predicted, row.measured, row.stderr, row.value, row.value_error)
    return [row.verdict.name, row.kind, *(float(f"{x:.6g}") if math.isfinite(x) else None for x in numbers)]


def rows(name: str, largest: float = math.inf) -> dict[str, Any]:
    """By setup, as far as d is not above ``largest``."""
    campaign, frozen = CAMPAIGNS[name], dict[str, Any]()
    loaded = [(store, with_invented_theory(load(store))) for store in stored(ROOT, campaign)]
    for store, results in loaded:
        # What computed every run is there too.
        assert len(store.origins()) == results.runs
        if results.d > largest:
            frozen[store.setup.hash] = {"d": results.d, "runs": results.runs}
            continue
        ladder = [results, *(other for _, other in loaded if other.d != results.d)]
        judged = judge(campaign, ladder)
        frozen[store.setup.hash] = {
            "d": results.d,
            "runs": results.runs,
            "statements": [plain(row) for row in judged if row.claim == campaign.figure],
            "theory": [plain(row) for row in judged if row.claim != campaign.figure],
            "controls": [[control["defect"], control["checks"], control["caught"]] for control in controls(ladder)],
        }
    return frozen


@pytest.mark.own_seeds
@pytest.mark.filterwarnings("ignore::hermite_eq.HypothesisWarning")
def test_every_stored_campaign_has_the_rows_it_had(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is written meanwhile: a store is read once for its curves, its origins and its number of runs.
    monkeypatch.setattr(Store, "read", functools.cache(Store.read))
    frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
    # How much more the features of an equivalent vary takes long at d = 80.
    quick, runs = request.config.getoption("universality") == "default", 0
    for name in CAMPAIGNS:
        current = rows(name, 40 if quick and name.startswith("dm") else math.inf)
        runs += sum(entry["runs"] for entry in current.values())
        assert set(current) == set(frozen.get(name, {})), name
        for setup, entry in current.items():
            for part in entry:
                assert entry[part] == frozen[name][setup][part], (name, entry["d"], part)
    # Every run of them in the repository has been read.
    assert runs == sum(path.read_bytes().count(b"\n") - 1 for name in CAMPAIGNS for path in (ROOT / name).glob("*.jsonl"))
