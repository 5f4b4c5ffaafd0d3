"""Hermite coefficients: exact, in double precision with estimated errors, and enclosed."""

from hermite_eq.expansion.enclosure import Enclosure as Enclosure
from hermite_eq.expansion.expansion import HermiteExpansion as HermiteExpansion
from hermite_eq.expansion.expansion import coefficients as coefficients
from hermite_eq.expansion.kernels.kernel import DualActivation as DualActivation
from hermite_eq.expansion.kernels.kernel import dual_activation as dual_activation
from hermite_eq.expansion.quadrature import QuadratureEstimate as QuadratureEstimate
from hermite_eq.expansion.quadrature import gaussian_mean as gaussian_mean
from hermite_eq.expansion.scaled import scaled_coefficients as scaled_coefficients
from hermite_eq.expansion.scaled import scaled_moments as scaled_moments
from hermite_eq.expansion.scaled import scaled_norm2 as scaled_norm2
