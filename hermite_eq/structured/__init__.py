"""Pre-activations with a structured component: coefficients given that component, and the degree an equivalent model needs."""

from hermite_eq.structured.conditional import GaussianEquivalent as GaussianEquivalent
from hermite_eq.structured.conditional import affine as affine
from hermite_eq.structured.conditional import conditional_coefficients as conditional_coefficients
from hermite_eq.structured.conditional import conditional_model as conditional_model
from hermite_eq.structured.conditional import gaussian_equivalent as gaussian_equivalent
from hermite_eq.structured.conditional import truncated_conditional as truncated_conditional
from hermite_eq.structured.degree import SufficientDegree as SufficientDegree
from hermite_eq.structured.degree import degree_needed as degree_needed
from hermite_eq.structured.degree import missed_share as missed_share
