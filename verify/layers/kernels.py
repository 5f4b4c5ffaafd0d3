"""The page on kernels of random layers, coefficients on the sphere, and exponents."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq import coefficients
from hermite_eq.activations import activation
from hermite_eq.activations.derivative import derivative
from hermite_eq.expansion import gegenbauer_coefficients, generative_exponent, information_exponent, layer_kernel
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import DOTS, GREY, LINE, paired_legend
from verify.drawing import panels, save
from verify.report.page import Table

Array = NDArray[np.float64]

#: Networks in the picture: width, and how many for each run that is asked for.
WIDTH, NETWORKS = 200, 4
#: Names, weight variances and biases of the kernels that are held against networks.
NETS: tuple[tuple[tuple[str, ...], float, float], ...] = (
    (("relu",), 2.0, 0.0),
    (("relu", "relu"), 2.0, 0.0),
    (("tanh", "gelu"), 1.5, 0.3),
    (("erf", "softplus", "tanh"), 1.0, 0.1),
)
FUNCTIONS = ("relu", "tanh", "abs", "x^3 - 3*x", "x^4 - 6*x^2", "x^2*exp(-x^2)")

TEXT = r"""# Kernels of random layers

- A network of random layers has two kernels: NNGP (of its features) and NTK (of its gradients). Both are composed of dual activations:
  `layer_kernel` gives them in closed form or with stated errors, on NumPy, PyTorch and JAX arrays.
- An activation that jumps has an NNGP kernel and no NTK, as its derivative is not square integrable: this is refused.
- On the sphere of d dimensions Gegenbauer coefficients take the place of Hermite coefficients; they differ by O(1/d).
- Gradient descent on a single index needs the information exponent, methods that transform the labels the generative one.

```python
>>> import numpy as np
>>> from hermite_eq.expansion import gegenbauer_coefficients, generative_exponent, information_exponent, layer_kernel
>>> kernel = layer_kernel(["relu", "relu"], weight_variance=2)
>>> kernel.nngp([0.0, 0.5, 1.0]).round(6)
array([0.987462, 1.367811, 2.      ])
>>> kernel.ntk([0.0, 0.5, 1.0]).round(6), bool(kernel.ntk_errors([0.0, 0.5]).max() < 1e-12)
(array([1.371417, 2.702959, 6.      ]), True)
>>> print(layer_kernel(["erf"], bias_variance=1).nngp_exact)
2*asin(2*rho/5 + 2/5)/pi + 1
>>> layer_kernel(["sign"]).ntk(0.5)
Traceback (most recent call last):
    ...
hermite_eq.errors.HypothesisError: ...

```

Inputs have one length, ‖x‖² = d q₀, and correlation ρ; Σ is the covariance of pre-activations, q_l their variance, κ_l the dual activation
at that variance:

$$\Sigma_1 = \sigma_w^2 q_0\,\rho + \sigma_b^2,\qquad \Sigma_{l+1} = \sigma_w^2\,\kappa_l(\Sigma_l/q_l) + \sigma_b^2,$$

$$\Theta_1 = \Sigma_1,\qquad \Theta_{l+1} = \Sigma_{l+1} + \frac{\sigma_w^2}{q_l}\,\kappa_l'(\Sigma_l/q_l)\,\Theta_l.$$

The derivative κ' is the kernel of σ' (Price's theorem), `dual_activation(…).slope`. Derivation:
`derivations/coefficients/layer_kernels.py`. An array of JAX or PyTorch is differentiated by its own library; where a kernel has no closed
form its values there are polynomials in ρ and √(1 − ρ²), off by 2·10⁻⁹ of the largest at most. Where no such polynomials are found, as for
|x|^(3/5), there is an error.

## Against networks of finite width

"""

SPHERE = r"""
## On a sphere of finite dimension

For inputs on the sphere of radius √d the coordinate u = wᵀx has the density ∝ (1 − u²/d)^((d−3)/2). Its coefficients, scaled as Hermite
coefficients are (`gegenbauer_coefficients(sigma, d)`), have estimated errors below 10⁻¹¹ here:

"""

EXPONENTS = r"""
d = 1, whose sphere is two points, has degrees 0 and 1 alone; d = 2 is the circle, with Fourier coefficients. Derivation:
`derivations/coefficients/gegenbauer_limit.py`.

## Information and generative exponent

"""

END = r"""
The information exponent is the least k ≥ 1 with c_k ≠ 0; the generative exponent the least k ≥ 1 with E[He_k(g) | σ(g)] ≠ 0, which label
noise does not change. A coefficient that is not 0 is enclosed or in closed form; that those below vanish is exact for the first, and
for the second evidence, whose size is in the last column. Derivation: `derivations/coefficients/exponents.py`. A constant has neither.

## Given a spike

`structured.gaussian_equivalent(sigma, m, s)` gives the constants μ₀, μ₁, μ₂ of σ(m + x) ≃ μ₀ + μ₁x + μ₂z, x ~ N(0, s²): in closed
form where there is one, as functions of the spike component m too.

```python
>>> import sympy
>>> from hermite_eq.structured import gaussian_equivalent
>>> kappa = sympy.Symbol("kappa", real=True)
>>> gaussian_equivalent("sin", kappa).mu_0
exp(-1/2)*sin(kappa)
>>> [round(float(value), 6) for value in gaussian_equivalent("relu", 0.5, 0.8)]
[0.629536, 0.734014, 0.208337]

```

## What is proved, derived, measured

- *Proved by computer algebra or for cases*: the recursion for cubics of any coefficients and for the slopes of seven activations, the
  recurrence of the polynomials on the sphere and its limit, the weights of x²e^{−x²}.
- *Assumed*: that widths tend to infinity one after another.
- *Measured*: the table of networks.

*Numbers and picture: `python -m verify.layers kernels --documents docs/topics/heads`.*
"""


def networks(names: tuple[str, ...], rho: float, count: int, weight: float, bias: float, seed: int = 0) -> tuple[Array, Array]:
    """Products of features, and tangent kernels, of networks of finite width, at two inputs."""
    rng, layers = np.random.default_rng(seed), [activation(name) for name in names]
    slopes = [derivative(sigma) for sigma in layers]
    x = np.array([[1.0, 0.0], [rho, math.sqrt(1 - rho**2)]])
    nngp, ntk = np.empty(count), np.empty(count)
    for i in range(count):
        h, kernels, backs, matrices = x, [weight * float(x[0] @ x[1]) + bias], list[Array](), list[Array]()
        for number, (sigma, slope) in enumerate(zip(layers, slopes, strict=True)):
            size = 1.0 if number == 0 else h.shape[1]
            W = rng.standard_normal((WIDTH, h.shape[1])) * math.sqrt(weight / size)
            z = h @ W.T + math.sqrt(bias) * rng.standard_normal(WIDTH)
            h = np.asarray(sigma(z), float)
            matrices.append(W)
            backs.append(np.asarray(slope(z), float))
            kernels.append(weight / WIDTH * float(h[0] @ h[1]) + bias)
        nngp[i] = total = kernels[-1]
        back = rng.standard_normal(WIDTH) * math.sqrt(weight / WIDTH) * backs[-1]
        for number in range(len(layers) - 1, -1, -1):
            total += float(back[0] @ back[1]) * kernels[number]
            if number:
                back = (back @ matrices[number]) * backs[number - 1]
        ntk[i] = total
    return nngp, ntk


def page(runs: int, documents: Path | None) -> str:
    """The text; its picture is written where there is a folder."""
    rows = []
    for names, weight, bias in NETS:
        kernel = layer_kernel(names, weight_variance=weight, bias_variance=bias)
        simulated = networks(names, 0.3, NETWORKS * runs, weight, bias)
        cells = [" → ".join(names), f"{weight:g}, {bias:g}"]
        for values, exact in zip(simulated, (kernel.nngp(0.3), kernel.ntk(0.3)), strict=True):
            cells += [f"{exact:.4f}", f"{values.mean():.4f} ± {values.std(ddof=1) / math.sqrt(values.size):.4f}"]
        rows.append(cells)
    nets = Table(("layers", "σ_w², σ_b²", "NNGP(0.3)", f"width {WIDTH}", "NTK(0.3)", f"width {WIDTH}"), rows)
    sphere = []
    for name, degrees in (("relu", (0, 1, 2, 4)), ("tanh", (1, 3)), ("max(x - 1/3, 0)", (0, 1, 2, 3))):
        for k in degrees:
            own = [gegenbauer_coefficients(name, d, 4).c[k] for d in (2, 3, 10, 100)] + [float(np.asarray(coefficients(name, 4))[k])]
            sphere.append([name, str(k), *(f"{value:.6f}" for value in own)])
    table = Table(("σ", "k", "d = 2", "3", "10", "100", "∞ (Hermite)"), sphere)
    exponents = []
    for name in FUNCTIONS:
        first, two = information_exponent(name), generative_exponent(name)
        exponents.append([name, str(first.value), str(two.value), "0" if two.below == 0 else f"{two.below:.0e}"])
    last = Table(("σ", "information", "generative", "below it, at most"), exponents)
    parts = [TEXT, "\n".join(nets.markdown()), "\n\n"]
    parts += [f"Means over {NETWORKS * runs} networks, whose widths leave a bias of the order 1/{WIDTH}.\n\n![Kernels of ReLU networks]"
              "(kernels.png)\n", SPHERE, "\n".join(table.markdown()), "\n", EXPONENTS, "\n".join(last.markdown()), "\n", END]  # fmt: skip
    if documents is not None:
        _picture(documents)
    return "".join(parts)


def _picture(documents: Path) -> None:
    drawing, (grid,) = panels(1, 3, height=3.6)
    handles: list[list[Any]] = [[], []]
    labels: list[list[str]] = [[], []]

    def keep(place: int, drawn: Any, depth: int) -> None:
        handles[place].append(drawn)
        labels[place].append(f"{depth} ReLU layer{'s' * (depth > 1)}")

    rho = np.linspace(-1, 1, 201)
    for number, depth in enumerate((1, 2, 4, 8)):
        kernel = layer_kernel(["relu"] * depth, weight_variance=2)
        for place, values in enumerate((kernel.nngp(rho) / 2, kernel.ntk(rho) / float(kernel.ntk(1.0)))):
            keep(place, grid[place].plot(rho, values, color=COLOURS[number], **LINE)[0], depth)
    places = (-0.8, -0.4, 0.0, 0.4, 0.8)
    for number, names in ((0, ("relu",)), (1, ("relu", "relu"))):
        simulated = [networks(names, place, 200, 2.0, 0.0) for place in places]
        whole = layer_kernel(names, weight_variance=2).ntk(1.0)
        scales = (2.0, float(whole))
        for place, scale in enumerate(scales):
            runs = np.array([drawn[place] for drawn in simulated]) / scale
            stderr = runs.std(axis=1, ddof=1) / np.sqrt(runs.shape[1])
            keep(place, grid[place].errorbar(places, runs.mean(axis=1), stderr, color=COLOURS[number], marker="o", **DOTS), len(names))
    d = np.unique(np.geomspace(2, 1000, 25).astype(int))
    for number, name in enumerate(("relu", "tanh", "max(x - 1/3, 0)")):
        limit = np.asarray(coefficients(name, 4))
        k = 1 if name == "tanh" else 2
        gaps = [abs(gegenbauer_coefficients(name, int(size), 4).c[k] - limit[k]) for size in d]
        grid[2].loglog(d, gaps, color=COLOURS[number], label=f"{name}, k = {k}")
    grid[2].loglog(d, 0.3 / d, ":", color=GREY, label="∝ 1/d")
    titles = ("NNGP, over its value at 1", "NTK, over its value at 1", "|Gegenbauer − Hermite|")
    for axes, title, label in zip(grid, titles, "ρρd", strict=True):
        axes.set(title=title, xlabel=label)
        axes.title.set_fontsize(10)
    for axes, drawn, depths in zip(grid[:2], handles, labels, strict=True):
        paired_legend(axes, drawn, depths, title="markers: networks")
    grid[2].legend(frameon=False, fontsize=8)
    documents.mkdir(parents=True, exist_ok=True)
    save(drawing, documents / "kernels")
