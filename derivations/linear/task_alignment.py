r"""The error of a linear Transformer as a linear function of the test tasks' covariance, and the published form of it.

Route: the parts of e_ICL that are linear in T, eigenvalue by eigenvalue, by SymPy; the published expressions for linear targets, coded here
by their own equations, with a context length of their own in the test; and drawn tasks.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.optimize
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.models import LinearTransformer, Ratios, Task
from hermite_eq.theory import icl_error
from hermite_eq.theory.linear_limits.structured_tasks import TaskPopulation
from hermite_eq.theory.linear_limits.task_alignment import task_alignment

TITLE = "The alignment of pretraining and test tasks"

STATEMENT = r"""With S, T, i, i_t, q, y = i + q as for tasks of any covariance and ε = e_IDG/τ,
(1) e_ICL = v_t − ⟨T⟩ + ⟨TK⟩ + i_t⟨(S² + ε(S+i))/(S+y)²⟩, K = (y² + ε(S+i))/(S+y)² ≥ 0, i_t = v_t/α_t;
(2) K = εF + (qε − y²)F' with F = (S+y)⁻¹ and F' its derivative in y: the misalignment ⟨TK⟩ of Letey et al.;
(3) ⟨TK⟩ is the excess error at infinitely long contexts in the test."""

ASSUMPTIONS = "Those of tasks of any covariance."

STATEMENT_TEX = r"""With $S$, $T$, $i$, $i_t$, $q$, $y=i+q$ as for tasks of any covariance and $\epsilon=e_{\mathrm{IDG}}/\tau$,
\begin{enumerate}
\item $e_{\mathrm{ICL}}=v_t-\langle T\rangle+\langle TK\rangle
+i_t\bigl\langle\frac{S^2+\epsilon(S+i)}{(S+y)^2}\bigr\rangle$, $K=\frac{y^2+\epsilon(S+i)}{(S+y)^2}\ge0$, $i_t=v_t/\alpha_t$;
\item $K=\epsilon F+(q\epsilon-y^2)F'$ with $F=(S+y)^{-1}$ and $F'$ its derivative in $y$: the misalignment
$\langle TK\rangle$ of Letey et al.;
\item $\langle TK\rangle$ is the excess error at infinitely long contexts in the test.
\end{enumerate}"""

ASSUMPTIONS_TEX = "Those of tasks of any covariance."

Array = NDArray[np.float64]


def _split(sign: int = 1) -> list[Step]:
    """``sign`` is that of qε in K."""
    s, t, i, i_t, q, e = sympy.symbols("s t i i_t q epsilon", positive=True)
    y = i + q
    whole = -t + y**2 * t / (s + y) ** 2 + i_t * s**2 / (s + y) ** 2 + (t + i_t) * (s + i) / (s + y) ** 2 * e
    K = (y**2 + e * (s + i)) / (s + y) ** 2
    parts = -t + t * K + i_t * (s**2 + e * (s + i)) / (s + y) ** 2
    Y = sympy.Symbol("y", positive=True)
    F = 1 / (s + Y)
    published = (e * F + (sign * q * e - Y**2) * sympy.diff(F, Y)).subs(Y, y)
    return [
        Step(
            "e_ICL is v_t − ⟨T⟩ + ⟨TK⟩ and a multiple of i_t = v_t/α_t",
            sympy.simplify(whole - parts) == 0,
            "all s, t, i, q",
            tex=r"$e_{\mathrm{ICL}}$ is $v_t-\langle T\rangle+\langle TK\rangle$ and a multiple of $i_t=v_t/\alpha_t$.",
        ),
        Step("K = εF + (qε − y²)F'", sympy.simplify(published - K) == 0, "all s, i, q", tex=r"$K=\epsilon F+(q\epsilon-y^2)F'$."),
    ]


def published(train: Array, test: Array, ratios: Ratios, noise: float) -> tuple[float, float]:
    """(e_ICL, misalignment) by Letey et al. for linear targets without ridge; diagonal covariances."""
    kappa, tau = ratios.kappa, ratios.tau
    c, t = train.mean(), test.mean()

    def transform(nu: float) -> tuple[float, float, float, Array]:
        """M, M′, φ and the diagonal of F: M = ⟨F⟩, F = 1/(φC + ν), φ = 1 − 1/κ + νM/κ."""

        def gap(M: float) -> float:
            return M - float(np.mean(1 / ((1 - 1 / kappa + nu * M / kappa) * train + nu)))

        # φ > 0 and M ≤ 1/ν.
        least = max(0.0, (1 - kappa) / nu) * (1 + 1e-15)
        M = scipy.optimize.brentq(gap, least, 1 / nu, xtol=1e-16, rtol=1e-15)
        phi = 1 - 1 / kappa + nu * M / kappa
        F = 1 / (phi * train + nu)
        second = float(np.mean(F**2 * train)) / kappa
        dM = -(float(np.mean(F**2)) + second * M) / (1 + nu * second)
        return M, dM, phi, F

    ratio = (c + noise) / ratios.alpha
    xi = 0.0
    if tau < 1:
        xi = scipy.optimize.brentq(lambda x: x * transform(x + ratio)[0] + tau - 1, 1e-12, 10 * (1 + ratio) / tau, xtol=1e-15, rtol=1e-15)
    nu = ratio + xi
    M, dM, _, F = transform(nu)
    g = (noise + nu - nu**2 * M - xi * (1 - 2 * nu * M - nu**2 * dM)) / (tau - (1 - 2 * xi * M - xi**2 * dM))
    # F₂ = −F′ = F(1 + Cφ′)F.
    F2 = F**2 * (1 + train * (M + nu * dM) / kappa)
    misalignment = g * float(np.mean(test * F)) - (g * xi - nu**2) * float(np.mean(test * F2))
    own = (t + noise) / ratios.tested.alpha * (1 + (g - 2 * nu) * M + (xi * g - nu**2) * dM)
    return noise + own + misalignment, misalignment


@cache
def _published() -> Step:
    k = np.arange(1, 41.0)
    train, worst = 40 / k / (1 / k).sum(), 0.0
    for ratios, noise in ((Ratios(2, 0.7, 3, test_alpha=5), 0.2), (Ratios(1, 3, 0.5), 0.05), (Ratios(10, 0.4, 0.8, test_alpha=2), 0.5)):
        for test in (train, np.ones(40), train[::-1]):
            population = TaskPopulation.from_covariances(Task("identity", noise), train, test)
            aligned = task_alignment(LinearTransformer(0.0), population, ratios)
            error, misalignment = published(train, test, ratios, noise)
            whole = icl_error(LinearTransformer(0.0), population, ratios).icl
            worst = max(worst, abs(aligned.error / error - 1), abs(aligned.misalignment / misalignment - 1), abs(aligned.error / whole - 1))
    return Step(
        "the library's error and misalignment are the published ones",
        worst < 1e-9,
        "9 points, both sides of τ = 1",
        tex=r"The library's error and misalignment are the published ones for linear targets.",
    )


@cache
def _long_contexts() -> Step:
    train, test, worst = np.linspace(0.2, 2, 30), np.linspace(3, 0, 30), 0.0
    for target, model in (("relu", LinearTransformer(0.1, intercept=True)), ("tanh", LinearTransformer(0.01))):
        population = TaskPopulation.from_covariances(Task(target, 0.1), train, test)
        ratios = Ratios(1.5, 2.0, 1.2)
        aligned = task_alignment(model, population, ratios)
        long = icl_error(model, population, Ratios(1.5, 2.0, 1.2, test_alpha=1e12)).icl
        worst = max(worst, abs((long - aligned.irreducible) / aligned.misalignment - 1))
    return Step(
        "⟨TK⟩ is the excess error at infinitely long contexts in the test",
        worst < 1e-10,
        "2 targets",
        tex=r"$\langle TK\rangle$ is the excess error at infinitely long contexts in the test.",
    )


@cache
def _drawn(tilt: float = 0.0) -> Step:
    """K of drawn tasks direction by direction: (y² + ε(S+i))/(S+y)² at 200 draws of S, d = 60; its deviation is O(1/d) and 3/d is allowed.
    ``tilt`` is added to the library's K along the first half of directions."""
    d, k, draws, ratios = 60, 90, 200, Ratios(2.0, 1.5, 2.0)
    values, rng = np.linspace(0.3, 2, d), np.random.default_rng(8)
    population = TaskPopulation.from_covariances(Task("identity", 0.1), values)
    aligned = task_alignment(LinearTransformer(0.2), population, ratios)
    at = icl_error(LinearTransformer(0.2), population, ratios)
    i, epsilon = population.train.square / ratios.alpha, at.idg / ratios.tau
    y, total = i + at.effective_ridge, np.zeros(d)
    for _ in range(draws):
        xi = rng.standard_normal((k, d)) * np.sqrt(values)
        S = xi.T @ xi / k
        G = np.linalg.inv(S + y * np.eye(d))
        total += np.diag(y**2 * G @ G + epsilon * G @ (S + i * np.eye(d)) @ G)
    ratio = total / draws / (aligned.cost + tilt * (np.arange(d) < d / 2) * aligned.cost)
    close = bool(abs(ratio[: d // 2].mean() - 1) < 3 / d and abs(ratio[d // 2 :].mean() - 1) < 3 / d)
    return Step(
        "K of drawn tasks is its equivalent up to O(1/d)",
        close,
        "d = 60, k = 90, 200 draws",
        tex=r"$K$ of drawn tasks is its equivalent up to $O(1/d)$.",
    )


def check() -> list[Step]:
    """The argument."""
    return [*_split(), _published(), _long_contexts(), _drawn()]
