"""What is predicted of an error: seven numbers at a point, seven arrays at many."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hermite_eq.curve import place

Array = NDArray[np.float64]
Value = TypeVar("Value")

#: Of an error at finite d, in units of 1/d: the root mean square of what it differs by from simulated Transformers beyond both standard
#: errors. ``python -m benchmarks.checks.accuracy`` measures it over settings drawn at random, d = 14 to 24: 0.53, which is rounded up, over
#: 37 of the first 54 of them with 40 runs.
REMAINDER = 0.6
_DIVERGES = "exact interpolation without ridge: the error diverges"


@dataclass(frozen=True, eq=False)
class Errors(Generic[Value]):
    """An error and what it is made of; the fields have the meaning of :class:`TheoryError`."""

    icl: Value
    idg: Value
    bias: Value
    variance: Value
    effective_ridge: Value
    dof: Value
    fixed_point_residual: Value


#: Names of what is predicted, in their order.
QUANTITIES = tuple(f.name for f in fields(Errors))


@dataclass(frozen=True, eq=False)
class ErrorArrays(Errors[Array]):
    """One evaluation on arrays of one shape."""

    @property
    def columns(self) -> dict[str, Any]:
        """The seven arrays by name."""
        return {name: getattr(self, name) for name in QUANTITIES}


@dataclass(frozen=True)
class TheoryError(Errors[float]):
    r"""A predicted in-context error: the same number at every call; rounding is near machine precision, and where it is a mean over draws
    its standard error is told.

    Attributes
    ----------
    icl, idg : float
        Expected squared error on a fresh task per test context, and on the training tasks; both contain the noise ρ.
    bias, variance : float
        ``icl`` split into the error of the mean predictor (with the irreducible part) and what the fluctuation of the
        trained weights over the draw of the samples adds.
    effective_ridge : float
        The ridge at which, with infinitely many samples and features, the mean prediction would be shrunk alike; in the
        units of :math:`\operatorname{Cov}(\sqrt d\,h)`, where λ of the linear Transformer lives.
    dof : float
        Effective degrees of freedom of the fit per training sample, in [0, 1]; 1 means interpolation.
    fixed_point_residual : float
        Relative residual of the fixed-point equation at the solution.
    notes : tuple of str
        The limits that the numbers stand for, in words (divergence, c₀ = 0, c₁ = 0).
    icl_by_source : tuple of float
        The error on each test source, where there are several; ``icl`` is their mixture.
    icl_stderr, idg_stderr : float
        Standard errors of ``icl`` and ``idg``, where they are means over draws of finitely many training tasks or of training contexts; 0
        otherwise.
    remainder : float
        Relative size of the terms of the next order in 1/d, 0.6/d (``prediction.REMAINDER``); 0 in the limit.
    """

    notes: tuple[str, ...] = field(default=(), compare=False)
    icl_by_source: tuple[float, ...] = ()
    icl_stderr: float = 0.0
    idg_stderr: float = 0.0
    remainder: float = 0.0

    @classmethod
    def mixed(cls, shares: Array, by_source: Any, means: Any, idg: Any, **more: Any) -> TheoryError:
        """From the error on each test source and that of the mean predictor there, and the shares of the sources."""
        icl, bias = float(shares @ by_source), float(shares @ means)
        return cls(icl, float(idg), bias, icl - bias, icl_by_source=tuple(by_source.tolist()), **more)

    @property
    def g_task(self) -> float:
        """``icl − idg``, the price of tasks not seen in training; 0 where both diverge."""
        return 0.0 if math.isinf(self.icl) else self.icl - self.idg

    @property
    def error(self) -> float:
        """What ``icl`` may be off by: standard error and remainder, as one standard deviation; 0 in the limit, which has neither."""
        return math.hypot(self.icl_stderr, self.remainder * self.icl if self.remainder else 0.0)

    def __str__(self) -> str:
        if self.icl_stderr or self.idg_stderr:
            return "; ".join((f"ICL {self.icl:.4g} ± {self.icl_stderr:.1g}, IDG {self.idg:.4g} ± {self.idg_stderr:.1g}", *self.notes))
        return "; ".join((f"ICL {self.icl:.6g}, IDG {self.idg:.6g}", *self.notes))


def columns(rows: Sequence[TheoryError]) -> dict[str, Array]:
    """What is predicted at each of the points, and the errors on the sources, as arrays by name."""
    return {name: np.array([getattr(row, name) for row in rows]) for name in (*QUANTITIES, "icl_by_source")}


@dataclass(frozen=True, eq=False, kw_only=True)
class ErrorCurve(ErrorArrays):
    """A sequence of predictions: arrays with one entry per point, from which each :class:`TheoryError` can be had.

    Attributes
    ----------
    notes : tuple of str
        Those that hold at every point.
    icl_by_source : (P, S) array or None
        The error on each test source, where there are several.
    """

    notes: tuple[str, ...] = ()
    icl_by_source: Array | None = None

    def __len__(self) -> int:
        return len(self.icl)

    def __getitem__(self, i: int) -> TheoryError:
        i = place(i, len(self))
        values = {name: float(column[i]) for name, column in self.columns.items()}
        notes = (*self.notes, _DIVERGES) if math.isinf(values["icl"]) else self.notes
        return TheoryError(**values, notes=notes, icl_by_source=() if self.icl_by_source is None else tuple(self.icl_by_source[i].tolist()))

    def __iter__(self) -> Iterator[TheoryError]:
        return (self[i] for i in range(len(self)))
