r"""
How are pre-activations and the label's argument correlated?
============================================================

A hidden unit sees :math:`f^\top h`, :math:`h=\mathrm{vec}\,H_Z`, and the label depends on :math:`\xi^\top x`
of the query. Given the task :math:`\xi` and the first layer :math:`F` their covariance is exact at every
:math:`d` and :math:`\ell`:

.. math:: \operatorname{Cov}(F^\top h,\ \xi^\top x)=
    \begin{pmatrix}F^\top\operatorname{Cov}(h)F & F^\top\operatorname{Cov}(h,\xi^\top x)\\ \cdot & \|\xi\|^2/d\end{pmatrix}.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he

d, units = 16, 8
task = he.Task("relu", noise=0.1)
sizes = he.Sizes(d=d, context=d, tasks=1, samples=1)
xi = np.random.default_rng(1).standard_normal(d)
drawn = he.simulate.preactivations(task, sizes, units=units, count=40_000, rng=0, xi=xi)
exact = he.covariance(task).given(xi, context=d).matrix(drawn.F)

# %%
# Beside it, the covariance of forty thousand drawn contexts with the same :math:`\xi` and :math:`F`. Their
# difference is the noise of the draws: it is below six standard errors of the covariance of Gaussian
# variables in every entry.

measured = np.cov(np.column_stack([drawn.z, drawn.signal]), rowvar=False)
variances = np.diag(exact)
assert (abs(measured - exact) < 6 * np.sqrt((np.outer(variances, variances) + exact**2) / len(drawn.z))).all()

names = [f"$z_{{{i + 1}}}$" for i in range(units)] + [r"$\xi^\top x$"]
figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained", sharey=True)
shown = (("exact", exact, 0.8), ("40,000 contexts", measured, 0.8), ("difference", measured - exact, 0.02))
for axes, (title, table, limit) in zip(panels, shown, strict=True):
    image = axes.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set(title=title, xlabel="covariance with")
    axes.set_xticks(range(units + 1), names, fontsize=8)
    axes.set_yticks(range(units + 1), names, fontsize=8)
    figure.colorbar(image, ax=axes, location="bottom", shrink=0.8)
panels[0].set_ylabel("covariance of")
figure.suptitle("Pre-activations of 8 units and the label's argument, d = ℓ = 16, target ReLU, ρ = 0.1, given ξ and F", fontsize=9)

# %%
# Every unit has a little of the label's argument, in the last row: a covariance of the order
# :math:`d^{-1/2}`, so that what the head learns is spread over many units. Over random :math:`F`, and in the
# limit, :math:`d` times its mean square is

print(he.covariance(task).limit().entries["q"])

plt.show()
