r"""The covariance of :math:`(F^\top h,\ \xi^\top x_{\ell+1})` at four levels: given ξ and F; over fresh tasks; given the training
tasks; in the limit. Symbolic in d, ℓ, ρ (α, κ) with the target's Hermite data exact, and as numbers.

The module itself may be called: ``hermite_eq.covariance(task)`` is ``hermite_eq.covariance.covariance(task)``.
"""

import sys
from types import ModuleType

from hermite_eq.covariance.averaged import AveragedCovariance as AveragedCovariance
from hermite_eq.covariance.averages import task_norm_nodes as task_norm_nodes
from hermite_eq.covariance.four_levels import covariance as covariance
from hermite_eq.covariance.given import ENTRIES as ENTRIES
from hermite_eq.covariance.given import TRACE as TRACE
from hermite_eq.covariance.given import Covariance as Covariance
from hermite_eq.covariance.joint import JointCovariance as JointCovariance
from hermite_eq.covariance.label import ALPHA as ALPHA
from hermite_eq.covariance.label import ELL as ELL
from hermite_eq.covariance.label import KAPPA as KAPPA
from hermite_eq.covariance.label import RHO as RHO
from hermite_eq.covariance.label import W3 as W3
from hermite_eq.covariance.label import W4 as W4
from hermite_eq.covariance.label import A as A
from hermite_eq.covariance.label import D as D
from hermite_eq.covariance.label import P as P
from hermite_eq.covariance.label import S as S
from hermite_eq.covariance.label import SymbolicTarget as SymbolicTarget
from hermite_eq.covariance.label import V as V
from hermite_eq.covariance.label import hermite_symbol as hermite_symbol
from hermite_eq.covariance.label import target_moments as target_moments
from hermite_eq.covariance.limit import LimitCovariance as LimitCovariance
from hermite_eq.covariance.limit import NormLaw as NormLaw
from hermite_eq.covariance.over_tasks import TaskCovariance as TaskCovariance
from hermite_eq.covariance.source_averages import AveragedSource as AveragedSource
from hermite_eq.covariance.source_averages import LimitSource as LimitSource
from hermite_eq.covariance.source_averages import SourceTasks as SourceTasks
from hermite_eq.covariance.source_covariance import SourceCovariance as SourceCovariance
from hermite_eq.covariance.source_moments import SourceMoments as SourceMoments
from hermite_eq.covariance.sources import source_moments as source_moments


class _CallableModule(ModuleType):
    # Importing hermite_eq.covariance makes the attribute of hermite_eq of that name this module, whichever part imports it first; so that
    # hermite_eq.covariance(task) does not depend on what was imported before, the module answers the call.
    __call__ = staticmethod(covariance)


__wrapped__ = covariance  # inspect.signature(hermite_eq.covariance)
sys.modules[__name__].__class__ = _CallableModule
