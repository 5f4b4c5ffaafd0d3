"""Simulations at finite d: exact draws of contexts, trained Transformers, and their errors."""

from hermite_eq.simulate.correlations import Coupling as Coupling
from hermite_eq.simulate.correlations import coupling as coupling
from hermite_eq.simulate.decomposition import GradientDecomposition as GradientDecomposition
from hermite_eq.simulate.decomposition import gradient_step as gradient_step
from hermite_eq.simulate.error import icl_curve as icl_curve
from hermite_eq.simulate.error import icl_error as icl_error
from hermite_eq.simulate.laws import Contexts as Contexts
from hermite_eq.simulate.laws import Tasks as Tasks
from hermite_eq.simulate.options import SimulationOptions as SimulationOptions
from hermite_eq.simulate.posterior import dmmse_error as dmmse_error
from hermite_eq.simulate.preactivation import Preactivations as Preactivations
from hermite_eq.simulate.preactivation import preactivations as preactivations
from hermite_eq.simulate.results import DiscreteMMSE as DiscreteMMSE
from hermite_eq.simulate.results import MonteCarlo as MonteCarlo
from hermite_eq.simulate.results import SimulatedCurve as SimulatedCurve
from hermite_eq.simulate.results import SimulatedDifference as SimulatedDifference
from hermite_eq.simulate.results import SimulatedError as SimulatedError
from hermite_eq.simulate.results import join as join
from hermite_eq.simulate.sampler import context_law as context_law
from hermite_eq.simulate.sampler import contexts as contexts
from hermite_eq.simulate.simulation import Interrupted as Interrupted
