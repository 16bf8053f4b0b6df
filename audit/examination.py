"""The audit itself, without a broker or a database: facts go in, violations come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from audit.causes import Causes
from audit.compaction import Compaction
from audit.evidence import EXCUSED, Evidence
from audit.facts import LogRecord, Outcome, Output, Scope
from audit.once import doubled
from audit.reading import OtherTopic, Reader, raw_event
from audit.sequence import Logs, out_of_sequence
from audit.topics import OutputTopics
from audit.violation import Violation

_AT_ONCE: Final = 1_000


class Examination:
    """Takes records and outcomes in any order between partitions, then tells what is wrong with them.

    Memory is bounded, whatever their number: facts are sorted in temporary files in `folder` (None: the system's
    own), 69 bytes for each raw event with its outcome and up to 143 for each output. Used in a `with`.
    """

    def __init__(self, reader: Reader, topics: OutputTopics, folder: Path | None = None) -> None:
        self._reader = reader
        self._topics = topics
        self._evidence = Evidence(folder)
        self.records: Counter[str] = Counter()
        """Records taken, by topic."""
        self.outcomes: Counter[str] = Counter()
        """Raw events judged, by outcome."""
        self.events = 0
        """Raw events judged."""
        self.not_judged: Counter[str] = Counter()
        """What could not be judged, counted by the reason."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._evidence.__exit__(kind, error, trace)

    def take_raw(self, records: Iterable[LogRecord]) -> None:
        """Take records of raw topics, those of a partition by rising offset."""
        self._evidence.take_raw(raw_event(record) for record in self._counted(records))

    def take_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Take rows of the database's outcomes."""
        self._evidence.take_outcomes(outcomes)

    def take_outputs(self, records: Iterable[LogRecord]) -> Iterator[Violation]:
        """Take records of output topics, those of a partition by rising offset; gives those faulty in themselves."""
        read, take = self._reader.output, self._evidence.take_outputs
        outputs: list[Output] = []
        for record in self._counted(records):
            try:
                output, violation = read(record)
            except OtherTopic as other:
                self.not_judged[f"outputs were caused by {other}, which is not part of this audit"] += 1
                if other.numbered is not None:
                    # A guest may buy in several channels: its version there is no gap here.
                    self._evidence.expect(*other.numbered, 0, EXCUSED)
                continue
            if output is not None:
                outputs.append(output)
                if len(outputs) == _AT_ONCE:
                    take(outputs)
                    outputs.clear()
            if violation is not None:
                yield violation
        take(outputs)

    def violations(self, scope: Scope) -> Iterator[Violation]:
        """Everything that is wrong with what was taken, within `scope`."""
        evidence = self._evidence
        yield from doubled(evidence.by_id, self._topics)
        causes = Causes(evidence, scope, self._topics)
        yield from causes.violations()
        whole = frozenset((one.role, one.partition) for one in scope.outputs if one.whole)
        logs = Logs(self._topics, whole, Compaction(evidence.by_key, scope.compacted))
        yield from out_of_sequence(evidence.by_key, logs, evidence.position)
        self.outcomes, self.events = causes.outcomes, causes.events
        self.not_judged += causes.not_judged

    def _counted(self, records: Iterable[LogRecord]) -> Iterator[LogRecord]:
        count = self.records
        for record in records:
            count[record.topic] += 1
            yield record
