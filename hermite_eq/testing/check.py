"""What an assertion found: a record with its p-value and its power, a referee's remark, and the two ways to fail."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from enum import StrEnum

from hermite_eq.errors import HypothesisError
from hermite_eq.testing.rates import POWER


class Verdict(StrEnum):
    """The three answers."""

    AGREES = "agrees"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"


class UniversalityError(AssertionError):
    """A claim that the data contradict.

    Attributes
    ----------
    check : Check
    """

    def __init__(self, check: Check) -> None:
        super().__init__(str(check))
        self.check = check

    def __reduce__(self) -> tuple[type[UniversalityError], tuple[Check]]:
        return type(self), (self.check,)


@dataclass(frozen=True)
class Check:
    """One statistical check.

    Attributes
    ----------
    assertion : str
        The function called.
    claim : str
        What it was to assert.
    verdict : Verdict
    p_value : float or None
        Under the claim, P(p-value ≤ x) ≤ x; it covers all statistics of the call (and, of a sequential check, all stopping times).
        None where nothing was random.
    rate : float
        The false-alarm rate declared: the claim is contradicted if the p-value is not larger.
    finding : str
        The largest deviation found, in words.
    power : str
        What would have been seen with probability 99 %.
    repair : str
        Where the verdict is "inconclusive": what would do.
    """

    assertion: str
    claim: str
    verdict: Verdict
    p_value: float | None
    rate: float
    finding: str
    power: str
    repair: str = ""

    def __str__(self) -> str:
        if self.verdict == Verdict.AGREES:
            chance = "" if self.p_value is None else f" (p = {self.p_value:.2g}, contradicted at {self.rate:.2g})"
            return f"{self.assertion}: nothing contradicts the claim that {self.claim}{chance}. {self.finding}. {self.power}."
        if self.verdict == Verdict.INCONCLUSIVE:
            return f"{self.assertion}: the data do not resolve whether {self.claim}. {self.finding}. {self.power}. {self.repair}."
        chance = (
            "Nothing here is random."
            if self.p_value is None
            else f"If the claim held, so large a deviation would appear with probability at most {max(self.p_value, 1e-300):.2g}; "
            f"the declared false-alarm rate is {self.rate:.2g}."
        )
        return f"{self.assertion}: the data contradict the claim that {self.claim}. {self.finding}. {chance} {self.power}."


def conclude(check: Check) -> Check:
    """Hand the record to the pytest plugin, if it is loaded; then return it, or raise what its verdict asks for.

    Raises
    ------
    UniversalityError
        If the claim is contradicted.
    HypothesisError
        If the data are inconclusive.
    """
    plugin = sys.modules.get("pytest_hermite_eq")
    if plugin is not None:
        plugin.CHECKS.append(
            {
                "assertion": check.assertion,
                "claim": check.claim,
                "verdict": str(check.verdict),
                "p_value": check.p_value,
                "rate": check.rate,
                "power": check.power,
            }
        )
    if check.verdict == Verdict.DIFFERENT:
        raise UniversalityError(check)
    if check.verdict == Verdict.INCONCLUSIVE:
        raise HypothesisError(
            f"{check.assertion} has data that resolve whether {check.claim}", f"{check.finding}; {check.power}", check.repair
        )
    return check


def detects(what: str) -> str:
    """The sentence of a power statement.

    >>> detects("a variance off by 5 %")
    'With probability 99 % a variance off by 5 % would be seen'
    """
    return f"With probability {100 * POWER:g} % {what} would be seen"


def percent(value: float) -> str:
    """A fraction as a percentage with two significant digits.

    >>> percent(0.0314), percent(1.3), percent(float("inf"))
    ('3.1 %', '130 %', 'any amount')
    """
    if not math.isfinite(value):
        return "any amount"
    if value == 0:
        return "0 %"
    digits = max(0, 1 - math.floor(math.log10(abs(100 * value))))
    return f"{round(100 * value, 1 - math.floor(math.log10(abs(100 * value)))):.{digits}f} %"
