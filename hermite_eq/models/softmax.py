"""Softmax attention over the context, for simulations."""

from __future__ import annotations

from dataclasses import dataclass

from hermite_eq.arguments import instance, non_negative
from hermite_eq.models.mixture import MixtureTask


@dataclass(frozen=True)
class SoftmaxAttention:
    r"""The data of a task under softmax attention: the averages over the context which make b have weights

    .. math:: p_i=\frac{e^{\beta x_i^\top x_{\ell+1}/\nu}}{\sum_{j\le\ell}e^{\beta x_j^\top x_{\ell+1}/\nu}}

    in place of 1/ℓ, where ν is the standard deviation of :math:`x_i^\top x_{\ell+1}` for isotropic inputs: :math:`1/\sqrt d`, or
    :math:`\sqrt d` in unit inputs. β = 0 is linear attention. Only simulations take it: b depends on the query, and no formula here holds.

    Parameters
    ----------
    task : MixtureTask
    sharpness : float
        β ≥ 0.

    Examples
    --------
    >>> from hermite_eq.models import Source
    >>> print(SoftmaxAttention(MixtureTask([Source("relu", 0.01)]), sharpness=1.0))
    target relu, noise variance 0.01; softmax attention of sharpness 1
    """

    task: MixtureTask
    sharpness: float

    def __post_init__(self) -> None:
        instance(self.task, MixtureTask, "softmax attention is over the contexts of sources", "pass Task(sources=[Source(…)])")
        object.__setattr__(self, "sharpness", non_negative(self.sharpness, "sharpness", "β of the softmax"))

    def __str__(self) -> str:
        return f"{self.task}; softmax attention of sharpness {self.sharpness:g}"
