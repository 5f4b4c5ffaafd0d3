r"""The covariance of :math:`(F^\top h,z)` given ξ and F, exact at every d and ℓ: see :mod:`hermite_eq.covariance.context_entries`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
from numpy.typing import ArrayLike

from hermite_eq.arguments import array, finite, positive
from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.averaged import AveragedCovariance
from hermite_eq.covariance.context_entries import ENTRIES, isotropic_entries
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, label_moments, label_values
from hermite_eq.covariance.level import Data, Level, evaluator
from hermite_eq.covariance.limit import LimitCovariance, NormLaw
from hermite_eq.covariance.moments.source_moments import SourceMoments
from hermite_eq.covariance.moments.sources import check_sizes, source_moments
from hermite_eq.covariance.over_tasks import TaskCovariance
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import check_degree
from hermite_eq.latex.covariances import covariance_given


@dataclass(frozen=True)
class Covariance(Level):
    r"""The covariance of (Fᵀh, z) given ξ and F, symbolic in d, ℓ, ρ and in the mean m and the deviation s of the target's argument.

    Made by :func:`hermite_eq.covariance.covariance`. Its entries are the coefficients of E[b] and E[bbᵀ]: ``mean_mu``, ``mean_r`` (of μ
    and r), ``mean_b2``, ``second_P``, ``second_mumu``, ``second_rr``, ``second_mur`` (of μrᵀ + rμᵀ), ``second_mu2``, ``second_r2``,
    ``second_22``, those with μ where the inputs may have a mean; for isotropic data ``mean_b1`` (of u), ``mean_b2``,
    ``second_identity``, ``second_uu``, ``second_u2``, ``second_22`` and ``trace``, t = tr Cov(h). A label moment without closed form
    stays a symbol.

    Attributes
    ----------
    data : Data
        Task and conventions.

    Examples
    --------
    >>> from hermite_eq.covariance import SymbolicTarget, covariance
    >>> from hermite_eq.models import Source, Spike, Task
    >>> cov = covariance(Task(sources=[Source("relu", noise=0.1, task_cov=Spike(5.0))]))
    >>> cov.moments["v"]
    s**2/2 + 1/10
    >>> cov.given([1.0, 2.0, 3.0], context=7).second_b.shape
    (4, 4)
    >>> cov.averaged().entries["second_P"]
    d**2*s**2/(2*ell) + d**2/(10*ell)
    """

    data: Data

    @cached_property
    def moments(self) -> dict[str, sympy.Expr | None]:
        """Moments of one label in m, s and ρ, in closed form where the exact engine has one, else None: a, v, p, w_3, w_4, and where the
        inputs may have a mean also e, q, w_30.
        """
        forms = label_moments(self.data.label, self.data.centred)
        return {name: None if form is None else form.xreplace(self.data.noise) for name, form in forms.items()}

    @cached_property
    def _general(self) -> dict[str, sympy.Expr]:
        if self.data.isotropic:
            return isotropic_entries(self.data.unit_inputs)
        known = {sym.f: self.data.factor}
        return {name: entry.xreplace(known) for name, entry in ENTRIES.items() if not (self.data.centred and "mu" in name)}

    @property
    def _first(self) -> tuple[sympy.Symbol, ...]:
        return (sym.d, sym.ell, sym.rho, sym.s) if self.data.isotropic else (sym.d, sym.ell, sym.rho, sym.m, sym.s)

    def _formulas(self) -> dict[str, sympy.Expr]:
        known = {getattr(sym, name): value for name, value in self.moments.items() if value is not None}
        return {name: entry.xreplace(known) for name, entry in self._general.items()}

    @cached_property
    def _evaluate(self) -> Callable[..., dict[str, Any]]:
        return evaluator((sym.d, sym.ell, *IN_HERMITE_MOMENTS), self._general)

    def numeric(self, s: float, d: int, context: int, *, m: float = 0.0) -> dict[str, float]:
        """The entries at standard deviation s and mean m of the argument, in double precision, with closed forms or without."""
        task = self.data.numeric()
        d, context = check_sizes(d, context)
        values = label_values(task.target, task.noise, [finite(m, "m")], [positive(s, "s")])
        evaluated = self._evaluate(d, context, *(float(value[0]) for value in values.values()))
        return {name: float(value) for name, value in evaluated.items()}

    def given(self, xi: ArrayLike, *, context: int) -> SourceMoments:
        """The numbers, given one task vector ξ of shape (d,) and the context length ℓ; ``.matrix(F)`` is the covariance of (Fᵀh, z)."""
        vector = array(xi, "ξ", empty=True)
        if vector.ndim != 1:
            repair = "pass one task vector, or use .over_tasks().given"
            raise HypothesisError("ξ is one vector of shape (d,)", f"shape {vector.shape}", repair)
        return source_moments(self.data.with_matrices(), vector.size, context, tasks=vector[None])

    def averaged(self, order: int = 1) -> AveragedCovariance:
        r"""The covariance over fresh tasks; averages that do not close are series up to :math:`d^{-\text{order}}`, or that power of the
        inverse effective dimension.
        """
        order = check_degree(order, name="order")
        if not self.data.isotropic and self.data.unit_link and order > 1:
            raise HypothesisError("with the argument normalised by ‖ξ‖ the series is known to order 1", f"order={order}", "pass order=1")
        return AveragedCovariance(self.data, order)

    def over_tasks(self, order: int = 1) -> TaskCovariance:
        r"""The covariance given the k training tasks, :math:`R_k=\mathbb E[bb^\top|\xi_1,\dots,\xi_k]`, and for isotropic data its law."""
        return TaskCovariance(self.data, check_degree(order, name="order"))

    def limit(self) -> LimitCovariance:
        """The limit d → ∞ at α = ℓ/d, κ = k/d."""
        return LimitCovariance(self.data)

    def norm_law(self) -> NormLaw:
        """The law of ‖h‖²/t to order 1/d, for isotropic data."""
        if not self.data.isotropic:
            raise HypothesisError("the law of ‖h‖² is known for isotropic data", "covariances or means", "pass covariance(Task(…)), say")
        return NormLaw(self.data)

    def trace(self, d: int, context: int) -> float:
        r"""t = tr Cov(h) over fresh tasks at finite d and ℓ: the scale of F in [RT] Lemma 1.

        >>> from hermite_eq.covariance import covariance
        >>> from hermite_eq.models import Task
        >>> round(covariance(Task("identity", noise=0.0)).trace(10, 10), 6)
        22.44
        """
        return self.averaged().trace(d, context)

    def latex(self) -> str:
        """TeX: the block covariance, E[b], E[bbᵀ], and the target's moments (closed forms where there are any)."""
        return covariance_given(self.data.setting, self._general, self.moments)
