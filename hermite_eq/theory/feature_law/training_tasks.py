r"""Training tasks of one isotropic source, each of which is a population of its own.

Given its task :math:`\xi_j=s_ju_j\sqrt d` a context has, by the law of :mod:`hermite_eq.theory.feature_law.context_law`,

.. math:: \mathbb E[bb^\top|j]=\begin{pmatrix}i_jI+p_ju_ju_j^\top&q_ju_j\\q_ju_j^\top&e_j\end{pmatrix},\qquad
    \mathbb E[xy\,b^\top|j]=\frac{a_j}{\sqrt d}\,u_j\,(\sqrt d\,a_ju_j^\top,\;v_j),

and the label's mean, square and curvature depend on :math:`s_j` too. With few tasks, or long contexts, b says which task it belongs to:
one second moment for all of them, as in the Marchenko-Pastur description, is then no description of a context. With the tasks as
populations the theory of given covariances is exact in the tasks, and its average over drawn tasks is the prediction.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance import task_norm_nodes
from hermite_eq.models import Sizes, Task
from hermite_eq.theory.feature_law.context_law import GivenLength, given_length
from hermite_eq.theory.feature_law.given_moments import ContextSample, GivenMoments, Population, given_moments, quadratic_blocks
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import LawOverDraws
from hermite_eq.theory.feature_law.moment_law import MomentLaw
from hermite_eq.theory.feature_law.sources.drawn_tasks import DRAWS
from hermite_eq.theory.spectra.blocks import Kronecker, Side, sides

Array = NDArray[np.float64]

#: Up to so many training tasks they are populations. Beyond, one spectrum describes them all: against draws at 24 tasks within 1 %, and
#: within 5 % where a linear head has α = 50 and next to no ridge.
FEW = 12
#: The largest d at which they are, for the memory of a matrix for each task in every draw.
LARGEST = 200
#: Different lengths that a task has in the draws.
LENGTHS = 16
_SEED = 20251128
#: Share of a class's energy below which a conditional mean of it is rounding or beyond its regression's domain.
_LEAST = 1e-3


class _Task:
    """One task: its law at its length, and second moment, signal and curvature."""

    def __init__(self, law: GivenLength, u: Array, context: int) -> None:
        d, pair = len(u), law.pair
        a, v = pair[1, 0], pair[0, 1]
        self.law, self.u = law, u
        self.noise = d / context * v
        uu = np.outer(u, u)
        self.second = np.zeros((d + 1, d + 1))
        self.second[:d, :d] = self.noise * np.eye(d) + (d * a**2 + d / context * (pair[2, 0] - v - a**2)) * uu
        self.second[:d, d] = self.second[d, :d] = math.sqrt(d) * (a * v + (pair[1, 1] - v * a) / context) * u
        self.second[d, d] = v**2 + (pair[0, 2] - v**2) / context
        self.signal = np.column_stack([a**2 * uu, a * v / math.sqrt(d) * u])
        self.curvature = law.c[2] / d * uu


def _products(law: GivenLength, x: Array, b: Array) -> Array:
    return np.asarray(np.outer(x, b).ravel())


def _energies(law: GivenLength, isotropic: Array, along: Array, last: Array) -> Array:
    """‖h‖² in every class of directions of b at the nodes: so many isotropic directions, and so much of u and of b₂."""
    in_b = np.multiply.outer(isotropic, law.isotropic) + np.multiply.outer(along, law.signal) + np.multiply.outer(last, law.column)
    least = _LEAST * (in_b @ law.B_weights)
    return np.array([_products(law, law.X, np.maximum(row, floor)) for row, floor in zip(in_b, least, strict=True)])


def _sample(weights: Array, energies: Array, shares: Array, signal: Array, explained: Array, mean: Array, square: Array) -> ContextSample:
    """The nodes with energies of mean 1, and with signals of mean 1 in the classes where there are any, ``seen``."""
    energies = energies / (energies @ weights)[:, None]
    size = weights @ signal
    scaled = signal / size if size else energies[0]
    signals = np.where(explained[:, None], scaled, energies)
    return ContextSample(energies, signals, np.ones_like(energies), mean, square, shares / shares.sum(), weights)


def _classes(side: Side) -> tuple[list[Array], Array, Array]:
    """Bases of the classes of b, how many directions of b₁ each has, and how much of b₂."""
    bases = [side.basis[:, members] for members in side.classes]
    last = np.array([(basis[-1] ** 2).sum() for basis in bases])
    return bases, np.array([basis.shape[1] for basis in bases]) - last, last


def _fresh(task: Task, d: int, context: int) -> tuple[list[_Task], Array, Array]:
    """Fresh tasks by their lengths, the probabilities of these, and their second moment: every direction alike."""
    s, p = task_norm_nodes(d, 5)
    tasks = [_Task(given_length(task, d, context, float(x)), np.zeros(d), context) for x in s]
    excess = [d * t.law.pair[1, 0] ** 2 + d / context * (t.law.pair[2, 0] - t.law.pair[0, 1] - t.law.pair[1, 0] ** 2) for t in tasks]
    return tasks, p, np.tensordot(p, [t.second for t in tasks], 1) + np.diag([float(p @ excess) / d] * d + [0.0])


def given_tasks(task: Task, d: int, context: int, directions: Array, lengths: Array, test_context: int | None = None) -> GivenMoments:
    r"""Populations of k given training tasks :math:`\xi_j=\sqrt d\,s_ju_j`, and of fresh tasks in the test.

    Parameters
    ----------
    task : Task
    d, context : int
    directions : (k, d) array
        :math:`u_j`, of unit length.
    lengths : (k,) array
        :math:`s_j`.
    test_context : int, optional
        ℓ in the test, where it is another.

    Examples
    --------
    >>> found = given_tasks(Task("relu", noise=0.01), 8, 16, np.eye(8)[:2], np.ones(2))
    >>> len(found.training), found.dimension, round(sum(p.weight for p in found.training), 12)
    (2, 72, 1.0)
    """
    inputs = np.eye(d) / d
    tasks = [_Task(given_length(task, d, context, float(s)), u, context) for u, s in zip(directions, lengths, strict=True)]
    fresh, p, second = _fresh(task, d, test_context or context)
    first = p @ [law.law.pair[1, 0] ** 2 for law in fresh]
    signal = np.column_stack([first / d * np.eye(d), np.zeros(d)])
    both = sides([Kronecker(inputs, t.second) for t in tasks] + [Kronecker(inputs, second)])
    assert both is not None
    bases, count, last = _classes(both[1])

    populations = []
    for t in tasks:
        law = t.law
        a, v = law.pair[1, 0], law.pair[0, 1]
        shares = np.array([np.trace(basis.T @ t.second @ basis) for basis in bases])
        explained = np.array([((t.signal @ basis) ** 2).sum() for basis in bases]) > 1e-14 * (t.signal**2).sum()
        # ⟨M, h⟩y given X and B.
        along = _products(law, law.query, math.sqrt(d) * a * law.along + v * law.label)
        weights = _products(law, law.X_weights, law.B_weights)
        energies = _energies(law, count, np.array([((t.u @ basis[:-1]) ** 2).sum() for basis in bases]), last)
        ones = np.ones_like(law.B)
        contexts = _sample(weights, energies, shares, along, explained, _products(law, law.mean, ones), _products(law, law.square, ones))
        populations.append(Population(Kronecker(inputs, t.second), t.signal, v, float(law.c[0]), 1 / len(tasks), contexts=contexts))
    parts = []
    for t, weight in zip(fresh, p, strict=True):
        law, ones = t.law, np.ones_like(t.law.B)
        parts.append((
            weight * _products(law, law.X_weights, law.B_weights), _energies(law, count, count / d, last),
            _products(law, law.query, law.along), _products(law, law.mean, ones), _products(law, law.square, ones),
        ))  # fmt: skip
    weights, energies, along, mean, square = (np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))
    shares = np.array([np.trace(basis.T @ second @ basis) for basis in bases])
    contexts = _sample(weights, energies, shares, along, (count > 0.5) & (first > 0), mean, square)
    test = Population(Kronecker(inputs, second), signal, float(weights @ square), float(weights @ mean), contexts=contexts)
    curvatures = [t.curvature for t in tasks] + [float(p @ [t.law.c[2] for t in fresh]) / d**2 * np.eye(d)]
    everyone = [Kronecker(inputs, t.second) for t in tasks] + [Kronecker(inputs, second)]
    return given_moments(
        populations, [test], trace=float(np.trace(_fresh(task, d, context)[2])), quadratic_blocks=quadratic_blocks(everyone, curvatures)
    )


def drawn_tasks(d: int, tasks: int) -> list[tuple[Array, Array]]:
    r""":data:`DRAWS` draws of k directions and lengths, always the same.

    The squared lengths are :data:`LENGTHS` quantiles of :math:`\chi^2_d/d` in equal numbers over all draws, with the mean 1 and the
    variance 2/d of that law.

    >>> directions, lengths = drawn_tasks(5, 3)[0]
    >>> directions.shape, lengths.shape
    ((3, 5), (3,))
    """
    import scipy.stats

    squares = scipy.stats.chi2.ppf((np.arange(LENGTHS) + 0.5) / LENGTHS, d) / d
    squares = 1 + (squares - squares.mean()) * math.sqrt(2 / d / squares.var())
    rng = np.random.default_rng([_SEED, d, tasks])
    lengths = np.sqrt(squares)[rng.permutation(np.resize(np.arange(LENGTHS), DRAWS * tasks))].reshape(DRAWS, tasks)
    vectors = rng.standard_normal((DRAWS, tasks, d))
    return list(zip(vectors / np.linalg.norm(vectors, axis=2, keepdims=True), lengths, strict=True))


@lru_cache(maxsize=8)
def task_controls(task: Task, d: int, context: int, tasks: int) -> Array:
    """What is known of means over draws, minus that: E[y²], and how much the tasks overlap."""
    drawn = drawn_tasks(d, tasks)
    squares = {float(s): given_length(task, d, context, float(s)).pair[0, 1] for s in np.unique([s for _, s in drawn])}
    s, p = task_norm_nodes(d, 5)
    known = sum(weight * given_length(task, d, context, float(x)).pair[0, 1] for x, weight in zip(s, p, strict=True))
    controls = [np.array([np.mean([squares[float(x)] for x in lengths]) - known for _, lengths in drawn])]
    if tasks > 1:
        overlaps = [((u @ u.T) ** 2).sum() - tasks for u, _ in drawn]
        controls.append(np.array(overlaps) / (tasks * (tasks - 1)) - 1 / d)
    return np.stack(controls, axis=1)


@lru_cache(maxsize=8 * DRAWS)
def drawn_populations(task: Task, d: int, context: int, tasks: int, number: int, test_context: int | None = None) -> GivenMoments:
    """The populations of one draw."""
    return given_tasks(task, d, context, *drawn_tasks(d, tasks)[number], test_context)


def given_task_law(head: Head, task: Task, sizes: Sizes) -> LawOverDraws:
    """Draws of the training tasks, each with its populations."""
    where = (task, sizes.d, sizes.context, int(sizes.tasks))

    def given(i: int) -> MomentLaw:
        return MomentLaw.of(head, drawn_populations(*where, i, sizes.test_context))

    return LawOverDraws(head=head, given=given, controls=task_controls(*where), precise=0.005)
