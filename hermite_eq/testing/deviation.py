"""The finite-d deviation that a claim allows, declared as a constant times a power of d."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hermite_eq.arguments import count, inside, non_negative
from hermite_eq.errors import HypothesisError


@dataclass(frozen=True)
class Deviation:
    r"""A deviation of at most :math:`C\,d^{\text{order}}` from the limit.

    Attributes
    ----------
    constant : float
        C ≥ 0.
    order : float
        Negative: a universal quantity's deviation vanishes.
    d : int or None
        The dimension of the samples at hand; assertions over several dimensions set it themselves.

    Examples
    --------
    >>> print(Deviation(3, order=-1, d=40))
    3 d^-1 = 0.075 at d = 40
    >>> Deviation(1, order=-0.5).at(100)
    0.1
    """

    constant: float
    order: float
    d: int | None = None

    def __post_init__(self) -> None:
        constant = non_negative(
            self.constant, "constant", requirement="the constant of a deviation is finite and ≥ 0", repair="pass constant=1.0, say"
        )
        order = inside(
            self.order,
            -math.inf,
            0,
            "order",
            requirement="a deviation vanishes as d grows: order < 0",
            repair="pass order=-1 or order=-1/2",
        )
        object.__setattr__(self, "constant", constant)
        object.__setattr__(self, "order", order)
        if self.d is not None:
            object.__setattr__(self, "d", count(self.d, "d", "the dimension of the samples", least=1))

    def at(self, d: float) -> float:
        """The deviation allowed at dimension d."""
        return float(self.constant * d**self.order)

    def __str__(self) -> str:
        formula = f"{self.constant:g} d^{self.order:g}"
        return formula if self.d is None else f"{formula} = {self.at(self.d):.4g} at d = {self.d}"


def allowed(deviation: Any, d: float | None = None) -> float:
    """A deviation as a number: itself, or a :class:`Deviation` at its d (or at the d given).

    >>> allowed(0.1), allowed(Deviation(2, order=-1), 40)
    (0.1, 0.05)
    """
    if isinstance(deviation, Deviation):
        where = deviation.d if d is None else d
        if where is None:
            raise HypothesisError("a deviation is declared at a dimension", f"{deviation}", "pass Deviation(…, d=…)")
        return deviation.at(where)
    return non_negative(
        deviation,
        "deviation",
        requirement="an allowed deviation is a finite number ≥ 0, or a Deviation",
        repair="pass 0.05, or Deviation(2, order=-1, d=40)",
    )


def below_one(deviation: Any) -> float:
    """A deviation of distribution functions, or relative ones of variances: no law is 1 or more away, so that such a claim is empty.

    >>> below_one(Deviation(2, order=-1, d=40))
    0.05
    """
    value = allowed(deviation)
    if value >= 1:
        raise HypothesisError(
            "the deviation allowed is below 1: beyond it nothing is claimed", f"{value:.4g}", "pass deviation=0.05, say, or a larger d"
        )
    return value
