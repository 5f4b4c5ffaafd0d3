"""Errors of Transformers that are trained by gradient descent."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import count, instance, positive, sequence
from hermite_eq.curve import ByValue
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models import Sizes, Task
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.options import Seed
from hermite_eq.simulate.results import MonteCarlo
from hermite_eq.simulate.sampler import child_seeds, run_numbers
from hermite_eq.trained import network
from hermite_eq.trained.architectures import Architecture
from hermite_eq.trained.tokens import Sequences, sequences, task_vectors

Array = NDArray[np.float64]


def not_begun(training: Array, variance: Array) -> NDArray[np.bool_]:
    """Which runs have not begun to learn: their training error is above 3/4 of the variance of the labels.

    The linear Transformer of all data is at half of that variance at ℓ = d.
    """
    return np.asarray(training > 0.75 * variance)


@dataclass(frozen=True, eq=False)
class TrainedError(ByValue):
    """The errors of a trained architecture, run by run, at some epochs.

    Attributes
    ----------
    model : FullLinearAttention or SoftmaxTransformer
    task : Task
    sizes : Sizes
    rate : float
    epochs : tuple of int
        When the errors were measured.
    training_runs, icl_runs, idg_runs : (runs, epochs) array
        On the training contexts, on fresh tasks, and on the training tasks.
    variance_runs : (runs,) array
        Of the training labels, the error of the best constant.
    """

    model: Architecture
    task: Task
    sizes: Sizes
    rate: float
    epochs: tuple[int, ...]
    training_runs: Array = field(repr=False)
    icl_runs: Array = field(repr=False)
    idg_runs: Array = field(repr=False)
    variance_runs: Array = field(repr=False)

    @property
    def icl(self) -> MonteCarlo:
        """The ICL error after the last epoch, over the runs."""
        return MonteCarlo.from_runs(self.icl_runs[:, -1])

    @property
    def idg(self) -> MonteCarlo:
        """The in-distribution error after the last epoch."""
        return MonteCarlo.from_runs(self.idg_runs[:, -1])

    @property
    def training(self) -> MonteCarlo:
        """The training error after the last epoch."""
        return MonteCarlo.from_runs(self.training_runs[:, -1])

    @property
    def stuck(self) -> NDArray[np.bool_]:
        """Which runs have not begun to learn: after the last epoch their training error is above 3/4 of the variance of the labels."""
        return not_begun(self.training_runs[:, -1], self.variance_runs)


def icl_error(
    model: Architecture,
    task: Task,
    sizes: Sizes,
    *,
    runs: int | range,
    epochs: int | Sequence[int],
    rate: float = 1e-3,
    rng: Seed = None,
    test: int = 10_000,
) -> TrainedError:
    r"""Train an architecture by AdamW on n contexts, and test it on fresh ones.

    A run draws k tasks (one for each context where ``sizes.tasks`` is infinite) and n training contexts, which stay the same; an epoch
    are :math:`1+\lfloor n/b\rfloor` steps on batches of :math:`b=\lfloor n/10\rfloor` of them, drawn without replacement, each
    independently. The loss is the mean of :math:`(\hat y-y_{\ell+1})^2`; AdamW has the weight decay 1e-4. Everything is in single
    precision: a seed gives the same draws everywhere, but after many steps errors which are the same up to chance only, where the
    processor, the versions of JAX or the number of runs trained together differ.

    Parameters
    ----------
    model : FullLinearAttention or SoftmaxTransformer
    task : Task
        One isotropic source.
    sizes : Sizes
    runs : int or range
        How many independent runs, or which ones. They are trained together.
    epochs : int or increasing sequence of int
        How long; with several, the errors are measured after each of them.
    rate : float
        The learning rate. [LA] have 1e-4; 1e-3 is about ten times as fast.
    rng : int, SeedSequence, Generator or None
        As for :func:`hermite_eq.simulate.icl_error`.
    test : int
        Test contexts of a run for each error.

    Returns
    -------
    TrainedError

    Raises
    ------
    HypothesisError
        Without JAX or Optax; if the task is not one isotropic source; for another model.

    References
    ----------
    [LA] Fig. 5 and 6, and their published code.

    Examples
    --------
    >>> from hermite_eq import Sizes, Task
    >>> from hermite_eq.trained import FullLinearAttention
    >>> found = icl_error(FullLinearAttention(), Task("identity", 0.01), Sizes(3, 3, float("inf"), 40), runs=2, epochs=[0, 300], rng=0)
    >>> found.training_runs.shape, bool((found.training_runs[:, 1] < found.training_runs[:, 0]).all())
    ((2, 2), True)
    """
    if missing := [name for name in ("jax", "optax") if find_spec(name) is None]:
        raise HypothesisError("training needs JAX and Optax", f"no {' and no '.join(missing)}", 'pip install "hermite-eq[trained]"')
    required = "the model is a FullLinearAttention or a SoftmaxTransformer"
    instance(model, get_args(Architecture), required, "pass SoftmaxTransformer(blocks=1)")
    instance(task, Task, "the task is a hermite_eq.Task", 'pass Task("identity", noise=0.01), say')
    if not task.isotropic:
        raise HypothesisError("trained architectures see one isotropic source", str(task), 'pass Task("identity", noise=0.01), say')
    if checked_sizes(sizes).test_context is not None:
        raise HypothesisError(
            "trained architectures are tested on contexts of the length they were trained on",
            f"test_context={sizes.test_context}",
            "leave test_context out",
        )
    which, measured = run_numbers(runs), _epochs(epochs)
    rate = positive(rate, "rate", requirement="the learning rate is positive")
    test = count(test, "test", least=1)
    width = (sizes.context + 1) * (sizes.d + 2) + (sizes.d + 2) ** 2
    require_memory(8 * len(which) * (sizes.samples + 2 * test) * width, f"{len(which)} runs of {sizes}", "pass fewer runs, or less test")
    # What is imported with it takes a second.
    from hermite_eq.trained import training

    seeds = [seed.spawn(2) for seed in child_seeds(rng, which)]
    drawn = [_draw(task, sizes, test, np.random.default_rng(data)) for data, _ in seeds]
    begin, train, error = training.trainer(model, sizes.d, sizes.samples, rate)
    sets = [_stacked(model, arrays) for arrays in zip(*drawn, strict=True)]
    state, errors, done = begin([start for _, start in seeds]), [], 0
    for epoch in measured:
        if epoch > done:
            state, done = train(state, *sets[0], epoch - done), epoch
        errors.append([np.asarray(error(state, *arrays), dtype=float) for arrays in sets])
    columns = np.moveaxis(np.array(errors), 0, 2)
    variances = np.array([arrays[0].labels.var(dtype=float) for arrays in drawn])
    return TrainedError(model, task, sizes, rate, measured, columns[0], columns[1], columns[-1], variances)


def _epochs(value: Any) -> tuple[int, ...]:
    listed = sequence([value] if np.ndim(value) == 0 else value, "epochs")
    epochs = tuple(count(epoch, "epochs") for epoch in listed)
    if not epochs or any(later <= earlier for earlier, later in itertools.pairwise(epochs)):
        raise HypothesisError("errors are measured after increasing numbers of epochs", f"epochs={value!r}", "pass epochs=[0, 1000, 10000]")
    return epochs


def _draw(task: Task, sizes: Sizes, test: int, rng: np.random.Generator) -> list[Sequences]:
    """The training contexts, test contexts of fresh tasks and, where there are finitely many tasks, of the training tasks."""
    if sizes.tasks == math.inf:
        return [sequences(task, sizes, task_vectors(sizes, size, rng), rng) for size in (sizes.samples, test)]
    tasks = task_vectors(sizes, int(sizes.tasks), rng)
    chosen = [tasks[rng.integers(len(tasks), size=size).astype(np.intp)] for size in (sizes.samples, test)]
    return [sequences(task, sizes, xi, rng) for xi in (chosen[0], task_vectors(sizes, test, rng), chosen[1])]


def _stacked(model: Architecture, drawn: Sequence[Sequences]) -> tuple[Any, Any]:
    import jax
    import jax.numpy as jnp

    inputs = jax.vmap(lambda tokens: network.prepared(model, tokens))(jnp.stack([draw.tokens for draw in drawn]))
    return inputs, jnp.stack([draw.labels for draw in drawn])
