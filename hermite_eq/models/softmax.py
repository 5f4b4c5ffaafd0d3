"""Softmax attention over the context."""

from __future__ import annotations

from dataclasses import dataclass

from hermite_eq.arguments import instance, non_negative
from hermite_eq.models.task import Task


@dataclass(frozen=True)
class SoftmaxAttention:
    r"""The data of a task under softmax attention: the averages over the context which make b have weights

    .. math:: p_i=\frac{e^{\beta x_i^\top x_{\ell+1}/\nu}}{\sum_{j\le\ell}e^{\beta x_j^\top x_{\ell+1}/\nu}}

    in place of 1/ℓ, where ν is the standard deviation of :math:`x_i^\top x_{\ell+1}` for isotropic inputs: :math:`1/\sqrt d`, or
    :math:`\sqrt d` in unit inputs. β = 0 is linear attention. b depends on the query: simulations take it for every task, and the theory of
    :func:`hermite_eq.icl_error` for one isotropic source and a fresh task in every context.

    Parameters
    ----------
    task : Task
    sharpness : float
        β ≥ 0.

    Examples
    --------
    >>> print(SoftmaxAttention(Task("relu", 0.01), sharpness=1.0))
    target relu, noise variance 0.01; softmax attention of sharpness 1
    """

    task: Task
    sharpness: float

    def __post_init__(self) -> None:
        instance(self.task, Task, "softmax attention is over the contexts of a Task", 'pass Task("relu", noise=0.01)')
        object.__setattr__(self, "sharpness", non_negative(self.sharpness, "sharpness", "β of the softmax"))

    def __str__(self) -> str:
        return f"{self.task}; softmax attention of sharpness {self.sharpness:g}"
