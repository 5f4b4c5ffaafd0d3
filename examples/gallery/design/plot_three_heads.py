r"""
Which of three heads is best as the training data grow?
=======================================================

A linear Transformer, with a constant fitted, and heads of random ReLU and tanh features, each at its own best
ridge at every :math:`\tau=n/d^2`.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he
from hermite_eq.plotting import COLOURS
from hermite_eq.theory import optimal_ridge_curve

heads = [he.LinearTransformer(0.1, intercept=True), he.RandomTransformer("relu", 0.1), he.RandomTransformer("tanh", 0.1)]
taus = np.geomspace(0.25, 16, 13)
points = [he.Sizes.from_ratios(24, alpha=1, kappa=4, tau=tau, mu=4) for tau in taus]
figure, panels = plt.subplots(1, 2, figsize=(9.2, 4.0), layout="constrained", sharey=True)
errors = {}
for axes, target in zip(panels, ("relu", "tanh"), strict=True):
    for colour, head in zip(COLOURS, heads, strict=False):
        errors[target, str(head)] = optimal_ridge_curve(head, he.Task(target, noise=0.1), points).error
        axes.semilogx(taus, errors[target, str(head)], color=colour, label=str(head))
    axes.set(xlabel="training contexts τ = n/d²", ylabel="ICL error at the best ridge", title=f"target {target}")
    axes.set_xticks([0.25, 1, 4, 16], ["0.25", "1", "4", "16"])
    axes.minorticks_off()
    axes.label_outer()
    axes.legend(frameon=False)
figure.suptitle("d = 24, α = 1, κ = μ = 4, ρ = 0.1", fontsize=10)

# %%
# The linear head with a constant is best throughout, for the target ReLU too: at its best ridge a nonlinear
# head gains nothing by what is not linear in :math:`h`. A tanh head, which is odd, cannot fit the mean of
# ReLU's labels.

for target in ("relu", "tanh"):
    linear, relu, tanh = (errors[target, str(head)] for head in heads)
    assert (linear < np.minimum(relu, tanh)).all()
    print(f"target {target}, τ = {taus[-1]:g}: linear {linear[-1]:.3f}, relu {relu[-1]:.3f}, tanh {tanh[-1]:.3f}")
assert (errors["relu", "tanh"] > errors["relu", "relu"] + 0.1).all()

plt.show()
