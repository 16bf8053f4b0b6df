"""Apache Kafka: broker and controller in one process. One node, unless settings make it one of several."""

import base64
import shutil
import uuid
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import ClassVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.local import process
from deploy.local.downloads import KAFKA_VERSION, kafka_jars
from deploy.local.java import find_java
from deploy.local.part import Launch, Part
from deploy.local.ports import HOST, Ports, answers
from deploy.local.report import Report

# Durability and protocol are Kafka's own; what is set here makes one node complete and local waits short.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
# Seen from its own folder: a comma in the path would make it two.
log.dirs=data
# One node: every internal topic has one replica.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
# A topic is created on purpose, with its settings, or not at all.
auto.create.topics.enable=false
# Raw events up to 10 MB, and their quarantine records around them.
message.max.bytes=12582912
replica.fetch.max.bytes=12582912
# Another worker takes over a dead one's partitions after 6 s, not 45 s.
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=1000
group.consumer.heartbeat.interval.ms=1000
# The default of 10 s comes on top of every transaction time-out.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# Memory and threads of a broker that serves one machine.
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""

_LOGGING = """\
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSS} %-5p %c{1}: %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
"""


class Profile(Enum):
    """What the Java machine of the broker is tuned for."""

    FAST_START = ("-Xms96m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    ONE_OF_SEVERAL = ("-Xms96m", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    # Short pauses are worth more than concurrent collection here; class data may grow without a full collection.
    THROUGHPUT = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC", "-XX:MetaspaceSize=128m")


class Kafka(Part):
    """The broker of the stack."""

    name: ClassVar[str] = "Apache Kafka"
    version: ClassVar[str] = KAFKA_VERSION
    port_names: ClassVar[tuple[str, ...]] = ("kafka", "kafka-controller")

    def __init__(
        self,
        run_dir: Path,
        ports: Ports,
        cache: Path,
        profile: Profile,
        settings: Mapping[str, str] | None = None,
        cluster_id: str | None = None,
    ) -> None:
        """`settings`: broker settings that win over those of SETTINGS; they may name the same ports in braces.

        `cluster_id`: of the cluster that the node belongs to; without it, it makes one of its own.
        """
        super().__init__(run_dir, ports)
        self._cluster_id = cluster_id
        self._cache = cache
        self._profile = profile
        self._settings = settings or {}

    def prepare(self, report: Report) -> Launch:
        """Write the settings for the ports of now; format the storage the first time."""
        jars = kafka_jars(self._cache, report)
        settings = self.folder / "server.properties"
        logging = self.folder / "log4j2.properties"
        self.folder.mkdir(parents=True, exist_ok=True)
        # Of two lines with one name, Java takes the later one.
        template = SETTINGS + "".join(f"{name}={value}\n" for name, value in self._settings.items())
        settings.write_text(
            template.format(
                host=HOST,
                port=self.port,
                controller_port=self._ports.of("kafka-controller"),
            )
        )
        logging.write_text(_LOGGING)
        java = [
            str(find_java()),
            *self._profile.value,
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={logging}",
            "-cp",
            f"{jars}/*",
        ]
        if not self._cluster_file.exists():
            self._format(java, settings, report)
        return Launch([*java, "kafka.Kafka", str(settings)], self.folder, process.clean_environment())

    def is_healthy(self) -> bool:
        """Whether this cluster (and no other on that port) answers with its metadata."""
        if not answers(self.port):
            return False
        client = AdminClient({"bootstrap.servers": self.address(), "socket.timeout.ms": 2000, "log_level": 0})
        try:
            metadata = client.list_topics(timeout=2)
        except KafkaException:
            return False
        return bool(metadata.brokers) and metadata.cluster_id == self._cluster_file.read_text()

    def address(self) -> str:
        """The bootstrap server."""
        return f"{HOST}:{self.port}"

    @property
    def _cluster_file(self) -> Path:
        """Written once the storage is formatted: without it nothing in the data folder counts."""
        return self.folder / "cluster.id"

    def _format(self, java: list[str], settings: Path, report: Report) -> None:
        report(f"formatting the storage of {self.name}")
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        cluster = self._cluster_id or new_cluster_id()
        format_it = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
        launch = Launch(format_it, self.folder, process.clean_environment())
        self.run_to_end(launch, "its storage could not be formatted")
        self._cluster_file.write_text(cluster)


def new_cluster_id() -> str:
    """An id that no other cluster has."""
    # Without the dashes that Kafka's own format has: the id is an argument of a command, and may not begin with one.
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
