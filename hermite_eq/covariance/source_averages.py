r"""The covariance for data with covariances over fresh tasks, given the training tasks, and in the limit.

Over fresh tasks, centred data (words as in :mod:`hermite_eq.covariance.effective_dimension`):

.. math::
    \mathbb E[b_1b_1^\top]=\frac{f^2}\ell\langle v\rangle P+\sum_w\Big\langle f^2\frac{(1-\frac1\ell)a^2+\frac1\ell p}{s^2}\Big\rangle_w\,w,
    \qquad\mathbb E[xy\,b_1^\top]=\sum_w\Big\langle f\frac{a^2}{s^2}\Big\rangle_w\,w .

Given k tasks, to leading order, :math:`R_k=\varphi\,PS_kP+\eta_kP` with :math:`S_k=\frac1k\sum\eta_j\eta_j^\top`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.covariance.effective_dimension import T02, T11, FormAverages, trace_index
from hermite_eq.covariance.label import (
    ALPHA,
    ELL,
    IN_HERMITE_MOMENTS,
    RHO,
    W4,
    A,
    D,
    P,
    S,
    V,
    hermite_index,
    hermite_symbol,
    numeric_task,
    target_name,
)
from hermite_eq.covariance.numbers import check_sizes, evaluator, hermite_numbers
from hermite_eq.covariance.source_moments import SourceMoments
from hermite_eq.covariance.sources import ConditionalSource, geometry, source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.latex import source_averaged_covariance, source_limit_covariance, source_task_covariance
from hermite_eq.models import Gaussian, Ratios, Sphere, Task

Array = NDArray[np.float64]

#: tr Σ_x/d and tr(Σ_x²Σ_ξ)/d.
X1, M21 = sympy.symbols("x_1 m_{21}", positive=True)


def _values_at_scale(
    cov: ConditionalSource, arguments: tuple[sympy.Symbol, ...], entries: dict[str, sympy.Expr]
) -> Callable[..., dict[str, Any]]:
    """The entries as a function of ``arguments``, s among them; Hermite moments without closed form are integrated at that s."""
    symbols = sorted(set().union(*(entry.free_symbols for entry in entries.values())), key=str)
    open_moments = [symbol for symbol in symbols if hermite_index(symbol) is not None and symbol not in arguments]
    evaluate = evaluator((*arguments, *open_moments), entries)
    place = arguments.index(S)

    def values(*numbers: Any) -> dict[str, Any]:
        if not open_moments:
            return evaluate(*numbers)
        moments = hermite_numbers(cov.label, entries, scale=float(numbers[place]))
        return evaluate(*numbers, *(moments[symbol] for symbol in open_moments))

    return values


def _check_centred(cov: ConditionalSource, level: str) -> None:
    """Raise where words in P and W, or in S_k, are not the whole: where data have means, or tasks another law than the formulas'."""
    if cov.task is None:
        return
    source = cov.task.sources[0]
    averaged = isinstance(source.tasks, Gaussian | Sphere)
    holds, hypothesis = {
        "series": (isinstance(source.tasks, Gaussian), "the series is for centred inputs and centred Gaussian tasks"),
        "limit": (averaged, "the limit is for centred inputs and centred tasks, Gaussian or on the sphere"),
        "tasks": (True, "R_k = φ P S_k P + η P is for centred inputs"),
    }[level]
    if not (source.centred and holds and (level == "tasks" or not np.any(source.task_mean))):
        fresh = averaged and level != "tasks"
        numbers = ".averaged().numeric(d, context), with its .error" if fresh else ".over_tasks().numeric(tasks, context=…)"
        raise HypothesisError(hypothesis, f"{source}", f"use {numbers}")


def _arguments(cov: ConditionalSource, first: tuple[sympy.Symbol, ...], entries: dict[str, sympy.Expr]) -> tuple[sympy.Symbol, ...]:
    rest = set().union(*(entry.free_symbols for entry in entries.values())) - set(first)
    if isinstance(cov.label, Task):
        rest = {symbol for symbol in rest if hermite_index(symbol) is None}
    return (*first, *sorted(rest, key=str))


@dataclass(frozen=True)
class AveragedSource:
    """Over fresh tasks: coefficients as series, and numbers with their error. Made by ``covariance(task).averaged(order)``."""

    cov: ConditionalSource
    order: int

    @property
    def _factor(self) -> sympy.Expr:
        return sympy.Integer(1) if self.cov.unit_inputs else D

    @cached_property
    def _integrands(self) -> tuple[dict[str, sympy.Expr], dict[str, sympy.Expr]]:
        """What is averaged alone, and what with ηηᵀ."""
        _check_centred(self.cov, "series")
        f = self._factor
        alone = {
            "mean_y": hermite_symbol(1, 0),
            "mean_b2": V,
            "second_P": f**2 * V / ELL,
            "second_22": (1 - 1 / ELL) * V**2 + W4 / ELL,
            "square_z": S**2,
        }
        within = {
            "second": f**2 * ((1 - 1 / ELL) * A**2 + P / ELL) / S**2,
            "signal": f * A**2 / S**2,
            "coupling": f * A / S,
        }
        return alone, within

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        r"""``mean_y``, ``mean_b2``, ``second_P``, ``second_22``, ``square_z``, and the coefficients ``second_wn``, ``signal_wn``,
        ``coupling_wn`` of the words :math:`s^{-2n}P(WP)^{n+1}` (with ``unit_link`` also ``…_wt`` of :math:`PW^2P/\operatorname{tr}W`) of
        :math:`\mathbb E[b_1b_1^\top]`, :math:`\mathbb E[xy\,b_1^\top]`, :math:`\mathbb E[xz\,b_1^\top]`.

        Raises
        ------
        HypothesisError
            For data with means, and tasks that are not Gaussian, over which the series is not known.
        """
        averages = FormAverages(self.cov.label, self.order, self.cov.unit_link)
        alone, _ = self._integrands
        found = {name: averages.mean(f) for name, f in alone.items()}
        return found | {f"{name}_w{word}": value for name, words in self._words.items() for word, value in words.items()}

    @cached_property
    def _words(self) -> dict[str, dict[str, sympy.Expr]]:
        """``second``, ``signal``, ``coupling``: the coefficient of every word, by the word's name."""
        averages = FormAverages(self.cov.label, self.order, self.cov.unit_link)
        _, within = self._integrands
        return {name: {word: value for word, value in averages.words(f).items() if value != 0} for name, f in within.items()}

    @cached_property
    def exact(self) -> bool:
        """Whether every series in the covariance (all entries but ``mean_y``) ends, so that it is exact at every d."""
        averages = FormAverages(self.cov.label, self.order, self.cov.unit_link)
        return all(averages.ends(f) for part in self._integrands for name, f in part.items() if name != "mean_y")

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: d, ℓ, ρ, s, the traces t_n, and for a symbolic target its Hermite data."""
        return _arguments(self.cov, (D, ELL, RHO, S), self.entries)

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`, s a number; it returns a dict."""
        return _values_at_scale(self.cov, self.arguments, self.entries)

    def numeric(self, d: int, context: int) -> SourceMoments:
        """The averages at finite d, exact up to ``.error``: no series. See :func:`hermite_eq.covariance.source_moments`."""
        return source_moments(self.cov.with_matrices(), d, context)

    def series(self, d: int, context: int) -> dict[str, Array]:
        r"""The series with the task's matrices: ``second`` = E[b₁b₁ᵀ], ``signal`` = E[xy b₁ᵀ], ``coupling`` = E[xz b₁ᵀ], and the scalars.

        They differ from :meth:`numeric` by the order of the first term left out.
        """
        task = self.cov.with_matrices()
        d, context = check_sizes(d, context)
        place = geometry(task, task.sources[0], d)
        p, omega = place.covariance, task.sources[0].task_cov.matrix(d)
        w = place.scale**2 * (omega / np.trace(omega) if place.unit_link else omega)
        pw = p @ w
        s2 = float(np.trace(pw))
        traces = {T11: float(np.trace(pw @ w)) / (s2 * float(np.trace(w))), T02: float(np.trace(w @ w) / np.trace(w) ** 2)}
        for symbol in self.arguments[4:]:
            n = trace_index(symbol)
            if n is not None:
                traces[symbol] = float(np.trace(np.linalg.matrix_power(pw / s2, n)))
        first = (d, context, numeric_task(self.cov.label).noise, float(np.sqrt(s2)))
        values = self.lambdify()(*first, *(traces[symbol] for symbol in self.arguments[4:]))
        found = {name: np.asarray(values[name]) for name in self._integrands[0]}

        def matrix(word: str) -> Array:
            return np.asarray(p @ w @ w @ p / np.trace(w) if word == "t" else np.linalg.matrix_power(pw / s2, int(word)) @ pw @ p)

        for name, words in self._words.items():
            found[name] = sum((values[f"{name}_w{word}"] * matrix(word) for word in words), np.zeros((d, d)))
        found["second"] = found["second"] + float(found["second_P"]) * p
        return found

    def latex(self) -> str:
        """TeX of the averages, word by word."""
        order = None if self.exact else self.order
        return source_averaged_covariance(
            target_name(self.cov.label),
            {name: self.entries[name] for name in self._integrands[0]},
            self._words,
            order=order,
            unit_inputs=self.cov.unit_inputs,
            unit_link=self.cov.unit_link,
        )

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


@dataclass(frozen=True)
class SourceTasks:
    """Given the k training tasks, to leading order: R_k = φ P S_k P + η P. Made by ``covariance(task).over_tasks()``."""

    cov: ConditionalSource

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """``slope`` φ, ``noise`` η, and ``signal``: E[xy b₁ᵀ] = signal · P S_k P; all at the scale s.

        Raises
        ------
        HypothesisError
            For inputs with a mean.
        """
        _check_centred(self.cov, "tasks")
        f = sympy.Integer(1) if self.cov.unit_inputs else D
        averages = FormAverages(self.cov.label, 0, self.cov.unit_link)
        forms = {
            "slope": f**2 * ((1 - 1 / ELL) * A**2 + P / ELL) / S**2,
            "noise": f**2 * V / ELL,
            "signal": f * A**2 / S**2,
        }
        return {name: averages.closed(sympy.expand(form.xreplace(dict(IN_HERMITE_MOMENTS)))) for name, form in forms.items()}

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: d, ℓ, ρ, s, and for a symbolic target its Hermite data."""
        return _arguments(self.cov, (D, ELL, RHO, S), self.entries)

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`; it returns a dict."""
        return _values_at_scale(self.cov, self.arguments, self.entries)

    def numeric(self, tasks: ArrayLike, *, context: int) -> SourceMoments:
        """The moments given task vectors ξ, shape (k, d), exact at finite d, ℓ and k."""
        vectors = np.array(tasks, dtype=float)
        if vectors.ndim != 2:
            raise HypothesisError(
                "the training tasks are an array of shape (k, d)", f"shape {vectors.shape}", "pass xi[None, :] for one task"
            )
        return source_moments(self.cov.with_matrices(), vectors.shape[1], context, tasks=vectors)

    def latex(self) -> str:
        """TeX of R_k and of the signal."""
        return source_task_covariance(
            target_name(self.cov.label), self.entries, unit_inputs=self.cov.unit_inputs, unit_link=self.cov.unit_link
        )

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


@dataclass(frozen=True)
class LimitSource:
    r"""Leading order as d → ∞ at α = ℓ/d: :math:`R_\infty=\frac{a^2}{s^2}\Sigma_x\Sigma_\xi\Sigma_x+\frac v\alpha\Sigma_x`.

    Made by ``covariance(task).limit()``. Label moments at the scale :math:`s^2=\operatorname{tr}(\Sigma_x\Sigma_\xi)/d`; where the argument
    is normalised, :math:`\Sigma_\xi` stands for :math:`\Sigma_\xi\,d/(\operatorname{tr}\Sigma_\xi\,\|\Sigma_x\|)`.
    """

    cov: ConditionalSource

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        r"""``slope`` a²/s², ``noise`` v/α, ``trace`` lim t/d, and ``q``: d times the mean square of the cross-covariance.

        In :math:`x_1=\operatorname{tr}\Sigma_x/d` and :math:`m_{21}=\operatorname{tr}(\Sigma_x^2\Sigma_\xi)/d`.

        Raises
        ------
        HypothesisError
            For data with means, and tasks that are neither Gaussian nor on the sphere.
        """
        _check_centred(self.cov, "limit")
        averages = FormAverages(self.cov.label, 0, self.cov.unit_link)
        a, v = (averages.closed(sympy.expand(symbol.xreplace(dict(IN_HERMITE_MOMENTS)))) for symbol in (A, V))
        slope, noise = sympy.expand(a**2 / S**2), sympy.expand(v / ALPHA)
        column = v**2 if self.cov.unit_inputs else sympy.Integer(0)
        trace = X1 * (slope * M21 + noise * X1 + column)
        return {"slope": slope, "noise": noise, "trace": sympy.expand(trace), "q": (slope * M21**2 + column * M21) / trace}

    @property
    def arguments(self) -> tuple[sympy.Symbol, ...]:
        """The arguments of :meth:`lambdify`: α, ρ, s, x₁, m₂₁, and for a symbolic target its Hermite data."""
        return _arguments(self.cov, (ALPHA, RHO, S, X1, M21), self.entries)

    def lambdify(self) -> Callable[..., dict[str, Any]]:
        """The entries as a function of :attr:`arguments`; it returns a dict."""
        return _values_at_scale(self.cov, self.arguments, self.entries)

    def numeric(self, d: int, alpha: float) -> dict[str, float]:
        """The entries with the traces of the task's matrices at dimension d."""
        task = self.cov.with_matrices()
        (d, _), alpha, source = check_sizes(d, 1), Ratios(alpha, 1.0, 1.0).alpha, task.sources[0]
        place = geometry(task, source, d)
        sigma, omega = source.input_cov.matrix(d), source.task_cov.matrix(d)
        if place.unit_link:
            omega = omega * d / (np.trace(omega) * source.input_cov.norm(d))
        s2, m21 = float(np.trace(sigma @ omega)) / d, float(np.trace(sigma @ sigma @ omega)) / d
        values = self.lambdify()(alpha, source.noise, float(np.sqrt(s2)), float(np.trace(sigma)) / d, m21)
        return {name: float(value) for name, value in values.items()}

    def latex(self) -> str:
        """TeX of the limit."""
        return source_limit_covariance(
            target_name(self.cov.label), self.entries, unit_inputs=self.cov.unit_inputs, unit_link=self.cov.unit_link
        )

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"
