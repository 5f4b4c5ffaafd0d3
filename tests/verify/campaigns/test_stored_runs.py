"""Runs stored in results/campaigns, simulated once more: numbers that differ beyond rounding are those of another simulation."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify.campaigns.campaign import Campaign, Fixed
from verify.campaigns.table import CAMPAIGNS
from verify.store.folders import folder_of_campaigns, stored
from verify.store.run import simulate_run

pytestmark = pytest.mark.own_seeds
ROOT = folder_of_campaigns(Path(__file__).parents[3] / "results")
#: Features are in single precision; away from the peak its rounding, 6e-8, moves errors by about as much.
TOLERANCE = 1e-5


def first_of(campaign: Campaign, models: int, values: tuple[float, ...]) -> Campaign:
    """The same with the first models and some of the points, which are what they are in company."""
    (panel,) = campaign.panels
    (family,) = panel.families
    assert isinstance(family, Fixed)
    return dataclasses.replace(
        campaign,
        panels=(dataclasses.replace(panel, values=values, families=(dataclasses.replace(family, models=family.models[:models]),)),),
    )


@pytest.mark.parametrize(("name", "d", "part"), [
    ("norm-fig", 20, lambda campaign: campaign),
    ("la-fig1", 20, lambda campaign: campaign),
    # The linear Transformers, the ReLU head and its first equivalents, before the peak: a second of five.
    ("rt-fig1a", 40, lambda campaign: first_of(campaign, 5, (0.25, 0.5, 0.75))),
])  # fmt: skip
def test_the_first_run_is_what_was_stored(name: Any, d: Any, part: Any) -> None:
    campaign = CAMPAIGNS[name]
    (store,) = (candidate for candidate in stored(ROOT, campaign) if candidate.setup.d == d)
    expected, setup = store.read()[0].record, store.setup
    simulated, some = simulate_run(part(campaign), d, setup.seed, setup.memory, 0), part(campaign).sweeps(d)
    for columns, sweep, whole, before in zip(simulated, some, campaign.sweeps(d), expected, strict=True):
        places = [whole.values.index(value) for value in sweep.values]
        for model, error in itertools.product(columns, ("icl", "idg")):
            np.testing.assert_allclose(columns[model][error], np.array(before[model][error])[places], rtol=TOLERANCE)
