r"""
How does what is left of an activation fall with the degree?
============================================================

The residual :math:`c_r^*` is what an equivalent model of degree :math:`r` replaces by noise. How fast it
falls is decided by the roughest point of :math:`\sigma`: a jump gives :math:`c_k^2/k!\sim k^{-3/2}`, a kink
:math:`k^{-5/2}`, a jump of the second derivative :math:`k^{-7/2}`, where :math:`\sigma` is analytic the decay
is faster than any power. As :math:`c_r^{*2}` sums these,

.. math:: \frac{c_k^2}{k!}\sim k^{-p}\quad\Longrightarrow\quad c_r^*\sim r^{-(p-1)/2}.

The exponent :math:`-p` comes in closed form, as ``coefficients(sigma).tail``.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS

degrees = np.array([2, 4, 8, 16, 32, 64, 128, 256])
figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for colour, marker, name in zip(COLOURS, "os^", ("sign", "relu", "relu(x)^2"), strict=False):
    c = he.coefficients(name, degree=256)
    residuals = np.array([float(c.residual(r)) for r in degrees])
    slope = float(c.tail.exponent + 1) / 2
    axes.loglog(degrees, residuals, marker, color=colour, label=f"{name}: slope −{-slope:g}")
    axes.loglog(degrees, residuals[-1] * (degrees / degrees[-1]) ** slope, color=colour, linewidth=1)
    measured = np.diff(np.log(residuals[-2:])).item() / np.log(2)
    assert abs(measured - slope) < 0.02, (name, measured)

smooth = he.coefficients("tanh", degree=64)
shown = degrees[degrees <= 64]
axes.loglog(shown, [float(smooth.residual(r)) for r in shown], "D--", color=COLOURS[3], markersize=4, label="tanh: faster than any power")
axes.set(xlabel="degree r", ylabel="residual $c_r^*$", ylim=(1e-5, 2), title="residuals (markers) and their rates (lines)")
axes.legend(frameon=False)

# %%
# So the residual of ReLU falls as :math:`r^{-3/4}`, and that of sign only as :math:`r^{-1/4}`. The law of
# ReLU's coefficients, :math:`c_k^2/k!`, with its constant, is

print(he.coefficients("relu").tail.leading)

plt.show()
