"""`ordergate run`: one worker, from its checks to its last batch."""

from __future__ import annotations

import signal
from types import FrameType

import structlog

from ingest.assembly import worker
from ingest.cli.deployment import settings
from ingest.cli.errors import UnsafeSettings
from ingest.cli.looked import Verdict
from ingest.cli.surroundings import BEFORE_A_START
from ingest.settings import Settings
from ingest.telemetry.health import Health, HealthServer
from ingest.telemetry.logs import configure
from ingest.telemetry.metrics import Metrics

log = structlog.get_logger()


def run() -> None:
    """Work until SIGTERM or Ctrl-C. Raises an OrdergateError when it cannot start."""
    given = settings()
    configure(given.log_format, given.log_level)
    refuse_unsafe(given)
    metrics = Metrics()
    # The longest that one turn of the loop may wait for others; past it, the loop hangs.
    health = Health(given.kafka_call_deadline_s + given.stable_offset_deadline_s)
    with (
        HealthServer(given.http_host, given.http_port, health, metrics) as server,
        worker(given, metrics, health) as one,
    ):

        def stop(number: int, _frame: FrameType | None) -> None:
            log.info("stopping", signal=signal.Signals(number).name)
            one.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        log.info("started", address=f"{given.http_host}:{server.port}", group_id=given.group_id)
        one.run()
    log.info("stopped")


def refuse_unsafe(given: Settings) -> None:
    """Raises UnsafeSettings when something would break a promise; what is only doubtful is said."""
    unsafe = []
    for section in BEFORE_A_START:
        for one in section(given):
            if one.verdict is Verdict.UNSAFE:
                unsafe.append(one)
            elif one.verdict is Verdict.WARN:
                known = f"{one.area} {one.subject}: {one.found}"
                log.warning("surroundings_doubtful", known=known, detail=one.why, do=one.do)
    if unsafe:
        raise UnsafeSettings(
            [f"{one.area} {one.subject}: {one.found}; {one.why}" for one in unsafe],
            [one.do for one in unsafe],
        )
