r"""The covariance of (Fᵀh, z) over fresh tasks, given F: the average over ξ of the conditional one.

The direction of ξ is uniform, :math:`\mathbb Euu^\top=I_d/d` and :math:`\mathbb Eu=0`, and its length averages the label moments
(:mod:`hermite_eq.covariance.averages`):

.. math::
    \mathbb E[bb^\top]=\begin{pmatrix}
    \big(\tfrac d\ell\langle v\rangle+(1-\tfrac1\ell)\langle a^2\rangle+\tfrac1\ell\langle p\rangle\big)I_d&0\\
    0&(1-\tfrac1\ell)\langle v^2\rangle+\tfrac1\ell\langle w_4\rangle\end{pmatrix},\qquad
    \mathbb E[(xz)b^\top]=\frac{\langle sa\rangle}d\,(I_d\mid0).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from hermite_eq.covariance.averages import TaskAverages
from hermite_eq.covariance.joint import JointCovariance, check_mean, covariance_root
from hermite_eq.covariance.label import ELL, RHO, W4, A, D, LabelSource, P, S, V, numeric_task, target_moments, target_name
from hermite_eq.covariance.numbers import check_sizes, evaluator, hermite_numbers
from hermite_eq.covariance.source_moments import averaged_moments
from hermite_eq.covariance.task_law import inner_tasks
from hermite_eq.latex import averaged_covariance
from hermite_eq.models import Task
from hermite_eq.models.covariance_matrix import covariance_matrix

#: What is averaged over s, entry by entry.
INTEGRANDS: Mapping[str, sympy.Expr] = {
    "mean_b2": V,
    "second_identity": D / ELL * V + (1 - 1 / ELL) * A**2 + P / ELL,
    "second_22": (1 - 1 / ELL) * V**2 + W4 / ELL,
    "coupling": S * A / D,
    "signal": S**2,
}


def _integrands(unit_inputs: bool) -> dict[str, sympy.Expr]:
    found = dict(INTEGRANDS)
    if unit_inputs:
        found["second_identity"] = sympy.expand(found["second_identity"] / D)
    trace = D * found["second_identity"] + found["second_22"]
    return {**found, "trace": sympy.expand(D * trace if unit_inputs else trace)}


@dataclass(frozen=True)
class AveragedCovariance:
    r"""The covariance over fresh tasks, symbolic in d, ℓ, ρ. Made by ``covariance(task).averaged(order)``.

    Examples
    --------
    >>> from hermite_eq.covariance import covariance
    >>> averaged = covariance(Task("relu", noise=0.01)).averaged()
    >>> averaged.exact, averaged.entries["coupling"]
    (True, 1/(2*d))
    """

    task: LabelSource
    unit_inputs: bool
    averages: TaskAverages

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """``mean_b2``, the coefficient ``second_identity`` of I in E[b₁b₁ᵀ], ``second_22``, ``coupling``, ``signal``, ``trace``."""
        return {name: self.averages.mean(f) for name, f in _integrands(self.unit_inputs).items()}

    @cached_property
    def exact(self) -> bool:
        """Whether every average closes; if not, those that do not are series whose remainder is O(d^{-order-1})."""
        return all(self.averages.closes(f) for f in _integrands(self.unit_inputs).values())

    @property
    def order(self) -> int | None:
        """The order N of the series, None where the entries are exact."""
        return None if self.exact else self.averages.order

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: d, ℓ, ρ, and for a symbolic target its Hermite data."""
        if isinstance(self.task, Task):
            return (D, ELL, RHO)
        rest = set().union(*(entry.free_symbols for entry in self.entries.values())) - {D, ELL, RHO}
        return (D, ELL, RHO, *sorted(rest, key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries, as they stand (exact or series), as a function of :attr:`arguments`; it returns a dict."""
        known = hermite_numbers(self.task, self.entries)
        return evaluator(self.arguments, {name: entry.xreplace(known) for name, entry in self.entries.items()})

    def numeric(self, d: int, context: int) -> dict[str, float]:
        r"""The exact averages at finite d in double precision, by the Gauss rule of :math:`\chi^2_d`: no series.

        Where a target like exp makes :math:`e^{qs^2}` of them, for which the rule is slow near d = 2q, from the closed forms.

        Raises
        ------
        HypothesisError
            If an average does not exist at this d (targets like exp need d > 2q).
        """
        task = numeric_task(self.task)
        d, context = check_sizes(d, context)
        integrands = _integrands(self.unit_inputs)
        if self.averages.grows(integrands.values(), d) and self.exact:
            return {name: float(value) for name, value in self.lambdify()(d, context, task.noise).items()}
        nodes, weights = self.averages.nodes(d)
        evaluate = evaluator((D, ELL, S, *_MOMENTS), integrands)
        values = evaluate(d, context, nodes, *target_moments(task, nodes).values())
        return {name: float(weights @ np.broadcast_to(value, nodes.shape)) for name, value in values.items()}

    def joint(
        self,
        d: int,
        context: int,
        *,
        input_covariance: ArrayLike | None = None,
        task_covariance: ArrayLike | None = None,
        input_mean: ArrayLike | None = None,
        task_mean: ArrayLike | None = None,
    ) -> JointCovariance:
        r"""The covariance of (Fᵀh, z) for a given F, over fresh tasks.

        With covariances :math:`\Sigma_x`, :math:`\Sigma_\xi` (default: isotropic) or means the averages are integrals over the law of the
        quadratic form :math:`\xi^\top\Sigma_x\xi` (:mod:`hermite_eq.covariance.quadratic_form`), for every target, with their numerical
        ``error``; for tasks on the sphere with means they are quasi-Monte Carlo means (``random``).

        Raises
        ------
        HypothesisError
            For matrices that are no covariances, shapes that do not fit, or labels without a fourth moment.
        """
        given = (input_covariance, task_covariance, input_mean, task_mean)
        if all(value is None for value in given):
            entries = self.numeric(d, context)
            inputs = np.eye(d) / (1 if self.unit_inputs else d)
            second = np.diag(np.append(np.full(d, entries["second_identity"]), entries["second_22"]))
            coupling = np.hstack([entries["coupling"] * np.eye(d), np.zeros((d, 1))])
            return JointCovariance(inputs, np.append(np.zeros(d), entries["mean_b2"]), second, coupling, entries["signal"])
        task = numeric_task(self.task)
        sigma = np.eye(d) / (1 if self.unit_inputs else d)
        if input_covariance is not None:
            sigma = covariance_matrix(input_covariance, "input_covariance", d=d)
        omega = np.eye(d) if task_covariance is None else covariance_matrix(task_covariance, "task_covariance", d=d)
        mean, centre = check_mean(input_mean, d, "input_mean"), check_mean(task_mean, d, "task_mean")
        scale = 1 / np.sqrt(d) if self.unit_inputs else 1.0
        law = inner_tasks(centre, covariance_root(omega), self.averages.sphere, scale, mean, sigma)
        return averaged_moments(task.target, task.noise, law, mean, sigma, 1.0 if self.unit_inputs else float(d), context).joint

    def latex(self) -> str:
        """TeX of E[b], E[bbᵀ], the cross-covariance and t over fresh tasks."""
        return averaged_covariance(target_name(self.task), self.entries, order=self.order, unit_inputs=self.unit_inputs)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


_MOMENTS = sympy.symbols("a v p w_3 w_4", real=True)
