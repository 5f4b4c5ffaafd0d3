"""The trained models: linear attention alone, and with a random nonlinear head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hermite_eq.activations import Activation
from hermite_eq.arguments import flag, non_negative
from hermite_eq.models.onestep import OneStepTransformer
from hermite_eq.models.polynomial import PolynomialActivation, head_activation


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
        object.__setattr__(self, "ridge", non_negative(self.ridge, "ridge", "the paper's λ"))
        object.__setattr__(self, "intercept", flag(self.intercept, "intercept"))

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
        object.__setattr__(self, "activation", head_activation(activation))
        object.__setattr__(self, "ridge", non_negative(ridge, "ridge", "the paper's λ"))
        object.__setattr__(self, "normalise", flag(normalise, "normalise"))

    def __str__(self) -> str:
        return f"{self.activation}{', h normalised' if self.normalise else ''}"


#: Models of which there is a theory.
Model = LinearTransformer | RandomTransformer
#: Models which can be simulated.
TrainedModel = LinearTransformer | RandomTransformer | OneStepTransformer
