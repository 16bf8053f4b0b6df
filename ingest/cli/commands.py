"""Every command with its options and help.

The work is in the module of the same name, loaded when it is asked for: `ordergate --help` answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ingest.cli.main import Commands


def _group(text: str) -> typer.Typer:
    return typer.Typer(
        cls=Commands,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        # A traceback with local variables would show customers' data.
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _group(
    "Governed order ingestion: every channel's order events, one canonical order, exactly once.\n\n"
    "Try it: `ordergate demo`. Check a payload before you publish it: "
    "`ordergate map --channel web FILE`. Commands that need Kafka, PostgreSQL and the schema registry use "
    "KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL and SCHEMA_REGISTRY_URL, else the local stack of this checkout "
    "(`ordergate up`)."
)
topics = _group("The topics: raw ones that are read, output ones that are written.")
schemas = _group("The Avro schemas of what is published.")
app.add_typer(topics, name="topics", rich_help_panel="Set up")
app.add_typer(schemas, name="schemas", rich_help_panel="Set up")

_TRY = "Try it on one machine"
_CHANNEL = "Develop a channel"
_SET_UP = "Set up"
_OPERATE = "Operate"


class OutcomeName(StrEnum):
    """Where a raw event stands."""

    GOVERNED = "GOVERNED"
    HELD = "HELD"
    PARKED = "PARKED"
    QUARANTINED = "QUARANTINED"
    DUPLICATE = "DUPLICATE"
    STALE = "STALE"
    IGNORED = "IGNORED"


class RecoverMode(StrEnum):
    """What a person decides about a partition that stopped."""

    REBUILD = "rebuild"
    RESTART_TOPIC = "restart-topic"
    SKIP_TO_START = "skip-to-start"
    CONTINUE_AT_END = "continue-at-end"
    ACCEPT_GAP = "accept-gap"
    PUBLISH_AGAIN = "publish-again"
    PUBLISH_FROM_START = "publish-from-start"


Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON, one object per line.")]
ChannelName = Annotated[str, typer.Option("--channel", "-c", metavar="NAME", help="The channel: web, shopify, …")]
EventKind = Annotated[
    str | None,
    typer.Option(
        "--topic",
        metavar="KIND",
        help="The event's kind as the channel's own header gives it: orders/create for Shopify.",
    ),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME=VALUE", help="A Kafka header of the raw event. May be repeated."),
]
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Payloads: one JSON document a file; one a line in .jsonl files and in - (standard input).",
    ),
]


@app.command(rich_help_panel=_TRY)
def up(
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget all data of the local stack first.")] = False,
) -> None:
    """Start Kafka, PostgreSQL and a schema registry on this machine, and prepare them.

    No Docker, no root. What the environment names (KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL,
    SCHEMA_REGISTRY_URL) is used and not started. Running it again changes nothing.
    """
    from ingest.cli import stack

    stack.up_fresh() if fresh else stack.up()


@app.command(rich_help_panel=_TRY)
def down() -> None:
    """Stop the local stack cleanly; its data stays."""
    from ingest.cli import stack

    stack.down()


@app.command(rich_help_panel=_TRY)
def status(*, json: Json = False) -> None:
    """Show the parts of the local stack. Exit code 1 when one does not run."""
    from ingest.cli import stack

    raise typer.Exit(stack.status_json() if json else stack.status())


@app.command(rich_help_panel=_TRY)
def demo(
    events: Annotated[int, typer.Option(min=100, help="Raw events to publish, both channels together.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 7,
    *,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Leave the demo's stack up, to look around in.")
    ] = False,
) -> None:
    """Watch order events of two channels become governed orders, then see where each of them went.

    Uses a stack of its own, empty at the start and stopped at the end.
    """
    from ingest.cli import demo as command

    raise typer.Exit(command.keep_running(events, seed) if keep_running else command.demo(events, seed))


@app.command("map", rich_help_panel=_CHANNEL)
def map_payloads(
    files: Files,
    channel: ChannelName,
    topic: EventKind = None,
    header: Headers = None,
    *,
    json: Json = False,
) -> None:
    """Show what Ordergate makes of a payload: canonical order, outcome, every finding with its owner.

    Needs no Kafka, no database, no registry. It runs the pipeline's own code, as if the event were the first
    of its order. Exit code 1 when a payload has a defect, 2 when a file cannot be read.

    `ordergate map --channel web order.json`

    `ordergate map --channel shopify --topic orders/create order.json`

    `cat orders.jsonl | ordergate map --channel web --json - | jq .outcome`
    """
    from ingest.cli import map as command
    from ingest.cli.payloads import headers_for

    headers = headers_for(channel, topic, header or [])
    raise typer.Exit((command.show_json if json else command.show)(channel, headers, files))


@app.command(rich_help_panel=_CHANNEL)
def publish(
    files: Files,
    channel: ChannelName,
    topic: EventKind = None,
    header: Headers = None,
    *,
    json: Json = False,
) -> None:
    """Publish payloads as raw events on the channel's topic, and print where each one is.

    The key is what the channel keys by: the order's id, or the session's. Payloads are sent as they are,
    defects included: look at them with `ordergate map` first.

    `ordergate publish --channel shopify --topic orders/create order.json`
    """
    from ingest.cli import publish as command
    from ingest.cli.payloads import headers_for

    headers = headers_for(channel, topic, header or [])
    raise typer.Exit((command.publish_json if json else command.publish)(channel, headers, files))


@app.command(rich_help_panel=_OPERATE)
def run() -> None:
    """Run one worker until SIGTERM or Ctrl-C. Start as many as you like: they share the partitions.

    Refuses to start on settings that would break a promise; `ordergate check` tells all of them.
    """
    from ingest.cli import run as command

    command.run()


@app.command(rich_help_panel=_OPERATE)
def outcomes(
    channel: Annotated[str | None, typer.Option("--channel", "-c", metavar="NAME", help="Of one channel.")] = None,
    outcome: Annotated[OutcomeName | None, typer.Option(case_sensitive=False, help="With this outcome.")] = None,
    order: Annotated[
        str | None,
        typer.Option(metavar="ORDER", help="Of one order: its order_id, or the source's id or number."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Decided since: 30m, 2h, 3d, or 2026-08-01T12:00:00Z.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many, the newest. Default: 50, with --json all.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the outcome of every raw event by topic, partition and offset.

    Every raw event has exactly one outcome, so their number is the number of events consumed.

    `ordergate outcomes --outcome quarantined --since 1h`
    """
    from ingest.cli import outcomes as command

    wanted = command.Filter.of(channel, outcome.value if outcome else None, order, since)
    if json:
        command.show_json(wanted, limit)
    else:
        command.show(wanted, limit or 50)


@app.command(rich_help_panel=_OPERATE)
def explain(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="order_id, or the source's order id or number.")],
    *,
    json: Json = False,
) -> None:
    """Tell an order's history: each of its raw events with outcome, verdicts and findings.

    Those that wait and those that were refused are included.

    `ordergate explain 1001`
    """
    from ingest.cli import explain as command

    raise typer.Exit((command.show_json if json else command.show)(order))


@app.command(rich_help_panel=_OPERATE)
def positions(*, json: Json = False) -> None:
    """Show each raw partition: what is decided, what is published, and whether database and Kafka agree.

    Exit code 1 when a partition cannot go on without a person.
    """
    from ingest.cli import positions as command

    raise typer.Exit(command.show_json() if json else command.show())


@app.command(rich_help_panel=_OPERATE)
def recover(
    partitions: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC/PARTITION", help="Raw partitions that stopped. None named: all of them."),
    ] = None,
    mode: Annotated[
        RecoverMode | None,
        typer.Option(help="What you decide, where the plan says that a person has to."),
    ] = None,
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry the plan out. All workers of the group have to be stopped.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what can be repaired of partitions that stopped: what is known, what is at risk, and each step.

    Changes nothing without --apply. Exit code 1 when a partition needs a repair, or still needs one.

    `ordergate recover raw.web.orders.v1/0`

    `ordergate recover raw.web.orders.v1/0 --apply`
    """
    from ingest.cli import recover as command
    from ingest.repair.plan import Mode

    names, decided = partitions or [], Mode(mode) if mode else None
    if apply:
        raise typer.Exit((command.apply_json if json else command.apply)(names, decided))
    raise typer.Exit((command.show_json if json else command.show)(names, decided))


@app.command(rich_help_panel=_OPERATE)
def check(*, json: Json = False) -> None:
    """Check settings, brokers, topics, database and schemas; say what is unsafe, why, and what to do.

    Exit code 1 when something is unsafe: `ordergate run` refuses to start on it.
    """
    from ingest.cli import check as command

    raise typer.Exit(command.show_json() if json else command.show())


@app.command(rich_help_panel=_OPERATE)
def audit(
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Raw events since: 30m, 2h, 3d, or 2026-08-01T12:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Raw events before that time.")] = None,
    most: Annotated[int, typer.Option(min=0, help="Print at most so many violations; all are counted.")] = 100,
    patience: Annotated[
        int, typer.Option(min=1, metavar="SECONDS", help="Longest wait for what is decided to be published.")
    ] = 60,
    *,
    database: Annotated[
        bool, typer.Option("--database", help="Judge outcomes and positions in DATABASE_URL, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Read everything that was published, and say whether it is there once, in order, and as decided.

    An auditor of its own, sharing no code with the pipeline. It only reads, at any time, also while workers run: it
    takes a fence at its start and judges what was decided before. Exit code 1 when something is wrong.

    `ordergate audit --database --since 1h`
    """
    from ingest.cli import audit as command

    asked = command.Asked.of(since, until, most, patience)
    report = command.of_kafka_and_database(asked) if database else command.of_kafka(asked)
    raise typer.Exit(command.show_json(report) if json else command.show(report))


@app.command(rich_help_panel=_SET_UP)
def migrate() -> None:
    """Bring the database's tables to this version. Running it again changes nothing."""
    from ingest.cli import migrate as command

    command.migrate()


@topics.command("list")
def topics_list(*, json: Json = False) -> None:
    """Show every topic of ours, and what the broker has. Exit code 1 when one is missing."""
    from ingest.cli import topics as command

    raise typer.Exit(command.show_json() if json else command.show())


@topics.command("create")
def topics_create(
    partitions: Annotated[int, typer.Option(min=1, max=10_000, help="Partitions of each new topic.")] = 6,
    replication: Annotated[
        int | None,
        typer.Option(
            min=-1,
            max=32_767,
            show_default="three, or one on each broker while fewer than three serve",
            help="Replicas of each partition, two of which have to confirm. -1: what the brokers are set to, for both.",
        ),
    ] = None,
) -> None:
    """Create the topics that are missing. Existing ones stay as they are."""
    from ingest.cli import topics as command

    command.create(partitions, replication)


@schemas.command("list")
def schemas_list(*, json: Json = False) -> None:
    """Show every record type with its topic, version and schema id. Exit code 1 when one has no id."""
    from ingest.cli import schemas as command

    raise typer.Exit(command.show_json() if json else command.show())


@schemas.command("register")
def schemas_register() -> None:
    """Register this version's schemas. Refused when one is not compatible with what readers may have."""
    from ingest.cli import schemas as command

    command.register()


@schemas.command("lint")
def schemas_lint() -> None:
    """Check the schema files: owners, meanings, defaults, and that no published version was changed."""
    from ingest.cli import schemas as command

    raise typer.Exit(command.lint())
