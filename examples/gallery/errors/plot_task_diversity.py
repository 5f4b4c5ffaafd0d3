r"""
Does more task diversity help?
==============================

A Transformer is trained on :math:`k=\kappa d` tasks. The in-distribution error (IDG) is that on the training
tasks, the ICL error that on new ones, and what it costs that the tasks are new is

.. math:: g_{\mathrm{task}}=e_{\mathrm{ICL}}-e_{\mathrm{IDG}} .
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he

task, head = he.Task("identity", noise=0.1), he.LinearTransformer(ridge=0.1)
sizes = he.Sizes.from_ratios(24, alpha=2, kappa=1, tau=8)
counts = np.unique(np.geomspace(4, 240, 18).astype(int))
theory = he.icl_curve(head, task, sizes, tasks=counts)
simulated = he.simulate.icl_curve(head, task, sizes, tasks=[4, 8, 16, 32, 64, 240], runs=6, rng=0)

figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.6), layout="constrained")
for axes, error in zip(panels, ("icl", "idg", "g_task"), strict=True):
    he.plotting.plot_curve([theory, simulated], error, axes=axes)

# %%
# The two errors move towards each other. On new tasks every further training task helps; on the training
# tasks the error grows with their number.

assert (np.diff(theory.icl) < 0).all()
assert (np.diff(theory.idg) > 0).all()
print(f"g_task at κ = {counts[0] / 24:.2f}: {theory.icl[0] - theory.idg[0]:.3f}, at κ = 10: {theory.icl[-1] - theory.idg[-1]:.4f}")

plt.show()
