r"""
Does depth help?
================

A head of several random layers, :math:`\phi_l=\sigma(F_l^\top\phi_{l-1})`, :math:`\phi_0=h`, of which the
last is read out by ridge regression. Its error needs the moments of the features alone, which Hermite
coefficients give layer by layer.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS

d = 16
task = he.Task("relu", noise=0.01)
sizes = he.Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=1, mu=1)
ridges = np.geomspace(0.01, 300, 12)
errors = []
for depth in (1, 2, 3):
    head = he.RandomTransformer(activations=["relu"] * depth, hidden=[d * d] * (depth - 1), ridge=0.1, normalise=True)
    errors.append(he.icl_curve(head, task, sizes, ridge=ridges).icl)

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for colour, marker, depth, line in zip(COLOURS, "os^", (1, 2, 3), errors, strict=False):
    axes.loglog(ridges, line, marker=marker, markersize=4, color=colour, label=f"{depth} layer{'s' * (depth > 1)}")
axes.set(xlabel="ridge λ", ylabel="ICL error")
axes.set_title("relu, h normalised, d = 16, α = τ = μ = 1, κ = ∞, target relu, ρ = 0.01", fontsize=9)
axes.set_yticks([0.4, 0.6, 1, 1.5, 2], ["0.4", "0.6", "1", "1.5", "2"])
axes.minorticks_off()
axes.legend(frameon=False)

# %%
# At a small ridge it does: here :math:`n=m`, the interpolation peak, and the layers before the last add noise
# to the features, which acts as a ridge. At its best ridge one layer has the least error.

small = [line[0] for line in errors]
least = [line.min() for line in errors]
for depth, first, best in zip((1, 2, 3), small, least, strict=True):
    print(f"{depth} layers: {first:.3f} at λ = 0.01, {best:.4f} at the best λ drawn")
assert small == sorted(small, reverse=True)
assert least == sorted(least)

plt.show()
