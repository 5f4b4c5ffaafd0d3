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

import hermite_eq
from hermite_eq.curve import Setting as Point
from hermite_eq.expansion import coefficients
from hermite_eq.models import AnyTask, OneStepTransformer, PolynomialActivation, RandomTransformer, Sizes
from hermite_eq.simulate import context_law

Array = NDArray[np.float64]
#: Contexts of the test over which the variances are averaged.
_CONTEXTS = 400
#: The second moment of the polynomial features may exceed the activation's by this share before the degree is called too high for d.
LIMIT = 0.1


def inflation(head: str, model: PolynomialActivation, scales: Array) -> float:
    r"""(E σ̂_r(sg)² − E σ(sg)²)/E σ(sg)² over g and over ``scales``, samples of the standard deviation s of the pre-activations.

    High degrees see the tail of s through s^{2r}, which the activation itself, being Lipschitz, does not.
    """
    sigma2 = hermite_eq.expansion.scaled_norm2(hermite_eq.activations.activation(head), scales).mean()
    nodes, weights = np.polynomial.hermite_e.hermegauss(2 * model.degree + 1)
    weights = weights / weights.sum()
    polynomial = np.polynomial.hermite_e.HermiteE(hermite_eq.hermite.polynomial_weights([float(c) for c in model.c]))
    model2 = (polynomial(scales[:, None] * nodes) ** 2 @ weights).mean() + float(model.residual) ** 2
    return float(model2 / sigma2 - 1)


def scales(model: OneStepTransformer | RandomTransformer, task: AnyTask, sizes: Sizes, seed: int = 0) -> Array:
    """Standard deviations of the pre-activation over the neurons, at some hundred contexts of the test; ĝ from n drawn ones."""
    law, streams = context_law(task, sizes), np.random.SeedSequence(seed).spawn(4)
    tested = law.draw(law.fresh_tasks(_CONTEXTS, np.random.default_rng(streams[2])), np.arange(_CONTEXTS), streams[3])
    lengths = (tested.x**2).sum(axis=1) * (tested.b**2).sum(axis=1) / law.trace()
    if not isinstance(model, OneStepTransformer):
        return np.asarray(np.ones_like(lengths) if model.normalise else np.sqrt(lengths))
    assert sizes.hidden is not None
    n = sizes.samples
    contexts = law.draw(law.tasks(n, np.random.default_rng(streams[0])), np.arange(n), streams[1])
    others = (contexts.x**2).sum(axis=1) * (contexts.b**2).sum(axis=1) / law.trace()
    overlaps = tested.x @ contexts.x.T * (tested.b @ contexts.b.T)
    if model.normalise:
        overlaps /= np.sqrt(np.multiply.outer(lengths, others))
        lengths = np.ones_like(lengths)
    rate = model.step_size / sizes.hidden * float(np.asarray(coefficients(model.activation, 1))[1])
    return np.asarray(np.sqrt(lengths + (rate * (overlaps @ contexts.y) / n) ** 2))


@functools.lru_cache(maxsize=512)
def excess(point: Point) -> float:
    """(E σ̂_p² − E σ²)/E σ² over neurons and contexts; 0 for a model that is no equivalent.

    >>> import math, hermite_eq
    >>> from hermite_eq.models import Source, Task
    >>> task, sizes = Task(sources=[Source("relu", 0.01)], unit_inputs=True), Sizes(d=8, context=8, tasks=math.inf, samples=32, hidden=32)
    >>> low, high = (OneStepTransformer("relu", 64.0, 0.1, head=hermite_eq.equivalent_model("relu", p)) for p in (1, 4))
    >>> excess(Point(low, task, sizes)) < 0.1 < excess(Point(high, task, sizes))
    True
    """
    model = point.model
    if isinstance(model, OneStepTransformer):
        head, source = model.head, model.activation.name
    elif isinstance(model, RandomTransformer) and isinstance(model.activation, PolynomialActivation):
        head, source = model.activation, model.activation.source
    else:
        return 0.0
    return inflation(source, head, scales(model, point.task, point.sizes)) if isinstance(head, PolynomialActivation) else 0.0
