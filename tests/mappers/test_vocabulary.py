"""A vocabulary that says something the canonical language does not know is refused when it is read."""

import pytest

from mappers.vocabulary import VocabularyError, load, parse

GOOD = """
channel: example
tables:
  state:
    canonical: PaymentStatus
    source: https://example.com/docs
    absent: UNPAID
    words: {done: PAID}
"""


def test_a_word_has_its_meaning_in_any_case_and_none_when_unknown():
    """An operator can rely on `PAID` and `paid` meaning the same, and on unknown words being told apart."""
    table = parse(GOOD, "example.yaml").tables["state"]
    assert [table.meaning(word) for word in ("done", "DONE", None, "other")] == [
        "PAID",
        "PAID",
        "UNPAID",
        None,
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (GOOD.replace("PAID}", "PAYED}"), "PAYED: no value of PaymentStatus"),
        (GOOD.replace("PaymentStatus", "PaymentState2"), "PaymentState2 is no enumeration"),
        (GOOD.replace("{done", "{Done"), "Done: words are written in lower case"),
        (GOOD.replace("    source: https://example.com/docs\n", ""), "tables.state.source"),
        (GOOD + "order_status: [{axis: a, value: b, status: GONE}]\n", "order_status.0.status"),
        ("tables: [", "not YAML"),
    ],
)
def test_a_wrong_vocabulary_is_refused_with_its_place(wrong, told):
    """A typing error in a table is found at start, not in an order."""
    with pytest.raises(VocabularyError, match=r"example\.yaml") as refused:
        parse(wrong, "example.yaml")
    assert told in str(refused.value)


def test_a_channel_without_a_vocabulary_is_named():
    """Forgetting the file of a new channel is told with the file's name."""
    with pytest.raises(VocabularyError, match=r"mappers/vocabularies/nowhere\.yaml"):
        load("nowhere")
