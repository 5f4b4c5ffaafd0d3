r"""Moments of a function of a Gaussian argument with mean m and standard deviation s, for many (m, s) at once:

.. math:: m^{(j)}_k(m,s)=\mathbb E[\sigma(m+sg)^j\,\mathrm{He}_k(g)],\qquad 1\le j\le J,\ 0\le k\le K.

The panels are those on which σ is resolved, carried to g by :math:`g=(x-m)/s`, and cut where g is an integer, so that the normal
density is resolved as well. Scales may differ by orders of magnitude (spiked covariances), so panels are laid out in
:math:`\operatorname{arsinh}x`: short near the origin, of a constant ratio far out.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array, broadcast
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion.asymptotics import LocalNodes, local_nodes, singularities
from hermite_eq.expansion.node_table import affine_values
from hermite_eq.expansion.panels import OutOfReachError, Panels, nodes_and_roots, panels, resolve
from hermite_eq.hermite import orthonormal_values

Array = NDArray[np.float64]

#: Where the integrals in g end: the first of these at which σᴶφ has fallen to rounding. φ underflows beyond 38.
_ENDS = (14, 20, 28, 36)
#: Unit panels in the argument, where it oscillates out to infinity, reach 14 standard deviations of this size.
_WIDEST = 128.0
#: Eighth moments of x⁴ are doubles up to here.
_LARGEST = 1e6
#: (m, s) treated at a time: 64 of them with some 2,000 nodes each keep every temporary array at a megabyte.
_BLOCK = 64
_ORDINALS = {4: "fourth", 8: "eighth"}


def local_expansions(sigma: Activation) -> tuple[LocalNodes, ...]:
    """The nodes around the singular points of an expression; a callable has none that are known."""
    return () if sigma.expression is None else local_nodes(sigma.expression)


@lru_cache(maxsize=256)
def _plan(sigma: Activation) -> Panels | None:
    """Panels in arsinh x; None where σ oscillates, grows like an exponential, or has singular points."""
    if local_expansions(sigma):
        return None
    kinks = tuple(math.asinh(float(kink)) for kink in sigma.kinks)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", HypothesisWarning)
            plan = resolve(lambda t: sigma(np.sinh(t)), kinks)
    except (HypothesisError, HypothesisWarning):
        return None
    return plan if plan.trusted else None


@lru_cache(maxsize=256)
def _edges(sigma: Activation, reach: float) -> Array:
    """Panels in the argument on which σ is resolved, for scales up to ``reach``."""
    plan = _plan(sigma)
    if plan is not None:
        inner = plan.edges[np.abs(plan.edges) < math.asinh(_ENDS[-1] * reach)]
        # arsinh and sinh move a kink by rounding: it is put back.
        return np.union1d(np.sinh(inner), [float(kink) for kink in sigma.kinks])
    # Unit panels.
    if reach > _WIDEST:
        raise HypothesisError(
            f"a target that oscillates or grows fast without end has an argument of standard deviation ≤ {_WIDEST:g}",
            f"{sigma.name} at the standard deviation {reach:.3g}",
            "use smaller covariances, or a target that is smooth in log|x| at infinity",
        )
    return panels(sigma, 2.0 ** math.ceil(math.log2(max(reach, 1.0)))).edges


def argument_moments(sigma: Activation, mean: ArrayLike, scale: ArrayLike, powers: int = 4, degree: int = 2) -> Array:
    r""":math:`\mathbb E[\sigma(m+sg)^j\,\mathrm{He}_k(g)]` in double precision.

    Parameters
    ----------
    sigma : Activation
    mean, scale : array_like, shape (N,)
        m and s > 0.
    powers, degree : int
        J and K.

    Returns
    -------
    ndarray, shape (J, K + 1, N)
        Entry [j − 1, k].

    Raises
    ------
    HypothesisError
        If a moment of order J is not finite, or the argument is too wide for a target that oscillates.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> moments = argument_moments(activation("identity"), [0.5], [2.0])
    >>> [round(float(moments[j - 1, k, 0]), 12) for j, k in ((1, 0), (1, 1), (2, 0), (2, 1), (2, 2))]
    [0.5, 2.0, 4.25, 2.0, 8.0]
    """
    given = array(mean, "the mean", nan=True, empty=True), array(scale, "the scale", nan=True, empty=True)
    m, s = broadcast("mean and scale", *map(np.atleast_1d, given))
    if m.ndim != 1 or not np.isfinite(m).all() or not np.all((s > 0) & (s < math.inf)):
        raise HypothesisError(
            "the argument of the target has a finite mean and a positive standard deviation",
            f"shapes {m.shape} and {s.shape}, least scale {np.min(s, initial=math.inf):.3g}",
            "pass means and standard deviations > 0, both of shape (N,)",
        )
    widest = float(np.max(s + np.abs(m), initial=0.0))
    if widest > _LARGEST:
        raise HypothesisError("the argument of the target is of moderate size", f"{widest:.3g}", f"pass at most {_LARGEST:.0e}")
    check_powers(sigma, powers)
    out = np.empty((powers, degree + 1, m.size))
    # Blocks of similar reach share their panels; one far point does not lengthen all the others.
    reach = np.maximum(s + np.abs(m) / _ENDS[0], 1.0)
    order = np.argsort(reach)
    for start in range(0, m.size, _BLOCK):
        block = order[start : start + _BLOCK]
        try:
            edges = _edges(sigma, 2.0 ** math.ceil(math.log2(float(reach[block[-1]]))))
            out[:, :, block] = _block(sigma, m[block, None], s[block, None], edges, powers, degree)
        except OutOfReachError as error:
            raise _without_moments(sigma, s[block], powers) from error
    return out


@lru_cache(maxsize=256)
def check_powers(sigma: Activation, powers: int) -> None:
    r"""Refuse σ whose moment of order J = ``powers`` is not finite at a singular point: \|x − c\|^a has one where Ja > −1.

    >>> from hermite_eq.activations import activation
    >>> check_powers(activation("log(abs(x))"), 4)
    """
    for point in () if sigma.expression is None else singularities(sigma.expression):
        for side in (point.left, point.right):
            if side is not None and not side.zero and powers * side.leading()[1][0] <= -1:
                raise HypothesisError(
                    f"the target has a finite {_ORDINALS.get(powers, f'{powers}th')} moment under its argument's normal law",
                    f"{sigma.name}, which grows like the power {side.leading()[1][0]} of the distance from {point.place}",
                    f"use a target that grows more slowly than the power −1/{powers} there",
                )


def _block(sigma: Activation, m: Array, s: Array, edges: Array, powers: int, degree: int) -> Array:
    scale = np.sqrt([math.factorial(k) for k in range(degree + 1)])
    for end in _ENDS:
        grid = np.broadcast_to(np.arange(-end, end + 1.0), (len(m), 2 * end + 1))
        g, root = nodes_and_roots(np.sort(np.concatenate([np.clip((edges - m) / s, -end, end), grid], axis=1), axis=1))
        y, g, root = affine_values(sigma, local_expansions(sigma), m, s, g, root)
        weighted = (orthonormal_values(g, degree).T * scale).T * np.square(root)
        sums = np.empty((powers, degree + 1, len(m)))
        with np.errstate(over="ignore", invalid="ignore"):
            for j in range(powers):
                weighted = weighted * y
                sums[j] = weighted.sum(axis=-1)
        outermost = np.abs(np.where(np.abs(g) > end - 1, weighted[0], 0.0)).sum(axis=-1)
        if np.isfinite(sums).all() and (outermost <= np.finfo(float).eps * np.abs(sums[-1, 0])).all():
            return sums
    raise _without_moments(sigma, s, powers)


def _without_moments(sigma: Activation, s: Array, powers: int) -> HypothesisError:
    return HypothesisError(
        f"the target has a finite {_ORDINALS.get(powers, f'{powers}th')} moment under its argument's normal law",
        f"{sigma.name} at a standard deviation up to {float(s.max()):.3g}",
        "use a target of at most polynomial growth",
    )
