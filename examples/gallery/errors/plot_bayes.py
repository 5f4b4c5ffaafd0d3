r"""
What can no Transformer beat?
=============================

For linear tasks the best possible answer is known: given the context, the mean of the posterior of
:math:`\xi`, which is ridge regression within the context with the penalty :math:`\rho`,

.. math:: e_{\mathrm{Bayes}}=\rho+\frac{\rho}{d}\,\mathbb E\operatorname{tr}(X^\top X+\rho)^{-1}
    \to\rho+\rho\Big\langle\frac1{\alpha s+\rho}\Big\rangle,

the mean over the Marchenko-Pastur law. Linear attention sees :math:`X^\top y` alone, and not
:math:`X^\top X`.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS
from hermite_eq.theory import bayes_error, exact_bayes_error

task = he.Task("identity", noise=0.1)
alphas = np.geomspace(0.25, 16, 40)
bound = bayes_error(task, alphas)
figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
axes.loglog(alphas, bound, color="black", label="Bayes, d = ∞")
few = [0.5, 1, 2, 4, 8]
axes.loglog(few, [exact_bayes_error(task, he.Sizes(16, int(16 * alpha), 1, 1)) for alpha in few], "ko", label="Bayes, d = 16")
for colour, tau in zip(COLOURS, (2, 8, 1000), strict=False):
    where = he.Ratios(alpha=1, kappa=math.inf, tau=tau)
    errors = he.icl_curve(he.LinearTransformer(ridge=1e-6), task, where, alpha=alphas).icl
    axes.loglog(alphas, errors, color=colour, label=f"linear attention, τ = {tau}")
axes.axhline(task.noise, color="grey", linestyle=":", label="label noise ρ")
axes.set(xlabel="context length α = ℓ/d", ylabel="ICL error", title="target identity, ρ = 0.1, κ = ∞, λ = 1e-6")
axes.legend(frameon=False, fontsize=8)

# %%
# Even with a thousand :math:`d^2` training contexts linear attention stays above the bound: by the largest
# factor, more than two, where the context has a few times :math:`d` examples.

assert (errors > bound).all()
worst = np.argmax(errors / bound)
assert 2 < alphas[worst] < 4
assert errors[worst] > 2 * bound[worst]
print(f"linear attention has at most {errors[worst] / bound[worst]:.2f} times the Bayes error, at α = {alphas[worst]:.2f}")

plt.show()
