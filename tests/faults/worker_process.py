"""`ordergate run` in a process of its own: each argument is a fault to arm, or `version=<another mapper version>`."""

from __future__ import annotations

import faulthandler
import signal
import sys

import confluent_kafka

from ingest import governing
from ingest.cli.main import main
from tests.faults.points import ReachedProducer, arm

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    confluent_kafka.Producer = ReachedProducer
    for argument in sys.argv[1:]:
        name, is_setting, value = argument.partition("=")
        if is_setting:
            assert name == "version", name
            governing.MAPPER_VERSION = value
        else:
            arm(argument)
    sys.argv = ["ordergate", "run"]
    main()
