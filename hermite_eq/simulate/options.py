"""How much is simulated, with which random numbers, and within what memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Required, TypedDict

import numpy as np

from hermite_eq.arguments import count, one_of
from hermite_eq.simulate.arrays import Arrays, arrays_on
from hermite_eq.simulate.sampler import run_numbers
from hermite_eq.simulate.training.memory import parse_memory

Seed = int | np.random.SeedSequence | np.random.Generator | None


class Keywords(TypedDict, total=False):
    """The fields of :class:`SimulationOptions` as keywords."""

    runs: Required[int | range]
    rng: Seed
    test: int | None
    memory: str | float | None
    precision: Literal["single", "double"]
    queries: int
    device: str


@dataclass(frozen=True)
class SimulationOptions:
    r"""How a simulation is run: the keywords of :func:`icl_error` and :func:`icl_curve`.

    Parameters
    ----------
    runs : int or range
        How many independent runs, or which ones: run i is the same whatever the others.
    rng : int, SeedSequence, Generator or None
        As :func:`numpy.random.default_rng` takes it. An integer gives the same runs each time; a SeedSequence or Generator is spawned
        from, and gives new ones.
    test : int, optional
        Test contexts for each of the two errors of a random head; by default 2d² and at least 2000, with which
        the scatter of the runs is within some percent of what it is for infinitely many.
    memory : str or float, optional
        Budget for the arrays of a run, as ``"4GB"`` or in bytes; by default 4 GB, on a device four fifths of its free memory.
    precision : {"single", "double"}
        Precision of the features of random heads. Sums of their products, and solutions, are in double
        precision always.
    queries : int
        Labels predicted from each test context, for queries x that are drawn independently and share its examples: q of them cost
        little more than one at large d, as :math:`F^\top(x\otimes b)` is a contraction with b, common to all, and one with x. The
        mean is the same; its scatter falls less than with q times the contexts, as errors that share b are correlated.
    device : str
        Where features, their products and systems are computed: ``"cpu"`` by NumPy, ``"torch"`` by PyTorch on its default device,
        ``"torch:cuda"`` on another, ``"cupy"``. Draws are NumPy's, the same everywhere: results agree up to rounding.

    Examples
    --------
    >>> options = SimulationOptions(runs=range(3, 5), rng=0)
    >>> list(options.which), options.test_contexts(d=40), options.bytes
    ([3, 4], 3200, 4000000000)
    """

    runs: int | range
    rng: Seed = None
    test: int | None = None
    memory: str | float | None = None
    precision: Literal["single", "double"] = "single"
    queries: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        run_numbers(self.runs)
        arrays_on(self.device)
        if self.memory is not None:
            parse_memory(self.memory)
        requirement, repair = "precision is single or double", 'pass precision="double"'
        one_of(self.precision, ("single", "double"), "precision", requirement=requirement, repair=repair)
        object.__setattr__(self, "queries", count(self.queries, "queries", least=1))
        if self.test is not None:
            object.__setattr__(self, "test", count(self.test, "test", least=1))

    @property
    def which(self) -> range:
        """The numbers of the runs."""
        return run_numbers(self.runs)

    @property
    def bytes(self) -> int:
        """The budget of memory."""
        return self.arrays.budget() if self.memory is None else parse_memory(self.memory)

    @property
    def arrays(self) -> Arrays:
        """The namespace of the device."""
        return arrays_on(self.device)

    @property
    def dtype(self) -> Any:
        """Of the features."""
        return np.float32 if self.precision == "single" else np.float64

    def test_contexts(self, d: int) -> int:
        """Test contexts for each of the two errors."""
        return default_test(d) if self.test is None else self.test


def default_test(d: int) -> int:
    """How many test contexts each error of a random head is measured on, unless ``test`` says."""
    return max(2000, 2 * d**2)
