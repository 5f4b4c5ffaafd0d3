r"""What is studied, as frozen data: the in-context task, its sizes or ratios, and the Transformers.

One and the same object goes to the theory (:func:`hermite_eq.icl_error`) and to the simulation
(:func:`hermite_eq.simulate.icl_error`), so that the two cannot disagree about what was asked.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.errors import HypothesisError


def _non_negative(value: Any, name: str, meaning: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (0 <= number < math.inf):
        raise HypothesisError(f"{name} ({meaning}) is a finite number ≥ 0", f"{name}={value!r}", f"pass {name}=0.01, say")
    return number


@dataclass(frozen=True)
class PolynomialActivation:
    r"""The equivalent polynomial activation of [RT] (12),

    .. math:: \hat\sigma_r(x) = \sum_{k\le r}\frac{c_k}{k!}\,\mathrm{He}_k(x) + c_r^*\,z,\qquad z\sim\mathcal N(0,1)
        \text{ fresh for every sample and neuron, in training and in test.}

    Made by :func:`hermite_eq.equivalent_model`.

    Attributes
    ----------
    source : str
        Name of the activation it stands for.
    c : tuple
        :math:`c_0,\dots,c_r`, exact SymPy numbers or floats.
    residual : sympy.Expr or float
        :math:`c_r^* \ge 0`.
    """

    source: str
    c: tuple[Any, ...]
    residual: Any

    @property
    def degree(self) -> int:
        """The degree r."""
        return len(self.c) - 1

    @property
    def name(self) -> str:
        return f"{self.source}, r = {self.degree}"

    def __str__(self) -> str:
        return self.name

    def __call__(self, x: ArrayLike, *, rng: np.random.Generator) -> NDArray[np.floating[Any]]:
        r"""Draw :math:`\hat\sigma_r(x)`: the polynomial part at ``x`` plus :math:`c_r^*` times fresh standard normals from ``rng``.

        The result has the shape of ``x``, and its floating dtype.
        """
        x = np.asarray(x)
        dtype = x.dtype if np.issubdtype(x.dtype, np.floating) else np.dtype(float)
        weights = [float(c) / math.factorial(k) for k, c in enumerate(self.c)]
        # Clenshaw for He_{k+1} = x He_k − k He_{k−1}: b_k = w_k + x b_{k+1} − (k+1) b_{k+2}, and the value is b_0.
        b1 = np.zeros(x.shape, dtype)
        b2 = np.zeros(x.shape, dtype)
        for k in range(self.degree, -1, -1):
            b1, b2 = weights[k] + x * b1 - (k + 1) * b2, b1
        residual = float(self.residual)
        if residual:
            b1 = b1 + dtype.type(residual) * rng.standard_normal(x.shape, dtype=dtype.type)  # type: ignore[arg-type]
        return b1.astype(dtype, copy=False)

    def latex(self) -> str:
        r"""TeX of :math:`\hat\sigma_r(x) = \dots`, exact where the coefficients are."""
        from hermite_eq.latex import hermite_sum, number

        residual = number(self.residual)
        noise = "" if not self.residual else rf" + {residual}\, z"
        return rf"\hat\sigma_{{{self.degree}}}(x) = {hermite_sum(self.c)}{noise}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


@dataclass(frozen=True)
class Task:
    r"""The in-context regression task of [RT] (1)-(2):

    .. math:: \xi\sim\mathcal N(0,I_d),\quad x_i\sim\mathcal N(0,I_d/d),\quad y_i=\sigma_*(\xi^\top x_i)+\epsilon_i,\quad
        \epsilon_i\sim\mathcal N(0,\rho).

    Parameters
    ----------
    target : str, sympy.Expr, Activation or callable
        :math:`\sigma_*`, whatever :func:`hermite_eq.activations.activation` takes.
    noise : float
        The variance ρ of the label noise (everywhere in the package a variance).

    Examples
    --------
    >>> print(Task("relu", noise=0.01))
    target relu, noise variance 0.01
    """

    target: Activation
    noise: float = 0.0

    def __init__(self, target: Any, noise: float = 0.0) -> None:
        object.__setattr__(self, "target", activation(target))
        object.__setattr__(self, "noise", _non_negative(noise, "noise", "the variance ρ of the label noise"))

    def __str__(self) -> str:
        return f"target {self.target}, noise variance {self.noise:g}"


@dataclass(frozen=True)
class Ratios:
    r"""The limit: α = ℓ/d, κ = k/d, τ = n/d², μ = m/d² with everything else infinite.

    ``kappa=inf`` means a fresh task for every training context; ``mu=inf`` the kernel limit; ``mu=None`` where there is no hidden
    layer.

    >>> Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)
    Ratios(alpha=1.0, kappa=0.5, tau=1.5, mu=1.0)
    """

    alpha: float
    kappa: float
    tau: float
    mu: float | None = None

    def __post_init__(self) -> None:
        for name, infinite in (("alpha", False), ("kappa", True), ("tau", False), ("mu", True)):
            value = getattr(self, name)
            if name == "mu" and value is None:
                continue
            try:
                number = float(value)
            except (TypeError, ValueError):
                number = math.nan
            if not (number > 0 and (infinite or number < math.inf)):
                allowed = "> 0 (inf allowed)" if infinite else "> 0 and finite"
                raise HypothesisError(f"the ratio {name} is {allowed}", f"{name}={value!r}", f"pass {name}=1.0, say")
            object.__setattr__(self, name, number)


@dataclass(frozen=True)
class Sizes:
    """The sizes of one finite experiment.

    Attributes
    ----------
    d : int
        Input dimension.
    context : int
        ℓ, the number of labelled examples in a context.
    tasks : int or inf
        k, the number of training tasks; ``math.inf`` for a fresh task in every training context.
    samples : int
        n, the number of training contexts (n ≥ k).
    hidden : int or None
        m, the number of hidden units; None where only linear Transformers are studied.

    Examples
    --------
    >>> Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1)
    Sizes(d=40, context=40, tasks=20, samples=2400, hidden=1600)
    """

    d: int
    context: int
    tasks: int | float
    samples: int
    hidden: int | None = None

    def __post_init__(self) -> None:
        for name in ("d", "context", "tasks", "samples", "hidden"):
            value = getattr(self, name)
            if (name == "hidden" and value is None) or (name == "tasks" and value == math.inf):
                continue
            try:
                if isinstance(value, bool):
                    raise TypeError
                number = operator.index(value)
            except TypeError:
                number = 0
            if number < 1:
                raise HypothesisError(
                    f"the size {name} is a positive integer", f"{name}={value!r}", f"pass {name}=1 or more"
                )
            object.__setattr__(self, name, number)
        if self.tasks != math.inf and self.tasks > self.samples:
            raise HypothesisError(
                "every training task appears in training, so k ≤ n",
                f"tasks={self.tasks} > samples={self.samples}",
                "raise samples, or pass tasks=math.inf for a fresh task in every context",
            )

    @classmethod
    def from_ratios(
        cls, d: int, *, alpha: float, kappa: float, tau: float, mu: float | None = None
    ) -> Sizes:
        """Sizes nearest to the ratios ℓ = αd, k = κd, n = τd², m = μd²."""
        ratios = Ratios(alpha, kappa, tau, mu)

        def nearest(ratio: float, unit: int) -> int:
            return max(1, round(ratio * unit))

        return cls(
            d,
            nearest(ratios.alpha, d),
            math.inf if ratios.kappa == math.inf else nearest(ratios.kappa, d),
            nearest(ratios.tau, d * d),
            None if ratios.mu is None else nearest(ratios.mu, d * d),
        )

    @property
    def ratios(self) -> Ratios:
        """α = ℓ/d, κ = k/d, τ = n/d², μ = m/d² of these sizes.

        >>> Sizes(d=10, context=20, tasks=5, samples=150).ratios
        Ratios(alpha=2.0, kappa=0.5, tau=1.5, mu=None)
        """
        d = self.d
        return Ratios(
            self.context / d, self.tasks / d, self.samples / d**2, None if self.hidden is None else self.hidden / d**2
        )


@dataclass(frozen=True)
class LinearTransformer:
    r"""Linear attention without an MLP, :math:`\hat y=\langle\Gamma,H_Z\rangle` (+ an intercept), trained by
    :math:`\sum(y-\hat y)^2+\lambda\frac nd\|\Gamma\|^2` ([RT] (6)). The intercept is not penalised.

    >>> print(LinearTransformer(ridge=1e-3, intercept=True))
    linear + intercept
    """

    ridge: float
    intercept: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "ridge", _non_negative(self.ridge, "ridge", "the paper's λ"))

    def __str__(self) -> str:
        return "linear + intercept" if self.intercept else "linear"


@dataclass(frozen=True)
class RandomTransformer:
    r"""Linear attention with a random nonlinear head, :math:`\hat y=w^\top\sigma(F^\top h)`, :math:`h=\mathrm{vec}\,H_Z`,
    :math:`F_{ij}\sim\mathcal N(0,1/t)`, :math:`t=\operatorname{tr}\operatorname{Cov}(h)`, trained by
    :math:`\sum(y-\hat y)^2+\lambda\frac nd\|w\|^2` ([RT] (7)).

    Parameters
    ----------
    activation : str, sympy.Expr, Activation, callable, or PolynomialActivation
        With a :class:`PolynomialActivation` this is the equivalent model of [RT] Theorem 3.
    ridge : float
        λ.
    normalise : bool
        Rescale every h to :math:`\|h\|^2=t` before F.

    Examples
    --------
    >>> print(RandomTransformer("relu", ridge=1e-8))
    relu
    """

    activation: Activation | PolynomialActivation
    ridge: float
    normalise: bool = False

    def __init__(self, activation: Any, ridge: float, normalise: bool = False) -> None:
        object.__setattr__(self, "activation", _head(activation))
        object.__setattr__(self, "ridge", _non_negative(ridge, "ridge", "the paper's λ"))
        object.__setattr__(self, "normalise", bool(normalise))

    def __str__(self) -> str:
        return f"{self.activation}{', h normalised' if self.normalise else ''}"


def _head(sigma: Any) -> Activation | PolynomialActivation:
    return sigma if isinstance(sigma, PolynomialActivation) else activation(sigma)


Model = LinearTransformer | RandomTransformer
