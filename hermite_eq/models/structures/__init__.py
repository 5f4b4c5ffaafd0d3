r"""Covariance structures, as frozen hashable data which hold for every dimension d where they can.

A structure stands for a positive definite matrix Σ. Its factor A, :math:`AA^\top=\Sigma`, is applied at a cost of O(d) for all but
:class:`Dense`.
"""

from hermite_eq.models.structures.abstract import Identity as Identity
from hermite_eq.models.structures.abstract import Structure as Structure
from hermite_eq.models.structures.coercion import structure as structure
from hermite_eq.models.structures.dense import Dense as Dense
from hermite_eq.models.structures.diagonal import Diagonal as Diagonal
from hermite_eq.models.structures.diagonal import PowerLaw as PowerLaw
from hermite_eq.models.structures.spike import Spike as Spike
from hermite_eq.models.structures.toeplitz import Toeplitz as Toeplitz
