r"""The Bayes estimator of a linear task which knows the training tasks, the dMMSE estimator of [LA].

Under the prior that puts 1/k on each training task :math:`\xi_1,\dots,\xi_k` and for labels
:math:`y=X\xi+\epsilon,\ \epsilon\sim\mathcal N(0,\rho I)`, the posterior weights are the likelihoods and the posterior mean is

.. math:: \hat w=\sum_jp_j\xi_j,\qquad p_j\propto e^{-\|y-X\xi_j\|^2/(2\rho)} .

It is the best predictor in distribution; on a fresh task ξ it errs by
:math:`\mathbb E(y_{\ell+1}-\hat w^\top x_{\ell+1})^2=\|\xi-\hat w\|^2/d+\rho`, which is exact over the query.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import softmax

from hermite_eq.arguments import count, instance
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X
from hermite_eq.memory import require_memory
from hermite_eq.models import Sizes, Task
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.results import DiscreteMMSE, SimulatedError
from hermite_eq.simulate.sampler import child_seeds, context_law, run_numbers


def dmmse_error(task: Task, sizes: Sizes, *, runs: int | range, rng: Any = None, test: int = 200) -> SimulatedError:
    r"""ICL and in-distribution errors of the dMMSE estimator, run by run.

    With the same ``rng`` and ``runs`` its training tasks are those of :func:`hermite_eq.simulate.icl_error`.

    Parameters
    ----------
    task : Task
        With the identity as target, and noise.
    sizes : Sizes
        ``samples`` and ``hidden`` play no role.
    runs : int or range
    rng : int, SeedSequence, Generator or None
    test : int
        Test contexts for each of the two errors in a run, drawn by the definition at O(ℓ d) each.

    Returns
    -------
    SimulatedError
        Its condition is 1: no system is solved.

    Raises
    ------
    HypothesisError
        For another target, no noise, or infinitely many tasks.

    References
    ----------
    [LA], section on the dMMSE estimator and Figure 4.

    Examples
    --------
    >>> from hermite_eq import Sizes, Task
    >>> error = dmmse_error(Task("identity", noise=0.25), Sizes(8, 16, 1, 64), runs=3, rng=0)
    >>> error.idg.mean  # of one known task nothing is left to infer
    0.25
    """
    instance(task, Task, "dMMSE is computed for a Task", 'pass Task("identity", noise=0.01), say')
    if not task.isotropic:
        raise HypothesisError("dMMSE is computed for one isotropic source", f"{task}", 'pass Task("identity", noise=0.01), say')
    checked_sizes(sizes)
    if task.target.expression != X:
        raise HypothesisError("dMMSE is the posterior mean of a linear task", f"{task}", 'pass Task("identity", noise=0.01), say')
    if task.noise == 0:
        raise HypothesisError("the likelihood has a width: ρ > 0", f"{task}", 'pass Task("identity", noise=0.01), say')
    if sizes.tasks == math.inf:
        raise HypothesisError("dMMSE knows finitely many training tasks", "tasks=inf", "pass a finite number of tasks")
    number = count(test, "test", least=1)
    d, context, tasks = sizes.d, sizes.context, int(sizes.tasks)
    require_memory(8 * (2 * tasks * d + context * d + 3 * context * tasks), "the tasks and a context", "pass smaller sizes")
    seeds = child_seeds(rng, run_numbers(runs))
    errors = np.array([_errors(task, sizes, number, seed) for seed in seeds])
    ones = np.ones(len(seeds))
    draws = tuple((seed.entropy, seed.spawn_key) for seed in seeds)
    return SimulatedError(DiscreteMMSE(), task, sizes, errors[:, 0], errors[:, 1], ones, ones == 0, draws)


def _errors(task: Task, sizes: Sizes, test: int, seed: np.random.SeedSequence) -> tuple[float, float]:
    # The first child gives the training tasks, here as for trained models. Of these a gradient step uses child 12 too, for the choice of
    # its tasks (and child 11, but only where tasks are infinitely many): with a one-step model the in-distribution error shares a stream.
    tasks, *_, fresh, again = seed.spawn(13)
    known = context_law(task, sizes).tasks(int(sizes.tasks), np.random.default_rng(tasks)).xi
    fresh_stream, again_stream = np.random.default_rng(fresh), np.random.default_rng(again)
    icl = idg = 0.0
    for _ in range(test):
        icl += _run_error(task.noise, sizes.tested.context, known, fresh_stream.standard_normal(sizes.d), fresh_stream)
        idg += _run_error(task.noise, sizes.context, known, known[again_stream.integers(len(known))], again_stream)
    return icl / test, idg / test


def _run_error(noise: float, context: int, known: Array, xi: Array, rng: np.random.Generator) -> float:
    """The error on a context of the task ξ."""
    d = len(xi)
    x = rng.standard_normal((context, d)) / math.sqrt(d)
    # y − Xξ_j = X(ξ − ξ_j) + ε, which keeps its digits where ξ_j is ξ.
    left = x @ (xi - known).T + math.sqrt(noise) * rng.standard_normal(context)[:, None]
    weights = softmax(-np.einsum("ij,ij->j", left, left) / (2 * noise))
    miss = xi - weights @ known
    return float(miss @ miss) / d + noise
