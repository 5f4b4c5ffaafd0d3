"""hermite_eq: Hermite equivalents, covariances and in-context errors of random Transformers.

Give it an activation and a target; it returns Hermite coefficients, the equivalent polynomial model, the covariance of the
pre-activations and the in-context error, each with the size of its own error, and simulates the Transformers that check them.

>>> import hermite_eq
>>> hermite_eq.coefficients("relu")[1]
1/2
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# SPEC 1: a part is imported when one of its names is first asked for. Type checkers and editors read the second list, which a test holds
# against the first.
_PARTS = (
    "activations",
    "covariance",
    "equivalence",
    "errors",
    "expansion",
    "hermite",
    "latex",
    "models",
    "plotting",
    "simulate",
    "structured",
    "testing",
    "theory",
    "trained",
)
_NAMES = {
    "activations": ("Activation", "activation", "registered_names"),
    "equivalence": ("equivalent_model", "equivalent_transformer"),
    "errors": ("ArgumentTypeError", "ConvergenceError", "HypothesisError", "HypothesisWarning", "OutOfMemoryError", "StorageError"),
    "expansion": ("HermiteExpansion", "coefficients", "dual_activation"),
    "models": (
        "Dense",
        "Diagonal",
        "Identity",
        "LinearTransformer",
        "OneStepTransformer",
        "PolynomialActivation",
        "PowerLaw",
        "RandomTransformer",
        "Ratios",
        "Sizes",
        "SoftmaxAttention",
        "Source",
        "Spike",
        "StudentT",
        "Task",
        "Toeplitz",
    ),
    "theory": ("TheoryError", "icl_curve", "icl_error"),
}
_HOME = {name: part for part, names in _NAMES.items() for name in names}
# The module hermite_eq.covariance answers to a call as the function of that name does.
__all__ = sorted([*_HOME, "covariance", "simulate"])

if TYPE_CHECKING:
    from hermite_eq import activations as activations
    from hermite_eq import equivalence as equivalence
    from hermite_eq import errors as errors
    from hermite_eq import expansion as expansion
    from hermite_eq import hermite as hermite
    from hermite_eq import latex as latex
    from hermite_eq import models as models
    from hermite_eq import plotting as plotting
    from hermite_eq import simulate as simulate
    from hermite_eq import structured as structured
    from hermite_eq import testing as testing
    from hermite_eq import theory as theory
    from hermite_eq import trained as trained
    from hermite_eq.activations import Activation as Activation
    from hermite_eq.activations import activation as activation
    from hermite_eq.activations import registered_names as registered_names
    from hermite_eq.covariance import covariance as covariance
    from hermite_eq.equivalence import equivalent_model as equivalent_model
    from hermite_eq.equivalence import equivalent_transformer as equivalent_transformer
    from hermite_eq.errors import ArgumentTypeError as ArgumentTypeError
    from hermite_eq.errors import ConvergenceError as ConvergenceError
    from hermite_eq.errors import HypothesisError as HypothesisError
    from hermite_eq.errors import HypothesisWarning as HypothesisWarning
    from hermite_eq.errors import OutOfMemoryError as OutOfMemoryError
    from hermite_eq.errors import StorageError as StorageError
    from hermite_eq.expansion import HermiteExpansion as HermiteExpansion
    from hermite_eq.expansion import coefficients as coefficients
    from hermite_eq.expansion import dual_activation as dual_activation
    from hermite_eq.models import Dense as Dense
    from hermite_eq.models import Diagonal as Diagonal
    from hermite_eq.models import Identity as Identity
    from hermite_eq.models import LinearTransformer as LinearTransformer
    from hermite_eq.models import OneStepTransformer as OneStepTransformer
    from hermite_eq.models import PolynomialActivation as PolynomialActivation
    from hermite_eq.models import PowerLaw as PowerLaw
    from hermite_eq.models import RandomTransformer as RandomTransformer
    from hermite_eq.models import Ratios as Ratios
    from hermite_eq.models import Sizes as Sizes
    from hermite_eq.models import SoftmaxAttention as SoftmaxAttention
    from hermite_eq.models import Source as Source
    from hermite_eq.models import Spike as Spike
    from hermite_eq.models import StudentT as StudentT
    from hermite_eq.models import Task as Task
    from hermite_eq.models import Toeplitz as Toeplitz
    from hermite_eq.theory import TheoryError as TheoryError
    from hermite_eq.theory import icl_curve as icl_curve
    from hermite_eq.theory import icl_error as icl_error
else:

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name in _PARTS:
            return import_module(f"hermite_eq.{name}")
        if name in _HOME:
            value = globals()[name] = getattr(import_module(f"hermite_eq.{_HOME[name]}"), name)
            return value
        raise AttributeError(f"module 'hermite_eq' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({"__version__", *_PARTS, *__all__})
