"""Output logs that lost records are recognised, and exactly what they lack is published again."""

from __future__ import annotations

import pytest

from ingest.database.journal import JournalRow
from ingest.database.output_ends import OutputEnd
from ingest.errors import Cause
from ingest.repair.lost_outputs import MissingRecords, PublishAgain, missing_of, newest_versions, plan_lost_outputs
from ingest.repair.plan import Mode
from ingest.worker.output_watch import Shortened, halt, shortened
from producers.journal_records import pack
from producers.records import OutputRecord
from producers.topics import CHANGES, GUESTS, ORDERS

BEFORE = [OutputEnd("out", 0, "A", 100), OutputEnd("out", 1, "A", 0)]


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        ([OutputEnd("out", 0, "A", 100), OutputEnd("out", 1, "A", 7)], []),
        ([OutputEnd("out", 0, "A", 250), OutputEnd("out", 1, "B", 0), OutputEnd("out", 2, "A", 3)], []),
        ([OutputEnd("out", 0, "A", 99), OutputEnd("out", 1, "A", 0)], [Shortened("out", 0, 100, 99, False)]),
        ([OutputEnd("out", 0, "B", 500)], [Shortened("out", 0, 100, 500, True)]),
        ([], [Shortened("out", 0, 100, None, False)]),
    ],
)
def test_a_log_that_is_shorter_or_another_one_has_lost_records(now, lost):
    """Growing is ordinary; a log that held nothing cannot lose anything."""
    assert shortened(BEFORE, now) == lost


def test_a_halt_names_the_logs_that_are_shorter():
    """An operator sees at once which output topic it is."""
    told = halt(("raw", 3), [Shortened("out", 0, 100, 99, True)])
    assert told.cause is Cause.OUTPUT_LOST and "out/0 was deleted and made again" in told.known
    assert "out/0 is gone" in halt(("raw", 3), [Shortened("out", 0, 100, None, False)]).known


def record(topic: str, name: str) -> OutputRecord:
    return OutputRecord(topic, b"key", b"value", [("ce_id", name.encode())])


ROW = [record(ORDERS.name, "o/2"), record(CHANGES.name, "c"), record(GUESTS.name, "g/4")]
ORDER, CHANGE, GUEST = ((one.topic, dict(one.headers)["ce_id"]) for one in ROW)


@pytest.mark.parametrize(
    ("seen", "records", "overtaken"),
    [
        ({ORDER, CHANGE, GUEST}, None, 0),
        ({ORDER, GUEST}, (CHANGE,), 0),
        (set(), (ORDER, CHANGE, GUEST), 0),
        ({CHANGE, GUEST, (ORDERS.name, b"o/3")}, None, 0),
        ({CHANGE, GUEST, (ORDERS.name, b"o/1")}, (ORDER,), 0),
        ({ORDER, CHANGE, (GUESTS.name, b"g/5")}, (GUEST,), 1),
    ],
)
def test_only_what_readers_lack_is_missing(seen, records, overtaken):
    """An order's older version is not missing beside its newer one; a guest's event is, and comes late."""
    row = JournalRow("raw", 1, 8, 0, 5, 3, pack(ROW))
    found = missing_of(row, seen, newest_versions(seen))
    assert found == (None if records is None else MissingRecords("raw", 1, 8, records, overtaken))


def test_a_person_decides_on_what_would_come_out_of_order():
    """Without newer versions in front nothing is at risk that the plan does not repair."""
    lost = [Shortened("out", 0, 100, 99, False)]
    plain, late = MissingRecords("raw", 1, 8, (CHANGE,), 0), MissingRecords("raw", 1, 9, (GUEST,), 1)
    assert plan_lost_outputs(("raw", 1), lost, [plain], None).steps == (PublishAgain((plain,)),)
    undecided = plan_lost_outputs(("raw", 1), lost, [plain, late], None)
    assert undecided.steps == () and undecided.choices == (Mode.PUBLISH_AGAIN,)
    decided = plan_lost_outputs(("raw", 1), lost, [plain, late], Mode.PUBLISH_AGAIN)
    assert decided.steps == (PublishAgain((plain, late)),)
