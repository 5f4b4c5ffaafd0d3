r"""Heads with a spike in the first layer or in h: what :class:`hermite_eq.theory.ridge_equivalent.typed.TypedRidge` needs of them.

Contexts are nodes of :mod:`hermite_eq.theory.neuron_types.contexts`, neurons have the types of
:mod:`hermite_eq.theory.neuron_types.neurons`. With
:math:`\kappa=\langle\hat g,h\rangle`, the coordinates :math:`t_k` of the signals and the rest :math:`h_\perp` of covariance ∝ C,

.. math:: z=a\tfrac{\eta c_1}m\kappa+\sum_k\sqrt{r_k(a)}\,f_kt_k+f^\top h_\perp,\qquad f\sim\mathcal N(0,R_a),\quad
    R_a=\tfrac1t(1+a\tfrac{\eta c_2}mC_y)^2+a^2\tfrac{\eta^2}{m^2n}\operatorname{Var}\sigma'\,C_{y^2},

:math:`C_y=\mathbb E[yhh^\top]`, :math:`C_{y^2}=\mathbb E[y^2hh^\top]`, and :math:`r_k` the same along :math:`e_k`. The noise N in
:math:`\hat g` lies within :math:`h_\perp`: given :math:`\langle N,h\rangle` the mean of :math:`h_\perp` is
:math:`\frac{CN}{N^\top CN}\langle N,h\rangle`, and its covariance :math:`C-\frac{CNN^\top C}{N^\top CN}`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Gaussian, Sizes, Sphere, Task
from hermite_eq.theory.arguments import check_labels
from hermite_eq.theory.feature_law.head import Head, check_growth, effective_share, step_rates, unsettled
from hermite_eq.theory.feature_law.law import FeatureLaw, Solution
from hermite_eq.theory.feature_law.sources.mixture import mean_share
from hermite_eq.theory.neuron_types.contexts import LARGE, ContextNodes, context_nodes
from hermite_eq.theory.neuron_types.neurons import MOST, NeuronTypes, conditional_moments, factors
from hermite_eq.theory.prediction import TheoryError, columns
from hermite_eq.theory.ridge_equivalent.scalar import LARGEST_RIDGE
from hermite_eq.theory.ridge_equivalent.typed import Channel, Subspace, TypedFeatures, TypedRidge
from hermite_eq.theory.spectra.blocks import Block, common_basis

Array = NDArray[np.float64]

#: Contexts of each source over which the theory averages, unless told.
NODES = 8192
#: Share of E‖x‖² in the inputs' mean, beyond which a step moves the first layer far along the mean of h: at shares of .08, .25 and .5 the
#: ratio of the errors with and without a step of d² is .1, 2 and more than 20 % off (ReLU and tanh heads, ReLU target, d = 14, 60 runs).
MOST_MEAN = 0.12
#: Share of ⟨N, h⟩'s variance below which a kind of block has no direction of its own.
_CARRIED = 1e-3
#: Largest block which is handled as a dense matrix: d + 1 at d = 160.
_DENSE = 161
#: Large directions that are types of the neurons: the types are products of the nodes in each.
_MOST_LARGE = 2
#: Standard deviation of the pre-activations, relative to the largest, below which they count as that: h vanishes where all labels of a
#: context do, as a noiseless ReLU's with probability 2^{-ℓ}. Features there are off by this share of those of the largest h.
_SMALLEST_SCALE = 1e-4


def typed_features(head: Head, nodes: ContextNodes, sizes: Sizes) -> TypedFeatures:
    """The features of a head on the nodes."""
    rates = push, tilt, jitter = step_rates(head.step, sizes.samples, sizes.hidden or 0) if head.step else (0.0, 0.0, 0.0)
    t, training = nodes.trace, nodes.training
    coordinates2, large = nodes.coordinates**2, nodes.large
    types = NeuronTypes.of(step=(MOST if any(rates) else 1) if head.step else 0, entries=large)

    squares = nodes.label**2 + nodes.label_variance
    along = (1 + tilt * np.outer(types.step, (nodes.weights * nodes.label) @ coordinates2)) ** 2 / t
    along = along + jitter * np.outer(types.step**2, (nodes.weights * squares) @ coordinates2)
    linear, lengths = nodes.coordinates[:, large:], along[:, large:]
    mean_label, mean_square = training * nodes.moments
    spaces = [_subspace(block, types.step, t, tilt * mean_label[block.kind], jitter * mean_square[block.kind]) for block in nodes.blocks]
    noise = nodes.noise / math.sqrt(sizes.samples)
    coordinates, explained = linear, np.zeros_like(linear)
    if head.step:
        spaces, along_noise, spread = _with_noise(spaces, mean_square / sizes.samples, nodes, linear.shape[1])
        # Given ⟨N, h⟩, in units of the directions C_jN: the mean, and what leaves the covariance.
        # Where h vanishes, so does what lies along N.
        spread = np.where(spread > 0, spread, np.inf)
        coordinates = np.concatenate([linear, along_noise * (noise / spread)[:, None]], axis=1)
        explained = np.concatenate([explained, along_noise / np.sqrt(spread)[:, None]], axis=1)
    if linear.shape[1]:
        spaces.append(_coordinates(lengths, len(training), linear.shape[1]))
    spaces = [_padded(space, coordinates.shape[1]) for space in spaces]

    variance = lengths @ (linear**2).T
    for s in spaces:
        variance = variance + (s.copies * np.einsum("kbij,tbji->tk", s.samples, s.neurons))[:, nodes.source] * nodes.rest[s.kind]
    shift = np.outer(types.step, push * (nodes.signal + noise))
    shift = shift + (types.entries * np.sqrt(along[:, :large])) @ nodes.coordinates[:, :large].T
    if not variance.any():
        raise HypothesisError(
            f"directions that hold less than {LARGE:.0%} of E‖h‖² hold some of it together", f"{sizes}", "raise d, or simulate"
        )
    scale = np.maximum(np.sqrt(variance), _SMALLEST_SCALE * np.sqrt(variance.max()))
    a0, a1, a2, residual2 = conditional_moments(head.function, shift, scale)
    square = types.shares @ (a0**2 + a1**2 + residual2)
    psi, chi = factors(a0, types.shares, nodes.weights)
    channels = [Channel(*factors(a1 / scale, types.shares, nodes.weights), nodes.rest, coordinates, explained, spaces)]
    if nodes.quadratics is not None:
        second = a2 / (2 * scale**2)
        variances = nodes.quadratics.weights(_entries(spaces, len(nodes.rest)))
        residual2 = np.maximum(residual2 - second**2 * nodes.quadratics.variance(variances), 0.0)
        channels.append(nodes.quadratics.channel(*factors(second, types.shares, nodes.weights), variances))
    return TypedFeatures(
        nodes.weights, nodes.source, nodes.label, nodes.label_variance, types.shares, psi, chi, channels, residual2, square,
    )  # fmt: skip


def _entries(spaces: Sequence[Subspace], kinds: int) -> Array:
    """The mean square of an entry of the first layer in each kind of block, shape (S, kinds)."""
    total, count = np.zeros((len(spaces[0].neurons), kinds)), np.zeros(kinds)
    for space in spaces:
        if space.samples.any():
            total[:, space.kind] += space.copies * np.einsum("sbii->s", space.neurons)
            count[space.kind] += space.copies * space.neurons.shape[1] * space.neurons.shape[2]
    return np.asarray(total / np.maximum(count, 1))


def _subspace(block: Block, step: Array, trace: float, tilt: Array, noise: Array) -> Subspace:
    """A block of the rest, diagonal where the sources' covariances commute; no directions yet."""
    matrices = block.matrices
    basis = common_basis(list(matrices))
    if basis is not None:
        values = np.einsum("ai,sab,bi->si", basis, matrices, basis, optimize=True)
        matrices = np.maximum(values, 0.0)[:, :, None, None]
    elif matrices.shape[1] > _DENSE:
        raise HypothesisError(
            "the sources' input covariances commute", "some which do not", "give every source a spike in one direction, or simulate"
        )
    else:
        matrices = matrices[:, None]
    a = step[:, None, None, None]
    left = np.eye(matrices.shape[-1]) + a * np.tensordot(tilt, matrices, 1)
    neurons = left @ left / trace + a**2 * np.tensordot(noise, matrices, 1)
    return Subspace(matrices, neurons, np.zeros((0, 0, *matrices.shape[1:])), block.copies, block.kind)


def _with_noise(spaces: Sequence[Subspace], strength: Array, nodes: ContextNodes, before: int) -> tuple[list[Subspace], Array, Array]:
    r"""Directions :math:`C_{js}N` of kinds j and sources s, after ``before`` others; ν at the nodes along them; :math:`N^\top C_\theta N`.

    N has the covariance :math:`\Sigma=\frac1n\sum_{j,s}\pi_s\mathbb E_s[y^2\|P_jh_\perp\|^2]C_{js}`: by concentration
    :math:`N^\top C_{js}N=\operatorname{tr}C_{js}\Sigma`, and :math:`C_{js}NN^\top C_{js'}` stands for :math:`C_{js}\Sigma C_{js'}`.
    Kinds that carry less than :data:`_CARRIED` of N's part in a source are left out.
    """
    kinds, sources = strength.shape
    carried = np.zeros(strength.shape)
    spreads = [np.tensordot(strength[space.kind], space.samples, 1) for space in spaces]
    for space, spread in zip(spaces, spreads, strict=True):
        carried[space.kind] += space.copies * np.einsum("sbij,bji->s", space.samples, spread)
    own = (nodes.source == np.arange(sources)[:, None]) * nodes.rest[:, None]
    parts = np.einsum("jsn,n->js", own, nodes.shares) * carried
    carried[parts < _CARRIED * parts.sum(axis=0)] = 0.0
    kept = np.flatnonzero(carried)
    place = np.full(kinds * sources, -1)
    place[kept] = before + np.arange(kept.size)
    columns = []
    for space, spread in zip(spaces, spreads, strict=True):
        inner = space.copies * np.einsum("sbij,bjk,ubkl->subil", space.samples, spread, space.samples, optimize=True)
        directions = np.zeros((before + kept.size,) * 2 + space.samples.shape[1:])
        at = place[space.kind * sources : (space.kind + 1) * sources]
        there = np.flatnonzero(at >= 0)
        directions[np.ix_(at[there], at[there])] = inner[np.ix_(there, there)]
        columns.append(Subspace(space.samples, space.neurons, directions, space.copies, space.kind))
    return columns, own.reshape(kinds * sources, -1)[kept].T, np.einsum("jsn,js->n", own, carried)


def _coordinates(lengths: Array, sources: int, count: int) -> Subspace:
    """The directions of the coordinates, in which the rest has no variance."""
    q = lengths.shape[1]
    directions = np.zeros((count, count, q, 1, 1))
    directions[np.arange(q), np.arange(q), np.arange(q)] = 1.0
    return Subspace(np.zeros((sources, q, 1, 1)), lengths[:, :, None, None], directions, 1)


def _padded(space: Subspace, count: int) -> Subspace:
    """The subspace with ``count`` directions."""
    missing = count - len(space.directions)
    if not missing:
        return space
    directions = np.pad(space.directions, [(0, missing)] * 2 + [(0, 0)] * 3)
    return Subspace(space.samples, space.neurons, directions, space.copies, space.kind)


@dataclass(frozen=True, eq=False, kw_only=True)
class TypedLaw(FeatureLaw):
    """A head whose neurons have types, on contexts one by one; after a gradient step its features depend on n and m.

    Attributes
    ----------
    task : Task
    contexts : ContextNodes
    """

    task: Task
    contexts: ContextNodes

    @classmethod
    def of(cls, head: Head, task: Task, points: Sequence[Sizes], nodes: int, draw: int | None = None) -> TypedLaw:
        """The law at points of equal d, context and tasks, on ``nodes`` contexts of each source; of finitely many training tasks given a
        draw of them.

        Raises
        ------
        HypothesisError
            Where the theory does not reach.
        """
        check_labels(task.sources)
        if not head.normalise:
            check_growth(head.function)
        for sizes in points:
            if (error := outside(head, task, sizes, nodes, draw)) is not None:
                raise error
        d, step = points[0].d, head.step
        far = (
            ()
            if step is None or not step.beyond_theorem(d)
            else (f"η = {step.step_size:g} at d² = {d**2}: the step's noise is described to leading order only",)
        )
        task.check(d)
        contexts = context_nodes(task, d, points[0].context, head.normalise, nodes, _numbered(points[0], draw), points[0].test_context)
        return cls(head=head, task=task, contexts=contexts, notes=far, places=tuple(range(len(task.sources))))

    def solution(self, points: Sequence[Sizes]) -> Solution:
        law, head = self.contexts, self.head
        rows: list[TheoryError] = []
        notes: list[str] = []
        for sizes in points:
            features = typed_features(head, law, sizes)
            solver = TypedRidge(features, sizes.samples, sizes.hidden or 0, min(head.ridge, LARGEST_RIDGE) / sizes.d).errors()
            by_source, means = (np.bincount(law.source, law.shares * values) for values in (solver.error, solver.mean_error))
            # In units of Cov(√d h), where the linear part of the features has the mean gain ``found.gain``.
            scale = float(features.weights @ features.channels[0].scale.sum(axis=0))
            ridge = sizes.d * scale / solver.gain if head.ridge < LARGEST_RIDGE else math.inf
            rows.append(TheoryError.mixed(
                law.test[law.tested], by_source[law.tested], means[law.tested], law.weights @ solver.error, effective_ridge=ridge,
                dof=solver.dof, fixed_point_residual=solver.residual,
            ))  # fmt: skip
            notes += unsettled(head, sizes, effective_share(law.weights, features.square))
            sampling = _sampling(law, solver.error) / rows[-1].icl
            notes.append(f"averaged over {len(law.label)} contexts: within {sampling:.1%} were they independent")
        return columns(rows), tuple(dict.fromkeys(notes))


def _sampling(law: ContextNodes, error: Array) -> float:
    """Standard error of the mean error over as many independent contexts; their weights are exact for what is linear in ``known``."""
    total = 0.0
    for s in range(law.source.max() + 1):
        at = law.source == s
        known = law.known[at][:, law.known[at].any(axis=0)]
        scaled = known / np.abs(known).max(axis=0)
        rest = error[at] - scaled @ np.linalg.lstsq(scaled, error[at], rcond=None)[0]
        total += float(law.test_weights[at] ** 2 @ rest**2)
    return math.sqrt(total)


def _numbered(sizes: Sizes, draw: int | None) -> tuple[int, int] | None:
    return None if draw is None else (int(sizes.tasks), draw)


def outside(head: Head, task: Task, sizes: Sizes, nodes: int = NODES, draw: int | None = None) -> HypothesisError | None:
    """What is to be said where the theory does not reach; None where it does."""
    if sizes.hidden is None:
        return HypothesisError("a random head has hidden units", f"{sizes}", "pass hidden=…")
    if sizes.tasks != math.inf and draw is None:
        return HypothesisError("every training context has a task of its own", f"tasks={sizes.tasks}", "pass tasks=math.inf")
    if not head.ridge > 0:
        return HypothesisError("the ridge is positive", f"ridge={head.ridge:g}", "pass ridge=1e-3, say, or simulate")
    for s, source in enumerate(task.sources):
        if not isinstance(source.tasks, Gaussian | Sphere):
            return HypothesisError(
                "tasks are Gaussian or on the sphere", f"source {s}: {source}", "simulate: hermite_eq.simulate.icl_error"
            )
    if (share := mean_share(task, sizes.d, sizes.context)) > MOST_MEAN:
        return HypothesisError(
            f"the mean of the inputs holds at most {MOST_MEAN:.0%} of E‖x‖²", f"{share:.0%}", "simulate: hermite_eq.simulate.icl_error"
        )
    large = context_nodes(task, sizes.d, sizes.context, head.normalise, nodes, _numbered(sizes, draw)).large
    if large > _MOST_LARGE:
        return HypothesisError(
            f"at most {_MOST_LARGE} directions of h hold more than {LARGE:.0%} of E‖h‖² by themselves",
            f"{large}",
            "simulate: hermite_eq.simulate.icl_error",
        )
    return None


def types_of_neurons(head: Head, task: Task, sizes: Sizes) -> int:
    """How many directions of h are types of the neurons: none where this theory does not reach, and where each holds too little.

    Without any the theory of one type is the better one: it knows the quadratic functions of all directions together.
    """
    if outside(head, task, sizes) is not None:
        return 0
    return context_nodes(task, sizes.d, sizes.context, head.normalise, NODES).large
