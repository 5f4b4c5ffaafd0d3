r"""Covariances given as matrices: block-diagonalised once, whatever the number of sources.

Sources s = 1…S have second moments :math:`C_s=\mathbb E[hh^\top]`, signals :math:`M_s=\mathbb E[hy]` and means of :math:`h`. In an
orthonormal basis in which every :math:`C_s` is block-diagonal with the same blocks, a block of shape (p, p) that occurs q times
is stored once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, count, non_negative
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models.covariance_matrix import covariance_matrix

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Relative size below which commutators, asymmetries and negative eigenvalues are rounding: D ε for the largest D in reach.
_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class Kronecker:
    r"""The covariance :math:`\Sigma\otimes R` of :math:`h=x\otimes b` (row-major: entry :math:`i(d+1)+j` is :math:`x_ib_j`).

    Attributes
    ----------
    inputs : (d, d) array
        :math:`\Sigma=\mathbb E[xx^\top]` of the query.
    context : (p, p) array
        :math:`R=\mathbb E[bb^\top]`; p = d + 1 for the statistic b of this package.
    """

    inputs: Array
    context: Array

    def __post_init__(self) -> None:
        for name, symbol in (("inputs", "Σ"), ("context", "R")):
            given = array(getattr(self, name), symbol, dimensions=2)
            if given.shape[0] != given.shape[1]:
                raise HypothesisError(f"{symbol} is square", f"shape {given.shape}", f"pass {name}=numpy.eye(d), say")
            object.__setattr__(self, name, given)

    @property
    def shape(self) -> tuple[int, int]:
        """(D, D)."""
        size = len(self.inputs) * len(self.context)
        return size, size

    @property
    def trace(self) -> float:
        r""":math:`\operatorname{tr}\Sigma\operatorname{tr}R`."""
        return float(np.trace(self.inputs) * np.trace(self.context))

    def dense(self) -> Array:
        """The matrix itself.

        >>> Kronecker(np.eye(2), np.diag([1.0, 3.0])).dense().diagonal()
        array([1., 3., 1., 3.])
        """
        require_memory(24 * self.shape[0] ** 2, "a matrix of shape (D, D)", "keep it as a Kronecker product")
        return np.asarray(np.kron(self.inputs, self.context), float)


@dataclass(frozen=True)
class RotationInvariant:
    r"""A covariance of :math:`h=x\otimes b` which is the same for :math:`Ox` and :math:`(Ob_1,b_2)` with any rotation O.

    Attributes
    ----------
    side : int
        d.
    identity : float
        The eigenvalue of the component of the matrix :math:`xb_1^\top` along :math:`I/\sqrt d`.
    symmetric, antisymmetric : float
        Of :math:`d(d+1)/2-1` symmetric matrices without trace, and of :math:`d(d-1)/2` antisymmetric ones.
    column : float
        Of the d entries of :math:`xb_2`.
    """

    side: int
    identity: float
    symmetric: float
    antisymmetric: float
    column: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", count(self.side, "side", "d", least=2))
        for name in ("identity", "symmetric", "antisymmetric", "column"):
            object.__setattr__(self, name, non_negative(getattr(self, name), name, "an eigenvalue of the covariance"))

    @property
    def trace(self) -> float:
        """The sum of the eigenvalues.

        >>> RotationInvariant(2, 1.0, 1.0, 1.0, 1.0).trace
        6.0
        """
        d = self.side
        return self.identity + (d * (d + 1) // 2 - 1) * self.symmetric + d * (d - 1) // 2 * self.antisymmetric + d * self.column


Covariance = Kronecker | RotationInvariant | Array


@dataclass(frozen=True, eq=False)
class Block:
    r"""One invariant subspace and its copies.

    Attributes
    ----------
    matrices : (S, p, p) array
        The :math:`C_s` on it.
    signals : (S, p, q) array
        The components of the :math:`M_s` on each of the q copies; there may be more copies, on which they vanish.
    degree : {1, 2}
        Degree in h of the functions whose covariance this is: the head's :math:`c_1^2` or :math:`c_2^2` multiplies it.
    means : (S, p, q) array or None
        Those of :math:`\mathbb E_sh`; None where it is zero.
    kind : int
        Which pair of classes of the two :func:`sides` it belongs to: within a source the energy of h in one kind varies by itself.
    more : int
        Copies beyond the q.
    """

    matrices: Array
    signals: Array
    degree: int = 1
    means: Array | None = None
    kind: int = 0
    more: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """Degree and kind."""
        return self.degree, self.kind

    @property
    def copies(self) -> int:
        """How often the block occurs."""
        return int(self.signals.shape[2]) + self.more

    @property
    def traces(self) -> Array:
        """:math:`q\\operatorname{tr}C_s`, shape (S,)."""
        traces: Array = self.copies * np.einsum("sii->s", self.matrices)
        return traces

    @cached_property
    def diagonals(self) -> Array | None:
        """The diagonals of the :math:`C_s` where these are diagonal, shape (S, p)."""
        entries = np.einsum("sii->si", self.matrices)
        return entries if np.count_nonzero(self.matrices) == np.count_nonzero(entries) else None


def positive(matrix: ArrayLike, name: str) -> Array:
    """A symmetric positive semidefinite matrix, or an error which says what is wrong with it."""
    return covariance_matrix(matrix, name, rounding=_ROUNDING)


def joint_components(matrices: Sequence[Array]) -> tuple[Array, list[Indices]]:
    """An orthonormal basis, and the sets of its vectors whose spans all of the matrices leave invariant.

    The eigenbasis of one generic combination, in which the others are block-diagonal: where they commute, with one vector in each set.

    >>> basis, components = joint_components([np.diag([1.0, 2.0, 2.0]), np.eye(3) + np.ones((3, 3))])
    >>> [len(one) for one in components]
    [2, 1]
    """
    from scipy.sparse.csgraph import connected_components

    scales = [float(np.abs(m).max()) or 1.0 for m in matrices]
    # A combination with incommensurable weights separates the joint eigenspaces.
    weights = np.sqrt(np.arange(2, len(matrices) + 2)) % 1 + 0.5
    _, basis = np.linalg.eigh(sum(w * m / scale for w, m, scale in zip(weights, matrices, scales, strict=True)))
    size = len(basis)
    joined = np.zeros((size, size), dtype=bool)
    for m, scale in zip(matrices, scales, strict=True):
        joined |= np.abs(basis.T @ m @ basis) > _ROUNDING * scale * size
    count, labels = connected_components(joined, directed=False)
    return np.asarray(basis), [np.flatnonzero(labels == label).astype(np.intp) for label in range(count)]


def common_basis(matrices: Sequence[Array]) -> Array | None:
    """An orthonormal basis that diagonalises all of them, or None where they do not commute."""
    basis, components = joint_components(matrices)
    return basis if len(components) == len(basis) else None


def equal_columns(values: Array) -> list[Indices]:
    """Indices of equal columns of ``values``, shape (S, d), up to rounding."""
    scale = np.abs(values).max(axis=1, keepdims=True)
    rounded = np.round(values / np.where(scale > 0, scale, 1.0) / _ROUNDING / 100).astype(np.int64)
    order = np.lexsort(rounded)
    jumps = np.flatnonzero((np.diff(rounded[:, order], axis=1) != 0).any(axis=0)) + 1
    return [np.asarray(group, np.intp) for group in np.split(order, jumps)]


#: Copies of all blocks that a solution holds: as given, in units of the trace, in the eigenbasis, and in products; measured: 4.
COPIES = 5


def memory(matrices: int, sizes: Iterable[int]) -> int:
    """Bytes of a solution with so many matrices on blocks of these sizes.

    >>> memory(2, [10, 20])
    40000
    """
    return 8 * COPIES * matrices * sum(size**2 for size in sizes)


#: Columns of a basis, and whether every matrix is a multiple of the identity on them.
Piece = tuple[Indices, bool]


@dataclass(frozen=True, eq=False)
class Side:
    r"""The inputs' or the context's side of :math:`h=x\otimes b`: invariant subspaces, and what holds a share of its own.

    Attributes
    ----------
    basis : (p, p) array
    pieces : tuple of Piece
        All columns of the basis, each once.
    classes : tuple of index arrays
        The directions with a share of more than :math:`p^{-1/2}` of a trace, each by itself (or with those it is not separated from),
        then the others in classes of alike shares. A piece lies within a class.
    spread : float
        The largest difference of logarithms of shares of one trace within a class.
    """

    basis: Array
    pieces: tuple[Piece, ...]
    classes: tuple[Indices, ...]
    spread: float

    def class_of(self, piece: Indices) -> int:
        """The class that a piece lies in."""
        return next(i for i, members in enumerate(self.classes) if piece[0] in members)


#: Logarithms of shares of a trace that are alike differ by no more; and the smallest share, in units of the mean one.
ALIKE, _LEAST = 0.4, 1e-3
#: Isotropic pieces into which the directions of a class are split at most; where there are more, one matrix is cheaper.
_PIECES = 1


def joint_side(matrices: Sequence[Array], most: int | None = None, classes: int = 1) -> Side:
    """The side of several second moments of x, or of b, with up to so many ``classes`` of directions that are not large; a class of more
    than ``most`` isotropic pieces is one piece that is not.

    >>> side = joint_side([np.diag([5.0] + [1.0] * 9), np.eye(10)])
    >>> sorted((len(piece), equal) for piece, equal in side.pieces), [len(one) for one in side.classes]
    ([(1, True), (9, True)], [1, 9])
    """
    basis, components = joint_components(matrices)
    turned = [basis.T @ m @ basis for m in matrices]
    diagonal = np.stack([m.diagonal() / np.trace(m) for m in turned])
    alone = np.array([component[0] for component in components if len(component) == 1], dtype=np.intp)
    pieces: list[Piece] = [(np.asarray(alone[group], np.intp), True) for group in equal_columns(diagonal[:, alone])] if alone.size else []
    pieces += [(component, False) for component in components if len(component) > 1]
    separate = [piece for piece in pieces if diagonal[:, piece[0]].max() > len(basis) ** -0.5]
    divided = [members for members, _ in separate]
    rest = [piece for piece in pieces if all(piece is not other for other in separate)]
    logs = np.log(np.maximum(diagonal, _LEAST / len(basis)))
    means = np.array([logs[:, members].mean(1) for members, _ in rest]).reshape(-1, len(logs)).T
    for group in _alike(means, classes):
        members = np.sort(np.concatenate([rest[i][0] for i in group]))
        divided.append(members)
        separate += [rest[i] for i in group] if most is None or group.size <= most else [(members, False)]
    return Side(basis, tuple(separate), tuple(divided), max(float(np.ptp(logs[:, members], axis=1).max()) for members in divided))


def _alike(values: Array, most: int) -> list[Indices]:
    """Columns of ``values``, shape (S, N), in groups that differ by at most :data:`ALIKE` in every row, or in ``most`` groups."""
    groups = [np.arange(values.shape[1])] * bool(values.size)
    while 0 < len(groups) < most:
        spreads = [np.ptp(values[:, group], axis=1) for group in groups]
        widest = int(np.argmax([spread.max() for spread in spreads]))
        if (spread := spreads[widest]).max() <= ALIKE:
            break
        group = groups.pop(widest)
        row = values[int(np.argmax(spread)), group]
        low = row <= (row.min() + row.max()) / 2
        groups += [group[low], group[~low]]
    return groups


def sides(covariances: Sequence[Covariance], classes: int = 1) -> tuple[Side, Side] | None:
    """Those of x and of b, for covariances which are all Kronecker products of one shape; else None. ``classes`` as for
    :func:`joint_side`."""
    factored = [c for c in covariances if isinstance(c, Kronecker)]
    if len(factored) < len(covariances) or len({c.inputs.shape + c.context.shape for c in factored}) > 1:
        return None
    inputs = joint_side([positive(c.inputs, "the input covariance") for c in factored], classes=classes)
    return inputs, joint_side([positive(c.context, "E[bbᵀ]") for c in factored], _PIECES, classes)


def check_memory(matrices: int, both: tuple[Side, Side] | None, dimension: int) -> None:
    """Raise unless there is memory for so many matrices on the blocks of two sides, or on one block of all D directions."""
    pieces = [] if both is None else [[1 if equal else len(columns) for columns, equal in side.pieces] for side in both]
    sizes = [math.prod(pair) for pair in itertools.product(*pieces)] if both else [dimension]
    require_memory(
        memory(matrices, sizes),
        f"{matrices} matrices on blocks of up to {max(sizes)} directions of h",
        "pass a smaller d, or covariances which commute, whose blocks are small",
    )


def block_diagonal(
    covariances: Sequence[Covariance], signals: Sequence[ArrayLike], means: Sequence[ArrayLike | None] | None = None, classes: int = 1
) -> list[Block]:
    r"""The blocks of several covariances, signals and means.

    Where every covariance is a :class:`Kronecker` product there is one for each pair of pieces of the two :func:`sides`: with joint
    eigenvalues :math:`\sigma_{s,i}` of the inputs a matrix :math:`\sigma_{s,i}R_s`, restricted to a piece of the contexts, and a number
    where that is isotropic. Inputs which do not commute make blocks of Kronecker products. Otherwise there is one dense block. A mixture
    within one source, :math:`\sum_j\pi_j\Sigma_j\otimes R_j`, is a dense matrix.

    Parameters
    ----------
    covariances : sequence of Kronecker or (D, D) array
    signals : sequence of (D,) or (d, d + 1) array
        :math:`M_s`, for each covariance.
    means : sequence of (D,) or (d, d + 1) array or None
        :math:`\mathbb E_sh`, likewise; None for zero.
    classes : int
        As for :func:`joint_side`.

    Raises
    ------
    HypothesisError
        If a matrix is not square, symmetric, finite and positive semidefinite, or shapes differ.

    Examples
    --------
    Identity and spike: the directions x of the spike and the others, and 21 different ones of b.

    >>> d = 20
    >>> spike = np.diag([5.0] + [1.0] * (d - 1))
    >>> R = np.diag(np.arange(1.0, d + 2))
    >>> blocks = block_diagonal([Kronecker(np.eye(d), R), Kronecker(spike, R)], [np.zeros(d * (d + 1))] * 2)
    >>> sorted((block.copies, block.matrices.shape) for block in blocks)
    [(1, (2, 21, 21)), (19, (2, 21, 21))]
    """
    vectors = [np.asarray(m, float).ravel() for m in signals]
    turning = [c for c in covariances if isinstance(c, RotationInvariant)]
    plain = [c for c in covariances if not isinstance(c, RotationInvariant)]
    if turning:
        return _rotation_invariant(turning, len(plain), vectors, means)
    moving = means is not None and any(m is not None for m in means)
    given = means or [None] * len(vectors)
    centres = [np.zeros_like(v) if m is None else np.asarray(m, float).ravel() for v, m in zip(vectors, given, strict=True)]
    lengths = {len(c.inputs) * len(c.context) if isinstance(c, Kronecker) else len(c) for c in plain}
    lengths |= {v.size for v in vectors + centres}
    if len(lengths) != 1:
        raise HypothesisError(
            "all covariances and signals have one dimension D", f"{sorted(lengths)}", "pass (D, D) and (D,) for every source"
        )
    both = sides(covariances, classes)
    check_memory(len(covariances), both, *lengths)
    if both is None:
        dense = [positive(c.dense() if isinstance(c, Kronecker) else c, "the covariance") for c in plain]
        return [Block(np.stack(dense), np.stack(vectors)[..., None], means=np.stack(centres)[..., None] if moving else None)]
    left, right = both
    factors = [(left.basis.T @ c.inputs @ left.basis, right.basis.T @ c.context @ right.basis) for c in covariances]  # type: ignore[union-attr]
    turned, centred = ([left.basis.T @ v.reshape(len(left.basis), -1) @ right.basis for v in pair] for pair in (vectors, centres))
    blocks = []
    for rows, columns in itertools.product(left.pieces, right.pieces):
        matrices = np.stack([np.kron(_part(P, *rows), _part(R, *columns)) for P, R in factors])
        signal, middle = (np.stack([_vector(m, rows, columns) for m in pair]) for pair in (turned, centred))
        kind = left.class_of(rows[0]) * len(right.classes) + right.class_of(columns[0])
        blocks.append(Block(matrices, signal, means=middle if moving else None, kind=kind))
    return blocks


def _rotation_invariant(
    covariances: Sequence[RotationInvariant], others: int, signals: Sequence[Array], means: Sequence[ArrayLike | None] | None
) -> list[Block]:
    """The identity, of kind 0, with all of the signals and the means; and the rest, of kind 1."""
    d = covariances[0].side
    if others or any(c.side != d for c in covariances):
        raise HypothesisError(
            "covariances that are invariant under rotations are so for every source, of one d",
            f"d = {', '.join(str(c.side) for c in covariances)} and {others} others",
            "pass Kronecker products or matrices for all of them",
        )
    identity = np.hstack([np.eye(d), np.zeros((d, 1))]).ravel() / math.sqrt(d)
    vectors = [*signals, *(np.asarray(m, float).ravel() for m in means or () if m is not None)]
    for v in vectors:
        if v.size != identity.size or np.abs(v - (v @ identity) * identity).max() > _ROUNDING * np.abs(v).max(initial=1e-300):
            raise HypothesisError(
                "E[hy] and E[h] of a law that is invariant under rotations are multiples of the identity",
                f"{v!r}",
                "pass Kronecker products or matrices",
            )
    along, middle = (
        np.array([0.0 if m is None else np.asarray(m, float).ravel() @ identity for m in stack])[:, None, None]
        for stack in (signals, means or [None] * len(signals))
    )
    none = np.zeros((len(covariances), 1, 0))
    rest = [("symmetric", d * (d + 1) // 2 - 1), ("antisymmetric", d * (d - 1) // 2), ("column", d)]
    blocks = [Block(np.array([c.identity for c in covariances])[:, None, None], along, means=middle)]
    for name, copies in rest:
        values = np.array([getattr(c, name) for c in covariances])
        blocks.append(Block(values[:, None, None], none, means=none, kind=1, more=copies))
    return blocks


def _part(matrix: Array, index: Indices, equal: bool) -> Array:
    """A matrix on a piece, once for all its directions where these are equal; without rounding off the diagonal where it is diagonal."""
    if equal:
        return np.full((1, 1), matrix[index, index].mean())
    part = matrix[np.ix_(index, index)]
    diagonal = np.diag(part.diagonal())
    return diagonal if np.abs(part - diagonal).max() <= _ROUNDING * np.abs(matrix).max() * len(matrix) else part


def _vector(matrix: Array, rows: Piece, columns: Piece) -> Array:
    """(p, q): the entries of one copy of the product of two pieces, and the copies."""
    own = matrix[np.ix_(rows[0], columns[0])]
    (a, i), (b, j) = ((1, n) if equal else (n, 1) for n, (_, equal) in zip(own.shape, (rows, columns), strict=True))
    return own.reshape(a, i, b, j).transpose(0, 2, 1, 3).reshape(a * b, i * j)
