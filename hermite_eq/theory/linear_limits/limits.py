r"""Limits of the ridgeless errors of the linear Transformer in α = ℓ/d, κ = k/d and τ = n/d², as SymPy expressions.

Limits do not commute: each is the result of letting the ratios go to their ends one after the other, in the order of the keywords.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from hermite_eq.arguments import exact, shown
from hermite_eq.errors import HypothesisError
from hermite_eq.theory.linear_limits.closed_forms import ALPHA, KAPPA, SECOND_MOMENT, SLOPE, TAU, UNEXPLAINED, ridgeless

_A2, _V, _U = SLOPE**2, SECOND_MOMENT, UNEXPLAINED
_W = _V / (ALPHA * _A2)


@dataclass(frozen=True)
class RidgelessLimit:
    """A limit of the ridgeless errors.

    Attributes
    ----------
    icl, idg : sympy.Expr
        In the symbols of :mod:`hermite_eq.theory.linear_limits.closed_forms`; Piecewise where the sides of τ = 1 or κ = 1 differ.
    order : tuple of str
        The limits taken, first to last.
    """

    icl: sympy.Expr
    idg: sympy.Expr
    order: tuple[str, ...]

    @property
    def g_task(self) -> sympy.Expr:
        """ICL − IDG, the price of unseen tasks; infinite where the ICL error alone is, ``nan`` (undefined) where both are."""
        pieces = [(_difference(icl, idg), sympy.And(at, where)) for icl, at in _branches(self.icl) for idg, where in _branches(self.idg)]
        return sympy.Piecewise(*((value, where) for value, where in pieces if where != sympy.false))


def _branches(expression: sympy.Expr) -> list[tuple[sympy.Expr, sympy.Basic]]:
    folded = sympy.piecewise_fold(expression)
    return list(folded.args) if isinstance(folded, sympy.Piecewise) else [(folded, sympy.true)]


def _difference(icl: sympy.Expr, idg: sympy.Expr) -> sympy.Expr:
    if sympy.oo in (icl, idg):
        return sympy.nan if icl == idg else sympy.oo if icl == sympy.oo else -sympy.oo
    return icl - idg


def _sides(overdetermined: sympy.Expr, interpolating: sympy.Expr) -> sympy.Expr:
    return sympy.Piecewise((overdetermined, TAU > 1), (interpolating, TAU < 1), (sympy.oo, True))


def _long_contexts() -> tuple[sympy.Expr, sympy.Expr]:
    """α → ∞: w → 0. For κ < min(τ, 1) directions outside the training tasks are fitted to a vanishing noise, at an error ∝ α."""
    a2, u, kappa, tau = _A2, _U, KAPPA, TAU
    # τ < 1, κ > τ: q → (1−τ)(κ−τ)/(κτ), where Δ = (κ−τ²)/(κτ).
    idg = u * (kappa - tau**2) / ((1 - tau) * (kappa - tau)) + a2 * (1 - tau) * (kappa - tau) / kappa
    icl = u + a2 * (1 - tau) ** 2 * kappa / (kappa - tau**2) + kappa * tau / (kappa - tau**2) * idg
    few = tau * u * (1 - kappa) / ((1 - tau) * (tau - kappa))
    above = tau * u / (tau - 1)
    unbounded = sympy.Piecewise((icl, kappa > tau), (sympy.oo, True))
    return (
        _sides(sympy.Piecewise((u + u * kappa / ((kappa - 1) * (tau - 1)), kappa > 1), (sympy.oo, True)), unbounded),
        _sides(above, sympy.Piecewise((idg, kappa > tau), (few, kappa < tau), (sympy.oo, True))),
    )


def _limits(order: tuple[str, ...]) -> tuple[sympy.Expr, sympy.Expr] | None:
    a2, u, w, tau, kappa = _A2, _U, _W, TAU, KAPPA
    nothing = u + a2
    unseen = u + a2 * sympy.Piecewise((1 - kappa, kappa < 1), (0, True))
    many_tasks = u + a2 * w / (1 + w)
    rank_of_noise = _sides(tau * nothing / (tau - 1), nothing / (1 - tau))
    all_tasks = _sides(tau * many_tasks / (tau - 1), (u + a2 * ((1 + w - tau) ** 2 + w * tau**2) / (1 + w) ** 2) / (1 - tau))
    all_tasks_long = _sides(tau * u / (tau - 1), u / (1 - tau) + a2 * (1 - tau))
    memorised = _sides(tau * u / (tau - 1), u / (1 - tau))
    unseen_memorised = nothing + (1 + w) / w * _sides(u / (tau - 1), tau * u / (1 - tau))
    if order == ("tau=oo",):
        many = ridgeless("overdetermined").many_samples
        assert many is not None
        return many
    table: dict[tuple[str, ...], tuple[sympy.Expr, sympy.Expr]] = {
        ("tau=0",): (nothing, nothing),
        ("alpha=0",): (rank_of_noise, rank_of_noise),
        ("alpha=oo",): _long_contexts(),
        ("kappa=oo",): (all_tasks, all_tasks),
        ("kappa=0",): (unseen_memorised, memorised),
        ("tau=oo", "alpha=oo"): (unseen, u),
        ("tau=oo", "alpha=0"): (nothing, nothing),
        ("alpha=0", "tau=oo"): (nothing, nothing),
        ("tau=oo", "kappa=oo"): (many_tasks, many_tasks),
        ("kappa=oo", "tau=oo"): (many_tasks, many_tasks),
        ("tau=oo", "kappa=0"): (nothing, u),
        ("kappa=0", "tau=oo"): (nothing, u),
        ("alpha=oo", "tau=oo"): (sympy.Piecewise((u, kappa > 1), (sympy.oo, True)), u),
        ("alpha=oo", "kappa=oo"): (all_tasks_long, all_tasks_long),
        ("kappa=oo", "alpha=oo"): (all_tasks_long, all_tasks_long),
        ("alpha=oo", "kappa=0"): (sympy.oo, memorised),
        ("kappa=0", "alpha=oo"): (sympy.oo, memorised),
    }
    return table.get(order)


def ridgeless_limit(**to: sympy.Expr | float | int) -> RidgelessLimit:
    r"""Limits of the ridgeless ICL and IDG errors, in the order in which the ratios are named.

    One or two of ``alpha``, ``kappa``, ``tau`` = 0 or ``sympy.oo``. The unexplained part u > 0 (label noise, or a nonlinear target) is
    taken first: at u = 0 the ICL error of ``alpha=oo`` below κ = min(τ, 1) is finite.

    - ``tau=oo``: the error of the population's own regression on the training tasks.
    - ``tau=oo, alpha=oo``: :math:`g_{task}\to a_1^2\max(0,1-\kappa)`, the phase transition of [LA]; ``alpha=oo, tau=oo``:
      :math:`g_{task}=\infty` for κ ≤ 1.
    - ``alpha=oo``: the ICL error is infinite for κ < min(τ, 1), the IDG error at κ = τ < 1 alone.
    - ``kappa=oo``: ICL = IDG. ``kappa=0``: the tasks are learnt by heart.
    - ``alpha=0``: :math:`(u+a_1^2)/(1-\min(\tau,1/\tau))`, noise features. ``tau=0``: nothing is learnt.

    Parameters
    ----------
    **to : 0 or sympy.oo
        One or two of ``alpha``, ``kappa``, ``tau``.

    Raises
    ------
    HypothesisError
        For another sequence of limits.

    References
    ----------
    ``derivations/linear/ridgeless_limits.py``, every entry; for the identity Lu et al., arXiv 2405.11751.

    Examples
    --------
    >>> from sympy import oo
    >>> ridgeless_limit(tau=oo, alpha=oo).g_task
    Piecewise((a_1**2*(1 - kappa), kappa < 1), (0, True))
    >>> ridgeless_limit(alpha=oo, tau=oo).g_task.subs(KAPPA, sympy.Rational(1, 2))
    oo
    """
    order = tuple(f"{name}={exact(value, name)}" for name, value in to.items())
    limits = _limits(order)
    if limits is None:
        raise HypothesisError(
            "one or two of alpha, kappa, tau go to 0 or oo, in an order that was worked out",
            ", ".join(f"{name}={shown(value)}" for name, value in to.items()) or "nothing",
            "pass tau=sympy.oo, alpha=sympy.oo, say; or substitute in ridgeless(…)",
        )
    icl, idg = (sympy.S(x) for x in limits)
    return RidgelessLimit(icl, idg, order)


def ridgeless_peak() -> tuple[sympy.Expr, sympy.Expr]:
    r"""The heights of the peak at τ = 1 for a small ridge: :math:`\lim_{\lambda\to0}\sqrt\lambda\,(e_{ICL},e_{IDG})`.

    At τ = 1 the effective ridge is :math:`q\approx\sqrt{\lambda/\langle1/R\rangle}`, and

    .. math:: \sqrt\lambda\,e_{IDG}\to\frac{e_0}{2\sqrt{\langle1/R\rangle}},\qquad
        \sqrt\lambda\,e_{ICL}\to R_t\langle1/R\rangle\,\sqrt\lambda\,e_{IDG},

    e₀ the many-samples IDG error.

    Examples
    --------
    >>> icl, idg = ridgeless_peak()
    >>> values = {SLOPE: 1, SECOND_MOMENT: 1.5, UNEXPLAINED: 0.5, ALPHA: 1, KAPPA: 2}
    >>> round(float(icl.subs(values)), 6), round(float(idg.subs(values)), 6)
    (0.845888, 0.785957)
    """
    many = ridgeless("overdetermined").many_samples
    assert many is not None
    gamma = 1 / KAPPA
    inverse = 2 / (_W + 1 - gamma + sympy.sqrt((_W + 1 - gamma) ** 2 + 4 * gamma * _W)) / _A2
    idg = many[1] / (2 * sympy.sqrt(inverse))
    return (_A2 + _V / ALPHA) * inverse * idg, idg
