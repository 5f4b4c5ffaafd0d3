"""The way in: the covariance of a task at four levels."""

from __future__ import annotations

from typing import Literal

from hermite_eq.arguments import count, flag, one_of, shown
from hermite_eq.covariance.given import Covariance
from hermite_eq.covariance.label import SymbolicTarget
from hermite_eq.covariance.level import Data
from hermite_eq.covariance.moments.sources import source_index
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.latex.definitions import Law
from hermite_eq.models import Gaussian, Source, Sphere, Task


def covariance(
    task: Task | SymbolicTarget,
    *,
    source: int | None = None,
    unit_inputs: bool = False,
    tasks: Literal["gaussian", "sphere"] = "gaussian",
    covariances: bool = False,
    unit_link: bool = False,
    symbolic_noise: bool = False,
) -> Covariance:
    r"""The covariance of :math:`(F^\top\mathrm{vec}\,H_Z,\ \xi^\top x_{\ell+1})`, at four levels ([RT] Corollary 2, made explicit).

    Parameters
    ----------
    task : Task or SymbolicTarget
        ``SymbolicTarget()`` gives the formulas for every target, in its Hermite data. A Task brings its covariances, means and
        conventions.
    source : int, optional
        Which source of a Task; may be left out where there is one.
    unit_inputs : bool
        Of a symbolic target, as the next and ``unit_link``: inputs x ~ N(0, I_d) and b = (1/ℓ)(Σ y_i x_i, Σ y_i²), as [DM] has it,
        instead of x ~ N(0, I_d/d) and b₁ = (d/ℓ)Σ y_i x_i.
    tasks : {"gaussian", "sphere"}
        ξ ~ N(0, I_d), or uniform on the sphere ‖ξ‖² = d.
    covariances : bool
        Write the formulas in Σ_x, Σ_ξ and the inputs' mean μ even where the data are isotropic, which is otherwise written in I and in
        s = ‖ξ‖/√d alone.
    unit_link : bool
        The argument :math:`\xi^\top x/(\|\xi\|\|\Sigma_x\|^{1/2})` of [DM]; with ``covariances``.
    symbolic_noise : bool
        Keep ρ as a symbol where the task has a number.

    Returns
    -------
    Covariance
        *given ξ and F*: ``.entries`` symbolic; ``.given(xi, context=ℓ)`` the numbers at finite d, with ``.matrix(F)`` for a given F;
        ``.trace(d, ℓ)`` the normalisation t of F. *Over fresh tasks*: ``.averaged(order)``, with ``.joint(d, ℓ)``. *Given the training
        tasks*: ``.over_tasks()``, with ``.given(tasks, context=ℓ)``. *In the limit*: ``.limit()``, and for isotropic data the law of
        ‖h‖² to order 1/d: ``.norm_law()``. Each has ``.entries`` by name in the symbols of :mod:`hermite_eq.covariance.symbols`,
        ``.arguments`` and ``.lambdify()`` for these as a function, ``.numeric(…)`` for their numbers, and ``.latex()``.

    Raises
    ------
    HypothesisError
        For anything else, several sources without a choice, inputs that are not Gaussian, or options that belong to the other kind of
        data.

    References
    ----------
    [RT] Lemma 1 and Corollary 2, which state that the covariance exists; derived in ``derivations/contexts/context_covariance.py`` and
    ``derivations/contexts/structured_covariance.py``.

    Examples
    --------
    >>> import numpy as np
    >>> cov = covariance(Task("relu", noise=0.01))
    >>> cov.moments["a"], cov.moments["v"]
    (s/2, s**2/2 + 1/100)
    >>> xi = np.ones(5)
    >>> exact = cov.given(xi, context=7)
    >>> exact.matrix(np.eye(30)[:, :2]).shape
    (3, 3)
    >>> covariance(Task("relu", noise=0.01), symbolic_noise=True).averaged().entries["mean_b2"]
    rho + 1/2
    >>> cov.averaged().entries["second_identity"].subs({"d": 20, "ell": 20})
    319/400
    >>> covariance(Task("relu"), covariances=True).limit().entries["slope"]
    1/4
    """
    tasks = one_of(
        tasks, ("gaussian", "sphere"), "tasks", requirement="tasks are 'gaussian' or on the 'sphere'", repair="pass tasks='gaussian'"
    )
    unit_inputs, unit_link = flag(unit_inputs, "unit_inputs"), flag(unit_link, "unit_link")
    covariances, symbolic_noise = flag(covariances, "covariances"), flag(symbolic_noise, "symbolic_noise")
    if isinstance(task, Task):
        if unit_inputs or unit_link or tasks != "gaussian":
            raise HypothesisError(
                "a Task has its own conventions",
                "unit_inputs, unit_link or tasks beside it",
                "pass Task(…, unit_inputs=True), or sources=[Source(…, tasks='sphere')]",
            )
        return Covariance(_of_source(task.only(source_index(task, source)), covariances, symbolic_noise))
    if not isinstance(task, SymbolicTarget):
        raise ArgumentTypeError("a covariance belongs to a Task", shown(task), 'pass hermite_eq.Task("relu", noise=0.01)')
    if source is not None and count(source, "source") > 0:
        raise HypothesisError("the sources are numbered 0 … 0", f"source={source}", "leave source out")
    if covariances and tasks != "gaussian":
        raise HypothesisError("symbolic covariances are those of Gaussian tasks", f"tasks={tasks!r}", "leave tasks out")
    if unit_link and not covariances:
        raise HypothesisError(
            "unit_link belongs to data with covariances",
            "unit_link without covariances",
            'pass covariances=True, or tasks="sphere" for isotropic data, where it is the same',
        )
    law: Law = "covariances" if covariances else "sphere" if tasks == "sphere" else "isotropic"
    return Covariance(Data(task, unit_inputs, unit_link, law, None, symbolic_noise))


def _of_source(task: Task, covariances: bool, symbolic_noise: bool) -> Data:
    source = task.sources[0]
    if not isinstance(source.inputs, Gaussian):
        raise HypothesisError(
            "the covariance is that of Gaussian inputs", f"inputs of the law {source.inputs}", "simulate: hermite_eq.simulate.icl_error"
        )
    label = Task(source.target, source.noise)
    plain = Source(source.target, source.noise, tasks=source.tasks)
    if covariances or source != plain or not isinstance(source.tasks, Gaussian | Sphere):
        return Data(label, task.unit_inputs, task.unit_link, "covariances", task, symbolic_noise)
    # With the unit link only the direction of ξ counts: the sphere.
    law: Law = "sphere" if task.unit_link or isinstance(source.tasks, Sphere) else "isotropic"
    return Data(label, task.unit_inputs, False, law, task, symbolic_noise)
