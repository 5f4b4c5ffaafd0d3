"""The page on several random layers: theory beside simulation, and whether depth helps in context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hermite_eq import RandomTransformer, Sizes, Task, icl_error, simulate
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import DOTS, KINDS, LINE, paired_legend, plain_ticks
from verify.drawing import headline, panels, save
from verify.report.page import Table

DIMENSIONS, RUNS = (24, 40), 24
#: Where depth is compared: d, ridges and ratios τ.
SMALL, RIDGES, TAUS = 16, (0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0), (0.5, 1.0, 4.0)
#: Ratios of the comparison with simulations: κ, τ.
PLACES = ((math.inf, 1.5), (1.0, 2.0))

TEXT = r"""# Does depth help in context?

- **Not at the best ridge.** A head with a second or third random layer has no smaller error than one layer with the same last activation
  and width, at every number of samples and for both targets tried, and up to a tenth more (the second table).
- **At a small ridge, near the interpolation peak, it does**: the layers before the last add features' noise, which acts as a ridge. What
  they gain there a larger λ gains, and more.
- The theory of several layers needs moments of features alone, which Hermite coefficients supply layer by layer, each at its own mean and
  variance. It agrees with simulated Transformers within 2 % or three standard errors (the first table).

```python
>>> import math
>>> from hermite_eq import RandomTransformer, Sizes, Task, icl_error, simulate
>>> head = RandomTransformer(activations=["relu", "tanh"], hidden=[144], ridge=0.1, normalise=True)
>>> sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=2, mu=1)
>>> found = icl_error(head, Task("relu", noise=0.01), sizes)
>>> seen = simulate.icl_error(head, Task("relu", noise=0.01), sizes, runs=8, rng=0)
>>> abs(found.icl - seen.icl.mean) < max(0.05 * found.icl, 3 * seen.icl.stderr)
True
>>> RandomTransformer(activations=["relu"], ridge=0.1) == RandomTransformer("relu", ridge=0.1)
True

```

`hidden` has the widths of the layers before the last, that of the last is `Sizes.hidden`. F_l has entries of variance 1/t_l,
t_1 = tr Cov(h) and t_{l+1} = m_l E σ_l(g)², so that pre-activations have variance one in every layer. What is of heads with one layer
(equivalent models, optimal ridges, gradients, mixtures) refuses several, and so does the limit d = ∞, as widths are given.

## Features of any weights

`theory.given_features(weights, activations, moments)` takes layers of any origin, drawn, trained or frozen, and the moments of their input
to the moments of their features, for which `icl_error(LinearTransformer(ridge=…), …)` is ridge regression:

```python
>>> import numpy as np
>>> from hermite_eq import LinearTransformer
>>> from hermite_eq.theory import Population, given_features, given_moments
>>> W = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 40)))[0]
>>> inputs = given_moments([Population(np.eye(40), np.full(40, 40 ** -0.5), square=1.2)])
>>> features = given_features([W], ["tanh"], inputs)
>>> round(icl_error(LinearTransformer(ridge=0.1), features, Sizes(4, 4, math.inf, samples=120)).icl, 2)
0.38

```

With μ and Σ the mean and covariance of a layer's input given ‖h‖, z = Wᵀφ has the means m = Wᵀμ and variances v_j, and with coefficients
of σ at these

$$\mathbb E\,\phi'_j = c_{0j},\qquad \mathrm{Cov}\,\phi' = \Gamma W^\top\Sigma W\,\Gamma + \mathrm{diag}(c_{*j}^2),$$

$$\mathrm{Cov}(\phi', y) = \Gamma W^\top \mathrm{Cov}(\phi, y),\qquad \Gamma = \mathrm{diag}(c_{1j}/\sqrt{v_j}).$$

Derivation: `derivations/heads/layer_moments.py`. It holds where pre-activations are Gaussian and weakly correlated given ‖h‖: a first layer
with a large spike, as after a long gradient step, is described by [types of neurons](spiked.md) instead.

## Theory beside simulation

"""

MIDDLE = r"""
ICL error, target ReLU, ρ = 0.01, ℓ = d, λ = 0.1, every layer d² wide, {runs} runs, a third of them at d = 40.

## Depth and ridge

d = 16, ℓ = d, fresh tasks, widths d², h normalised, ICL error by theory: at λ = 0.1, then at the best of λ = 0.01, 0.1, 1, 3, 10, 30, 100.

"""

END = r"""
![ICL error against the ridge](depth.png)

*Lines: theory, dots: simulation (d = 16, target ReLU).*

## What is proved, derived, measured

- *Proved by computer algebra*: the moments of features to first order in the correlations of pre-activations, for cubics.
- *Derived*: the error for given moments (`derivations/heads/given_covariances.py`), under Gaussian equivalence of the last features.
- *Measured*: the tables.
- *Open*: up to twelve training tasks are described one by one where h is normalised; where it is not, one second moment stands for all of
  them, and a note of the result says so.
- *Not tried*: layers narrower than the number of directions that matter, and structured inputs beyond few moments, which are refused.

*Numbers and picture: `python -m verify.layers depth --documents docs/topics/heads`.*
"""


def _models(d: int) -> list[RandomTransformer]:
    names = (("relu", "relu"), ("tanh", "tanh"), ("relu", "tanh", "relu"))
    deep = [_head(activation, d, 0.1) for activation in names]
    return deep + ([RandomTransformer(activations=names[0], hidden=[d * d], ridge=0.1)] if 16 <= d < DIMENSIONS[-1] else [])


def _head(names: Sequence[str], d: int, ridge: float) -> RandomTransformer:
    return RandomTransformer(activations=names, hidden=[d * d] * (len(names) - 1), ridge=ridge, normalise=True)


def _agreement(dimensions: Sequence[int], runs: int) -> Table:
    rows, task = [], Task("relu", noise=0.01)
    for d in dimensions:
        for kappa, tau in PLACES if d < DIMENSIONS[-1] else PLACES[:1]:
            sizes, models = Sizes.from_ratios(d, alpha=1, kappa=kappa, tau=tau, mu=1), _models(d)
            count = max(2, runs // 3) if d >= DIMENSIONS[-1] else runs
            for model, run in zip(models, simulate.icl_error(models, task, sizes, runs=count, rng=5), strict=True):
                error = icl_error(model, task, sizes)
                # The layers' names: their widths are all d².
                name = " → ".join(sigma.name for sigma in model.activations) + (", h normalised" if model.normalise else "")
                stderr = math.hypot(run.icl.stderr, error.icl_stderr)
                rows.append([
                    str(d), "∞" if kappa == math.inf else f"{kappa:g}", f"{tau:g}", name, f"{error.icl:.4f}",
                    f"{run.icl.mean:.4f} ± {run.icl.stderr:.4f}", f"{run.icl.mean / error.icl - 1:+.1%}",
                    f"{(run.icl.mean - error.icl) / stderr:+.1f}",
                ])  # fmt: skip
    return Table(("d", "κ", "τ", "layers", "theory", "simulation", "gap", "standard errors"), rows)


def _ridges(d: int) -> Table:
    rows = []
    for target in ("relu", "tanh"):
        for tau in TAUS:
            sizes, cells = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=tau, mu=1), []
            for names in (("relu",), ("relu",) * 2, ("relu",) * 3, ("tanh",), ("tanh",) * 2):
                errors = [icl_error(_head(names, d, ridge), Task(target, noise=0.01), sizes).icl for ridge in RIDGES]
                cells.append(f"{errors[RIDGES.index(0.1)]:.3f}; {min(errors):.3f}")
            rows.append([target, f"{tau:g}", *cells])
    return Table(("target", "τ", "relu", "relu × 2", "relu × 3", "tanh", "tanh × 2"), rows)


def page(dimensions: Sequence[int], runs: int, documents: Path | None) -> str:
    """The text; its picture is written where there is a folder."""
    d = min(SMALL, *dimensions)
    parts = [TEXT, "\n".join(_agreement(dimensions, runs).markdown()), "\n", MIDDLE.format(runs=runs), "\n".join(_ridges(d).markdown())]
    if documents is not None:
        _picture(d, runs, documents)
    return "".join([*parts, "\n", END])


def _picture(d: int, runs: int, documents: Path) -> None:
    drawing, grid = panels(1, 3, height=3.6)
    task = Task("relu", noise=0.01)
    for axes, tau in zip(grid[0], (0.5, 1.0, 4.0), strict=True):
        sizes = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=tau, mu=1)
        handles: list[Any] = []
        for number, depth in enumerate((1, 2, 3)):
            lines = [icl_error(_head(("relu",) * depth, d, ridge), task, sizes).icl for ridge in RIDGES]
            handles += axes.loglog(RIDGES, lines, color=COLOURS[number], **LINE)
            models = [_head(("relu",) * depth, d, ridge) for ridge in RIDGES[1::3]]
            curves = simulate.icl_error(models, task, sizes, runs=runs, rng=6)
            means, errors = np.array([(run.icl.mean, run.icl.stderr) for run in curves]).T
            handles.append(axes.errorbar(RIDGES[1::3], means, errors, color=COLOURS[number], marker="o", **DOTS))
        axes.set(title=f"τ = {tau:g}", xlabel="ridge λ")
        low, high = axes.get_ylim()
        plain_ticks(axes.yaxis, (0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3) if high > 1.5 * low else np.arange(0.3, 0.6, 0.02))
    grid[0, 0].set_ylabel("ICL error")
    labels = [f"{depth} layer{'s' * (depth > 1)}" for depth in (1, 2, 3) for _ in range(2)]
    paired_legend(drawing, handles, labels, loc="outside lower center", ncols=3, title=KINDS)
    headline(drawing, f"relu, h normalised, d = {d}, α = 1, κ = ∞, μ = 1, target relu, ρ = {task.noise:g}")
    documents.mkdir(parents=True, exist_ok=True)
    save(drawing, documents / "depth")
