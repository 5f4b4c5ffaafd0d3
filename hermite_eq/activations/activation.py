"""The record of one activation (or target): what is known of it, as frozen data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Activation:
    r"""A function :math:`\sigma:\mathbb R\to\mathbb R` with what the theory needs to know of it.

    Attributes
    ----------
    name : str
        The registered name, or the expression, or the callable's name; a figure's legend shows it.
    expression : sympy.Expr or None
        In the symbol ``hermite_eq.hermite.X``; None for a bare NumPy callable.
    function : callable
        Vectorised, float64 in and out.
    kinks : tuple
        Points where some derivative jumps, in increasing order (exact SymPy numbers where known).
    parity : {"even", "odd", None}
    lipschitz : float or None
        The Lipschitz constant; ``inf`` when there is none, None when unknown.
    strip : float or None
        Half-width of the strip about the real axis in which the function is analytic; None when it is not or not known.
    reference : str

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> activation("relu")([-1.0, 2.0])
    array([0., 2.])
    """

    name: str
    expression: sympy.Expr | None
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]] = field(compare=False, repr=False)
    kinks: tuple[Any, ...] = ()
    parity: Literal["even", "odd"] | None = None
    lipschitz: float | None = None
    strip: float | None = None
    reference: str = ""

    def __call__(self, x: ArrayLike, *, rng: np.random.Generator | None = None) -> NDArray[np.floating[Any]]:
        """Values of the activation; ``rng`` is ignored (an equivalent polynomial activation needs it)."""
        return np.asarray(self.function(np.asarray(x)))

    def __str__(self) -> str:
        return self.name
