"""The equivalent polynomial model of an activation, and of a Transformer on a task ([RT] Theorem 3)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy

from hermite_eq.activations import Activation, lipschitz_violation
from hermite_eq.activations.evaluation import vanishes
from hermite_eq.arguments import count, instance
from hermite_eq.covariance import Covariance, LimitCovariance, NormLaw, covariance, symbols
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion import HermiteExpansion, coefficients
from hermite_eq.hermite import check_degree
from hermite_eq.latex import decimal, equivalence_display, equivalence_theorem, escaped, evaluated, exact, is_symbolic, number
from hermite_eq.models import PolynomialActivation, RandomTransformer, Ratios, Sizes, Task

#: Relative size below which a double-precision coefficient counts as zero.
_ZERO = 64 * np.finfo(float).eps


def equivalent_model(
    sigma: Any, degree: int = 1, *, kinks: Sequence[Any] | None = None, parameters: Collection[str] = (), variance: Any = 1
) -> PolynomialActivation:
    r"""The equivalent polynomial activation :math:`\hat\sigma_r` of [RT] (12), r = ``degree``,

    .. math:: \hat\sigma_r(x)=\sum_{k\le r}\frac{c_k}{k!}\mathrm{He}_k(x)+c_r^*z,\qquad
        c_r^{*2}=\mathbb E\,\sigma(g)^2-\sum_{k\le r}\frac{c_k^2}{k!}.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    degree : int
    kinks, parameters, variance
        As in :func:`hermite_eq.coefficients`: of another variance s² it is :math:`x\mapsto\sigma(sx)` that is replaced.

    Returns
    -------
    PolynomialActivation

    Warns
    -----
    HypothesisWarning
        If the activation is visibly not Lipschitz: the polynomial exists, Theorem 3 does not apply.

    Examples
    --------
    >>> import numpy as np
    >>> model = equivalent_model("relu", degree=1)
    >>> model.residual
    sqrt(1/4 - 1/(2*pi))
    >>> model(np.zeros(3), rng=np.random.default_rng(0)).shape
    (3,)
    """
    degree = check_degree(degree)
    expansion = coefficients(sigma, degree, kinks=kinks, parameters=parameters, variance=variance)
    violation = lipschitz_violation(expansion.activation)
    if violation:
        warnings.warn(
            HypothesisWarning(
                f"[RT] Theorem 3 supposes a Lipschitz activation; found {violation} for {expansion.activation}. The coefficients "
                "exist, the equivalence is not covered"
            ),
            stacklevel=2,
        )
    return _polynomial(expansion)


def _polynomial(expansion: HermiteExpansion) -> PolynomialActivation:
    return PolynomialActivation(str(expansion.activation), expansion.c, expansion.residual(expansion.degree))


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of the theorem, held against the activation, target and sizes at hand.

    Attributes
    ----------
    statement : str
        TeX.
    holds : bool or None
        None where it is not known.
    finding : str
        What was found, TeX.
    """

    statement: str
    holds: bool | None
    finding: str


@dataclass(frozen=True)
class EquivalentTransformer:
    r"""[RT] Theorem 3 for one head σ and one target σ*: what replaces σ, what the limit sees, and whether the hypotheses hold.

    Made by :func:`equivalent_transformer`; prints itself as the theorem (``.latex()``).

    Attributes
    ----------
    model : RandomTransformer
    task : Task
    degree : int
        r.
    where : Ratios, Sizes or None
        The regime at which the hypotheses are checked.
    """

    model: RandomTransformer
    task: Task
    degree: int
    where: Ratios | Sizes | None = None

    @cached_property
    def head(self) -> PolynomialActivation:
        r""":math:`\hat\sigma_r`."""
        return _polynomial(coefficients(self.model.activation, self.degree))

    @property
    def transformer(self) -> RandomTransformer:
        r"""The same Transformer with :math:`\hat\sigma_r` in place of σ, to pass to theory and simulation."""
        return RandomTransformer(self.head, self.model.ridge, self.model.normalise)

    @cached_property
    def covariance(self) -> Covariance:
        """The covariance of (Fᵀh, ξᵀx), which depends on the task alone."""
        return covariance(self.task)

    @cached_property
    def limit(self) -> LimitCovariance:
        """Its limit: R, R_∞, q."""
        return self.covariance.limit()

    @cached_property
    def _sigma(self) -> HermiteExpansion:
        return coefficients(self.model.activation, max(2, self.degree))

    @cached_property
    def _target(self) -> HermiteExpansion:
        return coefficients(self.task.target, 2)

    @property
    def signal(self) -> Any:
        r"""The effective linear signal :math:`a_1=c_1^*=\mathbb E[\sigma_*(g)g]`."""
        return self._target.c[1]

    @property
    def noise(self) -> Any:
        r"""The effective noise :math:`\rho+\sum_{k\ge2}c_k^{*2}/k!`: what of a label no linear function of its input explains, less
        its mean.
        """
        residual = self._target.residual(1)
        return self._with_noise(sympy.expand(residual**2) if isinstance(residual, sympy.Basic) else float(residual) ** 2)

    @property
    def label_square(self) -> Any:
        r""":math:`v=\mathbb E y^2=\mathbb E\,\sigma_*(g)^2+\rho`."""
        return self._with_noise(self._target.norm2)

    def _with_noise(self, value: Any) -> Any:
        # A float noise is the decimal that was written: 0.01 is 1/100.
        return value + (sympy.Rational(str(self.task.noise)) if isinstance(value, sympy.Basic) else self.task.noise)

    @cached_property
    def relevant(self) -> dict[str, bool]:
        r"""Which numbers of σ and σ* the limiting error depends on.

        ``c_0``: only whether it is zero, and only if the labels have a mean, :math:`c_0^*\ne0`; ``c_2``: only if then
        :math:`c_0=0`, so that the mean is fitted through degree 2.
        """
        labels_have_mean = not _vanishes(self._target, 0)
        no_constant = _vanishes(self._sigma, 0)
        return {
            "c_0": labels_have_mean,
            "c_1": True,
            "c_1*": True,
            "c_2": labels_have_mean and no_constant and not _vanishes(self._sigma, 2),
            "target c_0*": labels_have_mean,
            "target c_1*": True,
            "target E sigma*^2": True,
        }

    @property
    def sufficient_degree(self) -> int:
        """The least r with the same limiting error as σ: 1, or 2 where c_2 matters."""
        return 2 if self.relevant["c_2"] else 1

    @cached_property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The hypotheses of the theorem, one by one."""
        statements = [
            _lipschitz(self._head, r"\sigma"),
            _lipschitz(self.task.target, r"\sigma_*"),
            Hypothesis(
                r"\mathbb{E}\,\sigma(g)^2 < \infty",
                math.isfinite(float(self._sigma.norm2)),
                rf"\mathbb{{E}}\,\sigma(g)^2 = {_value(self._sigma.norm2)}",
            ),
            Hypothesis(
                r"\mathbb{E}\,\sigma_*(g)^2 < \infty",
                math.isfinite(float(self._target.norm2)),
                rf"\mathbb{{E}}\,\sigma_*(g)^2 = {_value(self._target.norm2)}",
            ),
            Hypothesis(
                r"\sigma \text{ is not constant}",
                bool(float(self._sigma.residual(0)) > 0),
                rf"c_1 = {_value(self._sigma.c[1])},\ c_1^* = {_value(self._sigma.residual(1))}",
            ),
            Hypothesis(
                rf"r = {self.degree} \text{{ suffices}}",
                self.degree >= self.sufficient_degree,
                rf"\text{{{_constant_in_words(self._sigma, self._target)}}}",
            ),
            Hypothesis(
                r"a_1 \ne 0 \text{ (a linear signal)}",
                not _vanishes(self._target, 1),
                rf"a_1 = {_value(self.signal)}" + _parity(self.task.target),
            ),
        ]
        return (*statements, *self._regime())

    @property
    def _head(self) -> Activation:
        sigma = self.model.activation
        assert isinstance(sigma, Activation)
        return sigma

    def inflation(self, d: int, context: int) -> float:
        r"""By how much the norm of h inflates the term of degree r at finite d, :math:`\tfrac{3C}{4d}r(r-1)`.

        At scale s = ‖h‖/√t, :math:`\mathbb E\,\mathrm{He}_r(sg)^2/r!` has the mean :math:`1+\frac{3C}{4d}r(r-1)+O(d^{-2})`, C/d being the
        variance of s² (:meth:`hermite_eq.covariance.Covariance.norm_law`). Where this is of order 1, r is too high for this d.
        """
        d, context = count(d, "d", least=1), count(context, "context", least=1)
        if self.model.normalise:
            return 0.0
        law: NormLaw = self.covariance.norm_law()
        return 3 * law.numeric(context / d)["variance"] * self.degree * (self.degree - 1) / (4 * d)

    def _regime(self) -> tuple[Hypothesis, ...]:
        proportional = r"\ell, k \asymp d,\quad n, m \asymp d^2"
        if self.where is None:
            return (Hypothesis(proportional, None, r"\text{no sizes given}"),)
        ratios = self.where.ratios if isinstance(self.where, Sizes) else self.where
        mu = "" if ratios.mu is None else rf",\ m/d^2 = {_ratio(ratios.mu)}"
        shown = rf"\ell/d = {_ratio(ratios.alpha)},\ k/d = {_ratio(ratios.kappa)},\ n/d^2 = {_ratio(ratios.tau)}{mu}"
        regime = Hypothesis(proportional, True if ratios.mu is not None else None, shown)
        if not isinstance(self.where, Sizes):
            return (regime,)
        d, value = self.where.d, self.inflation(self.where.d, self.where.context)
        finite = Hypothesis(
            r"\tfrac{3C}{4d} r (r - 1) < 1 \text{ (degree $r$ at this $d$)}",
            value < 1,
            rf"{decimal(value, digits=3)}\ \text{{at}}\ d = {d}",
        )
        return (regime, finite)

    def __str__(self) -> str:
        failed = [h.statement for h in self.hypotheses if h.holds is False]
        state = "all hypotheses hold that are known" if not failed else f"{len(failed)} hypotheses fail"
        return f"{self.model} equivalent to {self.head}; {self.task}; {state}"

    @cached_property
    def _constants(self) -> list[tuple[str, str]]:
        sigma, target = self._sigma, self._target
        return [
            ("c_0", _value(sigma.c[0])),
            ("c_1", _value(sigma.c[1])),
            *([("c_2", _value(sigma.c[2]))] if self.degree >= 2 or self.relevant["c_2"] else []),
            (f"c_{{{self.degree}}}^*", _value(self.head.residual)),
            (r"\mathbb{E}\,\sigma_*(g)", _value(target.c[0])),
            (r"a_1", _value(self.signal)),
            (r"\rho + \sum_{k \ge 2} c_k^{*2}/k! \text{ (effective noise)}", _value(self.noise)),
            (r"v = \mathbb{E}\,\sigma_*(g)^2 + \rho", _value(self.label_square)),
            *_fresh_covariance(self.signal, self.label_square),
        ]

    def latex(self) -> str:
        """TeX of the theorem this pair instantiates: statement, constants with their values, hypotheses one by one (amsmath, amssymb,
        amsthm, booktabs)."""
        return equivalence_theorem(
            head=_shown(self._head),
            target=_shown(self.task.target),
            polynomial=self.head.latex(),
            degree=self.degree,
            relevant=[name for name, matters in self.relevant.items() if matters],
            constants=self._constants,
            hypotheses=[(h.statement, h.holds, h.finding) for h in self.hypotheses],
            comment=str(self),
        )

    def _repr_latex_(self) -> str:
        """Display math alone, which is what notebooks show: they know no theorem environment."""
        return equivalence_display(self.head.latex(), self._constants, [(h.statement, h.holds, h.finding) for h in self.hypotheses])


def _vanishes(expansion: HermiteExpansion, k: int) -> bool:
    c = expansion.c[k]
    if isinstance(c, sympy.Basic):
        return vanishes(c)
    return bool(abs(float(c)) <= _ZERO * math.sqrt(float(expansion.norm2)))


def _value(value: Any) -> str:
    """An exact number with its decimals, or decimals alone."""
    if isinstance(value, sympy.Basic) and is_symbolic(value):
        symbol = exact(value)
        return symbol if value.is_Rational else rf"{symbol} \approx {number(evaluated(value, 30), digits=6)}"
    return number(value)


def _fresh_covariance(signal: Any, square: Any) -> list[tuple[str, str]]:
    """R_∞ and q with their values at a symbolic α."""
    fresh, q = r"R_\infty = a_1^2 + v / \alpha", r"q = a_1^2 / R_\infty"
    if is_symbolic(signal) and is_symbolic(square):
        total = signal**2 + sympy.expand(square) / symbols.alpha
        return [(fresh, exact(sympy.expand(total))), (q, exact(sympy.simplify(signal**2 / total)))]
    slope, second = number(float(signal) ** 2), number(float(square))
    return [(fresh, rf"{slope} + {second} / \alpha"), (q, rf"{slope} / ({slope} + {second} / \alpha)")]


def _ratio(value: float) -> str:
    return r"\infty" if math.isinf(value) else f"{value:g}"


def _shown(sigma: Activation) -> str:
    return rf"\text{{{escaped(sigma.name)}}}" if sigma.expression is None or sigma.name.isidentifier() else exact(sigma.expression)


def _lipschitz(sigma: Activation, symbol: str) -> Hypothesis:
    statement = rf"{symbol} \text{{ is Lipschitz}}"
    constant = sigma.lipschitz
    if constant is None and lipschitz_violation(sigma):
        return Hypothesis(statement, False, r"\text{a jump, or growth beyond linear}")
    if constant is None:
        return Hypothesis(statement, None, r"\text{constant not declared}")
    if math.isinf(constant):
        return Hypothesis(statement, False, r"\text{no Lipschitz constant}")
    return Hypothesis(statement, True, rf"\operatorname{{Lip}} = {number(int(constant) if constant == int(constant) else constant)}")


def _parity(target: Activation) -> str:
    return "" if target.parity is None else rf",\ \sigma_* \text{{ is {target.parity}}}"


def _constant_in_words(sigma: HermiteExpansion, target: HermiteExpansion) -> str:
    if _vanishes(target, 0):
        return r"the labels have mean 0, and $c_0$ plays no role"
    if not _vanishes(sigma, 0):
        return r"$c_0 \ne 0$ fits the labels' mean"
    if _vanishes(sigma, 2):
        return r"$c_0 = c_2 = 0$: the labels' mean is not fitted"
    return r"$c_0 = 0$: the labels' mean is fitted through $c_2$"


def equivalent_transformer(
    model: RandomTransformer, task: Task, where: Ratios | Sizes | None = None, *, degree: int | None = None
) -> EquivalentTransformer:
    r"""[RT] Theorem 3 for a given head and target: :math:`\hat\sigma_r`, the covariance, effective signal and noise, hypotheses.

    Parameters
    ----------
    model : RandomTransformer
        With an activation σ, not an equivalent polynomial one.
    task : Task
    where : Ratios or Sizes, optional
        Where the regime is checked; with Sizes also whether r is small enough for this d.
    degree : int, optional
        r; by default the least one with the same limiting error.

    Returns
    -------
    EquivalentTransformer

    References
    ----------
    [RT] Theorem 3, which leaves r open; which coefficients matter: ``derivations/features/equivalent_coefficients.py``.

    Examples
    --------
    >>> found = equivalent_transformer(RandomTransformer("relu", ridge=1e-8), Task("relu", noise=0.01))
    >>> found.degree, found.signal, found.noise
    (1, 1/2, 13/50 - 1/(2*pi))
    >>> [h.holds for h in found.hypotheses]
    [True, True, True, True, True, True, True, None]
    >>> equivalent_transformer(RandomTransformer("centred_relu", ridge=1e-8), Task("relu")).degree
    2
    """
    if not isinstance(model, RandomTransformer) or not isinstance(model.activation, Activation):
        raise HypothesisError(
            "an equivalent Transformer replaces the activation of a random head",
            f"{model!s}",
            "pass hermite_eq.RandomTransformer('relu', ridge=1e-8)",
        )
    instance(task, Task, "the labels come from a Task", 'pass hermite_eq.Task("relu", noise=0.01)')
    if not task.isotropic:
        raise HypothesisError("the labels come from one isotropic source", f"{task}", 'pass hermite_eq.Task("relu", noise=0.01)')
    if where is not None and not isinstance(where, Ratios | Sizes):
        raise HypothesisError("the regime is given by Ratios or Sizes", f"{where!r}", "pass hermite_eq.Ratios(alpha=1, kappa=1, tau=1)")
    if degree is None:
        degree = EquivalentTransformer(model, task, 1).sufficient_degree
    return EquivalentTransformer(model, task, check_degree(degree), where)
