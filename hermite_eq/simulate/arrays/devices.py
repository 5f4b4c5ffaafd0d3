"""Devices by their names."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from hermite_eq.arguments import shown
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import available_memory
from hermite_eq.simulate.arrays.arrays import Arrays
from hermite_eq.simulate.arrays.device import DeviceArrays, Library
from hermite_eq.simulate.arrays.host import HOST

_REQUIREMENT = "a device is cpu (NumPy), torch, torch:DEVICE as PyTorch names it, or cupy"


def _torch() -> Library:
    xp, torch = importlib.import_module("array_api_compat.torch"), importlib.import_module("torch")

    def free(device: Any) -> float:
        if not str(device).startswith("cuda"):
            return available_memory()
        # What the library holds and does not use is free for it.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)

    return Library(xp, lambda array: np.asarray(array.cpu()), free, {"erf": torch.special.erf, "erfc": torch.special.erfc})


def _cupy() -> Library:
    xp, cupy = importlib.import_module("array_api_compat.cupy"), importlib.import_module("cupy")
    special = importlib.import_module("cupyx.scipy.special")

    def free(device: Any) -> float:
        return float(cupy.cuda.Device().mem_info[0] + cupy.get_default_memory_pool().free_bytes())

    return Library(xp, cupy.asnumpy, free, {"erf": special.erf, "erfc": special.erfc})


def _strict() -> Library:
    return Library(importlib.import_module("array_api_strict"), np.asarray, lambda device: available_memory(), {})


#: Libraries by the names of their packages. array_api_strict has nothing but the array API: the tests run on it.
_LIBRARIES: dict[str, Callable[[], Library]] = {"torch": _torch, "cupy": _cupy, "array_api_strict": _strict}


def arrays_on(name: str) -> Arrays:
    """The namespace of a device by its name, the same whenever it is asked for.

    Parameters
    ----------
    name : str
        ``"cpu"``: NumPy. ``"torch"``, or with a device of PyTorch ``"torch:cuda"``, ``"torch:cuda:1"``. ``"cupy"``: its current device.

    Raises
    ------
    HypothesisError
        For another name, without the library, and where the library finds no such device, or one without double precision.

    Examples
    --------
    >>> arrays_on("cpu") is HOST
    True
    """
    package, _, device = name.partition(":") if isinstance(name, str) else ("", "", "")
    if package not in ("cpu", *_LIBRARIES) or (device and package != "torch"):
        raise HypothesisError(_REQUIREMENT, f"device={shown(name)}", 'pass device="cpu", or device="torch:cuda"')
    return HOST if package == "cpu" else _on_device(name, package, device or None)


@functools.lru_cache(maxsize=8)
def _on_device(name: str, package: str, device: str | None) -> Arrays:
    try:
        library = _LIBRARIES[package]()
    except ImportError as error:
        # Beside the library its names in the array API are needed.
        missing = "hermite-eq[device]" if (error.name or "").startswith("array_api_compat") else package
        raise HypothesisError(
            "the library of the device is installed",
            f"device={name!r} without {error.name or package}",
            f'install {missing}, or pass device="cpu"',
        ) from error
    arrays = DeviceArrays(name, library, device)
    try:
        arrays.get(arrays.square(2) + 1.0)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise HypothesisError(
            "the device is there, and has double precision",
            f"device={name!r}, of which {package} says: {reason}",
            'pass a device of this machine, or device="cpu"',
        ) from error
    return arrays
