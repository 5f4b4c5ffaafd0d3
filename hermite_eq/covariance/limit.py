r"""The limit d → ∞ of the covariance at α = ℓ/d, κ = k/d, and the law of ‖h‖² to order 1/d.

With :math:`a_1=c_1^*`, :math:`v=\mathbb E\sigma_*^2+\rho` and the Marchenko-Pastur matrix S of ratio κ

.. math:: R=a_1^2S+\frac v\alpha I,\qquad R_\infty=a_1^2+\frac v\alpha,\qquad \frac td\to R_\infty,\qquad q=\frac{a_1^2}{R_\infty},

and the entries of the cross-covariance given (ξ, F) are :math:`\mathcal N(0,q/d)`. With inputs of O(1) entries b₂ weighs as much as
b₁, :math:`t/d\to T=R_\infty+v^2` and :math:`q=(a_1^2+v^2)/T`. Derived in ``derivations/norm_law.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sympy

from hermite_eq.covariance.averages import scale_derivative
from hermite_eq.covariance.label import (
    ALPHA,
    IN_HERMITE_MOMENTS,
    KAPPA,
    RHO,
    W3,
    W4,
    A,
    LabelSource,
    P,
    S,
    V,
    hermite_forms,
    numeric_task,
    target_name,
)
from hermite_eq.covariance.numbers import evaluator, hermite_numbers
from hermite_eq.latex import limit_covariance, norm_law
from hermite_eq.models import Ratios, Task

#: θa = s da/ds at s = 1.
_SLOPE = sympy.Symbol("theta_a", real=True)


@lru_cache(maxsize=256)
def _at_one(source: LabelSource) -> Mapping[sympy.Symbol, sympy.Expr]:
    """The label moments and θa at s = 1: closed forms, and Hermite symbols where there is none."""
    known = {symbol: form for symbol, form in hermite_forms(source).items() if form is not None}
    inner = {name: combination.xreplace(known) for name, combination in IN_HERMITE_MOMENTS.items()}
    slope = S * sympy.diff(inner[A], S) if IN_HERMITE_MOMENTS[A] in known else scale_derivative(inner[A])
    return {name: sympy.simplify(value.subs(S, 1)) for name, value in {**inner, _SLOPE: slope}.items()}


@dataclass(frozen=True)
class LimitCovariance:
    """The limit of the covariance. Made by ``covariance(task).limit()``.

    Examples
    --------
    >>> from hermite_eq.covariance import covariance
    >>> limit = covariance(Task("relu", noise=0.0)).limit()
    >>> limit.entries["fresh"], limit.entries["q"]
    (1/4 + rho/alpha + 1/(2*alpha), alpha/(alpha + 4*rho + 2))
    """

    task: LabelSource
    unit_inputs: bool

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        r"""``signal`` a₁, ``second`` v, R = ``slope``·S + ``noise``·I, ``fresh`` R_∞, ``trace`` lim t/d, ``column`` the share of b₂ in
        t, ``q``, ``mean_square`` ⟨R²⟩ = R_∞² + a₁⁴/κ, and the edges ``lower``, ``upper`` of R's continuous spectrum.
        """
        at_one = _at_one(self.task)
        a, v = at_one[A], at_one[V]
        slope, noise = a**2, v / ALPHA
        fresh = sympy.expand(slope + noise)
        column = v**2 if self.unit_inputs else sympy.Integer(0)
        trace = sympy.expand(fresh + column)
        edge = 1 / sympy.sqrt(KAPPA)
        return {
            "signal": a,
            "second": v,
            "slope": slope,
            "noise": noise,
            "fresh": fresh,
            "trace": trace,
            "column": sympy.simplify(column / trace),
            "q": sympy.simplify((slope + column) / trace),
            "mean_square": fresh**2 + slope**2 / KAPPA,
            "lower": slope * (1 - edge) ** 2 + noise,
            "upper": slope * (1 + edge) ** 2 + noise,
        }

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: α, κ, ρ, and for a symbolic target its Hermite data."""
        first = (ALPHA, KAPPA, RHO)
        if isinstance(self.task, Task):
            return first
        rest = set().union(*(entry.free_symbols for entry in self.entries.values())) - set(first)
        return (*first, *sorted(rest, key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`; it returns a dict."""
        known = hermite_numbers(self.task, self.entries)
        return evaluator(self.arguments, {name: entry.xreplace(known) for name, entry in self.entries.items()})

    def numeric(self, alpha: float, kappa: float) -> dict[str, float]:
        """The entries at α and κ (``inf`` allowed) in double precision."""
        ratios = Ratios(alpha, kappa, 1.0)
        values = self.lambdify()(ratios.alpha, ratios.kappa, numeric_task(self.task).noise)
        return {name: float(value) for name, value in values.items()}

    def latex(self) -> str:
        """TeX of R, R_∞, q and t in the limit."""
        return limit_covariance(target_name(self.task), self.entries, unit_inputs=self.unit_inputs)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


@dataclass(frozen=True)
class NormLaw:
    r"""The law of :math:`\|h\|^2/t=\|x\|^2\|b\|^2/t` to order 1/d: mean 1, Gaussian fluctuations of variance C(α)/d,

    .. math::
        C=2+\frac1{T^2}\Big[2\big(a_1\theta a+\tfrac{\beta p}2\big)^2+\frac{4a_1^2(p+v-a_1^2)+4a_1\beta(w_3-a_1v)
        +\beta^2(w_4-v^2)}\alpha+\frac{2v^2}{\alpha^2}\Big],

    T = lim t/d, :math:`\beta=1/\alpha`, or :math:`1/\alpha+2v` with inputs of O(1) entries, :math:`\theta a=c_1^*+c_3^*`. The terms are the
    fluctuations of ‖x‖², of ‖ξ‖² (absent for tasks on the sphere), of the labels, and of the context's inputs. Made by
    ``covariance(task).norm_law()``.

    Examples
    --------
    >>> from hermite_eq.covariance import covariance
    >>> covariance(Task("identity", noise=0.0)).norm_law().numeric(alpha=1)["variance"]
    9.0
    """

    task: LabelSource
    unit_inputs: bool
    sphere: bool

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """``query``, ``task``, ``labels``, ``inputs``: the four parts of ``variance`` = lim d Var(‖h‖²/t)."""
        at_one = _at_one(self.task)
        a, v, p, w3, w4, slope = (at_one[name] for name in (A, V, P, W3, W4, _SLOPE))
        beta = 1 / ALPHA + (2 * v if self.unit_inputs else 0)
        trace = a**2 + v / ALPHA + (v**2 if self.unit_inputs else 0)
        context = {
            "task": sympy.Integer(0) if self.sphere else 2 * (a * slope + beta * p / 2) ** 2,
            "labels": (4 * a**2 * (p + v - a**2) + 4 * a * beta * (w3 - a * v) + beta**2 * (w4 - v**2)) / ALPHA,
            "inputs": 2 * v**2 / ALPHA**2,
        }
        parts = {"query": sympy.Integer(2), **{name: part / trace**2 for name, part in context.items()}}
        return {**parts, "variance": 2 + sympy.collect(sympy.expand(sum(context.values())), ALPHA) / trace**2}

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: α, ρ, and for a symbolic target its Hermite data."""
        first = (ALPHA, RHO)
        if isinstance(self.task, Task):
            return first
        return (*first, *sorted(self.entries["variance"].free_symbols - set(first), key=str))

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`; it returns a dict."""
        known = hermite_numbers(self.task, self.entries)
        return evaluator(self.arguments, {name: entry.xreplace(known) for name, entry in self.entries.items()})

    def numeric(self, alpha: float) -> dict[str, float]:
        """The entries at α in double precision: Var(‖h‖²/t) = ``variance``/d + O(1/d²)."""
        values = self.lambdify()(Ratios(alpha, 1.0, 1.0).alpha, numeric_task(self.task).noise)
        return {name: float(value) for name, value in values.items()}

    def latex(self) -> str:
        """TeX of the variance of ‖h‖²/t, for every target and for this one."""
        at_one = {"a_1" if name == A else str(name): value for name, value in _at_one(self.task).items()}
        variance = self.entries["variance"]
        # With symbols left in the moments the formula in the moments is the readable one.
        closed = isinstance(self.task, Task) and variance.free_symbols <= {ALPHA, RHO}
        return norm_law(
            target_name(self.task), variance if closed else None, at_one, unit_inputs=self.unit_inputs, sphere=self.sphere
        )

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"
