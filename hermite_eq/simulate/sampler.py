"""From a task to the law of its contexts, and from the law to draws."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import array, generator, shown
from hermite_eq.arguments import count as checked_count
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models import AnyTask, Sizes, SoftmaxAttention, Task
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.laws import ContextLaw, Contexts, Tasks
from hermite_eq.simulate.population import Array

# Run i is child number i of the seed, which is reached by way of all before it.
_MOST_RUNS = 10**6


@functools.singledispatch
def context_law(task: Any, /, sizes: Sizes) -> ContextLaw:
    """The law of tasks and contexts which ``task`` stands for; one entry for each type of task.

    Parameters
    ----------
    task : Task or SoftmaxAttention
    sizes : Sizes
    """
    raise ArgumentTypeError("the task is a hermite_eq.Task", shown(task), "pass hermite_eq.Task(target, noise=0.01), say")


@context_law.register
def _(task: Task, sizes: Sizes) -> ContextLaw:
    task.check(checked_sizes(sizes).d)
    return ContextLaw(task, sizes.d, sizes.context)


@context_law.register
def _(task: SoftmaxAttention, sizes: Sizes) -> ContextLaw:
    task.task.check(checked_sizes(sizes).d)
    return ContextLaw(task.task, sizes.d, sizes.context, task.sharpness)


def contexts(
    task: AnyTask,
    sizes: Sizes,
    xi: ArrayLike,
    count: int,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
    *,
    source: int = 0,
) -> Contexts:
    r"""Draw ``count`` independent contexts of one given task ξ, exactly: at O(ℓ + d) each where inputs are Gaussian, by their definition,
    at O(ℓ d), where they are not.

    Parameters
    ----------
    task : Task or SoftmaxAttention
    sizes : Sizes
        Only ``d`` and ``context`` are used.
    xi : (d,) array
        The task vector.
    count : int
    rng : int, SeedSequence, Generator or None
        As :func:`numpy.random.default_rng` takes it.
    source : int
        The source whose task ξ is.

    Raises
    ------
    HypothesisError
        If ξ has not shape ``(d,)``, or is zero or not finite, or if ``count`` is not positive, or if there is no such
        source.

    References
    ----------
    [RT] (1)-(3); the reduction to O(ℓ + d) is derived in ``derivations/contexts/context_law.py``.

    Examples
    --------
    >>> import numpy as np
    >>> from hermite_eq import Sizes, Task
    >>> sizes = Sizes(d=4, context=8, tasks=1, samples=1)
    >>> drawn = contexts(Task("relu", noise=0.01), sizes, np.ones(4), 1000, rng=0)
    >>> drawn.x.shape, drawn.b.shape
    ((1000, 4), (1000, 5))
    """
    law = context_law(task, checked_sizes(sizes))
    vector = check_task_vector(xi, sizes.d)
    number = draws(count, "count", law)
    last = len(law.sources) - 1
    source = checked_count(source, "source", most=last, requirement=f"sources are numbered from 0 to {last}", repair="pass source=0")
    seed = child_seeds(rng, range(1))[0]
    return law.draw(Tasks(vector[None], np.array([source])), np.zeros(number, np.intp), seed)


def check_task_vector(xi: ArrayLike, d: int) -> Array:
    """ξ as an array, or an error which says what is wrong with it."""
    vector = array(xi, "ξ", nan=True, empty=True)
    if vector.shape != (d,):
        raise HypothesisError(f"ξ is a vector of length d = {d}", f"shape {vector.shape}", f"pass shape ({d},)")
    if not np.isfinite(vector).all() or not vector.any():
        raise HypothesisError("ξ is finite and not zero", f"ξ = {vector}", "draw ξ from N(0, I_d)")
    return vector


def draws(value: Any, name: str, law: ContextLaw) -> int:
    """``value`` as a number of contexts of the law that fit into memory."""
    number = checked_count(value, name, least=1)
    # x, b, their Gaussian parts and the tasks: four vectors of length d, and a few numbers, for each.
    require_memory(8 * number * (4 * law.d + 8), f"{number} contexts", f"pass a smaller {name}")
    return number


def child_seeds(rng: Any, which: range) -> list[np.random.SeedSequence]:
    """The children number ``which`` of ``rng``'s seed: child i is the same however many are asked for."""
    parent = generator(rng).bit_generator.seed_seq
    children = parent.spawn(max(which) + 1)  # type: ignore[attr-defined]
    return [children[i] for i in which]


def run_numbers(runs: Any) -> range:
    """``runs`` as the numbers of the runs, or an error."""
    which = runs if isinstance(runs, range) else range(checked_count(runs, "runs", least=1, most=_MOST_RUNS))
    if not which or min(which) < 0 or max(which) > _MOST_RUNS:
        raise HypothesisError("runs are numbered from 0", f"runs={which}", "pass runs=20, or runs=range(5, 10)")
    return which
