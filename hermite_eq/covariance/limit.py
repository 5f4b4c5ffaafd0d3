r"""The limit d → ∞ of the covariance at α = ℓ/d, κ = k/d, and the law of ‖h‖² to order 1/d.

With :math:`s^2=\operatorname{tr}(\Sigma_x\Sigma_\xi)/d`, :math:`m_{10}=\operatorname{tr}\Sigma_x/d`,
:math:`m_{21}=\operatorname{tr}(\Sigma_x^2\Sigma_\xi)/d` and the label moments at scale s

.. math:: R=\frac{a^2}{s^2}\Sigma_xS_k\Sigma_x+\frac v\alpha\Sigma_x,\qquad
    R_\infty=\frac{a^2}{s^2}\Sigma_x\Sigma_\xi\Sigma_x+\frac v\alpha\Sigma_x,\qquad
    \frac td\to m_{10}\Big(\frac{a^2}{s^2}m_{21}+\frac v\alpha m_{10}\Big);

with inputs of O(1) entries b₂ weighs as much as b₁, and v² is added in the bracket. Where the argument is normalised, Σ_ξ stands for
:math:`\Sigma_\xi\,d/(\operatorname{tr}\Sigma_\xi\,\|\Sigma_x\|)`. For isotropic data :math:`s=m_{10}=m_{21}=1` and :math:`a=a_1=c_1^*`:
with the Marchenko-Pastur matrix S of ratio κ, :math:`R=a_1^2S+\frac v\alpha I`, and the entries of the cross-covariance given (ξ, F) are
:math:`\mathcal N(0,q/d)` with :math:`q=a_1^2/R_\infty`, or :math:`(a_1^2+v^2)/T`, :math:`T=R_\infty+v^2`, with inputs of O(1) entries.
Derived in ``derivations/contexts/norm_law.py`` and ``derivations/contexts/structured_covariance.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy

from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.averages import TaskAverages, scale_derivative
from hermite_eq.covariance.label import CENTRED, IN_HERMITE_MOMENTS, open_moments
from hermite_eq.covariance.level import Data, Level
from hermite_eq.covariance.moments.geometry import geometry
from hermite_eq.covariance.moments.sources import check_sizes
from hermite_eq.errors import HypothesisError
from hermite_eq.latex.covariances import covariance_limit, covariance_norm_law
from hermite_eq.models import Ratios


@dataclass(frozen=True)
class LimitCovariance(Level):
    """The limit of the covariance. Made by ``covariance(task).limit()``.

    Its entries are ``slope`` a²/s², ``noise`` v/α, ``trace`` lim t/d, and ``q``, d times the mean square of the cross-covariance, in m₁₀
    and m₂₁; for isotropic data also ``signal`` a₁, ``second`` v, ``fresh`` R_∞, ``column`` the share of b₂ in t, ``mean_square``
    ⟨R²⟩ = R_∞² + a₁⁴/κ, and the edges ``lower``, ``upper`` of R's continuous spectrum.

    Attributes
    ----------
    data : Data
        Task and conventions.

    Examples
    --------
    >>> from hermite_eq.covariance import covariance
    >>> from hermite_eq.models import Task
    >>> limit = covariance(Task("relu", noise=0.0)).limit()
    >>> limit.entries["fresh"], limit.entries["q"]
    (1/4 + 1/(2*alpha), alpha/(alpha + 2))
    """

    data: Data

    def _formulas(self) -> dict[str, sympy.Expr]:
        self.data.check_centred("limit")
        averages, isotropic = self.data.averages(0), self.data.isotropic
        a, v = averages.in_scale(sym.a), averages.in_scale(sym.v)
        if isotropic:
            a, v = (sympy.simplify(value.subs(sym.s, 1)) for value in (a, v))
        slope, noise = sympy.expand(a**2 / sym.s**2), sympy.expand(v / sym.alpha)
        column = v**2 if self.data.unit_inputs else sympy.Integer(0)
        trace = sym.m_10 * (slope * sym.m_21 + noise * sym.m_10 + column)
        formulas = {"slope": slope, "noise": noise, "trace": trace, "q": (slope * sym.m_21**2 + column * sym.m_21) / trace}
        if not isotropic:
            return {**formulas, "trace": sympy.expand(trace)}
        formulas |= {"signal": a, "second": v, "fresh": slope + noise, "column": column / trace}
        ones = {sym.s: 1, sym.m_10: 1, sym.m_21: 1}
        formulas = {name: entry.subs(ones) for name, entry in formulas.items()}
        formulas |= {name: sympy.simplify(formulas[name]) for name in ("q", "column")}
        formulas |= {name: sympy.expand(formulas[name]) for name in ("slope", "noise", "fresh", "trace")}
        edge = 1 / sympy.sqrt(sym.kappa)
        return formulas | {
            "mean_square": formulas["fresh"] ** 2 + formulas["slope"] ** 2 / sym.kappa,
            "lower": formulas["slope"] * (1 - edge) ** 2 + formulas["noise"],
            "upper": formulas["slope"] * (1 + edge) ** 2 + formulas["noise"],
        }

    @property
    def _first(self) -> tuple[sympy.Symbol, ...]:
        if self.data.isotropic:
            return (sym.alpha, sym.kappa, sym.rho)
        return (sym.alpha, sym.rho, sym.s, sym.m_10, sym.m_21)

    def numeric(self, alpha: float, kappa: float = math.inf, *, d: int | None = None) -> dict[str, float]:
        """The entries at α and κ in double precision; with covariances, with the traces of the task's matrices at dimension d."""
        ratios = Ratios(alpha, kappa, 1.0)
        at = {sym.alpha: ratios.alpha, sym.kappa: ratios.kappa}
        self.data.numeric()
        if not self.data.isotropic:
            task = self.data.with_matrices()
            if d is None:
                raise HypothesisError("the traces of the matrices belong to a dimension", "d=None", "pass d=80, say")
            check_sizes(d, 1)
            place = geometry(task, task.sources[0], d)
            # P = Σ_x up to f, and s² = tr PW.
            sigma, w = place.covariance * place.factor, place.task_covariance()
            s2 = float(np.trace(place.covariance @ w))
            # m₂₁ is tr(Σ_x² Σ_ξ)/d in the Σ_ξ for which tr(Σ_xΣ_ξ)/d = s².
            at |= {sym.s: math.sqrt(s2), sym.m_10: np.trace(sigma) / d, sym.m_21: s2 * np.trace(sigma @ sigma @ w) / np.trace(sigma @ w)}
        return self._numbers(at)

    def latex(self) -> str:
        """TeX of R, R_∞, q and t in the limit."""
        return covariance_limit(self.data.setting, self.entries)


#: θa = s da/ds at s = 1.
_SLOPE = sympy.Symbol("theta_a")


@dataclass(frozen=True)
class NormLaw(Level):
    r"""The law of :math:`\|h\|^2/t=\|x\|^2\|b\|^2/t` to order 1/d: mean 1, Gaussian fluctuations of variance C(α)/d,

    .. math::
        C=2+\frac1{T^2}\Big[2\big(a_1\theta a+\tfrac{\beta p}2\big)^2+\frac{4a_1^2(p+v-a_1^2)+4a_1\beta(w_3-a_1v)
        +\beta^2(w_4-v^2)}\alpha+\frac{2v^2}{\alpha^2}\Big],

    T = lim t/d, :math:`\beta=1/\alpha`, or :math:`1/\alpha+2v` with inputs of O(1) entries, :math:`\theta a=c_1^*+c_3^*`. The terms are the
    fluctuations of ‖x‖², of ‖ξ‖² (absent for tasks on the sphere), of the labels, and of the context's inputs. Its entries are these
    parts, ``query``, ``task``, ``labels``, ``inputs``, and their sum ``variance``, lim d Var(‖h‖²/t). For isotropic data. Made by
    ``covariance(task).norm_law()``.

    Attributes
    ----------
    data : Data
        Task and conventions.

    Examples
    --------
    >>> from hermite_eq.covariance import covariance
    >>> from hermite_eq.models import Task
    >>> covariance(Task("identity", noise=0.0)).norm_law().numeric(alpha=1)["variance"]
    9.0
    """

    data: Data

    @cached_property
    def _at_one(self) -> dict[sympy.Symbol, sympy.Expr]:
        """The label moments and θa at s = 1: closed forms, and Hermite symbols where there is none."""
        averages = TaskAverages(self.data.label, 0, "isotropic")
        inner = {symbol: averages.in_scale(symbol) for symbol in CENTRED}
        closed = not open_moments(self.data.label, inner[sym.a])
        inner[_SLOPE] = sym.s * sympy.diff(inner[sym.a], sym.s) if closed else scale_derivative(IN_HERMITE_MOMENTS[sym.a])
        return {name: sympy.simplify(value.subs(sym.s, 1)) for name, value in inner.items()}

    def _formulas(self) -> dict[str, sympy.Expr]:
        a, v, p, w3, w4, slope = (self._at_one[name] for name in (*CENTRED, _SLOPE))
        alpha = sym.alpha
        beta = 1 / alpha + (2 * v if self.data.unit_inputs else 0)
        trace = a**2 + v / alpha + (v**2 if self.data.unit_inputs else 0)
        context = {
            "task": sympy.Integer(0) if self.data.law == "sphere" else 2 * (a * slope + beta * p / 2) ** 2,
            "labels": (4 * a**2 * (p + v - a**2) + 4 * a * beta * (w3 - a * v) + beta**2 * (w4 - v**2)) / alpha,
            "inputs": 2 * v**2 / alpha**2,
        }
        parts = {"query": sympy.Integer(2), **{name: part / trace**2 for name, part in context.items()}}
        return {**parts, "variance": 2 + sympy.collect(sympy.expand(sum(context.values())), alpha) / trace**2}

    @property
    def _first(self) -> tuple[sympy.Symbol, ...]:
        return (sym.alpha, sym.rho)

    def numeric(self, alpha: float) -> dict[str, float]:
        """The entries at α in double precision: Var(‖h‖²/t) = ``variance``/d + O(1/d²)."""
        return self._numbers({sym.alpha: Ratios(alpha, 1.0, 1.0).alpha})

    def latex(self) -> str:
        """TeX of the variance of ‖h‖²/t, for every target and for this one."""
        moments = {"a_1" if symbol == sym.a else symbol.name: value.xreplace(self.data.noise) for symbol, value in self._at_one.items()}
        variance = self.entries["variance"]
        # With symbols left in the moments the formula in the moments is the readable one.
        closed = variance.free_symbols <= {sym.alpha, sym.rho}
        return covariance_norm_law(self.data.setting, moments, variance if closed else None)
