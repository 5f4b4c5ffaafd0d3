r"""
What is the best ridge?
=======================

The readout minimises :math:`\sum(y-\hat y)^2+\lambda\frac nd\|w\|^2`. The :math:`\lambda` of least predicted
in-context error depends on the number of training contexts; how far a fixed one is from it is the distance of
the curves.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS
from hermite_eq.theory import optimal_ridge_curve

task, head = he.Task("relu", noise=0.1), he.RandomTransformer("relu", ridge=0.1)
where = he.Sizes.from_ratios(32, alpha=1, kappa=1, tau=1, mu=1)
samples = [int(tau * 32**2) for tau in np.geomspace(0.2, 8, 25)]
best = optimal_ridge_curve(head, task, [he.Sizes(32, 32, 32, n, where.hidden) for n in samples])
fixed = {ridge: he.icl_curve(he.RandomTransformer("relu", ridge=ridge), task, where, samples=samples).icl for ridge in (0.1, 10.0)}

taus = np.array(samples) / 32**2
figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.8), layout="constrained")
for colour, (ridge, errors) in zip(COLOURS[1:], fixed.items(), strict=False):
    left.loglog(taus, errors, color=colour, label=f"λ = {ridge:g}")
left.loglog(taus, best.error, color=COLOURS[0], label="the best λ")
left.set_ylabel("ICL error")
left.legend(frameon=False)
right.loglog(taus, best.ridge, color=COLOURS[0])
right.set_ylabel("best ridge λ")
for axes, ticks in ((left, [0.4, 0.5, 0.7, 1, 1.5, 2]), (right, [30, 50, 100, 200, 400])):
    axes.set_xlabel("training contexts τ = n/d²")
    axes.set_xticks([0.2, 0.5, 1, 2, 4, 8], ["0.2", "0.5", "1", "2", "4", "8"])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
figure.suptitle("relu, d = 32, α = κ = μ = 1, target relu, ρ = 0.1", fontsize=10)

# %%
# At the best ridge there is no interpolation peak: more training contexts are always better. Its
# :math:`\lambda` falls with :math:`n`.

assert (np.diff(best.error) < 0).all()
assert (np.diff(best.ridge) < 0).all()
assert all((errors >= best.error * (1 - 1e-9)).all() for errors in fixed.values())
print(f"λ from {best.ridge[0]:.0f} at τ = {taus[0]:.2f} to {best.ridge[-1]:.0f} at τ = {taus[-1]:.2f}")

plt.show()
