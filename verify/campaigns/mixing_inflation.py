r"""Whether the degree of an equivalent is too high for d: how much more its features vary than the activation's.

Given a context h and its overlap with the gradient ĝ, a neuron after the rank-one step has the pre-activation
:math:`f^\top h+\tfrac{\eta c_1}ma\langle\hat g,h\rangle` with :math:`f\sim\mathcal N(0,I/t)` and :math:`a\sim\mathcal N(0,1)`: it is
Gaussian, of variance :math:`\|h\|^2/t+(\tfrac{\eta c_1}m\langle\hat g,h\rangle)^2`. A polynomial of degree p answers to the 2p-th power
of its size, σ to the square.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from hermite_eq.expansion import coefficients
from hermite_eq.models import MixtureTask, OneStepTransformer, PolynomialActivation, Sizes, TrainedModel
from hermite_eq.simulate import context_law
from verify.equivalence import inflation

Array = NDArray[np.float64]
#: Contexts of the test over which the variances are averaged.
_CONTEXTS = 400


def scales(model: OneStepTransformer, task: MixtureTask, sizes: Sizes, seed: int = 0) -> Array:
    """Standard deviations of the pre-activation over the neurons, at some hundred contexts of the test; ĝ from n drawn ones."""
    assert sizes.hidden is not None
    law, streams = context_law(task, sizes), np.random.SeedSequence(seed).spawn(4)
    n = sizes.samples
    seen = law.draw(law.tasks(n, np.random.default_rng(streams[0])), np.arange(n), streams[1])
    tested = law.draw(law.fresh_tasks(_CONTEXTS, np.random.default_rng(streams[2])), np.arange(_CONTEXTS), streams[3])
    overlaps = (tested.x @ seen.x.T * (tested.b @ seen.b.T)) @ seen.y / n
    rate = model.step_size / sizes.hidden * float(np.asarray(coefficients(model.activation, 1))[1])
    lengths = (tested.x**2).sum(axis=1) * (tested.b**2).sum(axis=1)
    return np.asarray(np.sqrt(lengths / law.trace() + (rate * overlaps) ** 2))


@functools.lru_cache(maxsize=512)
def excess(model: TrainedModel, task: MixtureTask, sizes: Sizes) -> float:
    """(E σ̂_p² − E σ²)/E σ² over neurons and contexts; 0 for a model that is no equivalent.

    >>> import math, hermite_eq
    >>> from hermite_eq.models import Source
    >>> task, sizes = MixtureTask([Source("relu")], unit_inputs=True), Sizes(d=8, context=8, tasks=math.inf, samples=32, hidden=32)
    >>> low, high = (OneStepTransformer("relu", 64.0, 0.1, head=hermite_eq.equivalent_model("relu", p)) for p in (1, 4))
    >>> excess(low, task, sizes) < 0.1 < excess(high, task, sizes)
    True
    """
    if not (isinstance(model, OneStepTransformer) and isinstance(model.head, PolynomialActivation)):
        return 0.0
    return inflation(model.activation.name, model.head, scales(model, task, sizes))
