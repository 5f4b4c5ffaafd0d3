r"""The covariance of :math:`(F^\top h,\ \xi^\top x_{\ell+1})` given ξ and F, exact at every d and ℓ.

With :math:`u=\xi/\|\xi\|`, :math:`s=\|\xi\|/\sqrt d`, :math:`g=\sqrt d\,u^\top x\sim\mathcal N(0,1)` a label is
:math:`y=\sigma_*(sg)+\epsilon`, and everything depends on the target through the five moments of
:mod:`hermite_eq.covariance.label`. Since :math:`h=x_{\ell+1}\otimes b` with :math:`x_{\ell+1}` independent of b and
:math:`\operatorname{Cov}(x)=I_d/d`,

.. math::

    \operatorname{Cov}\begin{pmatrix}F^\top h\\ \xi^\top x\end{pmatrix}=\begin{pmatrix}
    F^\top\!\big(\tfrac{I_d}{d}\otimes\mathbb E[bb^\top]\big)F & F^\top\!\big(\tfrac{\xi}{d}\otimes\mathbb E[b]\big)\\
    \cdot & s^2\end{pmatrix}.

Derived in ``derivations/context_covariance.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import sympy
from numpy.typing import ArrayLike

from hermite_eq.arguments import array
from hermite_eq.covariance.averaged import AveragedCovariance
from hermite_eq.covariance.averages import TaskAverages
from hermite_eq.covariance.joint import Array, JointCovariance, check_mean
from hermite_eq.covariance.label import (
    ELL,
    RHO,
    W3,
    W4,
    A,
    D,
    LabelSource,
    P,
    S,
    V,
    hermite_forms,
    label_forms,
    numeric_task,
    target_moments,
    target_name,
    with_closed_forms,
)
from hermite_eq.covariance.limit import LimitCovariance, NormLaw
from hermite_eq.covariance.numbers import check_sizes, evaluator
from hermite_eq.covariance.over_tasks import TaskCovariance
from hermite_eq.covariance.source_moments import averaged_moments
from hermite_eq.covariance.task_law import GivenTasks
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import check_degree
from hermite_eq.latex import block_covariance
from hermite_eq.memory import require_memory
from hermite_eq.models.covariance_matrix import covariance_matrix

#: E[b] and E[bbᵀ] given ξ: b₁ = (d/ℓ)Σ y_i x_i has mean along u, and E[bbᵀ] is a multiple of I plus terms in u.
ENTRIES: Mapping[str, sympy.Expr] = {
    "mean_b1": sympy.sqrt(D) * A,
    "mean_b2": V,
    "second_identity": D / ELL * V,
    "second_uu": D * A**2 + D / ELL * (P - A**2),
    "second_u2": sympy.sqrt(D) * A * V + sympy.sqrt(D) / ELL * (W3 - V * A),
    "second_22": V**2 + (W4 - V**2) / ELL,
}
#: t(s) = E‖b‖² given ‖ξ‖ = s√d, the trace of Cov(h).
TRACE: sympy.Expr = D * ENTRIES["second_identity"] + ENTRIES["second_uu"] + ENTRIES["second_22"]

#: The powers of √d by which b₁ is smaller with inputs of O(1) entries.
_B1_FACTORS = {"mean_b1": 1, "second_identity": 2, "second_uu": 2, "second_u2": 1}


def unit_entries(entries: Mapping[str, sympy.Expr]) -> dict[str, sympy.Expr]:
    r"""The entries with x ~ N(0, I_d) and b = (1/ℓ)(Σ y_i x_i, Σ y_i²), where b₁ is b₁/√d of the other normalisation.

    >>> unit_entries(ENTRIES)["second_identity"]
    v/ell
    """
    return {name: sympy.expand(entry / sympy.sqrt(D) ** _B1_FACTORS.get(name, 0)) for name, entry in entries.items()}


def unit_trace(entries: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """E‖x‖² E‖b‖² = d E‖b‖² with the entries of :func:`unit_entries`."""
    return sympy.expand(D * (D * entries["second_identity"] + entries["second_uu"] + entries["second_22"]))


@dataclass(frozen=True)
class Covariance:
    r"""The covariance of (Fᵀh, ξᵀx) given ξ and F, symbolic in d, ℓ, ρ and s = ‖ξ‖/√d. Made by :func:`covariance`.

    Attributes
    ----------
    task : Task or SymbolicTarget
    unit_inputs : bool
        x ~ N(0, I_d) and b = (1/ℓ)(Σ y_i x_i, Σ y_i²) instead of x ~ N(0, I_d/d) and b₁ = (d/ℓ) Σ y_i x_i.
    tasks : {"gaussian", "sphere"}
        ξ ~ N(0, I_d), or uniform on ‖ξ‖² = d.
    """

    task: LabelSource
    unit_inputs: bool = False
    tasks: Literal["gaussian", "sphere"] = "gaussian"

    @cached_property
    def moments(self) -> dict[str, sympy.Expr | None]:
        """The moments a, v, p, w₃, w₄ as closed forms in s and ρ; None where the exact engine has none."""
        return label_forms(hermite_forms(self.task))

    @cached_property
    def _general(self) -> dict[str, sympy.Expr]:
        if self.unit_inputs:
            entries = unit_entries(ENTRIES)
            return {**entries, "trace": unit_trace(entries)}
        return {**ENTRIES, "trace": TRACE}

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """E[b], E[bbᵀ] and the trace t as expressions in d, ℓ, ρ, s; a moment without closed form stays a symbol."""
        return with_closed_forms(self._general, self.moments)

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: d, ℓ, ρ, s, and the symbols that stayed in the entries."""
        first = (D, ELL, RHO, S)
        rest = set().union(*(entry.free_symbols for entry in self.entries.values())) - set(first)
        return (*first, *sorted(rest, key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`, numbers or arrays; it returns a dict."""
        return evaluator(self.arguments, self.entries)

    def numeric(self, s: float, d: int, context: int) -> dict[str, float]:
        """The entries at scale s = ‖ξ‖/√d, in double precision, whether the moments have closed forms or not."""
        d, context = check_sizes(d, context)
        return self._evaluate(d, context, *target_moments(numeric_task(self.task), s).values())

    @cached_property
    def _evaluate(self) -> Callable[..., dict[str, Any]]:
        return evaluator((D, ELL, A, V, P, W3, W4), self._general)

    def given(
        self, xi: ArrayLike, *, context: int, input_covariance: ArrayLike | None = None, input_mean: ArrayLike | None = None
    ) -> JointCovariance:
        r"""The numbers, given one task vector ξ of shape (d,) and the context length ℓ.

        Parameters
        ----------
        xi : array_like, shape (d,)
        context : int
        input_covariance : array_like, shape (d, d), optional
            :math:`\Sigma_x`; by default :math:`I_d/d`, or :math:`I_d` with ``unit_inputs``.
        input_mean : array_like, shape (d,), optional
            :math:`\mu_x`; it shifts the target's argument: :math:`y=\sigma_*(\xi^\top\mu_x+\omega g)+\epsilon`.

        Returns
        -------
        JointCovariance
            z is :math:`\xi^\top x`, or :math:`\xi^\top x/\sqrt d` with ``unit_inputs``. A target
            :math:`\varphi(\xi^\top x/(\|\xi\|\|\Sigma_x\|^{1/2}))` is that of :math:`\sqrt d\,\xi/(\|\xi\|\|\Sigma_x\|^{1/2})`.

        Notes
        -----
        With :math:`\omega^2=\xi^\top\Sigma_x\xi`, :math:`r=\Sigma_x\xi/\omega`, :math:`x=\mu_x+gr+x_\perp`: the formulas of
        :mod:`hermite_eq.covariance.source_moments`.
        """
        xi = array(xi, "ξ", nan=True, empty=True)
        if xi.ndim != 1:
            raise HypothesisError("ξ is one vector of shape (d,)", f"shape {xi.shape}", "pass one task vector, or use .over_tasks().given")
        return self.over_vectors(xi[None], context=context, input_covariance=input_covariance, input_mean=input_mean)

    def over_vectors(
        self, tasks: Array, *, context: int, input_covariance: ArrayLike | None = None, input_mean: ArrayLike | None = None
    ) -> JointCovariance:
        """The mean over given task vectors, shape (k, d)."""
        task = numeric_task(self.task)
        context = check_degree(context, name="context")
        tasks = array(tasks, "tasks", nan=True, empty=True)
        if tasks.ndim != 2 or not len(tasks):
            raise HypothesisError(
                "the training tasks are an array of shape (k, d)", f"shape {tasks.shape}", "pass xi[None, :] for one task"
            )
        if not np.isfinite(tasks).all() or not tasks.any(axis=1).all() or context == 0:
            raise HypothesisError(
                "ξ is a finite non-zero vector of shape (d,) and ℓ ≥ 1",
                f"xi of shape {tasks.shape[1:]}, context={context}",
                "pass task vectors and the context length",
            )
        d = tasks.shape[1]
        require_memory(64 * d**2, "matrices of shape (d, d)", "pass a smaller d")
        factor, direction = (1.0, tasks / np.sqrt(d)) if self.unit_inputs else (float(d), tasks)
        inputs = np.eye(d) / (1 if self.unit_inputs else d)
        if input_covariance is not None:
            inputs = covariance_matrix(input_covariance, "input_covariance", d=d)
        mean = check_mean(input_mean, d, "input_mean")
        least = float(np.einsum("ki,ki->k", direction @ inputs, direction).min())
        if not least > 0:
            raise HypothesisError(
                "the labels depend on x: ξᵀΣξ > 0", f"ξᵀΣξ = {least:.3g}", "pass ξ with a component in the range of Σ"
            )
        law = GivenTasks(direction, mean, inputs)
        return averaged_moments(task.target, task.noise, law, mean, inputs, factor, context).joint

    def averaged(self, order: int = 1) -> AveragedCovariance:
        """The covariance averaged over fresh tasks; averages that do not close are series up to d^{-order}."""
        order = check_degree(order, name="order")
        return AveragedCovariance(self.task, self.unit_inputs, TaskAverages(hermite_forms(self.task), order, self.tasks == "sphere"))

    def over_tasks(self, order: int = 1) -> TaskCovariance:
        r"""The covariance given the k training tasks, :math:`R_k=\mathbb E[bb^\top|\xi_1,\dots,\xi_k]`, and its law."""
        return TaskCovariance(self, TaskAverages(hermite_forms(self.task), check_degree(order, name="order"), self.tasks == "sphere"))

    def limit(self) -> LimitCovariance:
        """The limit d → ∞ at α = ℓ/d, κ = k/d."""
        return LimitCovariance(self.task, self.unit_inputs)

    def norm_law(self) -> NormLaw:
        """The law of ‖h‖²/t to order 1/d."""
        return NormLaw(self.task, self.unit_inputs, self.tasks == "sphere")

    def trace(self, d: int, context: int) -> float:
        r"""t = tr Cov(h) over fresh tasks, :math:`\mathbb E\,t(s)` with :math:`ds^2\sim\chi^2_d`: the scale of F in [RT] Lemma 1.

        >>> from hermite_eq import Task
        >>> round(Covariance(Task("identity", noise=0.0)).trace(10, 10), 6)
        22.44
        """
        return self.averaged().numeric(d, context)["trace"]

    def latex(self) -> str:
        """TeX: the block covariance, E[b], E[bbᵀ], and the target's moments (closed forms where there are any)."""
        general = dict(self._general)
        return block_covariance(target_name(self.task), general, general.pop("trace"), self.moments, unit_inputs=self.unit_inputs)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"
