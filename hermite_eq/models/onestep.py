"""Linear attention with a nonlinear head whose first layer has taken one gradient step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hermite_eq.activations import Activation, activation
from hermite_eq.activations.derivative import derivative
from hermite_eq.arguments import count, flag, non_negative
from hermite_eq.errors import HypothesisError
from hermite_eq.models.polynomial import PolynomialActivation, head_activation


@dataclass(frozen=True)
class OneStepTransformer:
    r"""A random head whose first layer has taken one step of gradient descent, with the read-out trained by ridge regression ([DM]).

    With m hidden units, rows :math:`f_i\sim\mathcal N(0,I/t)` of F, :math:`w\sim\mathcal N(0,I_m/m)`, and n contexts :math:`\tilde h_j`
    of their own for the step, F descends the squared loss with w fixed:

    .. math:: \hat F=F+\eta G,\qquad G=-\partial_F\,\frac1{2n}\sum_{j\le n}(\tilde y_j-\hat y_j)^2,\quad
        \hat y_j=\tfrac1{\sqrt m}w^\top\sigma(F\tilde h_j),\qquad G
        =\frac1{n\sqrt m}\sum_{j\le n}\bigl(\tilde y_j-\hat y_j\bigr)\,\bigl(w\circ\sigma'(F\tilde h_j)\bigr)\tilde h_j^\top .

    Then :math:`\hat y=w^\top\sigma(\hat Fh)` with w fitted anew to n fresh contexts by :math:`\sum(y-\hat y)^2+\lambda\frac nd\|w\|^2`, the
    convention of [RT]; see :func:`rt_ridge` for that of [DM].

    Parameters
    ----------
    activation : str, sympy.Expr or Activation
        σ; the step needs its derivative.
    step_size : float
        η. The theorem supposes :math:`\eta=o(d^2)`.
    ridge : float
        λ.
    head : Activation or PolynomialActivation, optional
        What is applied to :math:`\hat Fh`, by default σ. The equivalent model has :math:`\hat\sigma_p` here, and σ in the step.
    rank_one : bool
        Replace G by :math:`uv^\top`, :math:`u=\mathbb E[\sigma'(g)]\,w`, :math:`v=\frac1{n\sqrt m}\sum_j\tilde y_j\tilde h_j` (Lemma 4.11).
    normalise : bool
        Rescale every h to :math:`\|h\|^2=t`, in the step as well.

    Raises
    ------
    HypothesisError
        For an activation without a formula or with jumps, and for a negative step size or ridge.

    References
    ----------
    [DM] §3, Lemma 4.11, Theorem 4.12.

    Examples
    --------
    >>> print(OneStepTransformer("relu", step_size=1600.0, ridge=0.1))
    relu, η = 1600
    >>> from hermite_eq import equivalent_model
    >>> print(OneStepTransformer("relu", 1600.0, 0.1, head=equivalent_model("relu", 4)))
    relu, r = 4, η = 1600
    """

    activation: Activation
    step_size: float
    ridge: float
    head: Activation | PolynomialActivation
    rank_one: bool = False
    normalise: bool = False

    def __init__(
        self,
        activation: Any,
        step_size: float,
        ridge: float,
        *,
        head: Any = None,
        rank_one: bool = False,
        normalise: bool = False,
    ) -> None:
        sigma = _smooth(activation)
        fields = {
            "activation": sigma,
            "step_size": non_negative(step_size, "step_size", "the step size η"),
            "ridge": non_negative(ridge, "ridge", "the paper's λ"),
            "head": sigma if head is None else head_activation(head),
            "rank_one": flag(rank_one, "rank_one"),
            "normalise": flag(normalise, "normalise"),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def beyond_theorem(self, d: int) -> bool:
        r"""Whether η ≥ d², where :math:`\eta=o(d^2)` is in doubt at this d."""
        return self.step_size >= count(d, "d", least=1) ** 2

    def __str__(self) -> str:
        sigma = (
            str(self.head)
            if self.head == self.activation or isinstance(self.head, PolynomialActivation)
            else (f"{self.head} after a step with {self.activation}")
        )
        options = [f"η = {self.step_size:g}"]
        options += ["rank one"] * self.rank_one + ["h normalised"] * self.normalise
        return ", ".join([sigma, *options])


def _smooth(sigma: Any) -> Activation:
    if isinstance(sigma, PolynomialActivation):
        raise HypothesisError(
            "the gradient step keeps σ", f"the equivalent activation {sigma}", "pass σ, and the equivalent activation as head=…"
        )
    known = activation(sigma)
    derivative(known)
    return known


def rt_ridge(ridge: float, d: int, hidden: int | None = None) -> float:
    r"""The λ of [RT] which stands for λ of [DM].

    [DM] minimises :math:`\frac1n\sum(y-k^{-1/2}w^\top\sigma)^2+\lambda\|w\|^2`, k hidden units. With :math:`w'=k^{-1/2}w` and times n this
    is :math:`\sum(y-w'^\top\sigma)^2+nk\lambda\|w'\|^2`, which [RT] writes with :math:`\lambda_{\mathrm{RT}}\frac nd`: so
    :math:`\lambda_{\mathrm{RT}}=dk\lambda`. A linear Transformer has no :math:`k^{-1/2}`: there :math:`d\lambda`.

    Parameters
    ----------
    ridge : float
        λ of [DM].
    d : int
    hidden : int, optional
        k of [DM]; without it the linear Transformer's.

    Examples
    --------
    >>> rt_ridge(5e-5, d=80, hidden=3200)
    12.8
    >>> rt_ridge(5e-5, d=80)
    0.004
    """
    units = count(d, "d", least=1) * (1 if hidden is None else count(hidden, "hidden", least=1))
    return non_negative(non_negative(ridge, "ridge", "the λ of [DM]") * units, "dkλ")
