r"""Features of given weights: what the theory of given moments needs of them, layer by layer.

Given a sample's variable θ, let φ have the mean μ and the covariance Σ, and the label the covariance s with it. For weights W the
pre-activations :math:`z=W^\top\phi` have the mean :math:`m=W^\top\mu` and variances :math:`v_j=(W^\top\Sigma W)_{jj}`. Where they are
jointly Gaussian and weakly correlated, :math:`\sigma(z_j)=c_0+c_1\,(z_j-m_j)/\sqrt{v_j}+\dots` with coefficients at their own mean and
variance gives

.. math:: \mathbb E[\phi'_j]=c_{0j},\qquad
    \operatorname{Cov}(\phi')=\Gamma W^\top\Sigma W\Gamma+\operatorname{diag}(c_{*j}^2),\qquad
    \operatorname{Cov}(\phi',y)=\Gamma W^\top s,\qquad \Gamma=\operatorname{diag}(c_{1j}/\sqrt{v_j}),

:math:`c_{*j}^2=\mathbb E\sigma^2-c_{0j}^2-c_{1j}^2`. Ridge regression on the last layer's features is then a linear model of given moments.
Where a layer has no mean feature, as tanh, this is :math:`c_1^2W^\top\Sigma W+c_*^2I`; where it has, as ReLU, the next layer's neurons have
means of their own, on which the coefficients depend.

θ is ‖h‖, at a few nodes: functions of it are what all features share beyond degree one. Derivation: ``derivations/heads/layer_moments.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models import PolynomialActivation, RandomTransformer, Sizes, Task
from hermite_eq.models.polynomial import head_activation
from hermite_eq.theory.feature_law.given_moments import GivenMoments, Population, given_moments
from hermite_eq.theory.feature_law.head import Head, HeadMoments, affine_moments, check_growth
from hermite_eq.theory.feature_law.law import FeatureLaw, LawOverDraws, Solution, joined
from hermite_eq.theory.feature_law.moment_law import MomentLaw, drawn_contexts
from hermite_eq.theory.feature_law.sources.drawn_tasks import task_draws
from hermite_eq.theory.feature_law.sources.mixture import mixture_moments, square_control
from hermite_eq.theory.feature_law.training_tasks import FEW, LARGEST, drawn_populations, task_controls
from hermite_eq.theory.spectra.blocks import Kronecker

Array = NDArray[np.float64]

#: Nodes of ‖h‖ in a population, where it is not normalised.
NODES = 5
#: Draws of the layers, and of the layers and finitely many training tasks; fewer, which scatter less, of wide layers.
DRAWS, DRAWS_OF_TASKS, FEWER_DRAWS, WIDE = 2, 6, 3, 1000
_SEED = 20251130
#: Rounds in which the nodes settle.
_ROUNDS = 60
#: Variance of a pre-activation, relative to the largest, below which it is constant.
_CONSTANT = 1e-14


def given_features(weights: Sequence[Any], activations: Sequence[Any], moments: GivenMoments) -> GivenMoments:
    r"""Moments of the features of given layers, for a :class:`LinearTransformer`, which is ridge regression on them.

    Parameters
    ----------
    weights : sequence of arrays
        :math:`W_1,\dots,W_L` of shapes :math:`(D,m_1),\dots,(m_{L-1},m_L)`: of any origin, drawn, trained or given.
    activations : sequence
        :math:`\sigma_1,\dots,\sigma_L`.
    moments : GivenMoments
        Of their input h and of the label.

    Returns
    -------
    GivenMoments
        Of :math:`\phi_L`.

    Raises
    ------
    HypothesisError
        If shapes do not fit, or there are not as many activations.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer, Sizes
    >>> from hermite_eq.theory import Population, given_moments, icl_error
    >>> rng = np.random.default_rng(0)
    >>> layers = [rng.standard_normal((20, 60)) / math.sqrt(20), rng.standard_normal((60, 50)) / math.sqrt(60)]
    >>> inputs = given_moments([Population(np.eye(20), np.ones(20) / math.sqrt(20), square=1.1)])
    >>> features = given_features(layers, ["tanh", "tanh"], inputs)
    >>> features.dimension
    50
    >>> error = icl_error(LinearTransformer(ridge=0.1), features, Sizes(4, 4, math.inf, samples=200))
    >>> 0.1 < error.icl < 1.1
    True
    """
    matrices = [array(W, "weights", "of a layer", shape="(in, out)", dimensions=2) for W in sequence(weights, "weights", empty=False)]
    layers = [head_activation(sigma) for sigma in sequence(activations, "activations", empty=False)]
    if not isinstance(moments, GivenMoments):
        raise HypothesisError("moments of the layers' input are given", f"{type(moments).__name__}", "pass given_moments([Population(…)])")
    shapes = [moments.dimension, *(W.shape[1] for W in matrices)]
    if len(matrices) != len(layers) or any(W.shape[0] != size for W, size in zip(matrices, shapes, strict=False)):
        raise HypothesisError(
            "every layer has an activation, and as many rows as the one before has columns",
            f"{len(layers)} activations, h with {moments.dimension} entries, weights of shapes {[W.shape for W in matrices]}",
            "pass W_1 of shape (D, m_1), W_2 of shape (m_1, m_2), …",
        )
    training, test = (_of_features(side, matrices, layers) for side in (moments.training, moments.test))
    return given_moments(training, test)


def _of_features(populations: Sequence[Population], matrices: Sequence[Array], layers: Sequence[Any]) -> list[Population]:
    return [_features(node, matrices, layers) for p in populations for node in _nodes(p, None)]


def _nodes(p: Population, trace: float | None, count: int = NODES) -> list[Population]:
    """The population at nodes of ‖h‖, with the label there; of one length, :math:`\\|h\\|^2` = ``trace``, where that is given."""
    sample = drawn_contexts(p)
    norm, signal = sample.norm, sample.shares @ sample.signals
    weights, square, mean = sample.weights, sample.square, sample.mean
    center = None if p.center is None else np.asarray(p.center, float).ravel()
    if trace is not None:
        scale = math.sqrt(trace / p.trace)
        aligned = scale * float(weights @ (signal / np.sqrt(norm)))
        return [replace(
            p, covariance=_times(p.covariance, scale**2), signal=aligned * p.signal, contexts=None, norm_variance=0.0,
            center=None if center is None else scale * center,
        )]  # fmt: skip
    if norm.max() - norm.min() <= 1e-9 * norm.max():
        return [replace(p, contexts=None)]
    place, scale2 = _grouped(norm, weights, count)
    nodes = []
    for part, scale in enumerate(scale2.tolist()):
        own = weights * (place == part)
        own_weight = float(own.sum())
        of_signal, of_square, of_mean, root = (float(own @ values) / own_weight for values in (signal, square, mean, np.sqrt(norm)))
        nodes.append(replace(
            p, covariance=_times(p.covariance, scale), signal=of_signal * p.signal, square=of_square, mean=of_mean,
            weight=p.weight * own_weight, contexts=None, norm_variance=0.0, center=None if center is None else root * center,
        ))  # fmt: skip
    return nodes


def _grouped(x: Array, weights: Array, count: int) -> tuple[NDArray[np.intp], Array]:
    """Groups of positive values by the nearest of ``count`` means (Lloyd), and the means stretched to the variance of all values."""
    means = np.quantile(x, (np.arange(count) + 0.5) / count)
    for _ in range(_ROUNDS):
        place = np.searchsorted((means[1:] + means[:-1]) / 2, x)
        total = np.bincount(place, weights, count)
        means = np.where(total > 0, np.bincount(place, weights * x, count) / np.where(total > 0, total, 1.0), means)
    _, place = np.unique(place, return_inverse=True)
    total = np.bincount(place, weights)
    means, middle = np.bincount(place, weights * x) / total, float(weights @ x) / float(weights.sum())
    stretch = math.sqrt(float(weights @ (x - middle) ** 2) / float(total @ (means - middle) ** 2))
    # No length is less than half that of its group.
    return place, np.maximum(middle + stretch * (means - middle), means / 4)


def _times(covariance: Any, factor: float) -> Any:
    if isinstance(covariance, Kronecker):
        return Kronecker(factor * covariance.inputs, covariance.context)
    return factor * covariance


def _features(p: Population, matrices: Sequence[Array], layers: Sequence[Any]) -> Population:
    """The recursion of this module, through all layers."""
    mean, signal = p.middle, np.asarray(p.signal, float).ravel()
    aligned = signal - p.mean * mean
    first = matrices[0]
    # WᵀE[hhᵀ]W, of a Kronecker product by its factors' roots.
    covariance = _projected(p.covariance, first) - np.multiply.outer(first.T @ mean, first.T @ mean)
    for number, (W, sigma) in enumerate(zip(matrices, layers, strict=True)):
        mean, aligned = W.T @ mean, W.T @ aligned
        if number:
            covariance = W.T @ covariance @ W
        v = np.maximum(covariance.diagonal(), _CONSTANT * max(float(covariance.diagonal().max()), np.finfo(float).tiny))
        c0, c1, norm2 = affine_moments(sigma, np.sqrt(v), 1, shifts=mean)
        slope = c1 / np.sqrt(v)
        covariance = covariance * np.multiply.outer(slope, slope)
        covariance.flat[:: len(v) + 1] = np.maximum(norm2 - c0**2, 0.0)
        mean, aligned = c0, slope * aligned
    second: Array = covariance + np.multiply.outer(mean, mean)
    return Population((second + second.T) / 2, aligned + p.mean * mean, p.square, p.mean, p.weight, center=mean if mean.any() else None)


def _projected(covariance: Any, W: Array) -> Array:
    if not isinstance(covariance, Kronecker):
        return np.asarray(W.T @ covariance @ W)
    roots = []
    for factor in (covariance.inputs, covariance.context):
        values, basis = np.linalg.eigh(factor)
        roots.append(np.sqrt(np.maximum(values, 0.0))[:, None] * basis.T)
    d, p = len(roots[0]), len(roots[1])
    rows = np.einsum("ab,bpm->apm", roots[0], (roots[1] @ W.reshape(d, p, -1)), optimize=True).reshape(d * p, -1)
    return np.asarray(rows.T @ rows)


def layer_scales(model: RandomTransformer) -> list[float]:
    r"""The :math:`t_2,\dots,t_L` of a model.

    >>> layer_scales(RandomTransformer(activations=["relu", "tanh"], hidden=[400], ridge=0.1))
    [200.0]
    """
    return [width * _square(sigma) for sigma, width in zip(model.activations, model.hidden, strict=False)]


def _square(sigma: Activation | PolynomialActivation) -> float:
    moments = HeadMoments.of(sigma)
    return float(moments.c0[0] ** 2 + moments.c1[0] ** 2 + moments.residual2[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class LayeredLaw(FeatureLaw):
    """One draw of the layers and of the training tasks: ridge regression on the last layer's features, of given moments.

    Attributes
    ----------
    model : RandomTransformer
    given : GivenMoments
        Of h.
    number : int
        Of the draw.
    """

    model: RandomTransformer
    given: GivenMoments
    number: int

    def solution(self, points: Sequence[Sizes]) -> Solution:
        widest = max(int(point.hidden or 0) for point in points)
        layers, features = self._layers(widest), []
        for side in (self.given.training, self.given.test):
            trace = self.given.trace if self.model.normalise else None
            nodes = [(i, node) for i, p in enumerate(side) for node in _nodes(p, trace)]
            features.append([(i, _features(node, layers, self.model.activations)) for i, node in nodes])
        groups: dict[int, list[Sizes]] = {}
        for point in points:
            groups.setdefault(int(point.hidden or 0), []).append(point)
        errors = {m: self._errors(features, m, own) for m, own in groups.items()}
        places = {m: iter(range(len(own))) for m, own in groups.items()}
        rows = [(int(point.hidden or 0), next(places[int(point.hidden or 0)])) for point in points]
        return joined([({name: part[[i]] for name, part in errors[m].items()}, ()) for m, i in rows])

    def _layers(self, last: int) -> list[Array]:
        """F_1, …, F_L, as many columns of the last as the widest point has."""
        model, rng = self.model, np.random.default_rng([_SEED, self.given.dimension, self.number])
        sizes = [self.given.dimension, *model.hidden, last]
        scales = [self.given.trace, *layer_scales(model)]
        # The last by columns, of which a narrower point has the first.
        layers = [rng.standard_normal((m, n)).T / math.sqrt(t) for n, m, t in zip(sizes[:-1], sizes[1:], scales, strict=True)]
        return layers

    def _errors(self, features: Sequence[Sequence[tuple[int, Population]]], m: int, points: Sequence[Sizes]) -> dict[str, Array]:
        training, test = (
            [replace(p, covariance=np.asarray(p.covariance)[:m, :m], signal=p.signal[:m], center=None) for _, p in side]
            for side in features
        )
        law = MomentLaw.of(self.head, given_moments(training, test))
        columns, _ = law.solution(points)
        # Nodes of one source are one source.
        sources = np.array([i for i, _ in features[1]])
        weights = np.array([p.weight for p in test])
        own = np.equal.outer(sources, np.arange(sources[-1] + 1)) * weights[:, None]
        return columns | {"icl_by_source": columns["icl_by_source"] @ (own / np.maximum(own.sum(0), np.finfo(float).tiny))}


def layered_law(model: RandomTransformer, task: Task | GivenMoments, points: Sequence[Any]) -> FeatureLaw:
    """The law of a head of several random layers at Sizes of equal d, context and tasks.

    Raises
    ------
    HypothesisError
        In the limit, where widths are infinite; or without the width of the last layer.
    """
    for point in points:
        if not isinstance(point, Sizes):
            raise HypothesisError(
                "the layers before the last have the widths that the model gives, so that d is finite", f"{point}",
                "pass Sizes(…, hidden=…)",
            )  # fmt: skip
    head = Head(None, model.ridge)
    Head.units(Head(model.activations[-1], model.ridge), points)
    for sigma in model.activations:
        HeadMoments.of(sigma)
        if not model.normalise:
            check_growth(sigma)
    first = points[0]
    widest = max(int(point.hidden or 0) for point in points)
    nodes = 1 if model.normalise else 2 * NODES
    require_memory(
        8 * (first.d * (first.d + 1) * max(*model.hidden, widest) + (4 * nodes + 8) * widest**2),
        "covariances of the features",
        "pass fewer hidden units, or normalise=True, or simulate",
    )
    inputs, controls, notes = _inputs(model, task, first)

    def given(i: int) -> LayeredLaw:
        return LayeredLaw(head=head, model=model, given=inputs[i], number=i)

    tasks = " and of the training tasks" if isinstance(task, Task) and first.tasks < math.inf else ""
    notes = (f"a mean over {len(inputs)} draws of the layers{tasks}", *notes)
    places = tuple(range(len(inputs[0].test)))
    return LawOverDraws(head=head, given=given, controls=controls, precise=math.inf, places=places, notes=notes)


def _inputs(model: RandomTransformer, task: Task | GivenMoments, sizes: Sizes) -> tuple[list[GivenMoments], Array, tuple[str, ...]]:
    """Moments of h in every draw, and functions of the draws of mean 0."""
    d, context, k = sizes.d, sizes.context, sizes.tasks
    none = np.zeros((DRAWS, 0))
    count = DRAWS_OF_TASKS if max(*model.hidden, sizes.hidden or 0) <= WIDE else FEWER_DRAWS
    if isinstance(task, GivenMoments):
        return [task] * DRAWS, none, ()
    if k == math.inf:
        return [mixture_moments(task, d, context)] * DRAWS, none, ()
    few = k <= FEW and task.isotropic
    if few and model.normalise and d <= LARGEST:
        drawn = [drawn_populations(task, d, context, int(k), i) for i in range(count)]
        return drawn, task_controls(task, d, context, int(k))[:count, : count - 2], ()
    note = "one second moment describes few training tasks: errors on them may be some per cent lower"
    draws = task_draws(task, d, int(k))[:count]
    moments = [mixture_moments(task, d, context, tasks=xi) for xi in draws]
    return moments, square_control(task, sizes, draws), (note,) if few else ()
