r"""Why the formulas are true: one module per lemma or family of closed forms, named by its content, in a folder for each chapter.

A module states what it proves (``STATEMENT``), under which hypotheses (``ASSUMPTIONS``), and holds
``check() -> list[Step]``, the argument as a list of steps each of which the computer has verified.
``TITLE``, ``STATEMENT_TEX`` and ``ASSUMPTIONS_TEX`` are the same for the document. ``python -m derivations``
runs all of them. A derivation reaches the result by its own route and only then imports the library's closed form to compare;
the library never imports a derivation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType


@dataclass(frozen=True)
class Step:
    """One verified step of a derivation.

    Attributes
    ----------
    reason : str
        What the step says, with its formula.
    holds : bool
        Whether the computer confirmed it.
    reach : str
        For which cases: ``"all k"`` (a symbolic identity), ``"k ≤ 12"`` (checked case by case), ``"open"``.
    tex : str
        The reason in TeX, for the document.

    Examples
    --------
    >>> Step("He_2(x) = x² − 1", holds=True, reach="k ≤ 2")
    Step(reason='He_2(x) = x² − 1', holds=True, reach='k ≤ 2')
    """

    reason: str
    holds: bool
    reach: str
    tex: str = field(default="", repr=False)

    @property
    def status(self) -> str:
        """``"all"`` (proved for all), ``"cases"`` (checked case by case) or ``"open"``, by the first word of the reach.

        >>> Step("He_2(x) = x² − 1", holds=True, reach="k ≤ 2").status
        'cases'
        """
        first = self.reach.split(maxsplit=1)[0].rstrip(",;")
        return first if first in ("all", "open") else "cases"


@dataclass(frozen=True)
class Result:
    """One derivation, checked.

    Attributes
    ----------
    module : ModuleType
    steps : tuple of Step
    seconds : float
    failure : str
        The exception that ended the check, if one did.
    """

    module: ModuleType
    steps: tuple[Step, ...]
    seconds: float
    failure: str = ""

    @property
    def name(self) -> str:
        return self.module.__name__.rpartition(".")[2]

    @property
    def holds(self) -> bool:
        """Whether there are steps, and all of them hold."""
        return bool(self.steps) and not self.failure and all(step.holds for step in self.steps)

    def count(self, status: str) -> int:
        return sum(step.status == status for step in self.steps)
