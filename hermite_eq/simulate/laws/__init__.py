"""The laws of tasks and contexts: exact samplers, and their expectations where they close."""

from hermite_eq.simulate.laws.context_law import ContextLaw as ContextLaw
from hermite_eq.simulate.laws.contexts import Contexts as Contexts
from hermite_eq.simulate.laws.contexts import Tasks as Tasks
