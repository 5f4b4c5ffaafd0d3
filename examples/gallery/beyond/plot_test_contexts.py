r"""
What if contexts are longer in the test than in training?
=========================================================

A Transformer is trained on contexts of :math:`\ell` examples and asked about contexts of :math:`\ell'`. The
error of a linear head is :math:`A+B/\ell'` with :math:`B>0`: it gains from every example. For a ReLU head
that is not so clear, as its pre-activations shrink with longer contexts, and with them the mean label that it
predicts.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.theory import optimal_test_context

task = he.Task("softplus", noise=0.01)
heads = [he.LinearTransformer(0.1, intercept=True), he.RandomTransformer("relu", 0.1)]
sizes = he.Sizes.from_ratios(16, alpha=1, kappa=1, tau=2, mu=1)
lengths = [4, 8, 16, 32, 64, 128, 256]
theory = he.icl_curve(heads, task, sizes, test_context=np.unique(np.geomspace(4, 320, 20).astype(int)))
simulated = he.simulate.icl_curve(heads, task, sizes, test_context=lengths, runs=8, rng=0)
axes = he.plotting.plot_curve([*theory, *simulated])
axes.axvline(1, color="grey", linestyle=":", linewidth=0.8)

# %%
# The dotted line is the length of training. The linear head gains throughout; the ReLU head is best at a
# finite length.

assert (np.diff(theory[0].icl) < 0).all()
least = theory[1].icl.argmin()
assert 0 < least < len(theory[1].icl) - 1
print(f"least error of the ReLU head at {theory[1].values[least]} examples, {theory[1].values[least] / 16:.2g} times those of training")

# %%
# In the limit the best length is

ratios = he.Ratios(alpha=1, kappa=1, tau=2, mu=4)
for head in heads:
    print(head, optimal_test_context(head, task, ratios))

plt.show()
