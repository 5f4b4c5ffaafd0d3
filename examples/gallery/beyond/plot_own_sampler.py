r"""
Does my own sampler behave as Gaussian?
=======================================

``assert_gaussian`` is a test for your test suite: it raises an error where samples contradict the claim that
they are Gaussian with the covariance you state. Its false-alarm rate is declared (one in a million calls
unless you say otherwise), and where the samples are too few to see a deviation it says so instead of passing.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS
from hermite_eq.testing import Deviation, UniversalityError, assert_gaussian

rng = np.random.default_rng(0)
normal = rng.standard_normal(4000)
check = assert_gaussian(normal, 1.0)
print(check.verdict)
print(check.power)

# %%
# A sampler with heavier tails and the right variance is refused:

heavy = rng.standard_t(5, size=4000) / np.sqrt(5 / 3)
try:
    assert_gaussian(heavy, 1.0)
except UniversalityError as error:
    print(error)
else:
    raise AssertionError("samples of Student's law pass as Gaussian")

# %%
# The pre-activations of a Transformer are Gaussian in the limit alone. At finite :math:`d` they are scale
# mixtures of Gaussians, as :math:`\|h\|` varies from context to context, up to a deviation :math:`C/d` with a
# constant that the library knows. The claim that includes it holds:

task, d = he.Task("relu", noise=0.1), 20
constant = he.covariance(task).norm_law().numeric(alpha=1)["variance"]
z = he.simulate.preactivations(task, he.Sizes(d, d, 1, 1), units=1, count=8000, rng=0).z
print(f"deviation {constant:.2f}/d:", assert_gaussian(z, 1.0, deviation=Deviation(constant, order=-1, d=d), resolution=0.5).verdict)

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
grid = np.linspace(-5, 5, 41)
samples = {"normal": normal, "Student t, 5 degrees": heavy, f"pre-activations, d = {d}": z[:, 0]}
for colour, marker, (name, values) in zip(COLOURS, "os^", samples.items(), strict=False):
    counts, _ = np.histogram(values, grid)
    density = counts / len(values) / (grid[1] - grid[0])
    axes.semilogy((grid[1:] + grid[:-1]) / 2, np.where(counts > 0, density, np.nan), marker, color=colour, markersize=4, label=name)
axes.semilogy(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color="black", linewidth=1, label="Gaussian density")
axes.set(xlabel="sample, in standard deviations", ylabel="density", title="Three samplers of mean 0 and variance 1", ylim=(1e-5, 1))
axes.legend(frameon=False)

plt.show()
