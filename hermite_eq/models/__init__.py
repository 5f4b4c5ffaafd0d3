r"""What is studied, as frozen data: the in-context task, its sizes or ratios, and the Transformers.

One and the same object goes to the theory (:func:`hermite_eq.icl_error`) and to the simulation
(:func:`hermite_eq.simulate.icl_error`), so that the two cannot disagree about what was asked.
"""

from hermite_eq.models.distributions import Distribution as Distribution
from hermite_eq.models.distributions import Gaussian as Gaussian
from hermite_eq.models.distributions import Rademacher as Rademacher
from hermite_eq.models.distributions import Sphere as Sphere
from hermite_eq.models.distributions import StudentT as StudentT
from hermite_eq.models.distributions import Uniform as Uniform
from hermite_eq.models.onestep import OneStepTransformer as OneStepTransformer
from hermite_eq.models.onestep import rt_ridge as rt_ridge
from hermite_eq.models.polynomial import PolynomialActivation as PolynomialActivation
from hermite_eq.models.sizes import Ratios as Ratios
from hermite_eq.models.sizes import Sizes as Sizes
from hermite_eq.models.softmax import SoftmaxAttention as SoftmaxAttention
from hermite_eq.models.source import Source as Source
from hermite_eq.models.structures import Dense as Dense
from hermite_eq.models.structures import Diagonal as Diagonal
from hermite_eq.models.structures import Identity as Identity
from hermite_eq.models.structures import PowerLaw as PowerLaw
from hermite_eq.models.structures import Spike as Spike
from hermite_eq.models.structures import Structure as Structure
from hermite_eq.models.structures import Toeplitz as Toeplitz
from hermite_eq.models.task import Task as Task
from hermite_eq.models.transformers import LinearTransformer as LinearTransformer
from hermite_eq.models.transformers import Model as Model
from hermite_eq.models.transformers import RandomTransformer as RandomTransformer
from hermite_eq.models.transformers import TrainedModel as TrainedModel

#: What can be simulated.
AnyTask = Task | SoftmaxAttention
