"""Stored runs may be continued by another release only if it simulates the same: the numbers of small runs, pinned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.campaign import Campaign, Family, Fixed
from verify.campaigns.mixing import Mixing
from verify.campaigns.table import CAMPAIGNS
from verify.store.run import simulate_run
from verify.store.store import SIMULATION

#: Mean of log e_ICL + log e_IDG over all models and points of a small run.
PINNED = {
    "rt-fig1a": -1.766178,
    "rt-fig1b": -2.182707,
    "rt-fig2a": -1.341430,
    "rt-fig2b": -1.805982,
    "rt-fig2c": -1.968948,
    "la-fig1": -0.415321,
    "la-fig2": 0.141514,
    "la-fig4": -2.350913,
    "norm-fig": -2.161411,
    "heads-fig": -1.762756,
    "honest-fig": -1.848526,
    "dm-fig1": -1.750257,
    "dm-fig2": -1.932474,
    "dm-fig3": -1.627901,
    "dm-scan": -2.020581,
    "dm-heads": -1.551833,
    "dm-degree": -2.263947,
}


def small(campaign: Campaign) -> Campaign:
    """Fewer points, and λ = 10 for every trained model, or λ = 0.1 of [DM], so that rounding is not amplified."""
    panels = []
    for panel in campaign.panels:
        family = panel.families[0]
        if isinstance(family, Mixing):
            kept: Family = dataclasses.replace(family, ridge=0.1, activations=family.activations[:1])
            panels.append(dataclasses.replace(panel, values=panel.values[1::4], families=(kept,)))
        else:
            assert isinstance(family, Fixed)
            models = {model if isinstance(model, DiscreteMMSE) else dataclasses.replace(model, ridge=10.0) for model in family.models}
            kept = dataclasses.replace(family, models=tuple(sorted(models, key=str)))
            panels.append(dataclasses.replace(panel, values=panel.values[::4], families=(kept,)))
    return dataclasses.replace(campaign, panels=tuple(panels))


def found(name: str) -> float:
    record = simulate_run(small(CAMPAIGNS[name]), 12, 1, 10**9, 0)
    logs = [np.log(columns["icl"]) + np.log(columns["idg"]) for sweep in record for columns in sweep.values()]
    return float(np.mean(np.concatenate(logs)))


@pytest.mark.parametrize("name", PINNED)
def test_a_seed_gives_the_numbers_it_gave(name: str) -> None:
    # Sums in another order (another memory budget) move this mean by less than 1e-8; other draws, or a law that differs by 1 % in
    # one error of a hundred, by more than 1e-4.
    assert SIMULATION == 1
    assert found(name) == pytest.approx(PINNED[name], abs=1e-4), "other numbers than before: raise SIMULATION, and pin these anew"
