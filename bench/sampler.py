"""A sampling profiler of CPU time: where the program stands at every tick of the processor-time clock.

Unlike a tracing profiler it does not make calls look dearer than they are. Time spent inside a C function
counts for the Python line that called it. Main thread only, for Python runs signal handlers there.

Python looks at pending signals where a function begins, at loops' ends and after calls. A sample taken right
where a function begins belongs to whoever called it: often C code that calls back, such as a decoder.
"""

from __future__ import annotations

import dis
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from bench import ROOT

_TICK_S = 0.001
_GENERATED_INIT = "__create_fn__.<locals>.__init__"
"""What `dataclasses` calls every constructor that it makes."""


class Place(NamedTuple):
    """A function, or a line of one, of the project by path."""

    file: str
    function: str
    line: int


class Samples:
    """Counts of samples, of which each stands for an equal share of the CPU time."""

    def __init__(self) -> None:
        self.total = 0
        self.inside: Counter[Place] = Counter()
        """By function: samples in it or in anything that it called."""
        self.own: Counter[Place] = Counter()
        """By function: samples in it or in C functions that it called."""
        self.lines: Counter[Place] = Counter()
        """By line: the same."""

    def add(self, frame: FrameType | None) -> None:
        """Count one sample."""
        self.total += 1
        if frame is not None and frame.f_back is not None and frame.f_lasti <= _entry(frame.f_code):
            frame = frame.f_back
        seen: set[Place] = set()
        innermost = True
        while frame is not None:
            place = _place(frame)
            function = place._replace(line=frame.f_code.co_firstlineno)
            if innermost:
                self.own[function] += 1
                self.lines[place] += 1
                innermost = False
            if function not in seen:
                seen.add(function)
                self.inside[function] += 1
            frame = frame.f_back


@contextmanager
def sampling() -> Iterator[Samples]:
    """Sample the block's CPU time."""
    samples = Samples()
    before = signal.signal(signal.SIGPROF, lambda _number, frame: samples.add(frame))
    signal.setitimer(signal.ITIMER_PROF, _TICK_S, _TICK_S)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _place(frame: FrameType) -> Place:
    code = frame.f_code
    function = code.co_qualname
    if function == _GENERATED_INIT:
        function = f"{type(frame.f_locals['self']).__qualname__}.__init__"
    return Place(_file(code.co_filename), function, frame.f_lineno or code.co_firstlineno)


@cache
def _entry(code: CodeType) -> int:
    """Where in its bytecode a function has only just begun."""
    return next((i.offset for i in dis.get_instructions(code) if i.opname == "RESUME"), -1)


@cache
def _file(name: str) -> str:
    _, installed, module = name.partition("site-packages/")
    if installed:
        return module
    path = Path(name)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else name
