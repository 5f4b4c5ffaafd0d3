r"""
What does one gradient step on the first layer add?
===================================================

A head with a random first layer :math:`F` sees no direction of the data in particular. After one step of
gradient descent, :math:`F+\eta G`, it leans towards what the labels depend on, and the readout is then fitted
by ridge regression to fresh contexts. Here tasks have one direction of large variance, a spike, and the error
is that with the step relative to that without.
"""

import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

import hermite_eq as he
from hermite_eq.models import Source, Spike
from hermite_eq.plotting import COLOURS

d = 24
sizes = he.Sizes(d=d, context=d, tasks=math.inf, samples=d * d // 2, hidden=d * d // 2)
steps = np.array([0, 0.5, 1, 2, 4])
figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
entries = []
gains = {}
for colour, marker, spike in zip(COLOURS, "os", (0.0, float(d * d)), strict=False):
    source = Source("relu", 1e-4, task_cov=Spike(spike)) if spike else Source("relu", 1e-4)
    task = he.Task(sources=[source], unit_inputs=True, unit_link=True)
    heads = [he.OneStepTransformer("relu", eta * d * d, ridge=0.1, normalise=True) for eta in steps]
    theory = np.array([he.icl_error(head, task, sizes).icl for head in heads])
    with warnings.catch_warnings():
        # The theorem supposes η = o(d²): the library says so, and simulates what it is asked.
        warnings.simplefilter("ignore", he.HypothesisWarning)
        runs = np.array([simulated.icl_runs for simulated in he.simulate.icl_error(heads, task, sizes, runs=8, rng=0, test=2000)])
    gain, change = theory / theory[0] - 1, (runs - runs[0]) / runs[0].mean()
    stderr = change.std(axis=1, ddof=1) / np.sqrt(change.shape[1])
    (line,) = axes.plot(steps, gain, color=colour)
    entries.append((line, axes.errorbar(steps, change.mean(axis=1), stderr, fmt=marker, color=colour, capsize=2)))
    assert (abs(change.mean(axis=1) - gain) <= 3 * stderr).all()
    gains[spike] = gain
axes.set(xlabel="step size η/d²", ylabel="change of the ICL error by the step")
axes.set_title(f"relu, h normalised, λ = 0.1, d = ℓ = {d}, κ = ∞, τ = μ = ½, target relu, ρ = 1e-4", fontsize=9)
axes.legend(entries, ["isotropic tasks", "tasks with a spike d²"], title="lines: theory, markers: 8 runs", frameon=False)
axes.yaxis.set_major_formatter(PercentFormatter(1))

# %%
# With a spike the step takes a fifth of the error away; for isotropic tasks, where no direction is worth
# leaning towards, it adds a little.

assert gains[float(d * d)][-1] < -0.2
assert 0 < gains[0.0][-1] < 0.05

plt.show()
