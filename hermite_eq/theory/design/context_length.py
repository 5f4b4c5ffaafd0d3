r"""The context length of least error: α* in training and in the test, and its phase diagram over (κ, ρ).

Longer contexts carry more of the task, but they also let the Transformer learn the training tasks' span by heart: the error may fall
and rise again with α = ℓ/d. In the test, at a given training, they shrink the scale of a head's pre-activations: a linear head has
:math:`e=A+B/\alpha_t`, and one with :math:`c_0\ne0` a mean prediction that shrinks with them (``derivations/heads/test_contexts.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array, one_of
from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, Ratios, Task
from hermite_eq.theory.arguments import check_plain, check_points
from hermite_eq.theory.design.optimum import Which
from hermite_eq.theory.error import icl_error
from hermite_eq.theory.feature_law.choice import isotropic_law
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import Place
from hermite_eq.theory.feature_law.limit import TargetMoments
from hermite_eq.theory.prediction import TheoryError
from hermite_eq.theory.ridge_equivalent.linear import linear_limit

Array = NDArray[np.float64]

#: The search runs over |log₁₀ α| ≤ 8. Beyond, e(α) is its limit up to O(α^{∓1}) (O(α^{-1/2}) at κ = 1), and a least value at an end
#: stands for α* = 0 or ∞. A random head is asked at scales :math:`\sim\alpha_t^{-1/2}`, which its quadrature bounds.
_DECADES, _DECADES_OF_HEADS = 8.0, 4.0
_PER_DECADE = 4
#: Values of one grid evaluated at a time.
_BLOCK = 200_000
#: A rise or fall of the curve below this share of it is rounding.
_FLAT = 1e-13


@dataclass(frozen=True)
class OptimalContext:
    r"""The context length of least error in the limit.

    Attributes
    ----------
    alpha : float
        α* = ℓ/d; ``inf`` where no finite context is as good as ever longer ones, 0 where contexts only hurt.
    error : TheoryError
        The prediction at α*; at α = 10^{±8} where α* is ``inf`` or 0, 10^{±4} of a random head.
    monotone : bool
        Whether the error falls, or rises, over the whole range of α.
    """

    alpha: float
    error: TheoryError
    monotone: bool

    def __str__(self) -> str:
        where = "longer contexts are always better (alpha* = inf)" if math.isinf(self.alpha) else f"alpha* = {self.alpha:.6g}"
        return f"{where}{', monotone' if self.monotone else ''}: {self.error}"


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    r"""α* over a grid of task diversities and label noises.

    Attributes
    ----------
    kappa, noise : ndarray
        The axes, shapes (K,) and (N,).
    alpha : ndarray
        α*, shape (K, N); ``inf`` and 0 as in :class:`OptimalContext`.
    least : ndarray
        The least error.
    monotone : ndarray of bool
        Grey in [LA] Fig. 3.
    tau : float
    error : str
        ``"icl"`` or ``"idg"``.
    model : LinearTransformer
    target : Activation
    test_alpha : float or None
        α of the contexts in the test, where that stays as it is.
    """

    kappa: Array
    noise: Array
    alpha: Array
    least: Array
    monotone: NDArray[np.bool_]
    tau: float
    error: str
    model: LinearTransformer
    target: Activation
    test_alpha: float | None


def _golden(f: Callable[[Array], Array], lower: Array, upper: Array) -> Array:
    """The least point of each of many functions, unimodal on its bracket, to the √eps at which a minimum is defined."""
    ratio = (math.sqrt(5) - 1) / 2
    a, b = lower.copy(), upper.copy()
    x, y = b - ratio * (b - a), a + ratio * (b - a)
    fx, fy = f(x), f(y)
    for _ in range(math.ceil(math.log(1e-7) / math.log(ratio))):
        left = fx <= fy
        a, b = np.where(left, a, x), np.where(left, y, b)
        old_x, old_y, old_fx, old_fy = x, y, fx, fy
        x = np.where(left, b - ratio * (b - a), old_y)
        y = np.where(left, old_x, a + ratio * (b - a))
        new = f(np.where(left, x, y))
        fx, fy = np.where(left, new, old_fy), np.where(left, old_fx, new)
    return (a + b) / 2


def _least(curve: Callable[[Array, slice], Array], count: int, decades: float = _DECADES) -> tuple[Array, Array, NDArray[np.bool_]]:
    """(α*, least error, monotone) of ``count`` curves; ``curve(alpha, rows)`` evaluates some of them, alpha of shape (rows, …)."""
    grid = np.linspace(-decades, decades, int(2 * decades * _PER_DECADE) + 1)
    alpha, least, monotone = np.empty(count), np.empty(count), np.empty(count, bool)
    step = max(1, _BLOCK // grid.size)
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        size = rows.stop - rows.start
        values = curve(np.broadcast_to(10.0**grid, (size, grid.size)), rows)
        # Where a model interpolates at every α all values are infinite.
        with np.errstate(invalid="ignore"):
            change = np.diff(values) / values[:, 1:]
        falls, rises = (change <= _FLAT).all(1), (change >= -_FLAT).all(1)
        monotone[rows] = falls | rises
        at = np.argmin(values, 1)
        inner = np.clip(at, 1, grid.size - 2)

        def at_log(log: Array, rows: slice = rows) -> Array:
            return curve(10.0 ** log[:, None], rows)[:, 0]

        best = _golden(at_log, grid[inner - 1], grid[inner + 1])
        best_point = at_log(best)
        first, last = values[:, 0], values[:, -1]
        longest = falls | ((at == grid.size - 1) & (last <= best_point))
        shortest = ~falls & (rises | ((at == 0) & (first <= best_point)))
        alpha[rows] = np.select([longest, shortest], [np.inf, 0.0], 10.0**best)
        least[rows] = np.select([longest, shortest], [last, first], best_point)
    return alpha, least, monotone


def _check(model: LinearTransformer, tau: float) -> None:
    if not Head.of(model).linear:
        raise HypothesisError("the phase diagram is of the linear Transformer", f"{model}", "pass LinearTransformer(ridge=…)")
    if model.ridge == 0 and tau == 1:
        raise HypothesisError("the error is finite at some α", "ridge=0 and tau=1, where it diverges at every α", "pass ridge=1e-6, say")


def _optimum(model: Model, task: Task, ratios: Ratios, varied: tuple[str, ...], error: Which) -> OptimalContext:
    """The least error over the α named; it is one number in training and in the test where both are."""
    law = isotropic_law(model, task, ratios)
    place = vars(Place.of(law.head, [ratios]))

    def curve(alpha: Array, _: slice) -> Array:
        ones = np.ones(alpha.size)
        at = Place(**{name: alpha.ravel() if name in varied else x * ones for name, x in place.items()})
        return np.asarray(getattr(law.errors(at), error)).reshape(alpha.shape)

    decades = _DECADES if law.head.linear else _DECADES_OF_HEADS
    alpha, least, monotone = _least(curve, 1, decades)
    if not np.isfinite(least[0]):
        raise HypothesisError("the error is finite at some α", f"{model} at {ratios}, which interpolates at every α", "move n away from m")
    at = float(np.clip(alpha[0], 10.0**-decades, 10.0**decades))
    where = replace(ratios, **({"test_alpha": ratios.tested.alpha} | dict.fromkeys(varied, at)))
    return OptimalContext(float(alpha[0]), icl_error(model, task, where), bool(monotone[0]))


def optimal_context(
    model: Model, task: Task, *, kappa: float, tau: float, mu: float | None = None, test_alpha: float | None = None, error: Which = "icl"
) -> OptimalContext:
    r"""The α = ℓ/d of least ICL error (or ``error="idg"``) at fixed κ, τ and μ, in the limit.

    The global minimum over all α, by a logarithmic grid (4 points per decade) and golden sections around its least point. With
    ``test_alpha`` the contexts of the test stay as they are, and α* is the training length for these.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
    task : Task
    kappa, tau : float
    mu, test_alpha : float, optional
    error : {"icl", "idg"}

    Raises
    ------
    HypothesisError
        If the model interpolates exactly at every α (a linear one at λ = 0, τ = 1; a random head at τ = μ), or a random head comes
        without μ.

    References
    ----------
    Lu et al., arXiv 2405.11751, Figures 2 and 3.

    Examples
    --------
    >>> task = Task("identity", noise=0.1)
    >>> print(optimal_context(LinearTransformer(0.0), task, kappa=0.4, tau=0.5))
    alpha* = 5.46558: ICL 1.2667, IDG 0.523959
    >>> print(optimal_context(LinearTransformer(0.0), Task("identity", noise=0.5), kappa=2, tau=20))
    longer contexts are always better (alpha* = inf), monotone: ICL 0.552632, IDG 0.526316

    Whatever the test's contexts, it may pay to train on longer ones:

    >>> best = optimal_context(LinearTransformer(0.01), Task("identity", noise=0.01), kappa=math.inf, tau=10, test_alpha=4)
    >>> print(f"{best.alpha:.2f} {best.error.icl:.3f}")
    5.46 0.232
    """
    one_of(error, ("icl", "idg"), "error")
    check_plain(task)
    ratios = Ratios(1.0, kappa, tau, mu, test_alpha)
    if isinstance(model, LinearTransformer):
        _check(model, ratios.tau)
    return _optimum(model, task, ratios, ("alpha", "test_alpha") if test_alpha is None else ("alpha",), error)


def optimal_test_context(model: Model, task: Task, ratios: Ratios) -> OptimalContext:
    r"""The :math:`\alpha_t=\ell_t/d` of the contexts in the test of least ICL error, for a model trained at ``ratios``, in the limit.

    A linear head has :math:`e=A+B/\alpha_t`: longer contexts are always better, as they are for any head where labels have no mean and
    σ is homogeneous. For ReLU and labels of mean :math:`y_0` it is :math:`e=A+Bs^2+y_0^2(1-s)^2`, :math:`s^2=R'_t/R_t` (fresh
    training contexts have s = 1), which is least at a finite :math:`\alpha_t` unless :math:`y_0^2/(B+y_0^2)` is below its limit.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
    task : Task
    ratios : Ratios
        Those of training; a ``test_alpha`` in them plays no role.

    Raises
    ------
    HypothesisError
        As :func:`optimal_context`.

    References
    ----------
    ``derivations/heads/test_contexts.py``; that longer contexts in the test help linear attention: Letey et al., arXiv 2509.26551.

    Examples
    --------
    >>> from hermite_eq.models import RandomTransformer
    >>> ratios = Ratios(alpha=4, kappa=0.5, tau=4, mu=20)
    >>> best = optimal_test_context(RandomTransformer("relu", 0.0), Task("softplus", noise=0.01), ratios)
    >>> print(f"{best.alpha:.2f} {best.error.icl:.4f}")
    12.84 0.2613
    >>> optimal_test_context(RandomTransformer("relu", 0.0), Task("tanh", noise=0.1), ratios).alpha
    inf
    """
    check_points([ratios], Ratios)
    return _optimum(model, task, replace(ratios, test_alpha=None), ("test_alpha",), "icl")


def phase_diagram(
    model: LinearTransformer,
    target: object,
    *,
    kappa: ArrayLike,
    noise: ArrayLike,
    tau: float,
    error: Which = "icl",
    test_alpha: float | None = None,
) -> PhaseDiagram:
    r"""α* at every (κ, ρ), at fixed τ: [LA] Fig. 3.

    Parameters
    ----------
    model : LinearTransformer
    target : str, sympy.Expr, Activation or callable
        As in :class:`hermite_eq.Task`.
    kappa, noise : array_like
        The axes: κ > 0 (``inf`` allowed) and ρ ≥ 0.
    tau : float
    error : {"icl", "idg"}
    test_alpha : float, optional
        α of the contexts in the test, where that stays as it is.

    Raises
    ------
    HypothesisError
        If the model is not linear; as :func:`optimal_context`; also for axes outside their range.

    Examples
    --------
    >>> diagram = phase_diagram(LinearTransformer(0.0), "identity", kappa=[0.4, 1.5], noise=[0.1, 0.5], tau=0.5)
    >>> diagram.alpha.round(3)
    array([[5.466, 2.055],
           [  inf,   inf]])
    """
    one_of(error, ("icl", "idg"), "error")
    tau = Ratios(1.0, 1.0, tau).tau
    tested = None if test_alpha is None else Ratios(test_alpha, 1.0, 1.0).alpha
    _check(model, tau)
    kappas = np.array([Ratios(1.0, k, tau).kappa for k in array(kappa, "kappa", finite=False, nan=True).ravel().tolist()])
    tasks = [Task(target, float(rho)) for rho in array(noise, "noise", nan=True).ravel()]
    moments = [TargetMoments.of(task) for task in tasks]
    unexplained = np.array([m.unexplained + (0.0 if model.intercept else m.mean**2) for m in moments])
    square = np.array([m.square for m in moments])
    shape = (kappas.size, len(tasks))
    columns = [np.broadcast_to(x, shape).ravel() for x in (kappas[:, None], unexplained, square)]

    def curve(alpha: Array, rows: slice) -> Array:
        k, u, v = (x[rows, None] for x in columns)
        return np.asarray(getattr(linear_limit(moments[0].slope, u, v, alpha, k, tau, model.ridge, tested), error))

    alpha, least, monotone = _least(curve, kappas.size * len(tasks))
    noises = np.array([task.noise for task in tasks])
    fields = (kappas, noises, alpha.reshape(shape), least.reshape(shape), monotone.reshape(shape), tau, error)
    return PhaseDiagram(*fields, model, tasks[0].target, tested)
