"""The options of the commands beside the library, in ``verify`` and ``benchmarks``.

A command is a module with a docstring, which says what it does and costs and is its ``--help``; with ``SMALLEST``, the arguments of the
smallest run; and with ``main(argv)``, which returns the exit status. The tests run every module that has a main.
"""

from __future__ import annotations

import argparse
import inspect
import shlex
from collections.abc import Sequence


def command_line(name: str, description: str | None, smallest: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of ``python -m name``; its help is the module's docstring."""
    assert description is not None
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=inspect.cleandoc(description),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"smallest run: {shlex.join(['python', '-m', name, *smallest])}",
    )


def positive(text: str) -> int:
    """A size: an integer of at least 1.

    >>> positive("3")
    3
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"a positive integer is required; found {text!r}")
    return value
