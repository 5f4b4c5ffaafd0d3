"""The equivalent polynomial model of an activation ([RT] Theorem 3)."""

from __future__ import annotations

from typing import Any

from hermite_eq.expansion import coefficients
from hermite_eq.hermite import check_degree
from hermite_eq.models import PolynomialActivation


def equivalent_model(sigma: Any, degree: int = 1) -> PolynomialActivation:
    r"""The equivalent polynomial activation :math:`\hat\sigma_r` of [RT] (12), r = ``degree``,

    .. math:: \hat\sigma_r(x)=\sum_{k\le r}\frac{c_k}{k!}\mathrm{He}_k(x)+c_r^*z,\qquad
        c_r^{*2}=\mathbb E\,\sigma(g)^2-\sum_{k\le r}\frac{c_k^2}{k!}.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    degree : int

    Returns
    -------
    PolynomialActivation

    Examples
    --------
    >>> import numpy as np
    >>> model = equivalent_model("relu", degree=1)
    >>> model.residual
    sqrt(1/4 - 1/(2*pi))
    >>> model(np.zeros(3), rng=np.random.default_rng(0)).shape
    (3,)
    """
    degree = check_degree(degree)
    expansion = coefficients(sigma, degree)
    return PolynomialActivation(str(expansion.activation), expansion.c, expansion.residual(degree))
