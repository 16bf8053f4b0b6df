"""`ordergate map` is what a channel developer trusts before anything is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from schemas.types import CanonicalOrder
from tests.ingest.cli.conftest import CASES, facts

Ordergate = Callable[..., Result]


def write(folder: Path, name: str, *documents: Any) -> Path:
    file = folder / name
    file.write_text("\n".join(json.dumps(document) for document in documents))
    return file


def test_a_good_payload_gives_the_whole_canonical_order_and_exit_code_0(
    ordergate: Ordergate, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """What a channel would have published is shown with every field of the schema, and nothing else."""
    file = write(tmp_path, "order.json", order_placed)
    result = ordergate("map", "--channel", "web", "--json", file)
    (fact,) = facts(result)
    assert result.exit_code == 0
    assert set(fact) == {"file", "outcome", "order", "findings"}
    assert fact["file"] == str(file)
    assert fact["outcome"] == "GOVERNED"
    assert fact["findings"] == []
    assert set(fact["order"]) == set(CanonicalOrder.__annotations__)
    assert fact["order"]["canonical_version"] == 1


def test_a_payload_on_file_is_judged_the_same_whenever_it_is_looked_at(
    ordergate: Ordergate, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """A channel's own regression tests do not fail because their payloads grow old."""
    told = json.dumps(order_placed).replace("2026-11-24", "2019-11-24")
    file = tmp_path / "old.json"
    file.write_text(told)
    first = facts(ordergate("map", "--channel", "web", "--json", file))
    assert first == facts(ordergate("map", "--channel", "web", "--json", file))
    assert first[0]["findings"] == []


def test_a_defect_gives_exit_code_1_with_rule_field_owner_and_words(
    ordergate: Ordergate, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """Every finding tells who can put it right; the order is shown although it would not be published."""
    order_placed["data"]["order"]["totals"]["total"] = "1.00"
    result = ordergate("map", "--channel", "web", "--json", write(tmp_path, "order.json", order_placed))
    (fact,) = facts(result)
    assert result.exit_code == 1
    assert fact["outcome"] == "QUARANTINED"
    assert fact["findings"][0].keys() == {"rule", "field", "severity", "owner", "message"}
    (finding,) = [f for f in fact["findings"] if f["severity"] == "error"]
    assert (finding["rule"], finding["owner"]) == ("total_equation", "finance")
    assert fact["order"]["totals"]["total_original"]["amount_minor"] == 100
    assert fact["order"]["quality"]["disposition"] == "QUARANTINE"


def test_every_defect_is_told_at_once(ordergate: Ordergate) -> None:
    """A developer corrects a payload in one round, not defect by defect."""
    result = ordergate("map", "--channel", "web", "--json", CASES / "web" / "broken-many-shapes.json")
    (fact,) = facts(result)
    assert result.exit_code == 1
    assert len(fact["findings"]) == 6
    assert fact["order"] is None
    assert all(finding["field"] and finding["owner"] for finding in fact["findings"])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"a": 1, "a": 2}', b"NaN"])
def test_what_is_no_document_is_a_finding_and_no_crash(ordergate: Ordergate, tmp_path: Path, body: bytes) -> None:
    """Any bytes at all get an outcome with an owner."""
    (tmp_path / "odd.json").write_bytes(body)
    result = ordergate("map", "--channel", "web", "--json", tmp_path / "odd.json")
    (fact,) = facts(result)
    assert result.exit_code == 1
    assert fact["outcome"] == "QUARANTINED"
    assert fact["order"] is None
    assert fact["findings"][0]["owner"] == "channel-ops"


def test_a_test_order_is_left_out_by_policy_and_is_no_defect(ordergate: Ordergate) -> None:
    """A developer's test orders do not break the developer's build; the order is shown all the same."""
    result = ordergate("map", "--channel", "web", "--json", CASES / "web" / "order-placed-test.json")
    (fact,) = facts(result)
    assert result.exit_code == 0
    assert fact["outcome"] == "IGNORED"
    assert fact["order"]["source_order_id"] == "ord_7Q2M9"


def test_a_payment_that_comes_alone_says_which_order_it_waits_for(ordergate: Ordergate) -> None:
    """A change without its order is understood, and no whole order is made up for it."""
    file = CASES / "web" / "payment-captured-of-order.json"
    (fact,) = facts(ordergate("map", "--channel", "web", "--json", file))
    assert (fact["outcome"], fact["order"]) == ("PARKED", None)
    told = ordergate("map", "--channel", "web", file)
    assert told.exit_code == 0
    assert "waits for its order ord_7Q2M9" in told.stdout
    assert "79.75 EUR" in told.stdout


def test_a_checkout_fact_names_the_guest_events_it_would_publish(ordergate: Ordergate) -> None:
    """What no order comes of is still told: here a guest's contact."""
    told = ordergate("map", "--channel", "web", CASES / "web" / "contact-captured.json")
    assert told.exit_code == 0
    assert "GuestContactCaptured" in told.stdout


def test_people_read_statuses_money_lines_and_owners_but_no_contact(
    ordergate: Ordergate, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """The summary can be pasted into a ticket."""
    order_placed["data"]["order"]["shipping_address"]["country"] = "XX"
    told = ordergate("map", "--channel", "web", write(tmp_path, "order.json", order_placed)).stdout
    for expected in ("CONFIRMED", "79.75 EUR", "TEE-ORG-BLK-M", "ship_country_iso", "owner logistics"):
        assert expected in told
    for personal in ("An.Peeters", "an.peeters", "Peeters", "470 12 34 56", "Hoogstraat"):
        assert personal not in told


def test_each_line_of_a_jsonl_file_and_of_standard_input_is_one_payload(
    ordergate: Ordergate, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """A dump of a day's events gives as many answers as it has events, each with its place."""
    broken = {**order_placed, "store": None}
    file = write(tmp_path, "day.jsonl", order_placed, broken, order_placed)
    from_file = facts(ordergate("map", "--channel", "web", "--json", file))
    assert [fact["file"] for fact in from_file] == [f"{file}:1", f"{file}:2", f"{file}:3"]
    assert [fact["outcome"] for fact in from_file] == ["GOVERNED", "QUARANTINED", "GOVERNED"]
    from_input = facts(ordergate("map", "--channel", "web", "--json", "-", given=file.read_bytes()))
    assert [fact["outcome"] for fact in from_input] == ["GOVERNED", "QUARANTINED", "GOVERNED"]


def test_a_document_laid_out_over_lines_is_one_payload_on_standard_input(
    ordergate: Ordergate, order_placed: dict[str, Any]
) -> None:
    """`cat order.json | ordergate map -` works however the file is laid out, also when it is cut short."""
    laid_out = json.dumps(order_placed, indent=2)
    (whole,) = facts(ordergate("map", "--channel", "web", "--json", "-", given=laid_out))
    assert (whole["file"], whole["outcome"]) == ("-", "GOVERNED")
    (cut,) = facts(ordergate("map", "--channel", "web", "--json", "-", given=laid_out[:-20]))
    assert cut["outcome"] == "QUARANTINED"


def test_a_file_that_cannot_be_read_gives_exit_code_2_and_the_others_their_answer(
    ordergate: Ordergate, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """One wrong name in a list of files costs one answer."""
    good = write(tmp_path, "good.json", order_placed)
    result = ordergate("map", "--channel", "web", "--json", tmp_path / "absent.json", good, tmp_path)
    assert result.exit_code == 2
    assert [fact["file"] for fact in facts(result)] == [str(good)]
    assert "absent.json cannot be read: No such file" in result.stderr


def shopify_body(folder: Path, case: str) -> Path:
    """A webhook's body alone, as an integration has it on file."""
    return write(folder, case, json.loads((CASES / "shopify" / case).read_text())["body"])


def test_the_topic_option_gives_the_kind_as_the_channels_own_header(ordergate: Ordergate, tmp_path: Path) -> None:
    """A refund's body is taken for what the webhook says it is, and a wrong kind is told."""
    refund = shopify_body(tmp_path, "refund-before-order.json")
    as_refund = facts(ordergate("map", "-c", "shopify", "--topic", "refunds/create", "--json", refund))
    assert as_refund[0]["outcome"] == "PARKED"
    unknown = ordergate("map", "-c", "shopify", "--topic", "orders/eaten", "--json", refund)
    assert unknown.exit_code == 1
    assert facts(unknown)[0]["findings"][0]["rule"] == "event_kind_known"


def test_a_header_of_the_envelope_can_be_given(ordergate: Ordergate, tmp_path: Path) -> None:
    """The shop's domain decides whose order it is, as it does on the topic."""
    shop = "x-shopify-shop-domain=Plants.myshopify.com"
    guest = shopify_body(tmp_path, "guest.json")
    (fact,) = facts(ordergate("map", "-c", "shopify", "--header", shop, "--json", guest))
    assert fact["order"]["source_account"] == "plants.myshopify.com"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--channel", "nowhere", "x.json"), "is no channel; there are: web, shopify"),
        (("--channel", "web", "--header", "x", "x.json"), "is not NAME=VALUE"),
        (("--channel", "web"), "Missing argument"),
    ],
)
def test_a_wrong_use_says_what_is_expected(ordergate: Ordergate, arguments: tuple[str, ...], expected: str) -> None:
    """Exit code 2, and the way out in the message."""
    result = ordergate("map", *arguments)
    assert result.exit_code == 2
    assert expected in result.stderr
