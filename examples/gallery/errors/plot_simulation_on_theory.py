r"""
Does a simulated Transformer lie on the theory?
===============================================

``he.simulate`` trains Transformers on drawn contexts and tests them on fresh ones; ``he.icl_curve`` uses no
random numbers. Both take the same objects, and share nothing else. Error bars are one standard error over
independent runs, which are common to the three heads.
"""

import matplotlib.pyplot as plt
import numpy as np

import hermite_eq as he

task = he.Task("relu", noise=0.1)
heads = [
    he.RandomTransformer("relu", ridge=0.1),
    he.RandomTransformer(he.equivalent_model("relu", degree=2), ridge=0.1),
    he.LinearTransformer(ridge=0.1, intercept=True),
]
sizes = he.Sizes.from_ratios(16, alpha=1, kappa=1, tau=1, mu=1)
lines = he.icl_curve(heads, task, sizes, samples=[int(n) for n in np.geomspace(64, 1024, 25)])
few = [64, 128, 200, 256, 330, 512, 1024]
dots = he.simulate.icl_curve(heads, task, sizes, samples=few, runs=12, rng=0)
axes = he.plotting.plot_curve([*lines, *dots])

# %%
# Every simulated error is within three standard errors of the theory at the same :math:`d`. The equivalent
# model of degree 2 has more error than the ReLU head here, and the theory says so.

for head, simulated in zip(heads, dots, strict=True):
    theory = he.icl_curve(head, task, sizes, samples=few).icl
    scores = (simulated.icl.mean - theory) / simulated.icl.stderr
    assert (abs(scores) < 3).all(), (head, scores)
    print(f"{head}: {np.round(scores, 1)} standard errors, {np.round(simulated.icl.mean / theory - 1, 3)} relatively")

assert (lines[1].icl > lines[0].icl).all()

plt.show()
