r"""Covariance structures, as frozen hashable data which hold for every dimension d where they can.

A structure stands for a positive definite matrix Σ. Its factor A, :math:`AA^\top=\Sigma`, is applied at a cost of O(d) for all but
:class:`Dense`.
"""

from hermite_eq.models.structures.abstract import Identity as Identity
from hermite_eq.models.structures.abstract import Structure as Structure
from hermite_eq.models.structures.families import PowerLaw as PowerLaw
from hermite_eq.models.structures.families import Spike as Spike
from hermite_eq.models.structures.families import Toeplitz as Toeplitz
from hermite_eq.models.structures.given import Dense as Dense
from hermite_eq.models.structures.given import Diagonal as Diagonal
from hermite_eq.models.structures.given import structure as structure
