r"""What a covariance needs to know of the target: moments of one label :math:`y=\sigma_*(m+sg)+\epsilon`.

Every entry is a polynomial in eight label moments, and those in the Hermite moments of powers

.. math:: m^{(j)}_k(m,s)=\mathbb E[\sigma_*(m+sg)^j\,\mathrm{He}_k(g)],\qquad m^{(1)}_k(0,1)=c_k^*:

.. math::
    e=\mathbb Ey=m^{(1)}_0,\quad a=\mathbb E[yg]=m^{(1)}_1,\quad v=\mathbb E[y^2]=m^{(2)}_0+\rho,\quad q=\mathbb E[y^2g]=m^{(2)}_1,\quad
    p=\mathbb E[y^2(g^2-1)]=m^{(2)}_2,\\
    w_{30}=\mathbb E[y^3]=m^{(3)}_0+3\rho m^{(1)}_0,\quad w_3=\mathbb E[y^3g]=m^{(3)}_1+3\rho m^{(1)}_1,\quad
    w_4=\mathbb E[y^4]=m^{(4)}_0+6\rho m^{(2)}_0+3\rho^2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array, shown
from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.symbols import hermite_symbol as _m
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.expansion.exact import exact_inner
from hermite_eq.hermite import X, check_degree, he
from hermite_eq.models import Task

#: The label moments in the Hermite moments at the same mean and scale.
IN_HERMITE_MOMENTS: Mapping[sympy.Symbol, sympy.Expr] = {
    sym.e: _m(1, 0),
    sym.a: _m(1, 1),
    sym.v: _m(2, 0) + sym.rho,
    sym.q: _m(2, 1),
    sym.p: _m(2, 2),
    sym.w_30: _m(3, 0) + 3 * sym.rho * _m(1, 0),
    sym.w_3: _m(3, 1) + 3 * sym.rho * _m(1, 1),
    sym.w_4: _m(4, 0) + 6 * sym.rho * _m(2, 0) + 3 * sym.rho**2,
}
#: Those which remain where the argument has mean zero.
CENTRED = (sym.a, sym.v, sym.p, sym.w_3, sym.w_4)


@dataclass(frozen=True)
class SymbolicTarget:
    r"""A target known only by its Hermite data; ``covariance(SymbolicTarget())`` holds for every target.

    Without a degree the data are the numbers :math:`m^{(j)}_k=\mathbb E[\sigma_*(g)^j\mathrm{He}_k(g)]`, j ≤ 4
    (:func:`hermite_eq.covariance.hermite_symbol`): products of series do not close in the :math:`c_k^*=m^{(1)}_k` alone. With a degree K
    the target is the polynomial :math:`\sum_{k\le K}(c_k^*/k!)\,\mathrm{He}_k`, and everything closes in :math:`c_0^*,\dots,c_K^*`.

    Parameters
    ----------
    degree : int, optional

    Examples
    --------
    >>> SymbolicTarget(degree=1).expression
    c_star_0 + c_star_1*x
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

    @property
    def coefficients(self) -> frozenset[sympy.Symbol]:
        """The symbols of a polynomial's own coefficients, which do not depend on the scale."""
        return frozenset() if self.degree is None else frozenset(_m(1, k) for k in range(self.degree + 1))

    def __str__(self) -> str:
        return "σ*" if self.degree is None else f"σ* of degree {self.degree}"


Label = Task | SymbolicTarget

#: The exact engine needs the sign of the scale, to find kinks.
_SHIFT, _SCALE = sympy.Symbol("m", real=True), sympy.Symbol("s", positive=True)


@lru_cache(maxsize=1024)
def hermite_form(label: Label, power: int, k: int, centred: bool = True) -> sympy.Expr | None:
    r"""The closed form in s, and in m if not ``centred``, of :math:`\mathbb E[\sigma_*(m+sg)^j\mathrm{He}_k(g)]`; None where the exact
    engine has none.

    >>> hermite_form(SymbolicTarget(degree=1), 1, 0, centred=False)
    c_star_0 + c_star_1*m
    """
    sigma = label.target.expression if isinstance(label, Task) else label.expression
    if sigma is None:
        return None
    real = {symbol: sympy.Symbol(symbol.name, real=True) for symbol in sigma.free_symbols - {X}}
    y = sigma.xreplace(real).subs(X, (0 if centred else _SHIFT) + _SCALE * X)
    halves = {0: sympy.Integer(1), 1: y, 2: sympy.expand(y**2)}
    right = sympy.expand(halves[power - power // 2] * he(k))
    try:
        form = exact_inner(halves[power // 2] if power > 1 else X**0, right)
    except HypothesisError:
        # e^{bx²} has them where s is small only.
        raise HypothesisError(
            "the moments of a label are finite at every scale s of its argument",
            f"the target {sigma}",
            "use a target that grows like exp(b*|x|) at most, or the moments of one task: .given(xi, context=…)",
        ) from None
    back = {symbol: plain for plain, symbol in real.items()}
    return None if form is None else form.xreplace({_SHIFT: sym.m, _SCALE: sym.s, **back})


def closed_forms(label: Label, f: sympy.Expr, centred: bool = True) -> sympy.Expr:
    """f with the closed forms, at mean m and scale s, of those of its Hermite moments that have any."""
    known = {}
    for symbol in f.free_symbols:
        index = sym.hermite_index(symbol)
        form = None if index is None else hermite_form(label, *index, centred)
        if form is not None:
            known[symbol] = form
    return f.xreplace(known)


def open_moments(label: Label, f: sympy.Expr) -> set[sympy.Symbol]:
    """The Hermite moments in f that are functions of the scale without a closed form."""
    constants = label.coefficients if isinstance(label, SymbolicTarget) else frozenset()
    return {symbol for symbol in f.free_symbols - constants if sym.hermite_index(symbol) is not None}


def label_moments(label: Label, centred: bool = True) -> dict[str, sympy.Expr | None]:
    """The label moments in m, s and ρ; None where a Hermite moment that enters has no closed form."""
    forms: dict[str, sympy.Expr | None] = {}
    for symbol in CENTRED if centred else IN_HERMITE_MOMENTS:
        form = closed_forms(label, IN_HERMITE_MOMENTS[symbol], centred)
        forms[symbol.name] = None if open_moments(label, form) else form
    return forms


def hermite_value(task: Task, power: int, k: int, mean: ArrayLike = 0.0, scale: ArrayLike = 1.0) -> Any:
    r"""The number :math:`\mathbb E[\sigma_*(m+sg)^j\mathrm{He}_k(g)]` in double precision, of the shape of ``mean`` and ``scale``.

    >>> round(hermite_value(Task("relu"), 2, 2), 12)
    1.0
    """
    m, s = np.broadcast_arrays(np.asarray(mean, float), np.asarray(scale, float))
    # The integral's end is found by its size relative to the moment of the highest power, which must not vanish: an even one.
    values = argument_moments(task.target, m.ravel(), s.ravel(), power + power % 2, k)[power - 1, k]
    return values.reshape(m.shape) if m.ndim else float(values[0])


def label_values(target: Activation, noise: float, mean: ArrayLike, scale: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """The eight label moments at arguments of means m and standard deviations s, in double precision, each of shape (N,)."""
    (e, a, _), (square, q, p), (cube, w3, _), (fourth, _, _) = argument_moments(target, mean, scale)
    return {
        "e": e, "a": a, "v": square + noise, "q": q, "p": p, "w_30": cube + 3 * noise * e, "w_3": w3 + 3 * noise * a,
        "w_4": fourth + 6 * noise * square + 3 * noise**2,
    }  # fmt: skip


def numeric_task(label: Any) -> Task:
    """The task, if it has numbers; a symbolic target has none."""
    if isinstance(label, Task):
        return label
    raise ArgumentTypeError(
        "numbers need a task whose target is a function",
        f"{label if isinstance(label, SymbolicTarget) else shown(label)}, known by symbols only",
        "use .lambdify(), or covariance(Task('relu', noise=0.01))",
    )


def target_moments(task: Task, s: ArrayLike) -> dict[str, Any]:
    """The moments a, v, p, w₃, w₄ of a label at scale s = ‖ξ‖/√d, in double precision: of the shape of ``s``.

    Parameters
    ----------
    task : Task
        Of one isotropic source.
    s : float or array_like

    Raises
    ------
    HypothesisError
        If the target has no finite fourth moment at this scale, which Var(b₂) needs.

    Examples
    --------
    >>> {name: round(value, 6) for name, value in target_moments(Task("identity", noise=1.0), 1.0).items()}
    {'a': 1.0, 'v': 2.0, 'p': 2.0, 'w_3': 6.0, 'w_4': 12.0}
    """
    scales, task = array(s, "s", empty=True), numeric_task(task)
    values = label_values(task.target, task.noise, np.zeros(scales.size), scales.ravel())
    return {symbol.name: values[symbol.name].reshape(scales.shape) if scales.ndim else float(values[symbol.name][0]) for symbol in CENTRED}
