"""The architectures of [LA] Fig. 5 and 6, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from hermite_eq.arguments import count, one_of

MLP = Literal["affine", "gelu", "none"]


@dataclass(frozen=True)
class FullLinearAttention:
    r"""Linear attention with full matrices: of the tokens :math:`t_i=(x_i,y_i)`, the query's with label 0,

    .. math:: \hat y=w^\top\sum_{i\le\ell+1}\frac{q^\top k_i}{\sqrt d}\,v_i+c,\qquad q=Qt_{\ell+1}+q_0,\ k_i=Kt_i+k_0,\ v_i=Vt_i+v_0,

    with Q, K and V of shape (d, d + 1); all of them, the biases, w and c are trained. There is no residual stream and no mask.

    References
    ----------
    [LA] Fig. 5a, and its published code.

    Examples
    --------
    >>> print(FullLinearAttention(), FullLinearAttention().parameters(6), sep=", ")
    full linear attention, 151
    """

    def parameters(self, d: int) -> int:
        """How many numbers are trained."""
        d = count(d, "d", least=1)
        return 3 * d * (d + 2) + d + 1

    def dimension(self, d: int) -> int:
        r"""On how many numbers the predictions depend, :math:`d^2+4d+2`: so many contexts with any labels can be fitted, and no more.

        Derived in ``derivations/linear/full_attention.py``.

        >>> [FullLinearAttention().dimension(d) for d in (6, 20, 80)]
        [62, 482, 6722]
        """
        d = count(d, "d", least=1)
        return d * (d + 3) + d + 2

    def __str__(self) -> str:
        return "full linear attention"


@dataclass(frozen=True)
class SoftmaxTransformer:
    r"""Blocks of causal softmax attention between an affine embedding :math:`\mathbb R^{d+1}\to\mathbb R^d` of the tokens and an affine
    readout at the last one. A block, of one head, is

    .. math:: h_i\leftarrow\mathrm{LN}\Bigl(h_i+V\sum_{j\le i}\operatorname{softmax}_j\bigl(h_i^\top Q^\top Kh_j/\sqrt d\bigr)h_j\Bigr),
        \qquad h_i\leftarrow\mathrm{LN}\bigl(h_i+f(h_i)\bigr),

    with LN the layer normalisation, gain and shift trained, and f of width d:

    - ``mlp="affine"``: :math:`f(h)=Ah+a`, the "1-layer MLP" of [LA], **which is one affine map without nonlinearity**;
    - ``mlp="gelu"``: :math:`f(h)=B\,\mathrm{GELU}(Ah+a)+b`, an MLP with a hidden layer;
    - ``mlp="none"``: without the second half of the block.

    Parameters
    ----------
    blocks : int
    mlp : {"affine", "gelu", "none"}

    Raises
    ------
    HypothesisError
        If there is no block, or for another MLP.

    References
    ----------
    [LA] Fig. 5b and c, Fig. 6, and their published code.

    Examples
    --------
    >>> print(SoftmaxTransformer(2), SoftmaxTransformer(2).parameters(6), sep=", ")
    softmax, 2 blocks, affine MLP, 403
    """

    blocks: int = 1
    mlp: MLP = "affine"

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", count(self.blocks, "blocks", least=1))
        one_of(self.mlp, get_args(MLP), "mlp", requirement="the MLP is affine, gelu or none", repair='pass mlp="affine", as [LA] have it')

    def parameters(self, d: int) -> int:
        """How many numbers are trained."""
        d = count(d, "d", least=1)
        layers = {"affine": 1, "gelu": 2, "none": 0}[self.mlp]
        block = 3 * d * d + 2 * d + layers * d * (d + 1) + 2 * d * (self.mlp != "none")
        return d * (d + 2) + self.blocks * block + d + 1

    def __str__(self) -> str:
        mlp = {"affine": "affine MLP", "gelu": "GELU MLP", "none": "no MLP"}[self.mlp]
        return f"softmax, {self.blocks} block{'s' if self.blocks > 1 else ''}, {mlp}"


#: What can be trained by gradient descent.
Architecture = FullLinearAttention | SoftmaxTransformer
