"""What all figures share: labels, colours, and axes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import instance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Error = Literal["icl", "idg", "g_task"]
Abscissa = Literal["alpha", "test_alpha", "kappa", "tau", "mu", "mu/tau", "d", "ridge", "noise", "weights", "test_weights"]
#: Okabe and Ito's palette, told apart by every kind of colour vision.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
ERROR_LABEL: dict[str, str] = {"icl": "ICL error", "idg": "in-distribution error", "g_task": r"$g_\mathrm{task}$ = ICL − IDG"}
AXIS_LABEL: dict[Abscissa, str] = {
    "alpha": "context length α = ℓ/d",
    "test_alpha": "context length in the test, ℓ/d",
    "kappa": "task diversity κ = k/d",
    "tau": "training contexts τ = n/d²",
    "mu": "hidden units μ = m/d²",
    "mu/tau": "hidden units m/n",
    "d": "dimension d",
    "ridge": "ridge λ",
    "noise": "label noise ρ",
    "weights": "share of the first source in training",
    "test_weights": "share of the first source in the test",
}


def figure_axes(axes: Axes | None, height: float) -> Axes:
    """The axes given, or those of a new figure of this height."""
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if axes is not None:
        return instance(axes, Axes, "axes are Matplotlib's", "pass matplotlib.pyplot.subplots()[1], or leave axes out")

    return plt.subplots(figsize=(6.2, height), layout="constrained")[1]
