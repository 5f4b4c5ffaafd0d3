r"""Populations given by moments of h and label, in place of a task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import array, count, instance, number, positive, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.theory.spectra.blocks import Block, Covariance, Kronecker, RotationInvariant, block_diagonal, common_basis, equal_columns

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quadratics:
    r"""Orthonormal quadratic functions of h that a head can learn one by one.

    The functions :math:`(h_ih_j-C_{ij})/\sqrt{(1+\delta_{ij})C_{ii}C_{jj}}` of directions i ≤ j which each carry a share of order 1/d of
    tr C have eigenvalues of order 1/d² in the head's kernel, as large as those of h. All other functions of degree 2 have smaller ones
    and act as noise.

    Attributes
    ----------
    eigenvalue : float
        e in the kernel :math:`c_2^2e\sum_f f(h)f(h')` for h normalised to :math:`\mathbb E\|h\|^2=1`: :math:`C_{ii}C_{jj}` there.
    signal : (q,) array
        :math:`\mathbb E[f\,y]` for each of the functions; q is how many there are.
    """

    eigenvalue: float
    signal: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "eigenvalue", number(self.eigenvalue, "eigenvalue", "e in the kernel"))
        object.__setattr__(self, "signal", array(self.signal, "signal", "E[fy]", dimensions=1, nan=True, empty=True))


@dataclass(frozen=True, eq=False)
class ContextSample:
    r"""Contexts of one source by the energies of h in the K kinds of blocks.

    Attributes
    ----------
    energies : (K, N) array
        :math:`f_\kappa=\|h_\kappa\|^2/\mathbb E\|h_\kappa\|^2`, of mean 1.
    signals : (K, N) array
        :math:`\mathbb E[(M_\kappa^\top h)\,y|\theta]/\|M_\kappa\|^2`, of mean 1 where :math:`M_\kappa\ne0`.
    centers : (K, N) array
        :math:`\bar h_\kappa^\top h/\|\bar h_\kappa\|^2` with :math:`\bar h=\mathbb Eh`, likewise.
    mean, square : (N,) array
        :math:`\mathbb E[y|\theta]` and :math:`\mathbb E[y^2|\theta]`.
    shares : (K,) array
        :math:`\mathbb E\|h_\kappa\|^2/\mathbb E\|h\|^2`.
    weights : (N,) array
        Probabilities.
    """

    energies: Array
    signals: Array
    centers: Array
    mean: Array
    square: Array
    shares: Array
    weights: Array

    @property
    def norm(self) -> Array:
        r""":math:`\|h\|^2/\mathbb E\|h\|^2`."""
        return np.asarray(self.shares @ self.energies)


@dataclass(frozen=True, eq=False)
class Population:
    r"""What the theory needs to know of one source.

    Attributes
    ----------
    covariance : Kronecker, RotationInvariant or (D, D) array
        :math:`\mathbb E[hh^\top]`.
    signal : (D,) or (d, d + 1) array
        :math:`\mathbb E[hy]`.
    square : float
        :math:`\mathbb E[y^2]`, label noise included.
    mean : float
        :math:`\mathbb E[y]`.
    weight : float
        Share of the source.
    quadratics : sequence of Quadratics
        Functions of degree 2 beyond the mean, the same in number and order in every source.
    norm_variance : float
        Relative variance of ‖h‖²; 0 where h is normalised.
    mean_slope, square_slope, signal_slope : float
        Regression coefficients of y, of y²/E[y²] and of (Mᵀh)y/E[(Mᵀh)y] on :math:`\|h\|^2/\mathbb E\|h\|^2`.
    center : (D,) or (d, d + 1) array, optional
        :math:`\mathbb E h`; by default zero.
    contexts : ContextSample, optional
        Drawn contexts in place of a law of the norm: how much of its energy h has in each kind of block, and what the label is there.
    """

    covariance: Covariance
    signal: Array
    square: float
    mean: float = 0.0
    weight: float = 1.0
    quadratics: tuple[Quadratics, ...] = ()
    norm_variance: float = 0.0
    mean_slope: float = 0.0
    square_slope: float = 0.0
    signal_slope: float = 0.0
    center: Array | None = None
    contexts: ContextSample | None = None

    def __post_init__(self) -> None:
        signal = array(self.signal, "signal", "E[hy]", shape="(D,) or (d, d + 1)", dimensions=(1, 2), nan=True)
        covariance = self.covariance
        if not isinstance(covariance, Kronecker | RotationInvariant):
            covariance = array(covariance, "covariance", "E[hhᵀ]", shape="(D, D)", dimensions=2, nan=True)
        object.__setattr__(self, "covariance", covariance)
        object.__setattr__(self, "signal", signal)
        for name in ("square", "mean", "weight", "norm_variance", "mean_slope", "square_slope", "signal_slope"):
            object.__setattr__(self, name, number(getattr(self, name), name))
        if self.center is not None:
            center = array(self.center, "center", "E[h]", shape="(D,) or (d, d + 1)", nan=True)
            if center.size != signal.size:
                raise HypothesisError("center is of the same h", f"shapes {center.shape} and {signal.shape}", "pass one entry for each")
            object.__setattr__(self, "center", center)
        for group in sequence(self.quadratics, "quadratics"):
            instance(group, Quadratics, "quadratics is a sequence of Quadratics", "pass quadratics=(Quadratics(…),)")
        if self.contexts is not None:
            instance(self.contexts, ContextSample, "contexts are drawn ones", "leave contexts out")

    @property
    def trace(self) -> float:
        """tr E[hhᵀ]."""
        return float(np.trace(self.covariance)) if isinstance(self.covariance, np.ndarray) else self.covariance.trace

    @property
    def middle(self) -> Array:
        """E[h], shape (D,)."""
        return np.zeros(np.size(self.signal)) if self.center is None else np.asarray(self.center, float).ravel()


@dataclass(frozen=True, eq=False)
class GivenMoments:
    """Training and test populations, in place of a task. Made by :func:`given_moments`.

    Attributes
    ----------
    training, test : tuple of Population
    trace : float
        t, the scale of the first layer: F has entries of variance 1/t.
    quadratic_blocks : tuple of Block
        Further functions of degree 2, for every population: covariances for h of trace 1, and signals.
    classes : int
        Into how many classes the directions of x, and those of b, are divided at most.
    """

    training: tuple[Population, ...]
    test: tuple[Population, ...]
    trace: float
    quadratic_blocks: tuple[Block, ...] = ()
    classes: int = 1

    #: That they are those of one isotropic source is not known.
    isotropic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("training", "test"):
            members = sequence(getattr(self, name), name, empty=False)
            for p in members:
                instance(p, Population, f"{name} is a sequence of Population", f"pass {name}=(Population(…),)")
            object.__setattr__(self, name, members)
        object.__setattr__(self, "trace", positive(self.trace, "trace", "the scale t of the first layer"))

    def __str__(self) -> str:
        return f"given moments, D = {self.dimension}"

    @property
    def dimension(self) -> int:
        """D, the number of entries of h."""
        return int(np.size(self.training[0].signal))

    @property
    def populations(self) -> tuple[Population, ...]:
        """Training, then test."""
        return self.training + self.test

    @property
    def resolved_share(self) -> Array:
        """The share of each population's degree-2 kernel :math:`c_2^2` that lies in functions learnt one by one."""
        second = (block.traces for block in self.blocks if block.degree == 2)
        return np.asarray(sum(second, np.zeros(len(self.populations))) / self.dimension)

    def reweighted(self, weights: Iterable[float]) -> GivenMoments:
        """The training populations in other proportions, which sum to 1: blocks do not depend on them and are shared, t follows."""
        training = tuple(replace(p, weight=float(w)) for p, w in zip(self.training, weights, strict=True))
        changed = replace(self, training=training, trace=mixture_trace(training))
        # The blocks are a cached property: its value stands in __dict__ under its name.
        vars(changed)["blocks"] = self.blocks
        return changed

    def growth(self, source: int) -> float:
        """The derivative of log t in the weight of a training source."""
        p = self.training[source]
        return float(p.trace - 2 * p.middle @ _mixed_mean(self.training)) / self.trace

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Invariant blocks, every source scaled to total trace D, signals with √D as the engine has them."""
        everyone = self.populations
        D = self.dimension
        diagonalised = []
        traces = np.array([p.trace for p in everyone])[:, None, None]
        labels, centers = [p.signal for p in everyone], [p.center for p in everyone]
        for block in block_diagonal([p.covariance for p in everyone], labels, centers, self.classes):
            means = None if block.means is None else block.means * np.sqrt(D / traces)
            diagonalised.append(
                replace(block, matrices=block.matrices * D / traces, signals=block.signals * np.sqrt(D / traces), means=means)
            )
        for j in range(len(everyone[0].quadratics)):
            members = [p.quadratics[j] for p in everyone]
            # A function of covariance e D in these units; its signal E[(√e f)y]√D.
            values = np.array([q.eigenvalue for q in members])
            signals = np.stack([math.sqrt(q.eigenvalue * D) * np.asarray(q.signal, float) for q in members])
            diagonalised.append(Block(values[:, None, None] * D, signals[:, None, :], degree=2))
        diagonalised += [Block(block.matrices * D, block.signals * math.sqrt(D), degree=2) for block in self.quadratic_blocks]
        return tuple(diagonalised)


def mixture_trace(populations: Sequence[Population]) -> float:
    r""":math:`\operatorname{tr}\operatorname{Cov}h=\sum_s\pi_s\mathbb E_s\|h\|^2-\|\sum_s\pi_s\mathbb E_sh\|^2` of a mixture."""
    middle = _mixed_mean(populations)
    return math.fsum(p.weight * p.trace for p in populations) - float(middle @ middle)


def _mixed_mean(populations: Sequence[Population]) -> Array:
    """E[h] of a mixture."""
    return np.asarray(sum(p.weight * p.middle for p in populations))


def _checked(populations: Sequence[Population], name: str) -> tuple[Population, ...]:
    populations = sequence(populations, name)
    for p in populations:
        instance(p, Population, f"{name} is a sequence of Population", f"pass {name}=[Population(…), …]")
    if not populations:
        raise HypothesisError(f"there is at least one {name} population", "none", f"pass {name}=[Population(…), …]")
    weights = [p.weight for p in populations]
    if not (min(weights) >= 0 and abs(sum(weights) - 1) <= 1e-9):
        raise HypothesisError(f"the weights of the {name} populations are ≥ 0 and sum to 1", f"{weights}", "divide them by their sum")
    for p in populations:
        if not (math.isfinite(p.square) and p.square >= p.mean**2 * (1 - 1e-12) and p.square > 0):
            raise HypothesisError("E[y²] ≥ E[y]² and E[y²] > 0", f"square={p.square!r}, mean={p.mean!r}", "pass the moments of one law")
        if not p.trace > 0:
            raise HypothesisError("h is not zero: tr E[hhᵀ] > 0", f"{p.trace!r}", "pass a covariance of positive trace")
        signals = {"E[hy]": p.signal, "E[h]": p.middle} | {f"E[fy] of quadratics[{j}]": q.signal for j, q in enumerate(p.quadratics)}
        for moment, values in signals.items():
            if not np.isfinite(values).all():
                raise HypothesisError(f"{moment} is finite", "NaN or infinity in it", "pass the moments of one law")
        if not 0 <= p.norm_variance < math.inf:
            raise HypothesisError("the relative variance of ‖h‖² is finite and ≥ 0", f"norm_variance={p.norm_variance!r}", "pass 0.0")
        slopes = [p.mean_slope, p.square_slope, p.signal_slope]
        if not np.isfinite(slopes).all():
            raise HypothesisError("regression slopes are finite", f"mean, square, signal: {slopes}", "pass 0.0 for one that is not known")
        if not all(0 <= q.eigenvalue < math.inf for q in p.quadratics):
            eigenvalues = [q.eigenvalue for q in p.quadratics]
            raise HypothesisError(
                "eigenvalues of quadratic functions are finite and ≥ 0", f"{eigenvalues}", "pass C_ii C_jj for h of trace 1"
            )
    return tuple(populations)


def given_moments(
    training: Sequence[Population],
    test: Sequence[Population] | None = None,
    *,
    trace: float | None = None,
    quadratic_blocks: Sequence[Block] = (),
    classes: int = 1,
) -> GivenMoments:
    r"""Populations for :func:`hermite_eq.icl_error` in place of a task.

    Parameters
    ----------
    training : sequence of Population
        The sources of the training contexts, with weights that sum to 1.
    test : sequence of Population, optional
        Those of the test contexts: ``icl`` is their mixture, ``icl_by_source`` each by itself. By default ``training``.
    trace : float, optional
        t, for first layers with entries of variance 1/t; by default tr Cov h of the training mixture.
    quadratic_blocks : sequence of Block
        As in :class:`GivenMoments`, the training populations first.
    classes : int
        As in :class:`GivenMoments`; contexts have energies in as many.

    Raises
    ------
    HypothesisError
        If weights do not sum to 1, moments are impossible, or the populations differ in D or in their quadratic functions.

    Examples
    --------
    One source, isotropic: h of D = 6 entries, a label that sees the first.

    >>> from hermite_eq.models import RandomTransformer, Sizes
    >>> from hermite_eq.theory import icl_error
    >>> signal = np.array([0.5, 0, 0, 0, 0, 0])
    >>> moments = given_moments([Population(np.eye(6), signal, square=0.3)])
    >>> print(icl_error(RandomTransformer("tanh", ridge=0.1), moments, Sizes(2, 2, 1, samples=40, hidden=30)))
    ICL 0.0674599, IDG 0.0674599
    """
    train = _checked(training, "training")
    tests = train if test is None else _checked(test, "test")
    if len({len(p.quadratics) for p in train + tests}) > 1:
        raise HypothesisError(
            "every population has the same quadratic functions", f"{[len(p.quadratics) for p in train + tests]} groups of them",
            "pass groups with zero signal where there is none",
        )  # fmt: skip
    scale = mixture_trace(train) if trace is None else trace
    scale = positive(scale, "trace", requirement="the scale t of the first layer is positive", repair="pass tr Cov(h)")
    for block in sequence(quadratic_blocks, "quadratic_blocks"):
        instance(block, Block, "quadratic_blocks is a sequence of Block", "leave quadratic_blocks out")
    given = GivenMoments(train, tests, scale, tuple(quadratic_blocks), count(classes, "classes", least=1))
    _ = given.blocks
    return given


def quadratic_blocks(covariances: Sequence[Kronecker], labels: Sequence[Array], shares: Sequence[float] | None = None) -> list[Block]:
    r"""Blocks of degree 2, one for each pair of distinct eigenvalues of the input covariances; none where these do not commute.

    For h = x ⊗ b normalised to trace 1 the kernel of degree 2 is :math:`\frac{c_2^2}2(x^\top x')^2(b^\top b')^2/(\operatorname{tr}\Sigma
    \operatorname{tr}R)^2`. Its projection on functions of x alone has :math:`(b^\top b')^2` replaced by its mean
    :math:`\operatorname{tr}R_sR_{s'}`, for queries of the sources s and s'. Where R has a direction of weight p = O(1) (the column
    :math:`b_2=\frac1\ell\sum y^2` of unit inputs, or a task spike), the eigenvalue of :math:`x_ix_j` is of the order
    :math:`c_2^2\sigma_i\sigma_jp^2/(\operatorname{tr}\Sigma)^2\sim d^{-2}`, that of the entries of h: these functions are learnt one by
    one, and :math:`\mathbb E[y\,(x_ix_j-\sigma_i\delta_{ij})]\ne0` wherever the mean label depends on x.

    That they may be replaced by independent Gaussian coordinates is a conjecture, tested by simulation. Directions i which hold a share
    of more than :math:`d^{-1/2}` of tr Σ are left out: what depends on them is seen through all degrees.

    Parameters
    ----------
    covariances : sequence of Kronecker
        :math:`\Sigma_s\otimes R_s` of every source, :math:`\Sigma_s` centred.
    labels : sequence of (d, d) arrays
        :math:`\mathbb E[y\,(xx^\top-\Sigma_s)]`, x less its mean.
    shares : sequence of float, optional
        :math:`\operatorname{tr}\Sigma_s/\mathbb E\|x\|^2`, less than 1 for inputs with a mean.

    Examples
    --------
    >>> blocks = quadratic_blocks([Kronecker(np.eye(3), np.diag([1.0, 1.0, 2.0]))], [np.zeros((3, 3))])
    >>> [(block.copies, round(float(block.matrices[0, 0, 0]), 6)) for block in blocks]
    [(6, 0.041667)]
    """
    inputs = [c.inputs for c in covariances]
    basis = common_basis(inputs)
    if basis is None:
        return []
    sizes_x = [float(np.trace(m)) / share for m, share in zip(inputs, shares or [1.0] * len(inputs), strict=True)]
    values = np.stack([np.einsum("ai,ab,bi->i", basis, m / size, basis, optimize=True) for m, size in zip(inputs, sizes_x, strict=True)])
    contexts = [c.context / np.trace(c.context) for c in covariances]
    gram = np.array([[float(np.vdot(R, S)) for S in contexts] for R in contexts])
    # u_s with ⟨u_s, u_s'⟩ = tr R_sR_s': the rows of a square root, which exists where sources coincide too.
    weights, vectors = np.linalg.eigh(gram)
    u = vectors * np.sqrt(np.maximum(weights, 0.0))
    rotated = [basis.T @ (Q / size) @ basis for Q, size in zip(labels, sizes_x, strict=True)]
    # A direction with a finite share of ‖x‖² is seen through functions of every degree, which no Gaussian stands for.
    light = [group for group in equal_columns(values) if values[:, group[0]].max() <= len(basis) ** -0.5]
    blocks = []
    for i, first in enumerate(light):
        for second in light[i:]:
            pairs = [(a, b) for a in first for b in second if first is not second or a <= b]
            rows, columns = (np.array(index) for index in zip(*pairs, strict=True))
            # φ_ij = x_ix_j for i < j and x_i²/√2: all of variance σ_iσ_j.
            scale = np.where(rows == columns, np.sqrt(0.5), 1.0)
            sizes = values[:, first].mean(1) * values[:, second].mean(1)
            matrices = sizes[:, None, None] * u[:, :, None] * u[:, None, :]
            signals = np.stack([np.outer(v, Q[rows, columns] * scale) for v, Q in zip(u, rotated, strict=True)])
            blocks.append(Block(matrices, signals, degree=2))
    return blocks
