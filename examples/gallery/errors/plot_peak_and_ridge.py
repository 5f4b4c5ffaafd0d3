r"""
Where is the interpolation peak, and does the ridge remove it?
==============================================================

With too few training contexts a Transformer fits them all, noise included, and its in-context error peaks
where it only just can: at :math:`n=m` for a random head, at :math:`n=d^2` (in the limit) for a linear one.
The readout :math:`w` minimises

.. math:: \sum_{i\le n}(y_i-\hat y_i)^2+\lambda\frac nd\|w\|^2 .
"""

import itertools

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.theory import interpolation_peak

task = he.Task("relu", noise=0.1)
sizes = he.Sizes.from_ratios(32, alpha=1, kappa=1, tau=1, mu=1)
samples = [int(tau * 32**2) for tau in np.geomspace(0.2, 5, 45)]
ridges = (1e-4, 1e-2, 1.0, 20.0)
heads = [he.RandomTransformer("relu", ridge=ridge) for ridge in ridges]
curves = he.icl_curve(heads, task, sizes, samples=samples)
axes = he.plotting.plot_curve(curves)

# %%
# ``interpolation_peak`` refines it between the points of the curve. The larger the ridge, the lower the peak,
# and the fewer contexts it is at.

peaks = [interpolation_peak(head, task, sizes) for head in heads]
for head, peak in zip(heads, peaks, strict=True):
    print(f"λ = {head.ridge:g}: error {peak.height:.2f} at τ = {peak.position:.2f}")
assert all(peak.height > next_peak.height and peak.position > next_peak.position for peak, next_peak in itertools.pairwise(peaks))

# %%
# At the largest ridge drawn the error nearly falls with :math:`n` throughout: the most it rises to is within
# a hundredth of where the curve begins.

assert abs(peaks[-1].height / curves[-1].icl[0] - 1) < 0.01

plt.show()
