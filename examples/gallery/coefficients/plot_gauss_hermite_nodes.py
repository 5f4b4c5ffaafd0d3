r"""
How far off is Gauss-Hermite quadrature for ReLU?
=================================================

The usual way to coefficients is Gauss-Hermite quadrature,
:math:`c_k\approx\sum_i w_i\,\sigma(x_i)\,\mathrm{He}_k(x_i)`. It is exact for polynomials, and slow for an
activation with a kink. Here it is beside the exact :math:`c_0=c_2=1/\sqrt{2\pi}` of ReLU.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS

exact = he.coefficients("relu", degree=2)
print(exact[0], exact[2], exact.method)

nodes = np.unique(np.geomspace(5, 370, 40).astype(int))
off = {0: [], 2: []}
for count in nodes:
    x, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    for k, powers in ((0, 1.0), (2, x**2 - 1)):
        off[k].append(abs(np.sum(weights * np.maximum(x, 0) * powers) - float(exact[k])))

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for colour, marker, (k, errors) in zip(COLOURS, "os", off.items(), strict=False):
    axes.loglog(nodes, errors, marker, color=colour, markersize=4, label=f"$c_{k}$ by Gauss-Hermite")
axes.loglog(nodes, 0.3 / nodes, color="black", linestyle=":", label="slope −1")
axes.set(xlabel="nodes", ylabel="absolute error", title="Gauss-Hermite quadrature of ReLU's coefficients")
axes.legend(frameon=False)

# %%
# The error falls as the inverse of the number of nodes: with a hundred of them or fewer it is above
# :math:`10^{-3}` throughout.

assert min(error for count, error in zip(nodes, off[2], strict=True) if count <= 100) > 1e-3
slope = np.polyfit(np.log(nodes), np.log(off[2]), 1)[0]
assert abs(slope + 1) < 0.1
print(f"slope {slope:.2f}; with {nodes[-1]} nodes c_2 is off by {off[2][-1]:.1e}")

# %%
# More nodes do not help for long: NumPy's weights are not a number from 372 nodes on. The library has these
# coefficients in closed form, and can enclose a coefficient by ball arithmetic.

with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)
    assert np.isnan(np.polynomial.hermite_e.hermegauss(372)[1]).any()
print(exact.enclosure(2, digits=30))

plt.show()
