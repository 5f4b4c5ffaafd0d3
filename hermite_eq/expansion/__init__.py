"""Hermite coefficients: exact, in double precision with estimated errors, and enclosed; kernels and exponents that follow from them."""

from hermite_eq.expansion.enclosure import Enclosure as Enclosure
from hermite_eq.expansion.expansion import HermiteExpansion as HermiteExpansion
from hermite_eq.expansion.expansion import coefficients as coefficients
from hermite_eq.expansion.exponents import Exponent as Exponent
from hermite_eq.expansion.exponents import generative_exponent as generative_exponent
from hermite_eq.expansion.exponents import information_exponent as information_exponent
from hermite_eq.expansion.kernels.gegenbauer import GegenbauerExpansion as GegenbauerExpansion
from hermite_eq.expansion.kernels.gegenbauer import gegenbauer_coefficients as gegenbauer_coefficients
from hermite_eq.expansion.kernels.kernel import DualActivation as DualActivation
from hermite_eq.expansion.kernels.kernel import dual_activation as dual_activation
from hermite_eq.expansion.kernels.layers import LayerKernel as LayerKernel
from hermite_eq.expansion.kernels.layers import layer_kernel as layer_kernel
from hermite_eq.expansion.quadrature import QuadratureEstimate as QuadratureEstimate
from hermite_eq.expansion.quadrature import gaussian_mean as gaussian_mean
from hermite_eq.expansion.scaled import scaled_coefficients as scaled_coefficients
from hermite_eq.expansion.scaled import scaled_moments as scaled_moments
from hermite_eq.expansion.scaled import scaled_norm2 as scaled_norm2
