"""The way in: the covariance of a task at four levels."""

from __future__ import annotations

from typing import Literal, overload

from hermite_eq.arguments import flag, one_of, shown
from hermite_eq.covariance.given import Covariance
from hermite_eq.covariance.label import SymbolicTarget
from hermite_eq.covariance.source_covariance import SourceCovariance
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.models import MixtureTask, Task


@overload
def covariance(
    task: Task | SymbolicTarget, *, unit_inputs: bool = ..., tasks: Literal["gaussian", "sphere"] = ..., covariances: Literal[False] = ...
) -> Covariance: ...
@overload
def covariance(task: MixtureTask) -> SourceCovariance: ...
@overload
def covariance(
    task: Task | SymbolicTarget, *, covariances: Literal[True], unit_inputs: bool = ..., unit_link: bool = ...
) -> SourceCovariance: ...
def covariance(
    task: Task | SymbolicTarget | MixtureTask,
    *,
    unit_inputs: bool = False,
    tasks: Literal["gaussian", "sphere"] = "gaussian",
    covariances: bool = False,
    unit_link: bool = False,
) -> Covariance | SourceCovariance:
    r"""The covariance of :math:`(F^\top\mathrm{vec}\,H_Z,\ \xi^\top x_{\ell+1})`, at four levels ([RT] Corollary 2, made explicit).

    Parameters
    ----------
    task : Task, SymbolicTarget or MixtureTask of one source
        ``SymbolicTarget()`` gives the formulas for every target, in its Hermite data. A MixtureTask brings its covariances, means and
        conventions; of several sources take ``task.only(s)``.
    unit_inputs : bool
        Inputs x ~ N(0, I_d) and b = (1/ℓ)(Σ y_i x_i, Σ y_i²), as [DM] has it, instead of x ~ N(0, I_d/d) and b₁ = (d/ℓ)Σ y_i x_i.
    tasks : {"gaussian", "sphere"}
        ξ ~ N(0, I_d), or uniform on the sphere ‖ξ‖² = d.
    covariances : bool
        Symbols Σ_x, Σ_ξ for the covariances of inputs and tasks, and μ for the inputs' mean, instead of isotropic data.
    unit_link : bool
        The argument :math:`\xi^\top x/(\|\xi\|\|\Sigma_x\|^{1/2})` of [DM]; with ``covariances``.

    Returns
    -------
    Covariance or SourceCovariance
        *given ξ and F*: ``.entries`` symbolic; ``.given(xi, context=ℓ)`` the numbers at finite d, with ``.matrix(F)`` for a given F;
        ``.trace(d, ℓ)`` the normalisation t of F. *Over fresh tasks*: ``.averaged(order)``. *Given the training tasks*:
        ``.over_tasks()``. *In the limit*: ``.limit()``, and for isotropic data the law of ‖h‖² to order 1/d: ``.norm_law()``.
        Each has ``.latex()``, ``.lambdify()`` and ``.numeric(…)``.

    Raises
    ------
    HypothesisError
        For anything else, several sources, inputs that are not Gaussian, or options that belong to the other kind of data.

    References
    ----------
    [RT] Lemma 1 and Corollary 2, which state that the covariance exists; derived in ``derivations/context_covariance.py`` and
    ``derivations/structured_covariance.py``.

    Examples
    --------
    >>> import numpy as np
    >>> cov = covariance(Task("relu", noise=0.01))
    >>> cov.moments["a"], cov.moments["v"]
    (s/2, rho + s**2/2)
    >>> xi = np.ones(5)
    >>> exact = cov.given(xi, context=7)
    >>> exact.matrix(np.eye(30)[:, :2]).shape
    (3, 3)
    >>> cov.averaged().entries["mean_b2"]
    rho + 1/2
    >>> covariance(Task("relu"), covariances=True).limit().entries["slope"]
    1/4
    """
    tasks = one_of(
        tasks, ("gaussian", "sphere"), "tasks", requirement="tasks are 'gaussian' or on the 'sphere'", repair="pass tasks='gaussian'"
    )
    unit_inputs, unit_link = flag(unit_inputs, "unit_inputs"), flag(unit_link, "unit_link")
    covariances = flag(covariances, "covariances")
    if isinstance(task, MixtureTask):
        if unit_inputs or unit_link or tasks != "gaussian":
            raise HypothesisError(
                "a MixtureTask has its own conventions", "unit_inputs, unit_link or tasks beside it", "pass them to MixtureTask"
            )
        if len(task.sources) != 1:
            raise HypothesisError("the covariance is that of one source", f"{len(task.sources)} sources", "pass task.only(0), say")
        source = task.sources[0]
        return SourceCovariance(Task(source.target, source.noise), task.unit_inputs, task.unit_link, task)
    if not isinstance(task, Task | SymbolicTarget):
        raise ArgumentTypeError("a covariance belongs to a Task", shown(task), 'pass hermite_eq.Task("relu", noise=0.01)')
    if covariances:
        if tasks != "gaussian":
            raise HypothesisError("symbolic covariances are those of Gaussian tasks", f"tasks={tasks!r}", "leave tasks out")
        return SourceCovariance(task, unit_inputs, unit_link, None)
    if unit_link:
        raise HypothesisError(
            "unit_link belongs to data with covariances", "unit_link without covariances",
            'pass covariances=True, or tasks="sphere" for isotropic data, where it is the same',
        )
    return Covariance(task, unit_inputs, tasks)
