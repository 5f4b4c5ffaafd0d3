"""The stored runs of a campaign of [DM] as curves, beside the theory at the same points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from verify.campaigns.mixing import Mixing, MixingCampaign, MixingPanel
from verify.campaigns.mixing_theory import MixingTheory
from verify.campaigns.run import Record

Array = NDArray[np.float64]
#: Panel and family by their numbers, and series by its name.
Key = tuple[int, int, str]


@dataclass(frozen=True, eq=False)
class MixingCurve:
    """ICL errors of one series along a panel's axis.

    Attributes
    ----------
    panel, legend, mixing, name
        The family is given by its legend and its setting.
    values : (points,) array
    icl_runs : (runs, points) array
    source_runs : (runs, points, sources) array
    theory : MixingTheory or None
        None where nobody asked for it.
    """

    panel: MixingPanel
    legend: str
    mixing: Mixing
    name: str
    values: Array
    icl_runs: Array = field(repr=False)
    source_runs: Array = field(repr=False)
    theory: MixingTheory | None = field(default=None, repr=False)

    @property
    def head(self) -> str:
        """The activation, or the name of a linear Transformer."""
        return self.name.partition(",")[0]

    def runs(self, source: int | None = None) -> Array:
        """Simulated errors in the test, or on one source: a value for each run and point."""
        return self.icl_runs if source is None else self.source_runs[:, :, source]

    def predicted(self, source: int | None = None) -> Array:
        """The theory of :meth:`runs`, NaN where there is none."""
        if self.theory is None:
            return np.full(len(self.values), np.nan)
        return self.theory.icl if source is None else self.theory.by_source[:, source]


Curves = Mapping[Key, MixingCurve]


def curves(
    campaign: MixingCampaign, d: int, records: Sequence[Record], theories: Mapping[Key, MixingTheory] | None = None
) -> dict[Key, MixingCurve]:
    """Stored runs as curves, with their ``theories``."""
    cells = campaign.sweeps(d)
    found = {}
    for index, panel in enumerate(campaign.panels):
        for number, (legend, mixing) in enumerate(panel.families):
            parts = [(i, cell) for i, (cell, sweep) in enumerate(cells) if sweep.key[:2] == (index, number)]
            places = [(i, position, names) for i, cell in parts for position, names in cell.places]
            for name in places[0][2]:
                columns = {
                    entry: np.array([[record[i][names[name]][entry][position] for i, position, names in places] for record in records])
                    for entry in ("icl", "sources")
                }
                key = index, number, name
                found[key] = MixingCurve(
                    panel, legend, mixing, name, np.array(panel.values), columns["icl"], columns["sources"], (theories or {}).get(key)
                )
    return found
