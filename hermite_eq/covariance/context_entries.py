r"""E[b] and E[bbᵀ] of a context given ξ, exact at every d and ℓ.

P = Cov(x), x ~ N(μ, P), argument :math:`z=\eta^\top x`, :math:`b_1=\frac f\ell\sum y_ix_i`; given ξ, with :math:`m=\eta^\top\mu`,
:math:`s^2=\eta^\top P\eta`, :math:`r=P\eta/s`, everything is a combination of P, μμᵀ, rrᵀ, μrᵀ + rμᵀ whose coefficients are moments of
one label (:mod:`hermite_eq.covariance.label`). For isotropic data, P = pI, it is one of I and of :math:`u=\xi/\|\xi\|`, since
:math:`r=\sqrt p\,u`; there p = 1/d and f = d, or p = f = 1 with inputs of O(1) entries.

Derived in ``derivations/contexts/structured_covariance.py`` and, for isotropic data, in ``derivations/contexts/context_covariance.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from hermite_eq.covariance import symbols as sym

_REST = 1 - 1 / sym.ell
#: E[b] and E[bbᵀ]: the coefficients of their vectors and matrices.
ENTRIES: Mapping[str, sympy.Expr] = {
    "mean_mu": sym.f * sym.e,
    "mean_r": sym.f * sym.a,
    "mean_b2": sym.v,
    "second_P": sym.f**2 * sym.v / sym.ell,
    "second_mumu": sym.f**2 * (sym.v / sym.ell + _REST * sym.e**2),
    "second_rr": sym.f**2 * (sym.p / sym.ell + _REST * sym.a**2),
    "second_mur": sym.f**2 * (sym.q / sym.ell + _REST * sym.e * sym.a),
    "second_mu2": sym.f * (sym.w_30 / sym.ell + _REST * sym.v * sym.e),
    "second_r2": sym.f * (sym.w_3 / sym.ell + _REST * sym.v * sym.a),
    "second_22": sym.w_4 / sym.ell + _REST * sym.v**2,
}


def isotropic_entries(unit_inputs: bool) -> dict[str, sympy.Expr]:
    r"""The entries for P = pI, r = √p u, μ = 0, and the trace t = tr P E‖b‖² of Cov(h).

    >>> isotropic_entries(False)["second_identity"], isotropic_entries(True)["second_identity"]
    (d*v/ell, v/ell)
    """
    f = sympy.Integer(1) if unit_inputs else sym.d
    p, root = 1 / f, f ** sympy.Rational(-1, 2)
    names = {
        "mean_b1": ("mean_r", root), "mean_b2": ("mean_b2", 1), "second_identity": ("second_P", p), "second_uu": ("second_rr", p),
        "second_u2": ("second_r2", root), "second_22": ("second_22", 1),
    }  # fmt: skip
    entries = {name: sympy.expand(size * ENTRIES[general].xreplace({sym.f: f})) for name, (general, size) in names.items()}
    trace = sym.d * p * (sym.d * entries["second_identity"] + entries["second_uu"] + entries["second_22"])
    return {**entries, "trace": sympy.expand(trace)}


#: t(s) = E‖b‖² given ‖ξ‖ = s√d, for isotropic data.
TRACE: sympy.Expr = isotropic_entries(False)["trace"]
