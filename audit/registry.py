"""The schemas of what is published, by the ids in their records' framing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

from audit.errors import NotAudited

_NOT_FOUND = 404
_TIMEOUT_S = 10


class Registry:
    """Asks one schema registry, for each id once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}"
        self._client = SchemaRegistryClient({"url": url, "timeout": _TIMEOUT_S})

    def schema(self, schema_id: int) -> dict[str, Any] | None:
        """The schema of that id; empty for one that is no Avro record, None when it is not known. Raises NotAudited."""
        try:
            text = self._client.get_schema(schema_id).schema_str
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                return None
            raise self._away(f"it answered {error.http_status_code}") from error
        except Exception as error:
            # The client raises its HTTP library's own errors, whose words may repeat the URL with its password.
            raise self._away(f"the connection failed ({type(error).__name__})") from error
        try:
            parsed: Any = json.loads(text or "null")
        except ValueError:
            parsed = None
        return parsed if isinstance(parsed, dict) else {}

    def _away(self, detail: str) -> NotAudited:
        return NotAudited(
            f"the schema registry at {self._address} does not answer", known=detail,
            do="start the registry or correct SCHEMA_REGISTRY_URL, then audit again",
        )  # fmt: skip
