r"""
Which kernel is my layer?
=========================

A layer of random weights that is wide enough is its kernel: the correlation :math:`\rho` of two inputs
becomes

.. math:: \kappa(\rho)=\mathbb E\,\sigma(g)\sigma(g'),\qquad \operatorname{Cov}(g,g')=\rho,

and more layers apply it again (NNGP). ``layer_kernel`` has it in closed form where there is one, with the
kernel of gradients (NTK) beside it.
"""

import matplotlib.pyplot as plt
import numpy as np

from hermite_eq.expansion import layer_kernel
from hermite_eq.plotting import COLOURS

rho = np.linspace(-1, 1, 201)
deep = {depth: layer_kernel(["relu"] * depth, weight_variance=2) for depth in (1, 2, 4)}
shallow = {name: layer_kernel([name]) for name in ("tanh", "erf", "gelu")}

# %%
# A network of finite width draws its weights once, and what it has is the correlation of its features at two
# inputs. The mean over forty networks of one layer with 400 ReLU neurons lies on the kernel.

rng = np.random.default_rng(0)
places = np.array([-0.6, 0.0, 0.6])
products = []
for place in places:
    first, of_erf = np.sqrt(2) * rng.standard_normal((2, 40, 400))
    second = place * first + np.sqrt(1 - place**2) * of_erf
    products.append(2 * (np.maximum(first, 0) * np.maximum(second, 0)).mean(axis=1))
means = np.mean(products, axis=1)
stderrs = np.std(products, axis=1, ddof=1) / np.sqrt(40)
assert (abs(means - deep[1].nngp(places)) < 3 * stderrs).all()

figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 4.0), layout="constrained")
for colour, (depth, kernel) in zip(COLOURS, deep.items(), strict=False):
    left.plot(rho, kernel.nngp(rho) / kernel.nngp(1.0), color=colour, label=f"{depth} layer{'s' * (depth > 1)}")
scale = deep[1].nngp(1.0)
left.errorbar(places, means / scale, stderrs / scale, fmt="o", color=COLOURS[0], capsize=2, label="1 layer, 40 networks")
left.set_title("ReLU layers, $\\sigma_w^2=2$")
for colour, dashes, (name, kernel) in zip(COLOURS[3:], ("-", "--", "-"), shallow.items(), strict=False):
    right.plot(rho, kernel.nngp(rho) / kernel.nngp(1.0), dashes, color=colour, label=name)
right.set_title("one layer, $\\sigma_w^2=1$")
for axes in (left, right):
    axes.set(xlabel="correlation ρ of two inputs", ylabel="kernel, relative to ρ = 1", xticks=[-1, -0.5, 0, 0.5, 1])
    axes.legend(frameon=False, fontsize=8)

# %%
# The kernels of tanh and erf, relative to their largest value, differ by less than 0.01. That of erf has a
# closed form.

of_tanh, of_erf = (shallow[name].nngp(rho) / shallow[name].nngp(1.0) for name in ("tanh", "erf"))
assert abs(of_tanh - of_erf).max() < 0.01
print(shallow["erf"].nngp_exact)

plt.show()
