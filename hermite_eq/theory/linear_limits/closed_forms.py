r"""Ridgeless errors of the linear Transformer as SymPy expressions, for any target: closed forms to take limits of and to paste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy

from hermite_eq.arguments import one_of

#: α = ℓ/d, κ = k/d, τ = n/d², a₁ = c₁(σ*), v = E σ*² + ρ, u = v − a₁² (less c₀² with an intercept).
ALPHA, KAPPA, TAU, SLOPE, SECOND_MOMENT, UNEXPLAINED = sympy.symbols("alpha kappa tau a_1 v u", positive=True)


@dataclass(frozen=True)
class RidgelessError:
    """Closed forms of the ridgeless errors on one side of τ = 1.

    Attributes
    ----------
    icl, idg : sympy.Expr
        In the symbols of this module.
    effective_ridge : sympy.Expr
        The q that remains at λ = 0, in units of Cov(√d h); 0 for τ > 1.
    many_samples : tuple of sympy.Expr, or None
        (ICL, IDG) at τ → ∞, for τ > 1: the error of the population's own regression.
    """

    icl: sympy.Expr
    idg: sympy.Expr
    effective_ridge: sympy.Expr
    many_samples: tuple[sympy.Expr, sympy.Expr] | None


def ridgeless(side: Literal["interpolating", "overdetermined"]) -> RidgelessError:
    r"""The ridgeless errors for τ < 1 (``"interpolating"``) or τ > 1 (``"overdetermined"``).

    For τ < 1 the effective ridge :math:`q=a_1^2\tilde q` is the positive root of

    .. math:: \tau\tilde q^2+(1-\tau)\Big(\frac\tau\kappa-1-w\Big)\tilde q-\frac{(1-\tau)^2}\kappa w=0,\qquad w=\frac v{\alpha a_1^2},

    for τ > 1 it is 0; the errors follow from :math:`g=\langle1/(s+w+\tilde q)\rangle` and its derivative.

    Parameters
    ----------
    side : {"interpolating", "overdetermined"}

    Examples
    --------
    With much data and long contexts the price of unseen tasks is 1 − κ below κ = 1:

    >>> icl, idg = ridgeless("overdetermined").many_samples
    >>> gap = (icl - idg).subs({SLOPE: 1, SECOND_MOMENT: 1, UNEXPLAINED: 0, KAPPA: sympy.Rational(1, 4)})
    >>> gap.limit(ALPHA, sympy.oo)
    3/4
    """
    one_of(
        side,
        ("overdetermined", "interpolating"),
        "side",
        requirement="the side of τ = 1 is interpolating (τ < 1) or overdetermined (τ > 1)",
        repair='pass "overdetermined"',
    )
    gamma, w = 1 / KAPPA, SECOND_MOMENT / (ALPHA * SLOPE**2)
    if side == "overdetermined":
        q = sympy.Integer(0)
    else:
        half = (1 - TAU) * (TAU * gamma - 1 - w) / 2
        q = (sympy.sqrt(half**2 + TAU * (1 - TAU) ** 2 * gamma * w) - half) / TAU
    z = w + q
    delta = sympy.sqrt((z + 1 - gamma) ** 2 + 4 * gamma * z)
    g = 2 / (z + 1 - gamma + delta)
    A = 2 / (z + 1 + gamma + delta)
    # ⟨1/(s+z)²⟩, ⟨s/(s+z)²⟩, ⟨s²/(s+z)²⟩.
    g2, s_2 = g * (1 + gamma * g) / delta, A / delta
    s2_2 = 1 - 2 * z * g + z**2 * g2
    spread = s_2 + w * g2
    population = UNEXPLAINED + SLOPE**2 * (z**2 * s_2 + w * s2_2)
    bias = UNEXPLAINED + SLOPE**2 * (z**2 * g2 + w * s2_2)
    remaining = TAU - 1 if side == "overdetermined" else q * spread
    idg = TAU * population / remaining
    many = (bias, population) if side == "overdetermined" else None
    return RidgelessError(bias + (1 + w) * spread * idg / TAU, idg, SLOPE**2 * q, many)
