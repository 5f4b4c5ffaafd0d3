"""What workers are asked in tests, in a module that is loaded at once: each process loads it anew."""

from __future__ import annotations

import os
import signal
import time

from hermite_eq.errors import HypothesisError


def killed(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def unanswerable(number: int) -> object:
    return (x for x in range(number))


def failing(number: int) -> None:
    raise HypothesisError("it is even", str(number), "pass 2")


def interrupts_blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def asleep() -> None:
    time.sleep(600)
