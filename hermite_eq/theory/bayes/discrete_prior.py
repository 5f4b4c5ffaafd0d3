r"""The dMMSE estimator of [LA] in the limit: the posterior mean under a prior on :math:`k=e^{cd}` training tasks.

The weights of the tasks are Boltzmann weights of independent energies :math:`\|y-X\xi_j\|^2/2\rho`, a random energy model. Per dimension
the context tells :math:`I=\frac12\langle\log(1+\alpha s/\rho)\rangle` nats about the task, s of the Marchenko-Pastur law of ratio 1/α.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, broadcast
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Task
from hermite_eq.theory.bayes.error import bayes_error
from hermite_eq.theory.roots import increasing_root
from hermite_eq.theory.spectra.marchenko_pastur import resolvent_moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DiscretePriorLimit:
    """The dMMSE estimator's limits, elementwise.

    Attributes
    ----------
    icl, idg : ndarray
        Errors on a fresh task and on the training tasks.
    information : ndarray
        I, the rate of training tasks up to which the context identifies the task.
    temperature : ndarray
        β, the inverse temperature at which a fresh task's posterior freezes; 1 where it does not.
    """

    icl: Array
    idg: Array
    information: Array
    temperature: Array


def tilted_divergence(rho: float, alpha: Array, eta: Array) -> Array:
    r"""The divergence per dimension, from the prior N(0, I), of the posterior which takes the noise for η ≥ ρ:

    .. math:: \tfrac12\big(-\log(1-z)-z\big)+\tfrac\alpha2\Big(\log(1+g)-\frac g{1+g}\Big)
        +\tfrac12\Big\langle\frac{\alpha^2s^2+\rho\alpha s}{(\alpha s+\eta)^2}\Big\rangle,\quad
        g=\Big\langle\frac1{\alpha s+\eta}\Big\rangle,\quad z=1-\eta g .

    At η = ρ it is I.

    >>> bool(abs(tilted_divergence(0.5, np.ones(1), np.array([0.5]))[0] - 0.4431471806) < 1e-10)
    True
    """
    mp = resolvent_moments(eta, alpha, alpha)
    z = alpha * mp.s_1
    square = alpha**2 * mp.s2_2 + rho * alpha * mp.s_2
    return np.asarray((-np.log1p(-z) - z + alpha * (np.log1p(mp.g) - mp.g / (1 + mp.g)) + square) / 2)


def dmmse_limit(task: Task, alpha: ArrayLike, rate: ArrayLike = 0.0) -> DiscretePriorLimit:
    r"""Errors of the dMMSE estimator as d → ∞ with ℓ = αd and :math:`k=e^{cd}` training tasks, c = ``rate``.

    Any k which grows as a power of d, κ = k/d fixed among them, has the rate 0: then e_IDG = ρ and e_ICL = 2 + ρ at every α > 0, and
    g_task = 2 does not fall with κ. For c > 0:

    - c ≥ I: the training tasks are as good as the Gaussian prior, e_IDG = e_ICL = the Bayes error.
    - c < I: the context identifies a training task, e_IDG = ρ. On a fresh task the posterior freezes, at the β = ρ/η where its divergence
      from the prior is c, onto few tasks with Poisson-Dirichlet weights, :math:`\mathbb E\sum p_j^2=1-\beta`:

    .. math:: e_{ICL}=\rho+\eta^2g_2+\rho\,(g_1-\eta g_2)+(1-\beta)\,\eta g_1,\qquad g_j=\langle(\alpha s+\eta)^{-j}\rangle .

    What happens for c > 0 rests on the freezing of the random energy model, which is used and not proved for these energies.
    Finite sizes come with corrections of order log d / d; the rate of k tasks at d is log(k)/d.

    Parameters
    ----------
    task : Task
        With the identity as target and noise ρ > 0.
    alpha, rate : array_like

    Raises
    ------
    HypothesisError
        If the task is not linear or without noise, α is out of range, or c is negative.

    References
    ----------
    The estimator: [LA]. Random energy model: Derrida, Phys. Rev. B 24 (1981) 2613. ``derivations/linear/dmmse.py``, which says what is not
    proved.

    Examples
    --------
    >>> limit = dmmse_limit(Task("identity", noise=0.25), 1.0, [0.0, 0.2, 1.0])
    >>> limit.icl.round(4), limit.idg.round(4), limit.information.round(4)
    (array([2.25  , 1.2576, 0.6404]), array([0.25  , 0.25  , 0.6404]), array([0.6358, 0.6358, 0.6358]))
    """
    best = bayes_error(task, alpha)
    rho = task.noise
    if rho == 0:
        raise HypothesisError("the posterior has a width: ρ > 0", f"{task}", 'pass Task("identity", noise=0.01), say')
    rate = array(rate, "rate", nan=True, empty=True)
    if not np.all((rate >= 0) & (rate < np.inf)):
        raise HypothesisError("the rate log(k)/d is finite and ≥ 0", f"rate={rate}", "pass rate=np.log(tasks) / d")
    alpha = array(alpha, "alpha")
    a, c, best = (np.array(x) for x in broadcast("alpha and rate", alpha, rate, best))
    information = tilted_divergence(rho, a, np.full_like(a, rho))
    dense = c >= information
    # The divergence increases with β, from 0 at β = 0; below β = 10⁻⁹ it is less than rounding.
    lower, upper = np.full_like(c, 1e-9), np.ones_like(c)
    beta = increasing_root(lambda b: tilted_divergence(rho, a, rho / b) - np.minimum(c, information), lower, upper)
    beta = np.where(dense, 1.0, np.where(c > 0, beta, 0.0))
    eta = rho / np.where(beta > 0, beta, 1.0)
    mp = resolvent_moments(eta, a, a)
    frozen = rho + eta**2 * mp.g2 + rho * a * mp.s_2 + (1 - beta) * eta * mp.g
    icl = np.where(dense, best, np.where(beta > 0, frozen, 2 + rho))
    return DiscretePriorLimit(icl, np.where(dense, best, rho), information, beta)
