"""Payloads as a channel developer gives them: files, lines of files, standard input; and their headers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import typer

from consumers.catalogue import CHANNELS
from ingest.cli.terminal import say

STANDARD_INPUT = "-"
_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload's bytes, and where they stand: `order.json`, or `orders.jsonl:3` for a line."""

    file: str
    body: bytes


@dataclass(slots=True)
class Payloads:
    """The payloads of some files. What cannot be read is told, counted, and left out."""

    files: Sequence[str]
    unreadable: int = 0

    def __iter__(self) -> Iterator[Payload]:
        for file in self.files:
            try:
                content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
            except OSError as error:
                self.unreadable += 1
                say(f"ordergate: {file} cannot be read: {error.strerror}; expected a JSON document")
                continue
            yield from split(file, content)


def split(file: str, content: bytes) -> Iterator[Payload]:
    """One payload a line for .jsonl files and for standard input, else one in all.

    A document that is laid out over several lines is taken for one payload on standard input too.
    """
    by_line = file.endswith(_LINES) or (file == STANDARD_INPUT and not _laid_out(content))
    lines = [(at, line) for at, line in enumerate(content.splitlines(), 1) if line.strip()]
    if not by_line or (file == STANDARD_INPUT and len(lines) <= 1):
        yield Payload(file, content)
        return
    for at, line in lines:
        yield Payload(f"{file}:{at}", line)


def headers_for(channel: str, kind: str | None, given: Iterable[str]) -> list[tuple[str, bytes | None]]:
    """The Kafka headers of the raw events. Raises typer.BadParameter when one is not NAME=VALUE."""
    if channel not in CHANNELS:
        raise typer.BadParameter(f"{channel!r} is no channel; there are: {', '.join(CHANNELS)}", param_hint="--channel")
    headers: list[tuple[str, bytes | None]] = []
    if kind is not None:
        headers.append((CHANNELS[channel].kind_header, kind.encode()))
    for header in given:
        name, separator, value = header.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"{header!r} is not NAME=VALUE", param_hint="--header")
        headers.append((name, value.encode()))
    return headers


def _laid_out(content: bytes) -> bool:
    """Whether this is one document over several lines.

    A first line that is only an opening bracket is never a whole document, so that one which is broken
    further down is still reported once and not line by line.
    """
    first = content.strip().partition(b"\n")[0].strip()
    return first in (b"{", b"[") or (not _is_json(first) and _is_json(content))


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
