r"""The covariance of :math:`(F^\top h,z)` for data with covariances and means, symbolic at four levels.

P = Cov(x), x ~ N(μ, P), argument :math:`z=\eta^\top x`, W = Cov(η), :math:`b_1=\frac f\ell\sum y_ix_i`; given ξ, with
:math:`m=\eta^\top\mu`, :math:`s^2=\eta^\top P\eta`, :math:`r=P\eta/s`, everything is a combination of P, μμᵀ, rrᵀ, μrᵀ + rμᵀ whose
coefficients are moments of one label :math:`y=\sigma_*(m+sg)+\epsilon` (:mod:`hermite_eq.covariance.source_moments`). The averages over
tasks are combinations of P and the words :math:`P(WP)^n` (:mod:`hermite_eq.covariance.effective_dimension`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
from numpy.typing import ArrayLike

from hermite_eq.arguments import array
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
    hermite_form,
    numeric_task,
    target_name,
    with_closed_forms,
)
from hermite_eq.covariance.numbers import check_sizes, evaluator
from hermite_eq.covariance.source_averages import AveragedSource, LimitSource, SourceTasks
from hermite_eq.covariance.source_moments import SourceMoments
from hermite_eq.covariance.sources import source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.hermite import check_degree
from hermite_eq.latex import source_covariance
from hermite_eq.models import Gaussian, MixtureTask

#: The mean of the argument, and the label moments that are not in :mod:`hermite_eq.covariance.label`: E y, E y²g, E y³.
M, E1, Q1, W30 = sympy.symbols("m e q w_30", real=True)

#: Moments of one label as (power, degree) of E[σ*(m + sg)^j He_k(g)], and what the noise adds.
_LABELS: Mapping[sympy.Symbol, tuple[tuple[int, int], Callable[[Callable[[int, int], Any], Any], Any]]] = {
    E1: ((1, 0), lambda h, rho: 0),
    A: ((1, 1), lambda h, rho: 0),
    V: ((2, 0), lambda h, rho: rho),
    Q1: ((2, 1), lambda h, rho: 0),
    P: ((2, 2), lambda h, rho: 0),
    W30: ((3, 0), lambda h, rho: 3 * rho * h(1, 0)),
    W3: ((3, 1), lambda h, rho: 3 * rho * h(1, 1)),
    W4: ((4, 0), lambda h, rho: 6 * rho * h(2, 0) + 3 * rho**2),
}

#: Given ξ, with f for the factor of b₁: the coefficients of E[b] and E[bbᵀ].
_F = sympy.Symbol("f", positive=True)
SOURCE_ENTRIES: Mapping[str, sympy.Expr] = {
    "mean_mu": _F * E1,
    "mean_r": _F * A,
    "mean_b2": V,
    "second_P": _F**2 * V / ELL,
    "second_mumu": _F**2 * (V / ELL + (1 - 1 / ELL) * E1**2),
    "second_rr": _F**2 * (P / ELL + (1 - 1 / ELL) * A**2),
    "second_mur": _F**2 * (Q1 / ELL + (1 - 1 / ELL) * E1 * A),
    "second_mu2": _F * (W30 / ELL + (1 - 1 / ELL) * V * E1),
    "second_r2": _F * (W3 / ELL + (1 - 1 / ELL) * V * A),
    "second_22": W4 / ELL + (1 - 1 / ELL) * V**2,
}


@dataclass(frozen=True)
class SourceCovariance:
    r"""The covariance for one source with covariances and means. Made by :func:`hermite_eq.covariance.covariance`.

    Attributes
    ----------
    label : Task or SymbolicTarget
        Target and noise.
    unit_inputs, unit_link : bool
        As in :class:`hermite_eq.models.MixtureTask`.
    task : MixtureTask or None
        The one-source task with its matrices; None where they are symbols only.

    Examples
    --------
    >>> from hermite_eq.covariance import SymbolicTarget, covariance
    >>> from hermite_eq.models import MixtureTask, Source, Spike
    >>> cov = covariance(MixtureTask([Source("relu", noise=0.1, task_cov=Spike(5.0))]))
    >>> cov.moments["v"].subs(M, 0)
    rho + s**2/2
    >>> cov.given([1.0, 2.0, 3.0], context=7).second_b.shape
    (4, 4)
    >>> cov.averaged().entries["second_P"]
    d**2*rho/ell + d**2*s**2/(2*ell)
    """

    label: LabelSource
    unit_inputs: bool
    unit_link: bool
    task: MixtureTask | None

    def __post_init__(self) -> None:
        if self.task is not None and not isinstance(self.task.sources[0].inputs, Gaussian):
            raise HypothesisError(
                "the covariance is that of Gaussian inputs",
                f"inputs of the law {self.task.sources[0].inputs}",
                "simulate: hermite_eq.simulate.icl_error",
            )

    @cached_property
    def centred(self) -> bool:
        """Whether the inputs have mean zero; with symbols alone they may have one."""
        return self.task is not None and self.task.sources[0].centred

    @cached_property
    def moments(self) -> dict[str, sympy.Expr | None]:
        """Moments of one label in m, s and ρ, in closed form where the exact engine has one: e, a, v, q, p, w_30, w_3, w_4."""
        shift = sympy.Integer(0) if self.centred else M

        def form(power: int, k: int) -> sympy.Expr:
            value = hermite_form(self.label, power, k, shift)
            return sympy.nan if value is None else value

        found: dict[str, sympy.Expr | None] = {}
        for symbol, (index, noise) in _LABELS.items():
            value = form(*index) + noise(form, RHO)
            found[str(symbol)] = None if value.has(sympy.nan) else value
        return found

    @cached_property
    def _general(self) -> dict[str, sympy.Expr]:
        known = {_F: sympy.Integer(1) if self.unit_inputs else D}
        skipped = ("mu",) if self.centred else ()
        return {name: entry.xreplace(known) for name, entry in SOURCE_ENTRIES.items() if not any(word in name for word in skipped)}

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """The coefficients given ξ, in d, ℓ, ρ, m, s; a moment without closed form stays a symbol."""
        return with_closed_forms(self._general, self.moments)

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: d, ℓ, ρ, m, s, and the symbols that stayed in the entries."""
        first = (D, ELL, RHO, M, S)
        rest = set().union(*(entry.free_symbols for entry in self.entries.values())) - set(first)
        return (*first, *sorted(rest, key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`, numbers or arrays; it returns a dict."""
        return evaluator(self.arguments, self.entries)

    def numeric(self, m: float, s: float, d: int, context: int) -> dict[str, float]:
        """The entries at argument mean m and scale s in double precision, whether the moments have closed forms or not."""
        task = numeric_task(self.label)
        d, context = check_sizes(d, context)
        table = argument_moments(task.target, [m], [s])[:, :, 0]
        values = [table[j - 1, k] + noise(lambda i, n: table[i - 1, n], task.noise) for (j, k), noise in _LABELS.values()]
        evaluate = evaluator((D, ELL, *_LABELS), self._general)
        return {name: float(value) for name, value in evaluate(d, context, *values).items()}

    def with_matrices(self) -> MixtureTask:
        """The task with its matrices.

        Raises
        ------
        HypothesisError
            If there are symbols alone.
        """
        if self.task is None:
            raise HypothesisError(
                "numbers need covariances", "Σ_x, Σ_ξ known by symbols only", "pass covariance(MixtureTask([Source(…)])), one source"
            )
        return self.task

    def given(self, xi: ArrayLike, *, context: int) -> SourceMoments:
        """The numbers, given one task vector ξ of shape (d,)."""
        vector = array(xi, "ξ", nan=True, empty=True)
        if vector.ndim != 1:
            raise HypothesisError("ξ is one vector of shape (d,)", f"shape {vector.shape}", "pass one task vector")
        return source_moments(self.with_matrices(), len(vector), context, tasks=vector[None])

    def trace(self, d: int, context: int) -> float:
        r"""t = tr Cov(h) over fresh tasks at finite d and ℓ; its leading order in symbols is ``.limit().entries["trace"]``."""
        return source_moments(self.with_matrices(), d, context).trace

    def averaged(self, order: int = 1) -> AveragedSource:
        """The covariance over fresh tasks, as a series in the inverse effective dimension up to ``order``; its ``numeric`` is no series."""
        order = check_degree(order, name="order")
        if self.unit_link and order > 1:
            raise HypothesisError("with the argument normalised by ‖ξ‖ the series is known to order 1", f"order={order}", "pass order=1")
        return AveragedSource(self, order)

    def over_tasks(self) -> SourceTasks:
        r"""The covariance given the k training tasks."""
        return SourceTasks(self)

    def limit(self) -> LimitSource:
        """The leading order as d → ∞."""
        return LimitSource(self)

    def latex(self) -> str:
        """TeX: E[b], E[bbᵀ] given ξ, and the label's moments."""
        return source_covariance(
            target_name(self.label), self._general, self.moments, unit_inputs=self.unit_inputs, unit_link=self.unit_link
        )

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"
