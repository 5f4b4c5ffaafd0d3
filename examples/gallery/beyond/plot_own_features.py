r"""
How does ridge regression learn on a spectrum of my own?
========================================================

You have features with covariance eigenvalues :math:`\lambda_k` and a target with the share :math:`\beta_k^2`
along each. How well :math:`n` samples and :math:`p` random features do needs no fit. For power laws
:math:`\lambda_k=k^{-a}`, :math:`\beta_k^2=k^{-1-2ar}` the error falls as a power of :math:`n` with a known
exponent, ``power_law_rates``.
"""

import matplotlib.pyplot as plt
import numpy as np

from hermite_eq.plotting import COLOURS
from hermite_eq.theory import power_law_rates, random_features, ridge

k = np.arange(1, 20_001.0)
capacity, source = 2.0, 0.3
spectrum, alignment = k**-capacity, k ** (-1 - 2 * capacity * source)
n = np.geomspace(30, 3000, 25)

noises = (0.0, 0.1)
curves = [ridge(spectrum, alignment, n=n, ridge=1.0, noise=noise) for noise in noises]

# %%
# The ridge :math:`\lambda=n^{1-\ell}` is 1 where :math:`\ell=1`. The slope at the largest :math:`n` drawn is
# that of the theorem up to 0.03.

rate = power_law_rates(capacity, source, ridge=1.0).bias
last = np.diff(np.log(curves[0].test[-2:])).item() / np.diff(np.log(n[-2:])).item()
print(f"slope {last:.3f}, rate {-rate:.3f}")
assert abs(last + rate) < 0.03

# %%
# Fits of drawn Gaussian features with the same spectrum, cut at 2000 of them, are within a tenth of the
# theory.

rng = np.random.default_rng(0)
cut, counts = 2000, (60, 240, 960)
weights = np.sqrt(alignment[:cut] / spectrum[:cut])
means, stderrs = [], []
for count in counts:
    excess = []
    for _ in range(6):
        x = rng.standard_normal((count, cut)) * np.sqrt(spectrum[:cut])
        y = x @ weights + np.sqrt(0.1) * rng.standard_normal(count)
        fitted = x.T @ np.linalg.solve(x @ x.T + np.eye(count), y)
        excess.append(np.sum(spectrum[:cut] * (fitted - weights) ** 2))
    means.append(np.mean(excess))
    stderrs.append(np.std(excess, ddof=1) / np.sqrt(6))
expected = ridge(spectrum[:cut], alignment[:cut], n=counts, ridge=1.0, noise=0.1).test - 0.1
assert (abs(means / expected - 1) < 0.1).all()

# %%
# With :math:`p` random ReLU features of them instead, and a small ridge, the error peaks at :math:`p=n`, and
# falls with every feature beyond.

p = np.geomspace(30, 3000, 60)
wide = {count: random_features(spectrum, alignment, n=count, p=p, sigma="relu", ridge=1e-3, noise=0.1).test for count in (100, 300)}
for count, errors in wide.items():
    assert abs(np.log(p[errors.argmax()] / count)) < 0.1
    assert (np.diff(errors[p > 1.1 * count]) < 0).all()

figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 4.0), layout="constrained")
lines = [left.loglog(n, curve.test - noise, color=colour)[0] for colour, curve, noise in zip(COLOURS, curves, noises, strict=False)]
dots = left.errorbar(counts, means, stderrs, fmt="o", color=COLOURS[1], capsize=2)
(dotted,) = left.loglog(n, curves[0].test[-1] * (n / n[-1]) ** -rate, "k:")
left.legend([lines[0], (lines[1], dots), dotted], ["ρ = 0", "ρ = 0.1; markers: 6 fits", f"$n^{{-{rate:.2g}}}$"], frameon=False)
left.set(xlabel="samples n", ylabel="excess test error", title="ridge regression, λ = 1")
for colour, (count, errors) in zip(COLOURS[2:], wide.items(), strict=False):
    right.loglog(p, errors, color=colour, label=f"n = {count}")
    right.axvline(count, color=colour, linestyle=":", linewidth=0.8)
right.set(xlabel="random features p", ylabel="test error", title="random ReLU features, λ = 1e-3, ρ = 0.1")
right.set_yticks([0.2, 0.3, 0.5, 1], ["0.2", "0.3", "0.5", "1"])
right.minorticks_off()
right.legend(frameon=False)

plt.show()
