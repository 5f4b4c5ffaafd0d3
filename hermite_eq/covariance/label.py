r"""What a covariance needs to know of the target: moments of one label at scale s = ‖ξ‖/√d.

With :math:`y=\sigma_*(sg)+\epsilon` every entry is a polynomial in five label moments, and those in the Hermite moments of powers

.. math:: m^{(j)}_k(s)=\mathbb E[\sigma_*(sg)^j\,\mathrm{He}_k(g)],\qquad m^{(1)}_k(1)=c_k^*:

.. math::
    a=\mathbb E[yg]=m^{(1)}_1,\quad v=\mathbb E[y^2]=m^{(2)}_0+\rho,\quad p=\mathbb E[y^2(g^2-1)]=m^{(2)}_2,\\
    w_3=\mathbb E[y^3g]=m^{(3)}_1+3\rho m^{(1)}_1,\quad w_4=\mathbb E[y^4]=m^{(4)}_0+6\rho m^{(2)}_0+3\rho^2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from hermite_eq.arguments import array, count, shown
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.expansion import gaussian_mean
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.expansion.exact import exact_inner
from hermite_eq.hermite import X, check_degree, he
from hermite_eq.models import Task

#: The symbols of every symbolic covariance.
D, ELL, RHO, S = sympy.symbols("d ell rho s", positive=True)
ALPHA, KAPPA = sympy.symbols("alpha kappa", positive=True)
A, V, P, W3, W4 = sympy.symbols("a v p w_3 w_4", real=True)

_INDEX: dict[sympy.Symbol, tuple[int, int]] = {}


def hermite_symbol(power: int, k: int) -> sympy.Symbol:
    r"""The symbol of :math:`m^{(j)}_k=\mathbb E[\sigma_*(g)^j\mathrm{He}_k(g)]`, j = ``power``; for j = 1 it is :math:`c_k^*`.

    >>> hermite_symbol(1, 3), hermite_symbol(2, 0)
    (c_{3}^{*}, m_{0}^{(2)})
    """
    return _hermite_symbol(count(power, "power", least=1), count(k, "k"))


@cache
def _hermite_symbol(power: int, k: int) -> sympy.Symbol:
    name = f"c_{{{k}}}^{{*}}" if power == 1 else f"m_{{{k}}}^{{({power})}}"
    symbol = sympy.Symbol(name, real=True)
    _INDEX[symbol] = (power, k)
    return symbol


def hermite_index(symbol: sympy.Symbol) -> tuple[int, int] | None:
    """(j, k) of a :func:`hermite_symbol`, None for any other symbol."""
    return _INDEX.get(symbol)


#: The Hermite moments that the entries of the covariance are made of.
BASE = ((1, 1), (2, 0), (2, 2), (3, 1), (4, 0))

_m = hermite_symbol
#: The label moments in the Hermite moments at the same scale.
IN_HERMITE_MOMENTS: Mapping[sympy.Symbol, sympy.Expr] = {
    A: _m(1, 1),
    V: _m(2, 0) + RHO,
    P: _m(2, 2),
    W3: _m(3, 1) + 3 * RHO * _m(1, 1),
    W4: _m(4, 0) + 6 * RHO * _m(2, 0) + 3 * RHO**2,
}


@dataclass(frozen=True)
class SymbolicTarget:
    r"""A target known only by its Hermite data; ``covariance(SymbolicTarget())`` holds for every target.

    Without a degree the data are the numbers :math:`m^{(j)}_k=\mathbb E[\sigma_*(g)^j\mathrm{He}_k(g)]`, j ≤ 4
    (:func:`hermite_symbol`): products of series do not close in the :math:`c_k^*=m^{(1)}_k` alone. With a degree K the target is
    the polynomial :math:`\sum_{k\le K}(c_k^*/k!)\,\mathrm{He}_k`, and everything closes in :math:`c_0^*,\dots,c_K^*`.

    Parameters
    ----------
    degree : int, optional

    Examples
    --------
    >>> SymbolicTarget(degree=1).expression
    c_{0}^{*} + c_{1}^{*}*x
    """

    degree: int | None = None

    def __post_init__(self) -> None:
        if self.degree is not None:
            check_degree(self.degree)

    @property
    def expression(self) -> sympy.Expr | None:
        """The polynomial in ``hermite_eq.hermite.X``, or None without a degree."""
        if self.degree is None:
            return None
        return sympy.expand(sum(_m(1, k) * he(k) / sympy.factorial(k) for k in range(self.degree + 1)))

    def __str__(self) -> str:
        return "σ*" if self.degree is None else f"σ* of degree {self.degree}"


LabelSource = Task | SymbolicTarget


def target_name(source: LabelSource) -> str:
    """The target's name, as a comment in TeX has it."""
    return str(source.target if isinstance(source, Task) else source)


@lru_cache(maxsize=1024)
def hermite_form(source: LabelSource, power: int, k: int, shift: sympy.Expr = sympy.S.Zero) -> sympy.Expr | None:
    r"""The closed form in s of :math:`\mathbb E[\sigma_*(m+sg)^j\mathrm{He}_k(g)]`, m = ``shift``; None where the exact engine has none.

    >>> hermite_form(SymbolicTarget(degree=1), 1, 0, sympy.Symbol("m", real=True))
    c_{0}^{*} + c_{1}^{*}*m
    """
    sigma = source.target.expression if isinstance(source, Task) else source.expression
    if sigma is None:
        return None
    y = sigma.subs(X, shift + S * X)
    halves = {0: sympy.Integer(1), 1: y, 2: sympy.expand(y**2)}
    right = sympy.expand(halves[power - power // 2] * he(k))
    return exact_inner(halves[power // 2] if power > 1 else X**0, right)


def hermite_forms(source: LabelSource) -> Mapping[sympy.Symbol, sympy.Expr | None]:
    """The closed forms in s of the Hermite moments in ``BASE``, under their symbols."""
    return {_m(*index): hermite_form(source, *index) for index in BASE}


def label_forms(forms: Mapping[sympy.Symbol, sympy.Expr | None]) -> dict[str, sympy.Expr | None]:
    """The label moments a, v, p, w_3, w_4 in s and ρ; None where a Hermite moment that enters has no closed form."""
    known = {symbol: form for symbol, form in forms.items() if form is not None}
    found: dict[str, sympy.Expr | None] = {}
    for name, combination in IN_HERMITE_MOMENTS.items():
        needed = combination.free_symbols - {RHO}
        found[str(name)] = combination.xreplace(known) if needed <= known.keys() else None
    return found


def with_closed_forms(
    entries: Mapping[str, sympy.Expr], moments: Mapping[str, sympy.Expr | None]
) -> dict[str, sympy.Expr]:
    """The entries with the label's moments put in; a moment without closed form stays a symbol."""
    known = {sympy.Symbol(name, real=True): value for name, value in moments.items() if value is not None}
    return {name: entry.xreplace(known) for name, entry in entries.items()}


def hermite_value(task: Task, power: int, k: int, scale: float = 1.0) -> float:
    r"""The number :math:`m^{(j)}_k=\mathbb E[\sigma_*(sg)^j\mathrm{He}_k(g)]`, s = ``scale``, in double precision.

    >>> round(hermite_value(Task("relu"), 2, 2), 12)
    1.0
    """
    polynomial = np.polynomial.hermite_e.HermiteE.basis(k)
    kinks = tuple(float(kink) / scale for kink in task.target.kinks)
    value = gaussian_mean(lambda g: np.asarray(task.target(scale * g), float) ** power * polynomial(g), kinks=kinks)
    if not np.isfinite(value):
        raise HypothesisError(
            f"E[σ*(g)^{power} He_{k}(g)] is finite", f"{value} for {task.target}", "use a target of at most polynomial growth"
        )
    return value


def numeric_task(source: Any) -> Task:
    """The task, if it has numbers; a symbolic target has none."""
    if isinstance(source, Task):
        return source
    raise ArgumentTypeError(
        "numbers need a task whose target is a function", f"{shown(source)}, known by symbols only",
        "use .lambdify(), or covariance(Task('relu', noise=0.01))",
    )


def target_moments(task: Task, s: ArrayLike) -> dict[str, Any]:
    """The moments a, v, p, w₃, w₄ of a label at scale s = ‖ξ‖/√d, in double precision: of the shape of ``s``.

    Raises
    ------
    HypothesisError
        If the target has no finite fourth moment at this scale, which Var(b₂) needs.

    Examples
    --------
    >>> {name: round(value, 6) for name, value in target_moments(Task("identity", noise=1.0), 1.0).items()}
    {'a': 1.0, 'v': 2.0, 'p': 2.0, 'w_3': 6.0, 'w_4': 12.0}
    """
    scales, rho = array(s, "s", empty=True), numeric_task(task).noise
    (_, a, _), (square, _, p), (_, w3, _), (w4, _, _) = argument_moments(task.target, np.zeros(scales.size), scales.ravel())
    moments = {"a": a, "v": square + rho, "p": p, "w_3": w3 + 3 * rho * a, "w_4": w4 + 6 * rho * square + 3 * rho**2}
    return {name: value.reshape(scales.shape) if scales.ndim else float(value[0]) for name, value in moments.items()}
