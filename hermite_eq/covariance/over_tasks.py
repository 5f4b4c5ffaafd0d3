r"""The covariance given the k training tasks, :math:`R_k=\mathbb E[bb^\top\mid\xi_1,\dots,\xi_k]`.

With :math:`\langle f\rangle_k=\frac1k\sum_jf(s_j)` and the empirical second moment of the tasks :math:`S_k=\frac1k\sum_j\xi_j\xi_j^\top`,

.. math::
    (R_k)_{11}=\frac1k\sum_j\varphi(s_j)\,\xi_j\xi_j^\top+\frac d\ell\langle v\rangle_kI_d,\qquad
    \varphi(s)=\frac{(1-\frac1\ell)a^2+\frac1\ell p}{s^2},

which is :math:`\varphi S_k+\frac d\ell\langle v\rangle_kI_d` where φ does not depend on s (homogeneous targets of degree 1), and in the
limit for every target. Its mean over tasks is :math:`R_\infty`, and with :math:`e=s^2d\varphi`, :math:`f=\frac d\ell v`

.. math::
    \frac1d\,\mathbb E\|(R_k-R_\infty)_{11}\|_F^2=\frac1k\Big(\operatorname{Var}f+\frac2d\operatorname{Cov}(e,f)+\frac{\langle e^2\rangle}d
    -\frac{\langle e\rangle^2}{d^2}\Big)\to\frac{a_1^4}\kappa .
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import sympy
from numpy.typing import ArrayLike

from hermite_eq.covariance.averages import TaskAverages
from hermite_eq.covariance.joint import Array, JointCovariance
from hermite_eq.covariance.label import (
    ELL,
    KAPPA,
    RHO,
    A,
    D,
    LabelSource,
    P,
    S,
    V,
    hermite_forms,
    numeric_task,
    target_moments,
    target_name,
)
from hermite_eq.covariance.numbers import check_sizes, evaluator, hermite_numbers
from hermite_eq.errors import HypothesisError
from hermite_eq.latex import task_covariance
from hermite_eq.models import Task

#: e and f of one task's E[b₁b₁ᵀ] = f I + e uuᵀ.
ALONG = D * (1 - 1 / ELL) * A**2 + D / ELL * P
ACROSS = D / ELL * V


class Conditional(Protocol):
    """The covariance given ξ, as far as that given the training tasks is made from it."""

    @property
    def task(self) -> LabelSource: ...

    @property
    def unit_inputs(self) -> bool: ...

    def over_vectors(
        self, tasks: Array, *, context: int, input_covariance: ArrayLike | None = None, input_mean: ArrayLike | None = None
    ) -> JointCovariance: ...


@dataclass(frozen=True)
class TaskCovariance:
    """R_k and its law over training tasks. Made by ``covariance(task).over_tasks()``."""

    conditional: Conditional
    averages: TaskAverages

    @property
    def _unit(self) -> sympy.Expr:
        """b₁b₁ᵀ is smaller by d with inputs of O(1) entries."""
        return D if self.conditional.unit_inputs else sympy.Integer(1)

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        r"""``slope``: φ at s = 1; ``noise``: the mean of :math:`\frac d\ell\langle v\rangle_k`; ``fresh``: :math:`R_\infty`, per I;
        ``spread``: :math:`\frac1d\mathbb E\|(R_k-R_\infty)_{11}\|_F^2` at k = κd, and ``spread_limit``: :math:`a_1^4/\kappa`.
        """
        mean = self.averages.mean
        forms = {symbol: form for symbol, form in hermite_forms(self.conditional.task).items() if form is not None}
        at_one = TaskAverages(forms, self.averages.order, sphere=True)
        e, f = mean(ALONG), mean(ACROSS)
        spread = (
            mean(sympy.expand(ACROSS**2)) - f**2
            + 2 / D * (mean(sympy.expand(ALONG * ACROSS)) - e * f)
            + mean(sympy.expand(ALONG**2)) / D - e**2 / D**2
        ) / (KAPPA * D)
        return {
            "slope": sympy.expand(at_one.mean(ALONG / D) / self._unit),
            "noise": sympy.expand(f / self._unit),
            "fresh": sympy.expand((f + e / D) / self._unit),
            "spread": sympy.expand(spread / self._unit**2),
            "spread_limit": sympy.expand(at_one.mean(A**4) / KAPPA / self._unit**2),
        }

    @cached_property
    def proportional(self) -> bool:
        """Whether R_k is exactly φ S_k plus a multiple of the identity, so that φ does not depend on s."""
        if self.averages.sphere:
            return True
        needed = [self.averages.forms[symbol] for symbol in list(self.averages.forms)[:3:2]]
        return not any(form is None for form in needed) and not any(
            sympy.simplify(form / S**power).has(S) for form, power in zip(needed, (1, 2), strict=True) if form is not None
        )

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: d, ℓ, ρ, κ, and for a symbolic target its Hermite data."""
        first = (D, ELL, RHO, KAPPA)
        if isinstance(self.conditional.task, Task):
            return first
        rest = set().union(*(entry.free_symbols for entry in self.entries.values())) - set(first)
        return (*first, *sorted(rest, key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`; it returns a dict."""
        known = hermite_numbers(self.conditional.task, self.entries)
        return evaluator(self.arguments, {name: entry.xreplace(known) for name, entry in self.entries.items()})

    def numeric(self, d: int, context: int, tasks: int) -> dict[str, float]:
        """The entries at finite d, ℓ and k in double precision, by the Gauss rule of χ²_d: no series.

        Raises
        ------
        HypothesisError
            If a size is not positive, or an average does not exist at this d.
        """
        task = numeric_task(self.conditional.task)
        d, context = check_sizes(d, context)
        if not tasks > 0:
            raise HypothesisError("there is a training task: k ≥ 1", f"tasks={tasks}", "pass tasks=1, say, or math.inf")
        squares = [sympy.expand(ALONG**2), sympy.expand(ACROSS**2)]
        if self.averages.grows(squares, d) and all(self.averages.closes(f) for f in squares):
            return {name: float(value) for name, value in self.lambdify()(d, context, task.noise, tasks / d).items()}
        nodes, weights = self.averages.nodes(d)
        one = evaluator((D, ELL, A, V, P, *_UNUSED), {"e": ALONG, "f": ACROSS})
        values = one(d, context, *target_moments(task, nodes).values())
        e, f = values["e"], np.broadcast_to(values["f"], nodes.shape)
        unit = d if self.conditional.unit_inputs else 1
        mean_e, mean_f = weights @ e, weights @ f
        # Differences from the mean are squared, not squares subtracted.
        spread = weights @ (f - mean_f + (e - mean_e) / d) ** 2 + weights @ e**2 * (1 / d - 1 / d**2)
        return {
            "slope": float(one(d, context, *target_moments(task, 1.0).values())["e"] / d / unit),
            "noise": float(mean_f / unit),
            "fresh": float((mean_f + mean_e / d) / unit),
            "spread": float(spread / tasks / unit**2),
            "spread_limit": float(target_moments(task, 1.0)["a"] ** 4 * d / tasks / unit**2),
        }

    def given(
        self, tasks: ArrayLike, *, context: int, input_covariance: ArrayLike | None = None, input_mean: ArrayLike | None = None
    ) -> JointCovariance:
        """The numbers, given the task vectors, shape (k, d): the mean over tasks of the conditional moments."""
        return self.conditional.over_vectors(
            np.array(tasks, dtype=float), context=context, input_covariance=input_covariance, input_mean=input_mean
        )

    def latex(self) -> str:
        """TeX of R_k, of R_∞, and of the spread of R_k."""
        return task_covariance(target_name(self.conditional.task), self.entries, equal=self.proportional)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


_UNUSED = sympy.symbols("w_3 w_4", real=True)
