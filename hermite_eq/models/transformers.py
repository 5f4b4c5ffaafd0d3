"""The trained models: linear attention alone, and with a random nonlinear head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hermite_eq.activations import Activation
from hermite_eq.arguments import count, flag, non_negative, sequence, shown
from hermite_eq.errors import HypothesisError
from hermite_eq.latex import exact
from hermite_eq.models.onestep import OneStepTransformer
from hermite_eq.models.polynomial import PolynomialActivation, head_activation


@dataclass(frozen=True)
class LinearTransformer:
    r"""Linear attention without an MLP, :math:`\hat y=\langle\Gamma,H_Z\rangle` (+ an intercept), trained by
    :math:`\sum(y-\hat y)^2+\lambda\frac nd\|\Gamma\|^2` ([RT] (6)). The intercept is not penalised.

    Parameters
    ----------
    ridge : float
        λ.
    intercept : bool

    Examples
    --------
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


@dataclass(frozen=True, init=False, repr=False)
class RandomTransformer:
    r"""Linear attention with a random nonlinear head, :math:`\hat y=w^\top\sigma(F^\top h)`, :math:`h=\mathrm{vec}\,H_Z`,
    :math:`F_{ij}\sim\mathcal N(0,1/t)`, :math:`t=\operatorname{tr}\operatorname{Cov}(h)`, trained by
    :math:`\sum(y-\hat y)^2+\lambda\frac nd\|w\|^2` ([RT] (7)).

    Of several random layers :math:`\hat y=w^\top\phi_L`, :math:`\phi_l=\sigma_l(F_l^\top\phi_{l-1})`, :math:`\phi_0=h`, with entries of
    :math:`F_l` of variance :math:`1/t_l`, :math:`t_1=t` and :math:`t_{l+1}=m_l\,\mathbb E\,\sigma_l(g)^2`, so that in the limit all
    pre-activations have variance one.

    Parameters
    ----------
    activation : str, sympy.Expr, Activation, callable, or PolynomialActivation
        With a :class:`PolynomialActivation` this is the equivalent model of [RT] Theorem 3.
    ridge : float
        λ.
    normalise : bool
        Rescale every h to :math:`\|h\|^2=t` before the first F.
    activations : sequence, in place of ``activation``
        :math:`\sigma_1,\dots,\sigma_L`. One alone is the same model as by ``activation``; of several none is a PolynomialActivation.
    hidden : sequence of int
        :math:`m_1,\dots,m_{L-1}`, the widths of the layers before the last; that of the last is ``Sizes.hidden``.

    Examples
    --------
    >>> print(RandomTransformer("relu", ridge=1e-8))
    relu
    >>> print(RandomTransformer(activations=["relu", "tanh"], hidden=[400], ridge=0.1))
    relu (400), then tanh
    >>> RandomTransformer(activations=["relu"], ridge=0.1) == RandomTransformer("relu", ridge=0.1)
    True
    """

    activations: tuple[Activation | PolynomialActivation, ...]
    ridge: float
    normalise: bool = False
    hidden: tuple[int, ...] = ()

    def __init__(
        self, activation: Any = None, ridge: Any = None, normalise: bool = False, *, activations: Any = None, hidden: Any = ()
    ) -> None:
        if activation is not None and type(activations) is tuple and len(activations) == 1 and not isinstance(activations[0], str):
            # dataclasses.replace(model, activation=…) passes the field, too.
            activations = None
        if (activation is None) == (activations is None):
            raise HypothesisError(
                "a random head has one activation, or activations of its layers",
                "neither" if activation is None else "both",
                'pass RandomTransformer("relu", ridge=0.1), or activations=["relu", "tanh"], hidden=[400]',
            )
        given = (activation,) if activations is None else sequence(activations, "activations", "of the random layers", empty=False)
        layers = tuple(head_activation(sigma) for sigma in given)
        widths = tuple(count(width, "hidden", "the width of a layer before the last", least=1) for width in sequence(hidden, "hidden"))
        if len(widths) != len(layers) - 1:
            raise HypothesisError(
                "every random layer before the last has a width, and the last that of Sizes.hidden",
                f"{len(layers)} activations and hidden={shown(hidden)}",
                f"pass {len(layers) - 1} entries of hidden",
            )
        if len(layers) > 1 and any(isinstance(sigma, PolynomialActivation) for sigma in layers):
            raise HypothesisError(
                "an equivalent polynomial activation stands for the one random layer of a head",
                f"{len(layers)} layers with one",
                "pass activations, or one layer",
            )
        object.__setattr__(self, "activations", layers)
        object.__setattr__(self, "ridge", non_negative(ridge, "ridge", "the paper's λ"))
        object.__setattr__(self, "normalise", flag(normalise, "normalise"))
        object.__setattr__(self, "hidden", widths)

    @property
    def activation(self) -> Activation | PolynomialActivation:
        """σ of the one random layer.

        Raises
        ------
        HypothesisError
            If there are several.
        """
        if len(self.activations) > 1:
            raise HypothesisError(
                "this is of heads with one random layer",
                f"{self}, which has {len(self.activations)}",
                "pass RandomTransformer(activation, ridge=…); icl_error and simulate.icl_error take several layers",
            )
        return self.activations[0]

    def latex(self) -> str:
        r"""TeX of the prediction and of the layers' activations.

        >>> print(RandomTransformer(activations=["square", "cubic"], hidden=[400], ridge=0.1).latex())
        \hat y = w^\top \sigma_{2}(F_{2}^\top \sigma_{1}(F_{1}^\top h)), \quad \sigma_{1}(x) = x^{2}, \quad \sigma_{2}(x) = x^{3}
        """
        inner = "h"
        for number in range(1, len(self.activations) + 1):
            inner = rf"\sigma_{{{number}}}(F_{{{number}}}^\top {inner})"
        parts = [rf"\hat y = w^\top {inner}"]
        for number, sigma in enumerate(self.activations, 1):
            if isinstance(sigma, PolynomialActivation):
                parts.append(rf"\sigma_{{{number}}} = {sigma.latex().partition(' = ')[0]}")
            elif sigma.expression is not None:
                parts.append(rf"\sigma_{{{number}}}(x) = {exact(sigma.expression)}")
        return r", \quad ".join(parts)

    def __repr__(self) -> str:
        deep = len(self.activations) > 1
        sigma = f"activations={self.activations!r}, hidden={self.hidden!r}" if deep else f"activation={self.activations[0]!r}"
        return f"{type(self).__name__}({sigma}, ridge={self.ridge!r}, normalise={self.normalise!r})"

    def __str__(self) -> str:
        before = "".join(f"{sigma} ({width}), then " for sigma, width in zip(self.activations, self.hidden, strict=False))
        return f"{before}{self.activations[-1]}{', h normalised' if self.normalise else ''}"


#: Models of which there is a theory.
Model = LinearTransformer | RandomTransformer
#: Models which can be simulated.
TrainedModel = LinearTransformer | RandomTransformer | OneStepTransformer
