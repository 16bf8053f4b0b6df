"""An audit from outside: was everything published exactly once, in order, and as its outcome says?

It shares no code with the pipeline that it judges: a Kafka client, fastavro, the headers of each record, and when
a database is given, its own SQL. `run` is the entry; `ordergate audit` is its command.
"""

from audit.auditor import run
from audit.errors import NotAudited
from audit.report import Report
from audit.topics import OutputTopics
from audit.violation import Kind, Violation

__all__ = ["Kind", "NotAudited", "OutputTopics", "Report", "Violation", "run"]
