"""Texts that would do something if they were executed, at every entrance, under an audit hook; a script, as hooks cannot be removed.

Every text imports ``hermite_hostile``, writes ``hermite_hostile``, or runs it, when it is evaluated, in whatever way it is. The script ends
with status 1 and names the entrance where one was, or where one took longer than ``LIMIT``.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

MARK = "hermite_hostile"
#: Seconds of the processor for one call.
LIMIT = 2.0

_ACTIONS = (
    f"__import__('{MARK}')",
    f"__import__('os').system('touch {MARK}')",
    f"open('{MARK}', 'w')",
    f"exec('import {MARK}')",
    f"eval(\"__import__('{MARK}')\")",
    f"().__class__.__base__.__subclasses__() and __import__('{MARK}')",
    f"__builtins__['__import__']('{MARK}')",
    f"globals()['__builtins__'].__import__('{MARK}')",
    f"getattr(__import__('builtins'), 'ex' + 'ec')('import {MARK}')",
    f"Symbol.__init__.__globals__['__builtins__']['__import__']('{MARK}')",
    f"lambdify('x', \"__import__('{MARK}')\")(1)",
    f"sympify(\"__import__('{MARK}')\")",
    f"S(\"__import__('{MARK}')\")",
    f"parse_expr(\"__import__('{MARK}')\")",
    f"[m for m in [__import__('{MARK}')]][0]",
    f"(lambda: __import__('{MARK}'))()",
    f"f\"{{__import__('{MARK}')}}\"",
    f"'%s' % __import__('{MARK}')",
    f"__import__('subprocess').run(['{MARK}'])",
    f"print(__import__('{MARK}'), file=open('{MARK}', 'w'))",
    f"ｅｘｅｃ('import {MARK}')",
    f"__ımport__('{MARK}') or __import__('{MARK}')",
)
_FRAMES = (
    "{}",
    "({})",
    "x + {}",
    "1/3 + {}",
    "[{}]",
    "({},)",
    "{{'a': {}}}",
    "exp({})",
    "max(x, {})",
    "x if {} else 1",
    "{} if x > 0 else x",
    "where(x < 0, {}, 1)",
    "x**{}",
    "-{}",
    "relu({})",
    "not {}",
    "x.subs(x, {})",
    "x[{}]",
    "*{}",
    "a := {}",
    "lambda x: {}",
    " {} ",
    "{}\n",
    "{}\0",
    "0.5;{}",
    "#{}",
)
_ODD = (
    "x" * 10**5,
    "(" * 500,
    "[" * 3000,
    "9" * 5000,
    "1e999999999",
    "9**9**9**9",
    "\0",
    "\ud800",
    "x" + "**x" * 300,
    "exp(exp(exp(9)))",
    "{0.__class__}",
    "%(x)s",
    "${x}",
    "\\input{/etc/passwd}",
    "'" * 99,
    "\N{FULLWIDTH DIGIT ONE}",
    "nan",
    "inf",
    "None",
    "1_000",
    "0x10",
)
TEXTS = tuple(frame.format(action) for action, frame in itertools.product(_ACTIONS, _FRAMES)) + _ODD

executed: list[str] = []


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what a hostile text would do; reading one into a syntax tree is no execution."""
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen"):
        executed.append(f"{event} {arguments[:2]}")
    elif event == "import" and MARK in str(arguments[0]):
        executed.append(f"import {arguments[0]}")
    elif event == "open" and MARK in str(arguments[0]):
        executed.append(f"open {arguments[0]}")
    elif event == "compile" and arguments[1] != "<unknown>" and MARK in str(arguments[0]):
        executed.append(f"compile {str(arguments[0])[:60]}")


def _calls(texts: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every text as every argument of every entrance, alone and in a list, and as every word of a command."""
    from surface import entrances

    from hermite_eq.cli import main

    for entrance in entrances():
        for parameter in entrance.parameters:
            for text in texts:
                arguments = entrance.arguments()
                for value in (text, [text], {text: text}):
                    given = {**arguments, parameter.name: value}
                    yield f"{entrance.name}({parameter.name})", partial(entrance.call, given)
    commands = (
        ["coefficients", "{}"],
        ["coefficients", "relu", "--degree", "{}"],
        ["coefficients", "relu", "--latex", "{}"],
        ["model", "{}"],
        ["theory", "--target", "{}"],
        ["theory", "--target", "relu", "--activation", "{}"],
        ["theory", "--target", "relu", "--tau", "{}"],
        ["theory", "--target", "relu", "--noise", "{}"],
        ["compare", "--target", "relu", "--activation", "{}"],
        ["{}"],
    )
    for command in commands:
        for text in texts:
            words = [text if word == "{}" else word for word in command]
            yield f"hermite-eq {' '.join(command)}", partial(main, words)
    yield from _of_verify(texts)


def _of_verify(texts: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every text as a word of verify's commands, and as a value in each file they read."""
    from stored_files import readers, variants

    from verify.__main__ import main

    options = ("--runs", "--d", "--seed", "--workers", "--memory", "--shard")
    commands = [
        ["{}"],
        ["run", "{}"],
        ["run", "rt-fig1a", "{}"],
        *(["run", "rt-fig1a", "--memory", "1", option, "{}"] for option in options),
    ]
    for command in commands:
        for text in texts:
            words = [text if word == "{}" else word for word in command]
            yield f"python -m verify {' '.join(command)}", partial(main, words)
    with tempfile.TemporaryDirectory() as folder:
        for kind, path, read in readers(Path(folder)):
            original = path.read_bytes()
            for place, text in variants(path, list(texts)):
                path.write_text(text, encoding="utf-8")
                yield f"{kind}, {'.'.join(place)}", read
            path.write_bytes(original)


def _sympifies() -> Iterator[tuple[str, Callable[[], Any]]]:
    import sympy

    yield "sympy.sympify", lambda: sympy.sympify(TEXTS[0])


def _late(*_: Any) -> None:
    raise TimeoutError


def run(calls: Iterator[tuple[str, Callable[[], Any]]]) -> tuple[int, list[str]]:
    """How many calls there were, and what is wrong with them."""
    number, wrong = 0, []
    signal.signal(signal.SIGPROF, _late)
    for name, call in calls:
        number += 1
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, LIMIT)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                call()
        except TimeoutError:
            wrong.append(f"{name} takes longer than {LIMIT} s")
        except (Exception, SystemExit):
            # What is raised is the business of the fuzz.
            pass
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if time.process_time() - start > LIMIT:
            wrong.append(f"{name} took {time.process_time() - start:.1f} s")
        wrong += [f"{name} executed: {what}" for what in executed]
        executed.clear()
    return number, wrong


def main() -> int:
    """Walk a sample of the texts, as many as the first argument says, or ``sympify`` alone as a control."""
    warnings.simplefilter("ignore")
    os.environ["MPLBACKEND"] = "agg"
    control = sys.argv[1] == "control"
    texts = TEXTS if control or int(sys.argv[1]) >= len(TEXTS) else tuple(random.Random(0).sample(TEXTS, int(sys.argv[1])))
    calls = _sympifies() if control else _calls(texts)
    first = next(calls)
    sys.addaudithook(hook)
    number, wrong = run(itertools.chain([first], calls))
    print(f"{number} calls, {len(wrong)} wrong")
    print(*dict.fromkeys(wrong), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
