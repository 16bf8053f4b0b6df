"""Apicurio Registry, Confluent-compatible, its schemas stored in the stack's PostgreSQL."""

import http.client
from pathlib import Path
from typing import ClassVar

from deploy.local import process
from deploy.local.downloads import REGISTRY_VERSION, registry_app
from deploy.local.java import find_java
from deploy.local.part import Launch, Part
from deploy.local.ports import HOST, Ports
from deploy.local.postgres import REGISTRY_DATABASE, USER, Postgres
from deploy.local.report import Report

_API = "/apis/ccompat/v7"


class Registry(Part):
    """The schema registry of the stack; PostgreSQL must run when it starts."""

    name: ClassVar[str] = "Apicurio Registry"
    version: ClassVar[str] = REGISTRY_VERSION
    port_names: ClassVar[tuple[str, ...]] = ("registry", "registry-management")

    def __init__(self, run_dir: Path, ports: Ports, cache: Path, postgres: Postgres) -> None:
        super().__init__(run_dir, ports)
        self._cache = cache
        self._postgres = postgres

    def prepare(self, report: Report) -> Launch:
        """Unpack the application the first time; it keeps nothing in its own folder."""
        app = registry_app(self._cache, report)
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            str(find_java()),
            "-Xms64m",
            "-Xmx192m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-jar",
            str(app / "quarkus-run.jar"),
        ]
        return Launch(command, self.folder, process.clean_environment() | self._settings())

    def is_healthy(self) -> bool:
        """Whether it lists its subjects, which reads its database."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=3)  # not urllib: no proxy is asked
        try:
            connection.request("GET", f"{_API}/subjects")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def address(self) -> str:
        """The URL a Confluent schema registry client takes."""
        return f"http://{HOST}:{self.port}{_API}"

    def _settings(self) -> dict[str, str]:
        return {
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "postgresql",
            "APICURIO_DATASOURCE_URL": f"jdbc:postgresql://{HOST}:{self._postgres.port}/{REGISTRY_DATABASE}",
            "APICURIO_DATASOURCE_USERNAME": USER,
            "APICURIO_DATASOURCE_PASSWORD": self._postgres.password(),
            # It would open 20 connections at its start and up to 100: all that PostgreSQL has.
            "APICURIO_DATASOURCE_JDBC_INITIAL_SIZE": "1",
            "APICURIO_DATASOURCE_JDBC_MIN_SIZE": "1",
            "APICURIO_DATASOURCE_JDBC_MAX_SIZE": "10",
            "QUARKUS_HTTP_HOST": HOST,
            "QUARKUS_HTTP_PORT": str(self.port),
            # Health and metrics have a port of their own, fixed to 9000 unless told otherwise.
            "QUARKUS_MANAGEMENT_HOST": HOST,
            "QUARKUS_MANAGEMENT_PORT": str(self._ports.of("registry-management")),
        }
