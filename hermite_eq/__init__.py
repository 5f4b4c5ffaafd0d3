"""hermite_eq: Hermite equivalents, covariances and in-context errors of random Transformers."""

from hermite_eq.expansion import HermiteExpansion as HermiteExpansion
from hermite_eq.expansion import coefficients as coefficients
from hermite_eq.models import LinearTransformer as LinearTransformer
from hermite_eq.models import PolynomialActivation as PolynomialActivation
from hermite_eq.models import RandomTransformer as RandomTransformer
from hermite_eq.models import Ratios as Ratios
from hermite_eq.models import Sizes as Sizes
from hermite_eq.models import Task as Task
from hermite_eq.equivalence import equivalent_model as equivalent_model
from hermite_eq.errors import HypothesisError as HypothesisError
from hermite_eq.errors import HypothesisWarning as HypothesisWarning

__version__ = "0.1.0"
