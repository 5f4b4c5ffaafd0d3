"""What all heads of one run are trained and tested on: tasks, contexts, first layer, and seeds of the noise z."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.expansion import coefficients
from hermite_eq.models import AnyTask, Sizes
from hermite_eq.simulate.laws import ContextLaw, Contexts
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.sampler import context_law
from hermite_eq.simulate.training.features import first_layer, later_layer
from hermite_eq.simulate.training.kronecker import Floats


@dataclass(frozen=True)
class Draw:
    r"""What all heads of one run share.

    Attributes
    ----------
    law, tested : ContextLaw
        Of the contexts in training, and of those with fresh tasks in the test, which may have another length.
    training, fresh, again
        Contexts to train on, to test on with fresh tasks, and in distribution: with the training tasks, or where these are infinitely many
        and the test's contexts have another length, with fresh ones.
    layer, trace
        F by rows, and t.
    noise : tuple of SeedSequence
        Of z in training and in the two tests.
    step : Contexts or None
        Contexts of the gradient step, whose tasks are the training tasks where these are finitely many.
    start : (m,) array
        Standard normal; the read-out with which the step is taken is this divided by √m.
    layers : callable
        From :math:`\sigma_l` and :math:`m_l` of the layers before the last to :math:`F_1^\top,\dots,F_L^\top`: the first is F, or begins
        with it, or is a part of it.
    """

    law: ContextLaw
    tested: ContextLaw
    training: Contexts
    fresh: Contexts
    again: Contexts | None
    layer: Floats
    trace: float
    noise: tuple[np.random.SeedSequence, ...]
    step: Contexts | None
    start: Array
    layers: Callable[[tuple[tuple[Any, int], ...]], tuple[Floats, ...]]


def draw_run(
    task: AnyTask,
    sizes: Sizes,
    test: int,
    random: bool,
    dtype: type[np.floating[Any]],
    seed: np.random.SeedSequence,
    step: bool = False,
    queries: int = 1,
) -> Draw:
    """The draw of one run; without ``random`` heads no first layer, and no test contexts if linear errors close; with ``step``,
    contexts of a gradient step; with ``queries`` of each test context."""
    law = context_law(task, sizes)
    tested = law if sizes.test_context is None else context_law(task, sizes.tested)
    tasks, which, training, fresh_tasks, fresh, again_which, again, layer, *noise = seed.spawn(11)
    step_tasks, step_which, step_contexts, start = seed.spawn(4)
    n, k = sizes.samples, sizes.tasks
    finite = k != math.inf
    xi = law.tasks(int(k) if finite else n, np.random.default_rng(tasks))

    def uniform(count: int, stream: np.random.SeedSequence) -> NDArray[np.intp]:
        return np.random.default_rng(stream).integers(len(xi), size=count).astype(np.intp)

    indices = uniform(n, which) if finite else np.arange(n)
    moving = None
    if step:
        own = xi if finite else law.tasks(n, np.random.default_rng(step_tasks))
        moving = law.draw(own, uniform(n, step_which) if finite else np.arange(n), step_contexts)
    trace = law.trace()
    later = seed.spawn(1)[0]

    @functools.cache
    def layers(before: tuple[tuple[Any, int], ...]) -> tuple[Floats, ...]:
        widths, squares = [*(m for _, m in before), sizes.hidden or 0], [float(coefficients(sigma, 0).norm2) for sigma, _ in before]
        seeds = np.random.SeedSequence(later.entropy, spawn_key=later.spawn_key).spawn(len(before))
        others = (
            later_layer(seed, inner, outer, square, dtype)
            for seed, (inner, outer), square in zip(seeds, itertools.pairwise(widths), squares, strict=True)
        )
        return first_layer(layer, sizes.d, widths[0], trace, dtype), *others

    count = test if random or not law.closes else 0
    repeated = None
    if finite:
        repeated = law.draw(xi, uniform(count, again_which), again, queries)
    elif tested is not law:
        repeated = law.draw(law.tasks(count, np.random.default_rng(again_which)), np.arange(count), again, queries)
    return Draw(
        law=law,
        tested=tested,
        training=law.draw(xi, indices, training),
        fresh=tested.draw(law.fresh_tasks(count, np.random.default_rng(fresh_tasks)), np.arange(count), fresh, queries),
        again=repeated,
        layer=first_layer(layer, sizes.d, sizes.hidden or 0 if random else 0, trace, dtype),
        trace=trace,
        noise=tuple(noise),
        step=moving,
        start=np.random.default_rng(start).standard_normal(sizes.hidden or 0 if step else 0),
        layers=layers,
    )
