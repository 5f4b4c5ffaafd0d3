"""What an expression does at its singular points and at the two ends of the line, decided from the expression."""

from hermite_eq.expansion.asymptotics.far_mass import far_mass as far_mass
from hermite_eq.expansion.asymptotics.integrability import check_integrable as check_integrable
from hermite_eq.expansion.asymptotics.integrability import decays_slowly as decays_slowly
from hermite_eq.expansion.asymptotics.integrability import not_square_integrable as not_square_integrable
from hermite_eq.expansion.asymptotics.integrability import singularities as singularities
from hermite_eq.expansion.asymptotics.nodes import LocalNodes as LocalNodes
from hermite_eq.expansion.asymptotics.nodes import far_norm2 as far_norm2
from hermite_eq.expansion.asymptotics.nodes import local_nodes as local_nodes
