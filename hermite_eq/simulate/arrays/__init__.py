"""Where the arrays of a run live: NumPy's on the host, or those of an array library on a device."""

from hermite_eq.simulate.arrays.arrays import Arrays as Arrays
from hermite_eq.simulate.arrays.devices import arrays_on as arrays_on
from hermite_eq.simulate.arrays.host import HOST as HOST
from hermite_eq.simulate.arrays.symmetric_system import SymmetricSystem as SymmetricSystem
