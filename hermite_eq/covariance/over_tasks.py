r"""The covariance given the k training tasks, :math:`R_k=\mathbb E[bb^\top\mid\xi_1,\dots,\xi_k]`.

To leading order, with the second moment of the tasks' directions :math:`S_k=\frac1k\sum_j\eta_j\eta_j^\top`,

.. math::
    (R_k)_{11}=\varphi\,PS_kP+\eta_kP,\qquad\mathbb E[xy\,b_1^\top]=\varphi_1\,PS_kP,\qquad
    \varphi=f^2\frac{(1-\frac1\ell)a^2+\frac1\ell p}{s^2},\quad\eta_k=\frac{f^2}\ell\langle v\rangle_k,\quad\varphi_1=f\frac{a^2}{s^2},

exactly where φ does not depend on s (homogeneous targets of degree 1). For isotropic data :math:`S_k=\frac1k\sum_j\xi_j\xi_j^\top`, the
mean of :math:`R_k` over tasks is :math:`R_\infty`, and with :math:`e` and :math:`f` of one task's
:math:`\mathbb E[b_1b_1^\top]=fI+e\,uu^\top`

.. math::
    \frac1d\,\mathbb E\|(R_k-R_\infty)_{11}\|_F^2=\frac1k\Big(\operatorname{Var}f+\frac2d\operatorname{Cov}(e,f)+\frac{\langle e^2\rangle}d
    -\frac{\langle e\rangle^2}{d^2}\Big)\to\frac{a_1^4}\kappa\quad(x\sim\mathcal N(0,I_d/d)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import ArrayLike

from hermite_eq.arguments import array, positive
from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.averaged import ALONE, WITHIN
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, label_values, open_moments
from hermite_eq.covariance.level import Data, Level, evaluator
from hermite_eq.covariance.moments.geometry import geometry
from hermite_eq.covariance.moments.source_moments import SourceMoments
from hermite_eq.covariance.moments.sources import check_sizes, source_moments
from hermite_eq.latex.covariances import covariance_over_tasks


@dataclass(frozen=True)
class TaskCovariance(Level):
    r"""R_k and, for isotropic data, its law over training tasks. Made by ``covariance(task).over_tasks()``.

    Its entries are ``slope`` φ, ``noise`` η and ``signal`` φ₁, at the scale s. For isotropic data φ and φ₁ are the coefficients of S_k at
    s = 1, ``noise`` is the mean of η_k I, ``fresh`` that of :math:`R_\infty`, ``spread`` is
    :math:`\frac1d\mathbb E\|(R_k-R_\infty)_{11}\|_F^2` at k = κd, and ``spread_limit`` its limit.

    Attributes
    ----------
    data : Data
        Task and conventions.
    order : int
        Terms of the series in 1/d; as ``order`` of ``over_tasks``.
    """

    data: Data
    order: int

    @cached_property
    def _at_scale(self) -> dict[str, sympy.Expr]:
        """φ, η and φ₁ in the label moments and s."""
        forms = {"slope": WITHIN["second"], "noise": ALONE["second_P"], "signal": WITHIN["signal"]}
        return {name: sympy.expand(form.xreplace({sym.f: self.data.factor})) for name, form in forms.items()}

    @cached_property
    def _one_task(self) -> tuple[sympy.Expr, sympy.Expr]:
        """e and f, for isotropic data: P ηηᵀ P = p s² uuᵀ."""
        p = self.data.per_input
        return sympy.expand(p * sym.s**2 * self._at_scale["slope"]), sympy.expand(p * self._at_scale["noise"])

    def _formulas(self) -> dict[str, sympy.Expr]:
        averages = self.data.averages(self.order)
        if not self.data.isotropic:
            self.data.check_centred("tasks")
            return {name: sympy.expand(averages.in_scale(form)) for name, form in self._at_scale.items()}
        e, f = self._one_task
        mean, d = averages.mean, sym.d
        mean_e, mean_f = mean(e), mean(f)
        spread = (
            mean(sympy.expand(f**2))
            - mean_f**2
            + 2 / d * (mean(sympy.expand(e * f)) - mean_e * mean_f)
            + mean(sympy.expand(e**2)) / d
            - mean_e**2 / d**2
        ) / (sym.kappa * d)
        # P S_k P is p²c² times that of the ξ_j, η = cξ, and p²c² = p/d; at s = 1.
        at_one = {name: averages.in_scale(form).subs(sym.s, 1) for name, form in {**self._at_scale, "a": sym.a}.items()}
        slope, signal = (sympy.expand(self.data.per_input / d * at_one[name]) for name in ("slope", "signal"))
        leading = at_one["a"] ** 4 / (sym.kappa * (d**2 if self.data.unit_inputs else 1))
        return {
            "slope": slope, "noise": mean_f, "signal": signal, "fresh": sympy.expand(mean_f + mean_e / d), "spread": sympy.expand(spread),
            "spread_limit": sympy.expand(leading),
        }  # fmt: skip

    @cached_property
    def proportional(self) -> bool:
        """Whether R_k is exactly φ P S_k P plus a multiple of P, so that φ does not depend on s."""
        if self.data.law == "sphere":
            return True
        # Homogeneous targets of degree 1 have a = a₁s and p = p₁s², which cancels.
        slope = sympy.expand(self.data.averages(0).in_scale(self._at_scale["slope"]))
        return not (open_moments(self.data.label, slope) or slope.has(sym.s))

    @property
    def _first(self) -> tuple[sympy.Symbol, ...]:
        return (sym.d, sym.ell, sym.rho, sym.kappa) if self.data.isotropic else (sym.d, sym.ell, sym.rho, sym.s)

    def numeric(self, d: int, context: int, tasks: float) -> dict[str, float]:
        """The entries at finite d, ℓ and k = ``tasks`` in double precision: for isotropic data by the Gauss rule of χ²_d, no series; else
        at the scale s² = tr PW of the task's matrices.

        Raises
        ------
        HypothesisError
            If a size is not positive, or an average does not exist at this d.
        """
        task = self.data.numeric()
        d, context = check_sizes(d, context)
        repair = "pass tasks=1, say, or math.inf"
        tasks = positive(tasks, "tasks", infinite=True, requirement="there is a training task: k ≥ 1", repair=repair)
        if not self.data.isotropic:
            mixture = self.data.with_matrices()
            place = geometry(mixture, mixture.sources[0], d)
            scale = float(np.sqrt(np.trace(place.covariance @ place.task_covariance())))
            return self._numbers({sym.d: d, sym.ell: context, sym.s: scale})
        averages, (e_form, f_form) = self.data.averages(self.order), self._one_task
        squares = [sympy.expand(e_form**2), sympy.expand(f_form**2)]
        if averages.grows(squares, d) and all(averages.closes(f) for f in squares):
            return self._numbers({sym.d: d, sym.ell: context, sym.kappa: tasks / d})
        nodes, weights = averages.nodes(d)
        scales = np.append(nodes, 1.0)
        evaluate = evaluator((sym.d, sym.ell, sym.s, *IN_HERMITE_MOMENTS), {**self._at_scale, "e": e_form, "f": f_form, "a": sym.a})
        values = evaluate(d, context, scales, *label_values(task.target, task.noise, np.zeros(scales.shape), scales).values())
        e, f = values["e"][:-1], np.broadcast_to(values["f"], scales.shape)[:-1]
        mean_e, mean_f, unit = weights @ e, weights @ f, d if self.data.unit_inputs else d * d
        # Differences from the mean are squared, not squares subtracted.
        spread = weights @ (f - mean_f + (e - mean_e) / d) ** 2 + weights @ e**2 * (1 / d - 1 / d**2)
        return {
            "slope": float(values["slope"][-1] / unit), "noise": float(mean_f), "signal": float(values["signal"][-1] / unit),
            "fresh": float(mean_f + mean_e / d), "spread": float(spread / tasks),
            "spread_limit": float(values["a"][-1] ** 4 * d / tasks / (d**2 if self.data.unit_inputs else 1)),
        }  # fmt: skip

    def given(self, tasks: ArrayLike, *, context: int) -> SourceMoments:
        """The numbers, given the task vectors, shape (k, d): the mean over tasks of the conditional moments, exact at finite d, ℓ, k."""
        vectors = array(tasks, "tasks", empty=True)
        return source_moments(self.data.with_matrices(), np.atleast_1d(vectors).shape[-1], context, tasks=vectors)

    def latex(self) -> str:
        """TeX of R_k and of the signal, and for isotropic data of R_∞ and of the spread of R_k."""
        return covariance_over_tasks(self.data.setting, self.entries, self.proportional)
