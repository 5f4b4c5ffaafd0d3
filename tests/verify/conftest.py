"""What tests of campaigns share."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from hermite_eq.theory.feature_law import choice
from verify.campaigns.campaign import source_errors
from verify.campaigns.theory import Points, Predictions, Theory


def numbers(points: Points) -> Theory:
    """Numbers in place of a theory, which takes seconds: of another height for every model, and other on every source."""
    task = points[0].task
    icl = 0.3 + 0.01 * len(str(points[0].model)) + np.linspace(1.0, 0.8, len(points))
    return Theory(icl, 0.9 * icl, icl[:, None] + 0.1 * np.arange(source_errors(task)), (("η is large", "so is d"),) * len(points))


@pytest.fixture
def invented_theory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions that are :func:`numbers`, and are not kept, with a folder or without."""
    monkeypatch.setattr(Predictions, "__call__", lambda self, points: numbers(points))
    monkeypatch.setattr(Predictions, "prepare", lambda *arguments: None)


@pytest.fixture
def one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every figure the SVG is drawn, and the PNG is empty."""
    draw = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **how: draw(self, file, **how) if how["format"] == "svg" else None)


@pytest.fixture
def one_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    """A theory that describes few tasks by a spectrum, as it does many: it is quicker than one by one, and less accurate."""
    monkeypatch.setattr(choice, "FEW", 0)
