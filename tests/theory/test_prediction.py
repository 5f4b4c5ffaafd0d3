"""One record of what is predicted, whether of a point, of arrays or of a curve."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from hermite_eq.theory import MixingCurve, TheoryCurve, TheoryError
from hermite_eq.theory.prediction import QUANTITIES, ErrorArrays, ErrorCurve


def curve() -> ErrorCurve:
    """Seven columns that all differ, over two points, the second of which diverges."""
    columns = {name: np.array([1.0 + i, np.inf if name == "icl" else -float(i)]) for i, name in enumerate(QUANTITIES)}
    return ErrorCurve(**columns, notes=("said",), icl_by_source=np.array([[0.25, 0.75], [1.0, np.inf]]))


@pytest.mark.parametrize("kind", [ErrorArrays, TheoryError, TheoryCurve, MixingCurve])
def test_every_record_begins_with_the_same_quantities(kind: type) -> None:
    assert tuple(f.name for f in fields(kind))[: len(QUANTITIES)] == QUANTITIES


def test_points_of_a_curve() -> None:
    columns = curve()
    assert len(columns) == 2
    assert list(columns) == [columns[0], columns[1]]
    assert [getattr(columns[0], name) for name in QUANTITIES] == [1.0 + i for i in range(len(QUANTITIES))]
    assert columns[0].icl_by_source == (0.25, 0.75)
    assert (columns.columns["dof"] == columns.dof).all()


def test_where_a_curve_diverges_it_says_so() -> None:
    assert curve()[0].notes == ("said",)
    assert curve()[1].notes == ("said", "exact interpolation without ridge: the error diverges")
    assert curve()[1].g_task == 0.0
