"""`ordergate run` in a process of its own, with faults armed: each argument is one, as `points.arm` takes it."""

from __future__ import annotations

import faulthandler
import signal
import sys

import confluent_kafka

from ingest.cli.main import main
from tests.faults.points import ReachedProducer, arm

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    confluent_kafka.Producer = ReachedProducer
    for fault in sys.argv[1:]:
        arm(fault)
    sys.argv = ["ordergate", "run"]
    main()
