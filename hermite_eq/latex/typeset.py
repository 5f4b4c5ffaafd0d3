"""TeX of any object of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermite_eq.errors import HypothesisError
from hermite_eq.latex.tables import side_by_side


def latex(obj: Any) -> str:
    r"""TeX of anything in the package that has a ``.latex()``, or a table of several expansions side by side.

    Parameters
    ----------
    obj : object with ``.latex()``, or a sequence of Hermite expansions

    Raises
    ------
    HypothesisError
        For anything else.

    Examples
    --------
    >>> import hermite_eq
    >>> print(latex(hermite_eq.coefficients("square", 2)))
    \sigma(x) = 1 + \mathrm{He}_{2}(x)
    >>> print(latex([hermite_eq.coefficients(name, 1) for name in ("relu", "tanh")]).splitlines()[-3].strip())
    1 & $\frac{1}{2}$ & $0.605706$ \\
    """
    if hasattr(obj, "latex"):
        return str(obj.latex())
    if isinstance(obj, Sequence) and obj and all(hasattr(item, "activation") and hasattr(item, "c") for item in obj):
        digits = 6
        printed = [item.printable(digits) for item in obj]
        return side_by_side(
            [(str(item.activation), shown.c) for item, shown in zip(obj, printed, strict=True)],
            radii=[shown.radii for shown in printed],
            digits=digits,
            provenance="\n".join(shown.provenance for shown in printed if shown.estimated),
        )
    raise HypothesisError(
        "an object to be typeset has a .latex(), or is a sequence of Hermite expansions",
        f"{type(obj).__name__} {obj!r}",
        "pass hermite_eq.coefficients('relu'), or a list of such",
    )
