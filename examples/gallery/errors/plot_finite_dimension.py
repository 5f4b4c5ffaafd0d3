r"""
What does a finite dimension change?
====================================

The limit :math:`d\to\infty` at fixed ratios is a formula in a few numbers. At the :math:`d` of an experiment
three things differ: the readout has the ridge :math:`\lambda/d` per sample, which vanishes in the limit,
:math:`h` has :math:`d(d+1)` entries, and the norms of inputs, tasks and contexts fluctuate. ``Sizes`` has the
prediction for a :math:`d`, ``Ratios`` the limit.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he

task, head = he.Task("relu", noise=0.1), he.RandomTransformer("relu", ridge=0.1)
taus = np.geomspace(0.25, 4, 31)
curves = []
for d in (16, 32, 64):
    sizes = he.Sizes.from_ratios(d, alpha=1, kappa=1, tau=1, mu=1)
    curves.append(he.icl_curve(head, task, sizes, samples=[int(tau * d * d) for tau in taus]))
limit = he.icl_curve(head, task, he.Ratios(alpha=1, kappa=1, tau=1, mu=1), tau=np.geomspace(0.25, 4, 120))
axes = he.plotting.plot_curve([*curves, limit])

# %%
# In the limit the ridge plays no role, and the peak at :math:`\tau=\mu` is infinite; at finite :math:`d` it
# is finite, and lower the smaller :math:`d` is. Away from the peak the gap to the limit closes with
# :math:`d`:

sizes = {d: he.Sizes.from_ratios(d, alpha=1, kappa=1, tau=4, mu=1) for d in (16, 32, 64, 128)}
infinite = he.icl_error(head, task, sizes[16].ratios).icl
gaps = {d: he.icl_error(head, task, size).icl / infinite - 1 for d, size in sizes.items()}
print({d: f"{gap:.1%}" for d, gap in gaps.items()})
slope = np.polyfit(np.log(list(gaps)), np.log(np.abs(list(gaps.values()))), 1)[0]
assert -1.2 < slope < -0.8
assert [curve.icl.max() for curve in curves] == sorted(curve.icl.max() for curve in curves)

plt.show()
