"""The record of one activation (or target): what is known of it, as frozen data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations.guest import Guest
from hermite_eq.arguments import exact, floats, function, non_negative, one_of, sequence, shown, text
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

Parity = Literal["even", "odd"] | None


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
        Vectorised and elementwise; floating arrays in, real arrays of the same shape out. Without an expression it is called as a
        ``Guest`` of ``hermite_eq.activations.guest``, with its own copy of the points.
    kinks : tuple
        Points where some derivative jumps, in increasing order (exact SymPy numbers where known).
    parity : {"even", "odd", None}
        None where there is none or none is known.
    lipschitz : float or None
        The Lipschitz constant :math:`\sup_{x\ne y}|\sigma(x)-\sigma(y)|/|x-y|`; ``inf`` when there is none, None when unknown.
    strip : float or None
        Half-width of the largest strip about the real axis in which the function is analytic (``inf``: entire); None when it
        is not analytic, or not known to be.
    closed_form : bool or None
        Whether the exact engine has every :math:`c_k` in closed form; None where this was not examined.
    reference : str

    Raises
    ------
    HypothesisError
        Where a declared fact cannot be: kinks out of order or not real, an unknown parity, a negative Lipschitz constant or strip.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> activation("relu")([-1.0, 2.0])
    array([0., 2.])
    """

    name: str
    expression: sympy.Expr | None
    function: Callable[[NDArray[Any]], NDArray[Any]] = field(hash=False, repr=False)
    kinks: tuple[Any, ...] = ()
    parity: Parity = None
    lipschitz: float | None = None
    strip: float | None = None
    closed_form: bool | None = None
    reference: str = ""

    def __post_init__(self) -> None:
        text(self.name, "name", "the activation's, in legends")
        function(self.function, "function", "the vectorised function σ")
        requirement, repair = "kinks are finite real numbers", "pass kinks=(0, 1), say"
        given = sequence(self.kinks, "kinks", requirement=requirement, repair=repair)
        object.__setattr__(self, "kinks", tuple(exact(kink, "kinks", requirement=requirement, repair=repair) for kink in given))
        if self.expression is None and not isinstance(self.function, Guest):
            object.__setattr__(self, "function", Guest(self.function, self.name))
        try:
            places = [float(kink) for kink in self.kinks]
        except (TypeError, OverflowError):
            places = [math.nan]
        if not all(math.isfinite(place) for place in places):
            raise HypothesisError(requirement, f"kinks={shown(self.kinks)}", repair)
        # Two kinks that are one double are compared as the exact numbers they are.
        neighbours = itertools.pairwise(zip(places, self.kinks, strict=True))
        if any(b < a or (b == a and not later > earlier) for (a, earlier), (b, later) in neighbours):
            raise HypothesisError("kinks are in increasing order", f"kinks={self.kinks}", f"pass kinks={tuple(sorted(set(places)))}")
        one_of(
            self.parity,
            (None, "even", "odd"),
            "parity",
            requirement="a parity is 'even', 'odd' or None",
            repair="drop it: None is always right",
        )
        for name in ("lipschitz", "strip"):
            if getattr(self, name) is not None:
                requirement = f"{name} is a number ≥ 0 (or inf), or None if unknown"
                value = non_negative(getattr(self, name), name, infinite=True, requirement=requirement, repair=f"pass {name}=None")
                object.__setattr__(self, name, value)
        if self.strip and self.kinks:
            raise HypothesisError(
                "a function analytic in a strip has no kinks", f"strip={self.strip!r} beside kinks={self.kinks}", "declare one of the two"
            )

    @property
    def parameters(self) -> tuple[sympy.Symbol, ...]:
        """The symbols of the expression other than the variable, by name; with any, only the exact views exist.

        >>> from hermite_eq.activations import activation
        >>> a, x = sympy.symbols("a x")
        >>> activation(sympy.Max(x, a * x)).parameters
        (a,)
        """
        if self.expression is None:
            return ()
        return tuple(sorted(self.expression.free_symbols - {X}, key=str))

    def __call__(self, x: ArrayLike, *, rng: np.random.Generator | None = None) -> NDArray[np.floating[Any]]:
        """Values at ``x``, in its shape and floating type (float64 for integers).

        ``rng`` is ignored; an equivalent polynomial activation, which may stand in the same place, needs it.
        """
        if self.parameters:
            names = ", ".join(map(str, self.parameters))
            raise HypothesisError(
                "values need numbers for every parameter",
                f"the free parameters {names} in {self.name}",
                f"substitute them first: expression.subs({{{self.parameters[0]}: sympy.Rational(1, 2)}})",
            )
        # A copy: the function may write to its argument.
        x = np.array(floats(x, "x"))
        with np.errstate(over="ignore"):
            return np.asarray(self.function(x)).astype(x.dtype, copy=False)

    def __str__(self) -> str:
        return self.name
