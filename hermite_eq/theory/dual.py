r"""Numbers with derivatives: :math:`x+\sum_ix_i\epsilon_i`, :math:`\epsilon_i\epsilon_j=0`, through NumPy's own functions.

Formulas written for arrays differentiate themselves: what they do to a value they do to its derivatives. Roots and fixed points are lifted
by the implicit function theorem (:func:`implicit`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Directions at the end which belong to the unknowns of :func:`implicit`.
UNKNOWNS = 2


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """An array and its derivatives in P directions.

    Attributes
    ----------
    value : ndarray
    partials : ndarray
        Shape (P, …), … that of ``value``.

    Examples
    --------
    >>> x = Dual(np.array([3.0]), np.array([[1.0]]))
    >>> y = np.sqrt(x * x + 16) / 2
    >>> y.value, y.partials
    (array([2.5]), array([[0.3]]))
    """

    __slots__ = ("partials", "value")

    def __init__(self, value: Any, partials: Any) -> None:
        self.value, self.partials = np.asarray(value, float), np.asarray(partials, float)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    def _along(self, ndim: int) -> Array:
        """The partials with axes for broadcasting to ``ndim`` dimensions of the value."""
        return np.asarray(self.partials.reshape(len(self.partials), *(1,) * (ndim - self.ndim), *self.shape))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        values = [value(x) for x in inputs]
        result = ufunc(*values)
        if ufunc in _LOCALLY_CONSTANT:
            return result
        if ufunc not in _DERIVATIVES:
            return NotImplemented
        # A zero derivative stays zero where the slope is infinite: the input does not move.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            terms = [
                np.where(partial == 0, 0.0, slope * partial)
                for x, slope in zip(inputs, _DERIVATIVES[ufunc](result, *values), strict=True)
                if isinstance(x, Dual)
                for partial in [x._along(np.ndim(result))]
            ]
        return Dual(result, sum(terms[1:], terms[0]) + np.zeros(np.shape(result)))

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        if function not in _FUNCTIONS:
            return NotImplemented
        return _FUNCTIONS[function](*arguments, **keywords)

    def __getitem__(self, index: Any) -> Dual:
        index = index if isinstance(index, tuple) else (index,)
        return Dual(self.value[index], self.partials[(slice(None), *index)])

    def sum(self, axis: int = -1, keepdims: bool = False) -> Dual:
        axis = axis % self.ndim
        return Dual(self.value.sum(axis, keepdims=keepdims), self.partials.sum(axis + 1, keepdims=keepdims))


def value(x: Any) -> Any:
    """Without the derivatives."""
    return x.value if isinstance(x, Dual) else x


def partials(x: Any, count: int) -> Array:
    """The derivatives in ``count`` directions; zero for a plain array."""
    return x.partials if isinstance(x, Dual) else np.zeros((count, *np.shape(x)))


def floats(x: Any) -> Any:
    """``x`` as an array of floats, or as the dual number that it is."""
    return x if isinstance(x, Dual) else np.asarray(x, float)


_LOCALLY_CONSTANT = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.isfinite, np.isnan, np.sign}

_DERIVATIVES: dict[np.ufunc, Callable[..., tuple[Any, ...]]] = {
    np.add: lambda r, x, y: (1.0, 1.0),
    np.subtract: lambda r, x, y: (1.0, -1.0),
    np.multiply: lambda r, x, y: (y, x),
    np.true_divide: lambda r, x, y: (1 / np.asarray(y, float), -r / y),
    np.negative: lambda r, x: (-1.0,),
    np.sqrt: lambda r, x: (0.5 / r,),
    np.square: lambda r, x: (2 * x,),
    np.power: lambda r, x, n: (n * x ** (n - 1.0), 0.0),
    np.hypot: lambda r, x, y: (x / r, y / r),
    np.absolute: lambda r, x: (np.sign(x),),
    np.minimum: lambda r, x, y: (np.less_equal(x, y) * 1.0, np.greater(x, y) * 1.0),
    np.maximum: lambda r, x, y: (np.greater_equal(x, y) * 1.0, np.less(x, y) * 1.0),
}


def _directions(*arrays: Any) -> int:
    return next(len(x.partials) for x in arrays if isinstance(x, Dual))


def _where(condition: Any, x: Any, y: Any) -> Dual:
    count = _directions(x, y)
    result = np.where(value(condition), value(x), value(y))
    both = [Dual(value(z), partials(z, count))._along(result.ndim) for z in (x, y)]
    return Dual(result, np.where(value(condition), both[0], both[1]))


def _stack(arrays: Any, axis: int = 0) -> Dual:
    count = _directions(*arrays)
    arrays = np.broadcast_arrays(*map(value, arrays)), [x if isinstance(x, Dual) else Dual(x, partials(x, count)) for x in arrays]
    plain, duals = arrays
    rows = [np.broadcast_to(d._along(p.ndim), (count, *p.shape)) for p, d in zip(plain, duals, strict=True)]
    return Dual(np.stack(plain, axis), np.stack(rows, axis + 1 if axis >= 0 else axis))


def _solve(matrix: Any, right: Any) -> Dual:
    """d(A⁻¹b) = A⁻¹(db − dA A⁻¹b)."""
    count = _directions(matrix, right)
    x = np.linalg.solve(value(matrix), value(right))
    return Dual(x, np.linalg.solve(value(matrix), partials(right, count) - partials(matrix, count) @ x))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.stack: _stack,
    np.linalg.solve: _solve,
    np.linalg.det: lambda a: np.linalg.det(value(a)),
    np.broadcast_to: lambda x, shape: Dual(
        np.broadcast_to(x.value, shape), np.broadcast_to(x._along(len(shape)), (len(x.partials), *shape))
    ),
    np.ones_like: lambda x: np.ones_like(value(x)),
    np.zeros_like: lambda x: np.zeros_like(value(x)),
    np.full_like: lambda x, fill: np.full_like(value(x), fill),
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
}


def implicit(equations: Callable[[Any, Any], tuple[Any, Any]], x: Array, y: Array, count: int) -> tuple[Dual, Dual]:
    r"""The derivatives of the solution (x, y) of two equations :math:`G(x,y;\theta)=0`.

    .. math:: \binom{dx}{dy}=-\Big(\frac{\partial G}{\partial(x,y)}\Big)^{-1}\frac{\partial G}{\partial\theta}d\theta .

    Parameters
    ----------
    equations : callable
        From x and y to the two left-hand sides; whatever else they depend on holds its derivatives in the first P − 2 of P directions.
    x, y : ndarray
        The solution.
    count : int
        P.
    """
    seeds = np.zeros((2, count, *x.shape))
    seeds[0, -2], seeds[1, -1] = 1.0, 1.0
    first, second = (partials(g, count) for g in equations(Dual(x, seeds[0]), Dual(y, seeds[1])))
    determinant = first[-2] * second[-1] - first[-1] * second[-2]
    with np.errstate(divide="ignore", invalid="ignore"):
        dx = (first[-1] * second - second[-1] * first) / determinant
        dy = (second[-2] * first - first[-2] * second) / determinant
    for d in (dx, dy):
        d[-UNKNOWNS:] = 0.0
    return Dual(x, dx), Dual(y, dy)
