"""Transformers trained by gradient descent, as in the experiments of [LA]; needs the extra ``trained`` (JAX and Optax).

What they are is frozen data, as in :mod:`hermite_eq.models`; JAX is imported when one of them is trained.
"""

from hermite_eq.trained.architectures import Architecture as Architecture
from hermite_eq.trained.architectures import FullLinearAttention as FullLinearAttention
from hermite_eq.trained.architectures import SoftmaxTransformer as SoftmaxTransformer
from hermite_eq.trained.error import TrainedError as TrainedError
from hermite_eq.trained.error import icl_error as icl_error
