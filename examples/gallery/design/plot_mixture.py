r"""
Which data should I mix, and how much?
======================================

Two sources, half of the test each: one isotropic, one whose tasks have a direction of large variance. In
which proportions :math:`\pi` should the Transformer be trained? ``best_mixture`` minimises the predicted
error

.. math:: e(\pi)=\tfrac12e_0(\pi)+\tfrac12e_1(\pi),

by its exact gradient, and ``mixing_curve`` draws it.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.models import Source, Spike
from hermite_eq.plotting import plot_mixing
from hermite_eq.theory import best_mixture, mixing_curve

plain, spiked = Source("relu", noise=0.1), Source("relu", noise=0.1, task_cov=Spike(40.0))
task = he.Task(sources=[plain, spiked], weights=[0.5, 0.5], unit_inputs=True, unit_link=True)
head = he.LinearTransformer(ridge=1.0, intercept=True)

figure, panels = plt.subplots(1, 2, figsize=(9.4, 4.4), layout="constrained")
best = {}
for axes, tau in zip(panels, (1, 16), strict=True):
    sizes = he.Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=tau)
    plot_mixing(mixing_curve(head, task, sizes, np.linspace(0, 1, 11)), by_source=True, axes=axes)
    best[tau] = best_mixture(head, task, sizes)

# %%
# With few training contexts the spiked source should be trained on alone, although half of the test is
# isotropic; with sixteen times as many both are needed. The optimum is flat: training in the proportions of
# the test costs little.

for tau, optimum in best.items():
    excess = optimum.matched / optimum.error.icl - 1
    print(f"τ = {tau}: share of source 1 {optimum.weights[1]:.2f}; in the proportions of the test {excess:.2%} more error")
assert best[1].weights[1] == 1
assert 0.2 < best[16].weights[1] < 0.8
assert all(optimum.matched < 1.03 * optimum.error.icl for optimum in best.values())

plt.show()
