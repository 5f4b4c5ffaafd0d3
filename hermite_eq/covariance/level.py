"""What a covariance is that of, and what its levels share: entries by name, as symbols, as a function, as numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import sympy

from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.averages import TaskAverages
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, Label, hermite_value, numeric_task
from hermite_eq.errors import HypothesisError
from hermite_eq.latex.definitions import Law, Setting
from hermite_eq.models import Gaussian, Sphere, Task


@dataclass(frozen=True)
class Data:
    r"""One source in the conventions of its task, with symbols or with matrices.

    Attributes
    ----------
    label : Task or SymbolicTarget
        Target and noise.
    unit_inputs, unit_link : bool
        As in :class:`hermite_eq.models.Task`.
    law : {"isotropic", "sphere", "covariances"}
        Isotropic data with ξ ~ N(0, I_d) or on the sphere ‖ξ‖² = d, or data with covariances and means.
    task : Task or None
        The one-source task with its numbers; None where they are symbols only.
    symbolic_noise : bool
        ρ as a symbol, whether the task has a number or not.
    """

    label: Label
    unit_inputs: bool
    unit_link: bool
    law: Law
    task: Task | None
    symbolic_noise: bool

    @property
    def isotropic(self) -> bool:
        """Whether Cov(x) and Cov(ξ) are multiples of I, and the means zero."""
        return self.law != "covariances"

    @property
    def centred(self) -> bool:
        """Whether the formulas are for inputs of mean zero; those in symbols alone, or for isotropic data in Σ and μ, are for any mean."""
        return self.isotropic or (self.task is not None and self.task.sources[0].centred and not self.task.sources[0].isotropic)

    @property
    def factor(self) -> sympy.Expr:
        r"""f of :math:`b_1=\frac f\ell\sum y_ix_i`."""
        return sympy.Integer(1) if self.unit_inputs else sym.d

    @property
    def per_input(self) -> sympy.Expr:
        """p of Cov(x) = pI, for isotropic data."""
        return 1 / self.factor

    @property
    def noise(self) -> Mapping[sympy.Symbol, sympy.Expr]:
        """ρ and its number, where the task has one; a float is the decimal that was written: 0.01 is 1/100."""
        if self.symbolic_noise or not isinstance(self.label, Task):
            return {}
        return {sym.rho: sympy.Rational(str(self.label.noise))}

    def averages(self, order: int) -> TaskAverages:
        """Averages over tasks, as series up to ``order`` where they do not close."""
        law = "unit link" if self.law == "covariances" and self.unit_link else self.law
        return TaskAverages(self.label, order, law)

    def numeric(self) -> Task:
        """Target and noise as a function and a number.

        Raises
        ------
        HypothesisError
            If there are symbols alone.
        """
        return numeric_task(self.label)

    def with_matrices(self) -> Task:
        """The task with its numbers.

        Raises
        ------
        HypothesisError
            If there are symbols alone.
        """
        if self.task is None and not self.isotropic:
            raise HypothesisError(
                "numbers need covariances", "Σ_x, Σ_ξ known by symbols only", "pass covariance(Task(sources=[Source(…)])), one source"
            )
        self.numeric()
        assert self.task is not None
        return self.task

    def check_centred(self, what: Literal["series", "limit", "tasks"]) -> None:
        """Raise where words in P and W, or in S_k, are not the whole: where data have means, or tasks another law than the formulas'."""
        if self.isotropic or self.task is None:
            return
        source = self.task.sources[0]
        averaged = isinstance(source.tasks, Gaussian | Sphere)
        holds, hypothesis = {
            "series": (isinstance(source.tasks, Gaussian), "the series is for centred inputs and centred Gaussian tasks"),
            "limit": (averaged, "the limit is for centred inputs and centred tasks, Gaussian or on the sphere"),
            "tasks": (True, "R_k = φ P S_k P + η P is for centred inputs"),
        }[what]
        if not (source.centred and holds and (what == "tasks" or not np.any(source.task_mean))):
            fresh = averaged and what != "tasks"
            numbers = ".averaged().joint(d, context), with its .error" if fresh else ".over_tasks().given(tasks, context=…)"
            raise HypothesisError(hypothesis, f"{source}", f"use {numbers}")

    @property
    def setting(self) -> Setting:
        """What TeX has to say of the data."""
        return Setting(
            str(self.label.target) if isinstance(self.label, Task) else str(self.label),
            self.label.target.expression if isinstance(self.label, Task) else self.label.expression,
            self.noise.get(sym.rho, sym.rho), self.unit_inputs, self.unit_link, self.law, self.centred,
        )  # fmt: skip


class Level(ABC):
    """One level of the covariance: symbolic entries by name, with everything that is made of them."""

    data: Data

    @property
    @abstractmethod
    def _first(self) -> tuple[sympy.Symbol, ...]:
        """The arguments that every covariance of this level has, in their order."""

    @abstractmethod
    def _formulas(self) -> dict[str, sympy.Expr]:
        """The entries with ρ as a symbol."""

    @abstractmethod
    def latex(self) -> str:
        """TeX that defines every symbol in it; it needs the packages of ``hermite_eq.latex.PACKAGES``."""

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """The symbolic entries by name, in the symbols of :mod:`hermite_eq.covariance.symbols`."""
        return {name: formula.xreplace(self.data.noise) for name, formula in self._formulas().items()}

    @cached_property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: sizes, ρ if it is a symbol, s, traces, and for a symbolic target its Hermite data."""
        first = tuple(symbol for symbol in self._first if symbol not in self.data.noise)
        rest = set().union(*(entry.free_symbols for entry in self.entries.values())) - set(first)
        if isinstance(self.data.label, Task):
            rest = {symbol for symbol in rest if symbol not in IN_HERMITE_MOMENTS and sym.hermite_index(symbol) is None}
        return (*first, *sorted(rest, key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of numbers or arrays, in the order of :attr:`arguments`; it returns a dict by name.

        Moments of a task's target that have no closed form are integrated when the function is called.

        >>> from hermite_eq.covariance import covariance
        >>> level = covariance(Task("tanh", noise=0.1)).limit()
        >>> level.arguments
        (alpha, kappa)
        >>> round(level.lambdify()(1.0, 0.5)["signal"], 6)
        0.605706
        """
        return self._function

    @cached_property
    def _function(self) -> Callable[..., dict[str, Any]]:
        label, arguments, entries = self.data.label, self.arguments, self.entries
        unknown: dict[sympy.Symbol, tuple[int, int]] = {}
        if isinstance(label, Task):
            entries = {name: entry.xreplace(dict(IN_HERMITE_MOMENTS)).xreplace(self.data.noise) for name, entry in entries.items()}
            free = set().union(*(entry.free_symbols for entry in entries.values()))
            unknown = {symbol: index for symbol in sorted(free, key=str) if (index := sym.hermite_index(symbol)) is not None}
        function = evaluator((*arguments, *unknown), entries)

        def evaluate(*values: Any) -> dict[str, Any]:
            if len(values) != len(arguments):
                raise HypothesisError(
                    f"the function takes {len(arguments)} numbers or arrays", f"{len(values)}", f"pass {', '.join(map(str, arguments))}"
                )
            if not unknown:
                return function(*values)
            at = dict(zip(arguments, values, strict=True))
            place = at.get(sym.m, 0.0), at.get(sym.s, 1.0)
            return function(*values, *(hermite_value(self.data.numeric(), *index, *place) for index in unknown.values()))

        return evaluate

    def _numbers(self, at: Mapping[sympy.Symbol, float]) -> dict[str, float]:
        """The entries where the arguments are these numbers."""
        at = {**at, sym.rho: self.data.numeric().noise}
        return {name: float(value) for name, value in self._function(*(at[symbol] for symbol in self.arguments)).items()}

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def evaluator(arguments: tuple[sympy.Symbol, ...], expressions: Mapping[str, sympy.Expr]) -> Callable[..., dict[str, Any]]:
    """A function of ``arguments`` (numbers or arrays) that returns the values of the expressions by name."""
    function = sympy.lambdify(arguments, list(expressions.values()), ["scipy", "numpy"])

    def evaluate(*values: Any) -> dict[str, Any]:
        return dict(zip(expressions, function(*values), strict=True))

    return evaluate
