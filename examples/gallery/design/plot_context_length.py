r"""
How long should the context be?
===============================

A longer context tells more of its task; but with few training tasks the Transformer can be worse on new ones
the longer the contexts are. At fixed :math:`\kappa=k/d` and :math:`\tau=n/d^2` there can be a best
:math:`\alpha=\ell/d`.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS
from hermite_eq.theory import optimal_context, phase_diagram

task, head = he.Task("identity", noise=0.1), he.LinearTransformer(ridge=0.0)
diversities, alphas = (0.2, 0.4, 0.8), np.geomspace(0.2, 100, 60)
curves = [he.icl_curve(head, task, he.Ratios(alpha=1, kappa=kappa, tau=0.5), alpha=alphas) for kappa in diversities]

# %%
# ``optimal_context`` finds the minimum, or says that longer contexts are always better.

best = {kappa: optimal_context(head, task, kappa=kappa, tau=0.5) for kappa in diversities}
for kappa, optimum in best.items():
    print(f"κ = {kappa}: {optimum}")
assert best[0.2].alpha < best[0.4].alpha < best[0.8].alpha == np.inf

# %%
# Over all task diversities and label noises: the best length, grey where no finite one is best. The more
# noise, the more tasks it takes.

diagram = phase_diagram(head, "identity", kappa=np.linspace(0.05, 2, 40), noise=np.linspace(0.02, 1, 40), tau=0.5)
first = [diagram.kappa[diagram.monotone[:, i].argmax()] for i in (0, -1)]
for kappa, noise in zip(first, diagram.noise[[0, -1]], strict=True):
    print(f"at ρ = {noise:g} longer contexts are always better from κ = {kappa:.2f} on")
assert first[0] < first[1]

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.0), layout="constrained")
he.plotting.plot_curve(curves, axes=left)
for colour, optimum in zip(COLOURS, best.values(), strict=False):
    if np.isfinite(optimum.alpha):
        left.plot(optimum.alpha, optimum.error.icl, "o", color=colour)
he.plotting.plot_phase(diagram, limits=(0.5, 100), axes=right)

plt.show()
