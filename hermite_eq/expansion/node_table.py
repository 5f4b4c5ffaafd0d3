"""Tables of nodes, on panels and around singular points, with weights and Hermite polynomials as far as doubles hold them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.asymptotics import LocalNodes, decays_slowly
from hermite_eq.expansion.panels import HALF_WIDTHS, Array, Panels, finite_values, outside, placed_nodes_and_roots
from hermite_eq.hermite import check_degree, orthonormal_values


@dataclass(frozen=True, eq=False)
class NodeTable:
    """What depends on the panels and the degree alone: nodes x, (w φ(x))^{1/2}, He_k(x)/√k!, and the last two multiplied."""

    x: Array
    root: Array
    values: Array
    weighted: Array


_MOST_CACHED_PANELS = 256


def node_table(plan: Panels, degree: int) -> NodeTable:
    if plan.local or plan.edges.size > _MOST_CACHED_PANELS:
        return _make_table(plan.edges, degree, plan)
    return _cached_table(plan.edges.tobytes(), degree)


@lru_cache(maxsize=64)
def _cached_table(edges: bytes, degree: int) -> NodeTable:
    return _make_table(np.frombuffer(edges), degree)


def _make_table(edges: Array, degree: int, plan: Panels | None = None) -> NodeTable:
    x, rest, root = placed_nodes_and_roots(edges)
    if plan is not None and plan.local:
        root = np.where(outside(plan.local, x), root, 0.0)
        far, lost, roots = (np.concatenate(parts) for parts in zip(*map(_local_roots, plan.local), strict=True))
        x, rest, root = np.append(x, far), np.append(rest, lost), np.append(root, roots)
    values = orthonormal_values(x, degree)
    # h_k' = √k h_{k−1}, h_k = He_k/√k!: at the node before it was rounded.
    values[1:] += rest * np.sqrt(np.arange(1, degree + 1))[:, None] * values[:-1]
    table = NodeTable(x, root, values, values * root)
    for shared in (table.x, table.root, table.values, table.weighted):
        # By every activation with the same panels.
        shared.flags.writeable = False
    return table


def function_values(sigma: Activation, plan: Panels, x: Array) -> Array:
    """σ at the nodes of a table: by the function on panels, by its expansions around singular points."""
    if not plan.local:
        return finite_values(sigma, x)
    local = np.concatenate([nodes.values for nodes in plan.local])
    on_panels = x[: x.size - local.size]
    there = outside(plan.local, on_panels)
    values = np.zeros(x.size)
    values[: on_panels.size][there] = finite_values(sigma, on_panels[there])
    values[on_panels.size :] = local
    return values


def _local_roots(nodes: LocalNodes) -> tuple[Array, Array, Array]:
    """As :func:`placed_nodes_and_roots`: x, what rounding took from it, and (w φ)^{1/2}."""
    x, rest = nodes.x, nodes.rest
    return x, rest, np.sqrt(nodes.weights) * _root_of_density(x) * (1 - x * rest / 2)


def _root_of_density(x: Array) -> Array:
    return np.asarray(np.exp(-np.square(x) / 4) / (2 * math.pi) ** 0.25)


def affine_values(
    sigma: Activation, local: tuple[LocalNodes, ...], m: Array, s: Array, g: Array, root: Array
) -> tuple[Array, Array, Array]:
    """σ(m + s g), nodes g and roots (w φ)^{1/2}, shape (N, nodes), for columns m and s; around singular points by the nodes there."""
    if not local:
        return finite_values(sigma, m + s * g), g, root
    argument = m + s * g
    used = outside(local, argument)
    values = np.zeros(argument.shape)
    values[used] = finite_values(sigma, argument[used])
    there = [(nodes.x - m) / s for nodes in local]
    roots = [np.sqrt(nodes.weights / s) * _root_of_density(x) for nodes, x in zip(local, there, strict=True)]
    return (
        np.concatenate([values, *(np.broadcast_to(nodes.values, x.shape) for nodes, x in zip(local, there, strict=True))], axis=1),
        np.concatenate([g, *there], axis=1),
        np.concatenate([np.where(used, root, 0.0), *roots], axis=1),
    )


def slowly_decaying(sigma: Activation, plan: Panels) -> bool:
    """Whether the square has mass beyond the panels."""
    return sigma.expression is not None and plan.half_width >= HALF_WIDTHS[-2] and decays_slowly(sigma.expression, plan.reach)


def sqrt_factorial(k: int) -> float:
    """√k! in double precision, without overflow up to k = 300."""
    factorial = math.factorial(k)
    return math.sqrt(factorial) if k <= 170 else float(math.isqrt(factorial))


_MOST_DEGREES = 300


def double_degree(degree: Any) -> int:
    """``degree``, checked against the range of double precision."""
    number = check_degree(degree)
    if number > _MOST_DEGREES:
        raise HypothesisError(
            f"double precision holds c_k up to degree {_MOST_DEGREES}, where √k! overflows",
            f"degree={number}",
            "ask for exact coefficients, or for enclosures one degree at a time",
        )
    return number


def vanishing(sigma: Activation, degree: int) -> Array:
    """True where parity makes c_k zero."""
    k = np.arange(degree + 1)
    return (k % 2 == 1) if sigma.parity == "even" else (k % 2 == 0) if sigma.parity == "odd" else np.zeros(degree + 1, bool)
