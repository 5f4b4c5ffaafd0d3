"""Predictions that are meant to stay: another number in a row is either a mistake or a change to be stated."""

from __future__ import annotations

import json

import pytest
from stored_predictions import SETTINGS, TABLE, measured


@pytest.fixture(scope="module")
def now() -> dict[str, dict[str, float]]:
    return measured()


@pytest.mark.own_seeds
@pytest.mark.parametrize("name", SETTINGS)
def test_a_prediction_is_the_stored_one(name: str, now: dict[str, dict[str, float]]) -> None:
    stored = json.loads(TABLE.read_text())[name]
    # Fixed points and leave-one-out errors are iterated to 1e-8, from which linear algebra on another machine may start elsewhere.
    assert now[name] == pytest.approx(stored, rel=1e-7)


def test_every_row_is_stored() -> None:
    assert set(json.loads(TABLE.read_text())) == set(SETTINGS)
