r"""The covariance of :math:`(F^\top h,\ z)`, z the target's argument at the query, at four levels: given ξ and F; over fresh tasks; given
the training tasks; in the limit. One family for isotropic data and for data with covariances, symbolic in the symbols of
:mod:`hermite_eq.covariance.symbols` with the target's Hermite data exact, and as numbers.

The module itself may be called: ``hermite_eq.covariance(task)`` is ``hermite_eq.covariance.covariance(task)``.
"""

import sys
from types import ModuleType

from hermite_eq.covariance import symbols as symbols
from hermite_eq.covariance.averaged import AveragedCovariance as AveragedCovariance
from hermite_eq.covariance.averages import task_norm_nodes as task_norm_nodes
from hermite_eq.covariance.context_entries import ENTRIES as ENTRIES
from hermite_eq.covariance.context_entries import TRACE as TRACE
from hermite_eq.covariance.four_levels import covariance as covariance
from hermite_eq.covariance.given import Covariance as Covariance
from hermite_eq.covariance.label import SymbolicTarget as SymbolicTarget
from hermite_eq.covariance.label import target_moments as target_moments
from hermite_eq.covariance.limit import LimitCovariance as LimitCovariance
from hermite_eq.covariance.limit import NormLaw as NormLaw
from hermite_eq.covariance.moments.source_moments import SourceMoments as SourceMoments
from hermite_eq.covariance.moments.sources import source_moments as source_moments
from hermite_eq.covariance.over_tasks import TaskCovariance as TaskCovariance
from hermite_eq.covariance.symbols import hermite_symbol as hermite_symbol


class _CallableModule(ModuleType):
    # Importing hermite_eq.covariance makes the attribute of hermite_eq of that name this module, whichever part imports it first; so that
    # hermite_eq.covariance(task) does not depend on what was imported before, the module answers the call.
    __call__ = staticmethod(covariance)


__wrapped__ = covariance  # inspect.signature(hermite_eq.covariance)
sys.modules[__name__].__class__ = _CallableModule
