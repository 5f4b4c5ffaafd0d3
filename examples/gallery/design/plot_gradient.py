r"""
What would help most: longer contexts, more tasks, more samples or more units?
==============================================================================

``icl_gradient`` has the derivatives of the in-context error in the ratios. Multiplied by the ratio they say
by how much the error changes, relatively, for a per cent more of each: the elasticities

.. math:: \frac{\partial\log e}{\partial\log\alpha},\quad\frac{\partial\log e}{\partial\log\kappa},\quad
    \frac{\partial\log e}{\partial\log\tau},\quad\frac{\partial\log e}{\partial\log\mu} .
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS
from hermite_eq.theory import icl_gradient

task, head = he.Task("tanh", noise=0.1), he.RandomTransformer("tanh", ridge=0.1)
taus = np.geomspace(0.2, 20, 36)
rows = []
for tau in taus:
    where = he.Ratios(alpha=1, kappa=1, tau=tau, mu=2)
    slope = icl_gradient(head, task, where)
    error = he.icl_error(head, task, where).icl
    rows.append([where.alpha * slope.d_alpha, where.kappa * slope.d_kappa, tau * slope.d_tau, where.mu * slope.d_mu])
    rows[-1] = [value / error for value in rows[-1]]
elasticities = np.array(rows)

figure, axes = plt.subplots(figsize=(6.8, 4.2), layout="constrained")
names = ("context length α", "training tasks κ", "training contexts τ", "hidden units μ")
for colour, dashes, name, column in zip(COLOURS, ("-", "--", "-.", ":"), names, elasticities.T, strict=False):
    axes.semilogx(taus, column, dashes, color=colour, label=name)
axes.axhline(0, color="black", linewidth=0.6)
axes.axvline(2, color="grey", linewidth=0.8)
axes.text(2, -1.45, " n = m", color="grey")
axes.set(xlabel="training contexts τ = n/d²", ylabel="elasticity of the ICL error", ylim=(-1.5, 1.5))
axes.set_title("tanh, α = κ = 1, μ = 2, target tanh, ρ = 0.1, d = ∞", fontsize=10)
axes.set_xticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
axes.minorticks_off()
axes.legend(frameon=False)

# %%
# Below zero, more of it helps. On the left of the peak more training contexts hurt, and on its right more
# hidden units do; far on the right, longer contexts help most.

assert (elasticities[taus < 2, 2] > 0).all()
assert (elasticities[taus > 2, 3] > 0).all()
assert elasticities[-1].argmin() == 0
print(dict(zip(names, elasticities[-1].round(2).tolist(), strict=True)))

plt.show()
