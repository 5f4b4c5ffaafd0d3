"""Errors and warnings that name the violated hypothesis, what was found, and the repair."""

from __future__ import annotations


class HypothesisError(ValueError):
    """An input violates a hypothesis under which the result is defined.

    The message always has three parts: the hypothesis, what was found, the call or change that repairs it. Every error which the
    library raises by itself is of this class or of one below it.

    Examples
    --------
    >>> raise HypothesisError("the degree is a non-negative integer", "degree=-1", "pass degree=0, 1, 2, …")
    Traceback (most recent call last):
        ...
    hermite_eq.errors.HypothesisError: the degree is a non-negative integer; found degree=-1. Repair: pass degree=0, 1, 2, …
    """

    def __init__(self, hypothesis: str, finding: str, repair: str) -> None:
        super().__init__(f"{hypothesis}; found {finding}. Repair: {repair}")
        self.hypothesis = hypothesis
        self.finding = finding
        self.repair = repair

    def __reduce__(self) -> tuple[type[HypothesisError], tuple[str, str, str]]:
        # By default an exception is rebuilt from its message alone; this one has to get back from worker processes.
        return type(self), (self.hypothesis, self.finding, self.repair)


class ArgumentTypeError(HypothesisError, TypeError):
    """An argument is of a type which the function has no meaning for; a ``TypeError`` too."""


class ConvergenceError(HypothesisError):
    """An iteration reached its limit before its result settled."""


class StorageError(HypothesisError):
    """A stored file is damaged, of another schema, or cannot be read or written."""


class OutOfMemoryError(HypothesisError, MemoryError):
    """A result would need more memory than there is, and is refused before it is asked for; a ``MemoryError`` too."""


class DegreeError(HypothesisError, IndexError):
    """A coefficient is asked for beyond the degree of the expansion."""


class HypothesisWarning(UserWarning):
    """The quantity asked for exists, but a theorem that is usually applied to it does not."""
