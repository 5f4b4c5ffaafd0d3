r"""The covariance of :math:`(F^\top h,\ \xi^\top x_{\ell+1})` given ξ and F, exact at every d and ℓ.

With :math:`u=\xi/\|\xi\|`, :math:`s=\|\xi\|/\sqrt d`, :math:`g=\sqrt d\,u^\top x\sim\mathcal N(0,1)` a label is
:math:`y=\sigma_*(sg)+\epsilon`, and everything depends on the target through five moments at scale s,

.. math::

    a=\mathbb E[yg],\quad v=\mathbb E[y^2],\quad p=\mathbb E[y^2(g^2-1)],\quad
    w_3=\mathbb E[y^3g],\quad w_4=\mathbb E[y^4].

Since :math:`h=x_{\ell+1}\otimes b` with :math:`x_{\ell+1}` independent of b and :math:`\operatorname{Cov}(x)=I_d/d`,

.. math::

    \operatorname{Cov}\begin{pmatrix}F^\top h\\ \xi^\top x\end{pmatrix}=\begin{pmatrix}
    F^\top\!\big(\tfrac{I_d}{d}\otimes\mathbb E[bb^\top]\big)F & F^\top\!\big(\tfrac{\xi}{d}\otimes\mathbb E[b]\big)\\
    \cdot & s^2\end{pmatrix}.

Derived in ``derivations/context_covariance.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import gaussian_mean
from hermite_eq.expansion.exact import exact_inner
from hermite_eq.hermite import X, check_degree
from hermite_eq.latex import block_covariance
from hermite_eq.models import Task

#: The symbols of every symbolic covariance.
D, ELL, RHO, S = sympy.symbols("d ell rho s", positive=True)
A, V, P, W3, W4 = sympy.symbols("a v p w_3 w_4", real=True)

#: E[b] and E[bbᵀ] given ξ: b₁ = (d/ℓ)Σ y_i x_i has mean along u, and E[bbᵀ] is a multiple of I plus terms in u.
ENTRIES: Mapping[str, sympy.Expr] = {
    "mean_b1": sympy.sqrt(D) * A,
    "mean_b2": V,
    "second_identity": D / ELL * V,
    "second_uu": D * A**2 + D / ELL * (P - A**2),
    "second_u2": sympy.sqrt(D) * A * V + sympy.sqrt(D) / ELL * (W3 - V * A),
    "second_22": V**2 + (W4 - V**2) / ELL,
}
#: t(s) = E‖b‖² given ‖ξ‖ = s√d, the trace of Cov(h).
TRACE: sympy.Expr = D * ENTRIES["second_identity"] + ENTRIES["second_uu"] + ENTRIES["second_22"]

_evaluate_entries = sympy.lambdify((D, ELL, A, V, P, W3, W4), [*ENTRIES.values(), TRACE], "numpy")


def target_moments(task: Task, s: float) -> dict[str, float]:
    """The moments a, v, p, w₃, w₄ of a label at scale s = ‖ξ‖/√d, in double precision.

    Raises
    ------
    HypothesisError
        If the target has no finite fourth moment at this scale.

    Examples
    --------
    >>> {name: round(value, 6) for name, value in target_moments(Task("identity", noise=1.0), 1.0).items()}
    {'a': 1.0, 'v': 2.0, 'p': 2.0, 'w_3': 6.0, 'w_4': 12.0}
    """
    target, rho = task.target, task.noise
    kinks = tuple(float(kink) / s for kink in target.kinks)

    def mean(power: int, weight: Any) -> float:
        return float(gaussian_mean(lambda g: np.asarray(target(s * g), dtype=float) ** power * weight(g), kinks=kinks))

    def one(g: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones_like(g)

    a = mean(1, lambda g: g)
    square = mean(2, one)
    moments = {
        "a": a,
        "v": square + rho,
        "p": mean(2, lambda g: g * g - 1),
        "w_3": mean(3, lambda g: g) + 3 * rho * a,
        "w_4": mean(4, one) + 6 * rho * square + 3 * rho**2,
    }
    if not np.isfinite(list(moments.values())).all():
        raise HypothesisError(
            "the target has a finite fourth moment under N(0, s²), which Var(b₂) needs",
            f"{target} at s = {s:g} with moments {moments}",
            "use a target of at most polynomial growth",
        )
    return moments


def task_norm_nodes(d: int, count: int = 24) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Nodes :math:`s_i` and weights of the Gauss rule for :math:`s=\|\xi\|/\sqrt d`, :math:`\|\xi\|^2\sim\chi^2_d`.

    Golub–Welsch for the generalised Laguerre weight of order d/2 − 1 in ‖ξ‖²/2; exact for polynomials in s² of degree
    below ``2 * count``.

    >>> s, weights = task_norm_nodes(10)
    >>> bool(abs(weights @ s**4 - (1 + 2 / 10)) < 1e-13)
    True
    """
    order = d / 2 - 1
    i = np.arange(count)
    nodes, vectors = scipy.linalg.eigh_tridiagonal(2 * i + 1 + order, np.sqrt(i[1:] * (i[1:] + order)))
    return np.sqrt(2 * nodes / d), vectors[0] ** 2


@dataclass(frozen=True)
class ConditionalCovariance:
    r"""The exact covariance given one ξ, at context length ℓ: E[b], E[bbᵀ] and, for a given F, the joint covariance.

    Attributes
    ----------
    xi : ndarray, shape (d,)
    context : int
    mean_b : ndarray, shape (d + 1,)
        E[b].
    second_b : ndarray, shape (d + 1, d + 1)
        E[bbᵀ].
    trace : float
        t(s) = E‖b‖² = tr Cov(h), given ξ.
    """

    xi: NDArray[np.float64]
    context: int
    mean_b: NDArray[np.float64]
    second_b: NDArray[np.float64]
    trace: float

    def _weights(self, F: ArrayLike) -> NDArray[np.float64]:
        d = self.xi.size
        F = np.asarray(F, dtype=float)
        if F.ndim != 2 or F.shape[0] != d * (d + 1):
            raise HypothesisError(
                "F has shape (d(d+1), m), its rows in the row-major order h = (x_i b_j)",
                f"shape {F.shape} at d = {d}",
                f"pass an array of shape ({d * (d + 1)}, m)",
            )
        return F

    def features(self, F: ArrayLike) -> NDArray[np.float64]:
        r""":math:`F^\top((I_d/d)\otimes\mathbb E[bb^\top])F`, shape (m, m), without any D × D matrix."""
        F = self._weights(F)
        d, m = self.xi.size, F.shape[1]
        blocks = F.reshape(d, d + 1, m)
        right = np.matmul(self.second_b, blocks).reshape(F.shape)
        return F.T @ right / d

    def cross(self, F: ArrayLike) -> NDArray[np.float64]:
        r""":math:`F^\top((\xi/d)\otimes\mathbb E[b])`, shape (m,)."""
        F = self._weights(F)
        return np.kron(self.xi, self.mean_b) @ F / self.xi.size

    def matrix(self, F: ArrayLike) -> NDArray[np.float64]:
        r"""The joint covariance of :math:`(F^\top h,\xi^\top x)`, shape (m + 1, m + 1)."""
        cross = self.cross(F)
        signal = self.xi @ self.xi / self.xi.size
        return np.block([[self.features(F), cross[:, None]], [cross[None, :], np.array([[signal]])]])


@dataclass(frozen=True)
class Covariance:
    """The covariance of (Fᵀh, ξᵀx) given ξ and F, symbolic in d, ℓ, ρ and s = ‖ξ‖/√d. Made by :func:`covariance`."""

    task: Task

    @cached_property
    def moments(self) -> dict[str, sympy.Expr | None]:
        """The moments a, v, p, w₃, w₄ as closed forms in s and ρ; None where the exact engine has none."""
        sigma = self.task.target.expression
        if sigma is None:
            return {str(name): None for name in (A, V, P, W3, W4)}
        y = sigma.subs(X, S * X)
        a = exact_inner(y, X)
        square = exact_inner(y, y)
        squared_at_2 = exact_inner(y, sympy.expand(y * (X**2 - 1)))
        third = exact_inner(sympy.expand(y**2), sympy.expand(y * X))
        fourth = exact_inner(sympy.expand(y**2), sympy.expand(y**2))
        return {
            "a": a,
            "v": None if square is None else square + RHO,
            "p": squared_at_2,
            "w_3": None if third is None or a is None else third + 3 * RHO * a,
            "w_4": None if fourth is None or square is None else fourth + 6 * RHO * square + 3 * RHO**2,
        }

    @cached_property
    def entries(self) -> dict[str, sympy.Expr]:
        """E[b], E[bbᵀ] and the trace t as expressions in d, ℓ, ρ, s; a moment without closed form stays a symbol."""
        known = {sympy.Symbol(name, real=True): value for name, value in self.moments.items() if value is not None}
        return {name: entry.subs(known) for name, entry in [*ENTRIES.items(), ("trace", TRACE)]}

    def given(self, xi: ArrayLike, *, context: int) -> ConditionalCovariance:
        """The numbers, given one task vector ξ of shape (d,) and the context length ℓ."""
        xi = np.array(xi, dtype=float)
        context = check_degree(context, name="context")
        if xi.ndim != 1 or not np.isfinite(xi).all() or not xi.any() or context == 0:
            raise HypothesisError(
                "ξ is a finite non-zero vector of shape (d,) and ℓ ≥ 1",
                f"xi of shape {xi.shape}, context={context}",
                "pass one task vector and the context length",
            )
        d = xi.size
        norm = float(np.linalg.norm(xi))
        u = xi / norm
        moments = target_moments(self.task, norm / np.sqrt(d))
        mean_b1, mean_b2, identity, uu, u2, second_22, trace = _evaluate_entries(d, context, *moments.values())
        second = np.empty((d + 1, d + 1))
        second[:d, :d] = identity * np.eye(d) + uu * np.outer(u, u)
        second[:d, d] = second[d, :d] = u2 * u
        second[d, d] = second_22
        return ConditionalCovariance(xi, context, np.append(mean_b1 * u, mean_b2), second, float(trace))

    def trace(self, d: int, context: int) -> float:
        r"""t = tr Cov(h) over fresh tasks, :math:`\mathbb E\,t(s)` with :math:`ds^2\sim\chi^2_d`: the scale of F in [RT] Lemma 1.

        >>> round(covariance(Task("identity", noise=0.0)).trace(10, 10), 6)
        22.44
        """
        nodes, weights = task_norm_nodes(d)
        values = [_evaluate_entries(d, context, *target_moments(self.task, float(s)).values())[-1] for s in nodes]
        return float(weights @ np.array(values))

    def latex(self) -> str:
        """TeX: the block covariance, E[b], E[bbᵀ], and the target's moments (closed forms where there are any)."""
        return block_covariance(str(self.task.target), ENTRIES, TRACE, self.moments)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def covariance(task: Task) -> Covariance:
    r"""The covariance of :math:`(F^\top\mathrm{vec}\,H_Z,\ \xi^\top x_{\ell+1})` given ξ and F ([RT] Corollary 2, made explicit).

    Parameters
    ----------
    task : Task

    Returns
    -------
    Covariance
        ``.entries`` and ``.latex()`` symbolic in d, ℓ, ρ, s; ``.given(xi, context=ℓ)`` the numbers at finite d, with
        ``.matrix(F)`` for a given F; ``.trace(d, ℓ)`` the normalisation t of F.

    References
    ----------
    [RT] Lemma 1 and Corollary 2, which state that the covariance exists; derived in ``derivations/context_covariance.py``.

    Examples
    --------
    >>> import numpy as np
    >>> cov = covariance(Task("relu", noise=0.01))
    >>> cov.moments["a"], cov.moments["v"]
    (s/2, rho + s**2/2)
    >>> xi = np.ones(5)
    >>> exact = cov.given(xi, context=7)
    >>> exact.matrix(np.eye(30)[:, :2]).shape
    (3, 3)
    """
    if not isinstance(task, Task):
        raise HypothesisError("a covariance belongs to a Task", f"{task!r}", 'pass hermite_eq.Task("relu", noise=0.01)')
    return Covariance(task)
