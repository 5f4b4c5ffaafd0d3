r"""The covariance of (Fᵀh, z) over fresh tasks, given F.

For centred data :math:`\mathbb E[b]=(0,\langle v\rangle)` and :math:`\mathbb E[b_1b_2]=0`, and with the words w of
:mod:`hermite_eq.covariance.averages`

.. math::
    \mathbb E[b_1b_1^\top]=\frac{f^2}\ell\langle v\rangle P+\sum_w\Big\langle f^2\frac{(1-\frac1\ell)a^2+\frac1\ell p}{s^2}\Big\rangle_w\,w,
    \qquad\mathbb E[xy\,b_1^\top]=\sum_w\Big\langle f\frac{a^2}{s^2}\Big\rangle_w\,w,
    \qquad\mathbb E[xz\,b_1^\top]=\sum_w\Big\langle f\frac as\Big\rangle_w\,w .

For isotropic data, P = pI, the direction of ξ is uniform and the words are one:
:math:`P\,\mathbb E[G\eta\eta^\top]P=\frac pd\langle s^2G\rangle I`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.averages import TaskAverages
from hermite_eq.covariance.context_entries import ENTRIES
from hermite_eq.covariance.label import IN_HERMITE_MOMENTS, label_values
from hermite_eq.covariance.level import Data, Level, evaluator
from hermite_eq.covariance.moments.geometry import geometry
from hermite_eq.covariance.moments.source_moments import SourceMoments
from hermite_eq.covariance.moments.sources import check_sizes, source_moments
from hermite_eq.latex.covariances import covariance_averaged

Array = NDArray[np.float64]

#: What is averaged alone, and what with ηηᵀ: r = Pη/s, E[xy] = ar and E[xz] = sr.
ALONE = {
    "mean_y": sym.e,
    **{name: ENTRIES[name] for name in ("mean_b2", "second_P", "second_22")},
    "square_z": sym.s**2,
}
WITHIN = {
    "second": ENTRIES["second_rr"] / sym.s**2,
    "signal": sym.a * ENTRIES["mean_r"] / sym.s**2,
    "coupling": ENTRIES["mean_r"] / sym.s,
}


def isotropic_integrands(unit_inputs: bool) -> dict[str, sympy.Expr]:
    """What is averaged over s for isotropic data: coefficients of I, scalars, and the trace of Cov(h).

    >>> isotropic_integrands(False)["coupling"], isotropic_integrands(True)["square_z"]
    (a*s/d, s**2)
    """
    f = sympy.Integer(1) if unit_inputs else sym.d
    alone = {name: value.xreplace({sym.f: f}) for name, value in ALONE.items()}
    within = {name: value.xreplace({sym.f: f}) * sym.s**2 / (f * sym.d) for name, value in WITHIN.items()}
    integrands = {
        "mean_y": alone["mean_y"], "mean_b2": alone["mean_b2"], "second_identity": alone["second_P"] / f + within["second"],
        "second_22": alone["second_22"], "square_z": alone["square_z"], "signal": within["signal"], "coupling": within["coupling"],
    }  # fmt: skip
    integrands["trace"] = sym.d / f * (sym.d * integrands["second_identity"] + integrands["second_22"])
    return {name: sympy.expand(value) for name, value in integrands.items()}


@dataclass(frozen=True)
class AveragedCovariance(Level):
    r"""The covariance over fresh tasks: symbolic entries, and numbers that are no series. Made by ``covariance(task).averaged(order)``.

    Its entries are ``mean_y``, ``mean_b2``, ``second_22``, ``square_z`` (E z²), and the coefficients of E[b₁b₁ᵀ], E[xy b₁ᵀ] and E[xz b₁ᵀ].
    For isotropic data these are ``second_identity``, ``signal`` and ``coupling``, of I, and ``trace``, tr Cov(h), is an entry too; else
    ``second_P``, and ``second_wn``, ``signal_wn``, ``coupling_wn`` of the words :math:`s^{-2n}P(WP)^{n+1}` (with the unit link also
    ``…_wt`` of :math:`PW^2P/\operatorname{tr}W`).

    Attributes
    ----------
    data : Data
        Task and conventions.
    terms : int
        Terms of the series in 1/d; as ``order`` of ``averaged``.

    Examples
    --------
    >>> from hermite_eq.covariance import covariance
    >>> from hermite_eq.models import Task
    >>> averaged = covariance(Task("relu", noise=0.01)).averaged()
    >>> averaged.exact, averaged.entries["coupling"]
    (True, 1/(2*d))
    """

    data: Data
    terms: int

    @cached_property
    def _averages(self) -> TaskAverages:
        return self.data.averages(self.terms)

    @cached_property
    def _integrands(self) -> dict[str, sympy.Expr]:
        """What is averaged alone."""
        if self.data.isotropic:
            return isotropic_integrands(self.data.unit_inputs)
        self.data.check_centred("series")
        return {name: value.xreplace({sym.f: self.data.factor}) for name, value in ALONE.items()}

    @cached_property
    def _words(self) -> dict[str, dict[str, sympy.Expr]]:
        """``second``, ``signal``, ``coupling``: the coefficient of every word, by the word's name; none for isotropic data."""
        if self.data.isotropic:
            return {}
        self.data.check_centred("series")
        rho, factor = self.data.noise, {sym.f: self.data.factor}
        values = {name: self._averages.words(value.xreplace(factor)) for name, value in WITHIN.items()}
        return {name: {word: value.xreplace(rho) for word, value in words.items() if value != 0} for name, words in values.items()}

    def _formulas(self) -> dict[str, sympy.Expr]:
        formulas = {name: self._averages.mean(f) for name, f in self._integrands.items()}
        return formulas | {f"{name}_w{word}": value for name, words in self._words.items() for word, value in words.items()}

    @cached_property
    def exact(self) -> bool:
        """Whether every average in the covariance (all entries but ``mean_y``) is exact at every d."""
        alone = [f for name, f in self._integrands.items() if name != "mean_y"]
        within = [] if self.data.isotropic else [f.xreplace({sym.f: self.data.factor}) for f in WITHIN.values()]
        return all(self._averages.closes(f) for f in (*alone, *within))

    @property
    def order(self) -> int | None:
        """The order of the series, None where the entries are exact."""
        return None if self.exact else self.terms

    @property
    def _first(self) -> tuple[sympy.Symbol, ...]:
        return (sym.d, sym.ell, sym.rho) if self.data.isotropic else (sym.d, sym.ell, sym.rho, sym.s)

    def numeric(self, d: int, context: int) -> dict[str, Any]:
        r"""The averages at finite d in double precision: no series.

        Of isotropic data the entries, by the Gauss rule of :math:`\chi^2_d` (where a target like exp makes :math:`e^{qs^2}` of them, for
        which the rule is slow near d = 2q, from the closed forms). Else ``mean_y``, ``mean_b2``, ``second_22``, ``square_z``, ``trace``
        and as matrices ``second``, ``signal`` and ``coupling``, those of :meth:`joint`.

        Raises
        ------
        HypothesisError
            If an average does not exist at this d (targets like exp need d > 2q).
        """
        d, context = check_sizes(d, context)
        if not self.data.isotropic:
            moments = source_moments(self.data.with_matrices(), d, context)
            return {
                "mean_y": moments.mean_y, "mean_b2": float(moments.mean_b[d]), "second_22": float(moments.second_b[d, d]),
                "square_z": moments.square_z, "trace": moments.trace, "second": moments.second_b[:d, :d], "signal": moments.labels[:, :d],
                "coupling": moments.coupling[:, :d],
            }  # fmt: skip
        task, averages, integrands = self.data.numeric(), self._averages, self._integrands
        if averages.grows(integrands.values(), d) and self.exact:
            return self._numbers({sym.d: d, sym.ell: context})
        nodes, weights = averages.nodes(d)
        evaluate = evaluator((sym.d, sym.ell, sym.s, *IN_HERMITE_MOMENTS), integrands)
        values = evaluate(d, context, nodes, *label_values(task.target, task.noise, np.zeros(nodes.shape), nodes).values())
        return {name: float(weights @ np.broadcast_to(value, nodes.shape)) for name, value in values.items()}

    def trace(self, d: int, context: int) -> float:
        """t = tr Cov(h) at finite d and ℓ."""
        return float(self.numeric(d, context)["trace"])

    def series(self, d: int, context: int) -> dict[str, Any]:
        """The entries as they stand, exact or series, at these sizes, under the names of :meth:`numeric`; from it they differ by the order
        of the first term left out. The words are summed with the task's matrices.
        """
        d, context = check_sizes(d, context)
        if self.data.isotropic:
            return self._numbers({sym.d: d, sym.ell: context})
        task = self.data.with_matrices()
        place, omega = geometry(task, task.sources[0], d), task.sources[0].task_cov.matrix(d)
        p, w = place.covariance, place.scale**2 * (omega / np.trace(omega) if place.unit_link else omega)
        pw, t = p @ w, float(np.trace(w))
        s2 = float(np.trace(pw))
        at = {sym.d: d, sym.ell: context, sym.s: np.sqrt(s2), sym.t_1_1: np.trace(pw @ w) / (s2 * t), sym.t_0_2: np.trace(w @ w) / t**2}
        traces = {symbol: n for symbol in self.arguments if (n := sym.trace_index(symbol)) is not None}
        values = self._numbers(at | {symbol: np.trace(np.linalg.matrix_power(pw / s2, n)) for symbol, n in traces.items()})

        def matrix(word: str) -> Array:
            return np.asarray(p @ w @ w @ p / t if word == "t" else np.linalg.matrix_power(pw / s2, int(word)) @ pw @ p)

        terms: dict[str, Any] = {name: values[name] for name in self._integrands if name != "second_P"}
        for name, words in self._words.items():
            terms[name] = sum((values[f"{name}_w{word}"] * matrix(word) for word in words), np.zeros((d, d)))
        terms["second"] = terms["second"] + values["second_P"] * p
        return terms

    def joint(self, d: int, context: int) -> SourceMoments:
        r"""The numbers over fresh tasks; ``.matrix(F)`` is the covariance of (Fᵀh, z) for a given F.

        Where the data have covariances or means, the averages are integrals over the law of the quadratic form
        :math:`\xi^\top\Sigma_x\xi` (``hermite_eq.covariance.task_laws.quadratic_form``), with their numerical ``error``; for tasks
        on the sphere with means they are quasi-Monte Carlo means (``random``).

        Raises
        ------
        HypothesisError
            For shapes that do not fit, or labels without a fourth moment.
        """
        d, context = check_sizes(d, context)
        task = self.data.with_matrices()
        if not self.data.isotropic:
            return source_moments(task, d, context)
        place, entries = geometry(task, task.sources[0], d), self.numeric(d, context)
        second = np.diag(np.append(np.full(d, entries["second_identity"]), entries["second_22"]))
        labels, coupling = (np.eye(d, d + 1) * entries[name] for name in ("signal", "coupling"))
        return SourceMoments(
            place.covariance, np.zeros(d), np.append(np.zeros(d), entries["mean_b2"]), second, labels,
            coupling, entries["mean_y"], entries["mean_b2"], 0.0, entries["square_z"], 0.0, False,
        )  # fmt: skip

    def latex(self) -> str:
        """TeX of E[b], E[bbᵀ], the cross-covariances and t over fresh tasks."""
        return covariance_averaged(self.data.setting, {name: self.entries[name] for name in self._integrands}, self._words, self.order)
