"""The stored runs of a campaign of trained Transformers as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.trained.error import not_begun
from verify.campaigns.trained import Curve, TrainedCampaign
from verify.store.folders import stored
from verify.store.run import Origin

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """What is stored of a curve at one d: errors of shape (runs, points, epochs), and variances of the labels, (runs, points)."""

    curve: Curve
    d: int
    training: Array = field(repr=False)
    icl: Array = field(repr=False)
    idg: Array = field(repr=False)
    variance: Array = field(repr=False)

    @property
    def samples(self) -> Array:
        """n at every point."""
        return np.array([sizes.samples for sizes in self.curve.sizes(self.d)], dtype=float)

    @property
    def abscissa(self) -> Array:
        """n/d² or k/d at every point."""
        ratios = [sizes.ratios for sizes in self.curve.sizes(self.d)]
        return np.array([point.tau if self.curve.axis == "samples" else point.kappa for point in ratios])

    @property
    def stuck(self) -> NDArray[np.bool_]:
        """Which runs, by points, have not begun to learn after the last epoch."""
        return not_begun(self.training[:, :, -1], self.variance)

    def last(self, error: str) -> Array:
        """After the last epoch, of shape (runs, points)."""
        return np.asarray(getattr(self, error)[:, :, -1])


@dataclass(frozen=True, eq=False)
class Results:
    """All curves of a campaign at one d, and what computed their runs."""

    campaign: TrainedCampaign
    d: int
    curves: tuple[Found, ...]
    origins: tuple[Origin, ...] = ()
    jax: tuple[str, ...] = ()

    @property
    def runs(self) -> int:
        return len(self.curves[0].training)


def results(campaign: TrainedCampaign, d: int, records: list[Any], origins: tuple[Origin, ...] = ()) -> Results:
    """Records as arrays."""
    columns = [
        {name: np.array([record[i][name] for record in records], dtype=float) for name in ("training", "icl", "idg", "variance")}
        for i in range(len(campaign.curves))
    ]
    curves = tuple(Found(curve, d, **arrays) for curve, arrays in zip(campaign.curves, columns, strict=True))
    return Results(campaign, d, curves, origins, tuple(sorted({part["jax"] for record in records for part in record})))


def load(root: Path, campaign: TrainedCampaign) -> list[Results]:
    """What is stored of a campaign, by d; of setups with another seed that with most runs."""
    by_dimension: dict[int, Results] = {}
    for store in stored(root, campaign):
        runs = store.read()
        here = results(campaign, store.setup.d, [run.record for run in runs.values()], tuple(run.origin for run in runs.values()))
        if here.d not in by_dimension or here.runs > by_dimension[here.d].runs:
            by_dimension[here.d] = here
    return [by_dimension[d] for d in sorted(by_dimension)]


def load_all(root: Path, campaigns: dict[str, TrainedCampaign]) -> dict[str, list[Results]]:
    """By campaign, of those of which something is stored."""
    loaded: Iterator[tuple[str, list[Results]]] = ((name, load(root, campaign)) for name, campaign in campaigns.items())
    return {name: loaded_results for name, loaded_results in loaded if loaded_results}
