"""The predictor that is told the training tasks, as a value: what it does is in :mod:`hermite_eq.simulate.posterior`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DiscreteMMSE:
    """The posterior mean over the training tasks; nothing is trained.

    >>> print(DiscreteMMSE())
    dMMSE
    """

    def __str__(self) -> str:
        return "dMMSE"
