r"""
How fast does the equivalent model approach the Transformer?
============================================================

That :math:`\hat\sigma_r` has the same in-context error as :math:`\sigma` is a statement on the limit. At
finite :math:`d` there is a gap,

.. math:: \frac{e(\hat\sigma_r)}{e(\sigma)}-1,

which the theory at finite ``Sizes`` predicts and a simulation on common draws measures.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS

task = he.Task("relu", noise=0.1)
heads = [he.RandomTransformer("relu", ridge=0.1)]
heads += [he.RandomTransformer(he.equivalent_model("relu", degree=r), ridge=0.1) for r in (1, 2)]
fine = [8, 12, 16, 24, 32, 48, 64, 96]
where = he.Sizes.from_ratios(16, alpha=1, kappa=1, tau=3, mu=1)
theory = [curve.icl for curve in he.icl_curve(heads, task, where, d=fine)]
few = [8, 12, 16]
simulated = he.simulate.icl_curve(heads, task, where, d=few, runs=16, rng=0)

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
entries = []
for colour, marker, line, dots in zip(COLOURS, "^s", theory[1:], simulated[1:], strict=False):
    differences = (dots.icl_runs - simulated[0].icl_runs) / simulated[0].icl_runs.mean(axis=0)
    stderr = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    (drawn,) = axes.plot(fine, line / theory[0] - 1, color=colour)
    entries.append((drawn, axes.errorbar(few, differences.mean(axis=0), stderr, fmt=marker, color=colour, mfc="none", capsize=2)))
axes.legend(entries, ["degree 1", "degree 2"], title="lines: theory, markers: 16 runs", frameon=False)
axes.axhline(0, color="black", linewidth=0.6)
axes.set_xscale("log")
axes.set_xticks(fine, [str(d) for d in fine])
axes.minorticks_off()
axes.set(xlabel="dimension d", ylabel="e(equivalent)/e(ReLU) − 1", title="relu, λ = 0.1, α = κ = μ = 1, τ = 3, target relu, ρ = 0.1")

# %%
# Degree 1 has less error than ReLU and degree 2 more. The gap vanishes as :math:`1/d`: from :math:`d=24` to
# 96 the slope of its logarithm is near −1 for both.

for degree in (1, 2):
    gap = abs(theory[degree] / theory[0] - 1)[-5:]
    slope = np.polyfit(np.log(fine[-5:]), np.log(gap), 1)[0]
    print(f"degree {degree}: gap {gap[-1]:.1%} at d = 96, slope {slope:.2f}")
    assert -1.3 < slope < -0.7

plt.show()
