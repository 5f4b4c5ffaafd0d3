r"""
When does softmax attention help?
=================================

With the weights :math:`p_i\propto e^{\beta x_i^\top x/\nu}` in place of :math:`1/\ell` attention reads fewer
examples, and nearer ones. :math:`\beta=0` is linear attention.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS

task = he.Task("relu", noise=0.1)
sizes = he.Sizes(d=12, context=24, tasks=math.inf, samples=288, hidden=144)
heads = [he.LinearTransformer(0.1), he.LinearTransformer(0.1, intercept=True), he.RandomTransformer("tanh", ridge=0.1)]
sharpness = [0, 0.25, 0.5, 1]
theory = np.array([[he.icl_error(head, he.SoftmaxAttention(task, beta), sizes).icl for head in heads] for beta in sharpness])

# %%
# Twelve simulated Transformers at the sharpness ½, on common draws, are within three standard errors of it.

simulated = he.simulate.icl_error(heads, he.SoftmaxAttention(task, 0.5), sizes, runs=12, rng=0)
for head, dots, expected in zip(heads, simulated, theory[2], strict=True):
    print(f"{head}: theory {expected:.3f}, simulation {dots.icl.mean:.3f} ± {dots.icl.stderr:.3f}")
    assert abs(dots.icl.mean - expected) < 3 * dots.icl.stderr

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
entries = []
for colour, dashes, dots, line in zip(COLOURS, ("-", "--", "-."), simulated, theory.T, strict=False):
    (drawn,) = axes.plot(sharpness, line, dashes, color=colour)
    entries.append((drawn, axes.errorbar(0.5, dots.icl.mean, dots.icl.stderr, fmt="o", color=colour, capsize=2)))
axes.legend(entries, [str(head) for head in heads], title="lines: theory, markers: 12 runs", frameon=False)
axes.set(xlabel="sharpness β", ylabel="ICL error")
axes.set_title("λ = 0.1, d = 12, α = 2, κ = ∞, τ = 2, μ = 1, target relu, ρ = 0.1", fontsize=9)

# %%
# ReLU's labels have a mean. A linear head without a constant, and a tanh head, which is odd, cannot fit it: a
# small :math:`\beta` takes a sixth and more of their error away, as the mean of :math:`h` along the identity
# then is such a constant. Where the head has one already nothing is gained.

gain = theory.min(axis=0) / theory[0] - 1
print(dict(zip(map(str, heads), (f"{value:.1%}" for value in gain), strict=True)))
assert max(gain[0], gain[2]) < -1 / 6
assert gain[1] == 0

plt.show()
