"""Activations and targets: the record, the table of names, and the one reader of what a user writes."""

from hermite_eq.activations.activation import Activation as Activation
from hermite_eq.activations.coercion import activation as activation
from hermite_eq.activations.formulas.piecewise import Piece as Piece
from hermite_eq.activations.formulas.piecewise import kinks as kinks
from hermite_eq.activations.formulas.piecewise import pieces as pieces
from hermite_eq.activations.names.parse import parse_expression as parse_expression
from hermite_eq.activations.names.registry import register as register
from hermite_eq.activations.names.registry import registered_names as registered_names
from hermite_eq.activations.regularity import grows_exponentially as grows_exponentially
from hermite_eq.activations.regularity import lipschitz_violation as lipschitz_violation
from hermite_eq.activations.rescaled import rescaled as rescaled
