r"""
Which degree of equivalent model does my activation need?
=========================================================

A random layer sees an activation through its Hermite coefficients
:math:`c_k=\mathbb E[\sigma(g)\,\mathrm{He}_k(g)]`. The equivalent model of degree :math:`r` keeps the first
of them and replaces the rest by Gaussian noise of the same size,

.. math:: \hat\sigma_r(x)=\sum_{k\le r}\frac{c_k}{k!}\mathrm{He}_k(x)+c_r^*z,\qquad
    c_r^{*2}=\mathbb E\,\sigma(g)^2-\sum_{k\le r}\frac{c_k^2}{k!}.

What is replaced by noise is the share :math:`c_r^{*2}/\operatorname{Var}\sigma(g)` of the variance.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS

degrees = np.arange(1, 11)
shares = {}
for name in ("relu", "gelu", "tanh", "erf", "sign"):
    c = he.coefficients(name, degree=10)
    variance = float(c.norm2) - float(c[0]) ** 2
    shares[name] = np.array([float(c.residual(r)) ** 2 for r in degrees]) / variance

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for (name, share), colour, marker in zip(shares.items(), COLOURS, "os^Dv", strict=False):
    axes.semilogy(degrees, share, color=colour, marker=marker, label=name)
axes.set(xlabel="degree r of the equivalent model", ylabel=r"share that is noise, $c_r^{*2}/\mathrm{Var}\,\sigma(g)$")
axes.set_title("What the equivalent model of degree r treats as noise")
axes.legend(frameon=False)

# %%
# Odd activations gain nothing from an even degree: every other step of tanh, erf and sign is flat, and the
# line :math:`x/2` plus the even :math:`|x|/2`, is flat at the odd degrees from 3 on. At degree 2 ReLU and
# GELU have less noise than tanh and erf; at degree 4 what is noise is below two per cent for all but sign,
# which jumps: there it is still a quarter.

assert max(shares[name][1] for name in ("relu", "gelu")) < min(shares[name][1] for name in ("tanh", "erf"))
assert max(shares[name][3] for name in ("relu", "gelu", "tanh", "erf")) < 0.02
assert 0.25 < shares["sign"][3] < 0.26
print({name: f"{share[1]:.1%} at r = 2, {share[3]:.1%} at r = 4" for name, share in shares.items()})

# %%
# The model of degree 2 of ReLU, as it goes into a paper:

print(he.equivalent_model("relu", degree=2).latex())

plt.show()
