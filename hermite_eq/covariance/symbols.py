r"""The symbols of every covariance, by name.

They carry no assumptions: each is the symbol that SymPy makes of its name, and ``entry.subs({"d": 20, "ell": 20, "rho": 0.1})`` replaces
them like ``entry.subs({symbols.d: 20})``.

======================= ==========================================================================================================
``d, ell, rho``         dimension d, context length ℓ, noise variance ρ
``f``                   the factor of :math:`b_1=\frac f\ell\sum y_ix_i`: d, or 1 for inputs of O(1) entries
``alpha, kappa``        ℓ/d and k/d, for k training tasks
``m, s``                mean and standard deviation of the target's argument at given ξ; without means s = ‖ξ‖/√d
``e, a, v, q, p``       moments of a label y = σ*(m + sg) + ε: E y, E[yg], E y², E[y²g], E[y²(g² − 1)]
``w_30, w_3, w_4``      E y³, E[y³g], E y⁴
``c_star_1``, …         :math:`c_k^*=\mathbb E[\sigma_*(g)\,\mathrm{He}_k(g)]`, by :func:`hermite_symbol` (1, k)
``m2_0``, …             :math:`m^{(j)}_k=\mathbb E[\sigma_*(g)^j\,\mathrm{He}_k(g)]`, by :func:`hermite_symbol` (j, k)
``t_2``, …              :math:`t_n=\operatorname{tr}(PW)^n/(\operatorname{tr}PW)^n`, P = Cov(x), W = Cov(η), by :func:`trace_symbol`
``t_1_1, t_0_2``        tr(PW²)/(tr PW tr W), tr W²/(tr W)²
``m_10, m_21``          :math:`m_{ij}=\operatorname{tr}(\Sigma_x^i\Sigma_\xi^j)/d`
======================= ==========================================================================================================

>>> from hermite_eq import Task
>>> from hermite_eq.covariance import covariance
>>> entry = covariance(Task("relu"), symbolic_noise=True).averaged().entries["mean_b2"]
>>> entry, entry.subs({"rho": 1}), entry.subs({rho: 1})
(rho + 1/2, 3/2, 3/2)
"""

from __future__ import annotations

from functools import cache

import sympy

from hermite_eq.arguments import count

d, ell, f, rho, alpha, kappa, m, s = sympy.symbols("d ell f rho alpha kappa m s")
e, a, v, q, p, w_30, w_3, w_4 = sympy.symbols("e a v q p w_30 w_3 w_4")
t_1_1, t_0_2, m_10, m_21 = sympy.symbols("t_1_1 t_0_2 m_10 m_21")

_HERMITE: dict[sympy.Symbol, tuple[int, int]] = {}
_TRACES: dict[sympy.Symbol, int] = {}


def hermite_symbol(power: int, k: int) -> sympy.Symbol:
    r"""The symbol of :math:`m^{(j)}_k=\mathbb E[\sigma_*(g)^j\mathrm{He}_k(g)]`, j = ``power``; for j = 1 it is :math:`c_k^*`.

    Parameters
    ----------
    power : int
        j ≥ 1.
    k : int

    Examples
    --------
    >>> hermite_symbol(1, 3), hermite_symbol(2, 0)
    (c_star_3, m2_0)
    """
    return _hermite_symbol(count(power, "power", least=1), count(k, "k"))


@cache
def _hermite_symbol(power: int, k: int) -> sympy.Symbol:
    symbol = sympy.Symbol(f"c_star_{k}" if power == 1 else f"m{power}_{k}")
    _HERMITE[symbol] = (power, k)
    return symbol


def hermite_index(symbol: sympy.Symbol) -> tuple[int, int] | None:
    """(j, k) of a :func:`hermite_symbol`, None for any other symbol."""
    return _HERMITE.get(symbol)


@cache
def trace_symbol(n: int) -> sympy.Symbol:
    r""":math:`t_n=\operatorname{tr}(PW)^n/(\operatorname{tr}PW)^n`; :math:`d^{1-n}` for isotropic data.

    >>> trace_symbol(2)
    t_2
    """
    symbol = sympy.Symbol(f"t_{n}")
    _TRACES[symbol] = n
    return symbol


def trace_index(symbol: sympy.Symbol) -> int | None:
    """n of a :func:`trace_symbol`, None for any other symbol."""
    return _TRACES.get(symbol)
