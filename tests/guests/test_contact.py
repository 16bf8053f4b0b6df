"""The same mailbox or number is recognised however it is typed; what is none names nobody."""

from __future__ import annotations

import hashlib
import hmac

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guests.contact import ContactNormaliser, normalise_email
from guests.known_contacts import known_contacts
from guests.phone import normalise_phone

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("typed", "norm"),
    [
        ("jane@example.com", "jane@example.com"),
        ("  Jane.Doe@EXAMPLE.com\n", "jane.doe@example.com"),
        ("jane+shop@example.com", "jane+shop@example.com"),
        ("j.a.n.e@gmail.com", "j.a.n.e@gmail.com"),
        ("jane@BÜCHER.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("Jos\u00e9@example.com", "jos\u00e9@example.com"),
        ("Jose\u0301@example.com", "jos\u00e9@example.com"),
        ("jane..doe.@docomo.example", "jane..doe.@docomo.example"),
    ],
)
def test_one_mailbox_has_one_form(typed, norm):
    """A guest who types capitals, spaces or composed letters is the same guest; dots and tags are left to the
    host."""
    assert normalise_email(typed) == norm


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "jane",
        "jane@",
        "@example.com",
        "scrambled@scrambled",
        "<buyer-email>",
        "jane@example..com",
        "jane@-example.com",
        "jane doe@example.com",
        "ja\nne@example.com",
        "ja\x00ne@example.com",
        "ja\u200bne@example.com",
        "jane@example.com, joe@example.com",
        '"jane doe"@example.com',
        "jane@[192.0.2.1]",
        "jane@192.0.2.1",
        "jane@example.c",
        "j" * 65 + "@example.com",
        "jane@" + "a" * 60 + ".b" * 120 + ".example",
    ],
)
def test_what_is_no_mailbox_has_no_form(typed):
    """Text that is no address never becomes somebody's identity; control characters never get into a
    look-up."""
    assert normalise_email(typed) is None


@pytest.mark.parametrize("typed", ["m********r@example.com", "{{email}}@example.com", "jane@mail.invalid"])
def test_a_placeholder_names_nobody(make, typed):
    """Two orders with a masked or unfilled address are not one guest."""
    filled = make.contact(typed)
    assert filled["email_raw"] == typed
    assert filled["email_norm"] is None and filled["email_hash"] is None


@pytest.mark.parametrize(
    "typed",
    [
        "abc123@marketplace.amazon.co.uk",
        "abc123@Marketplace.Amazon.com",
        "abc123@members.ebay.de",
        "abc123@privaterelay.appleid.com",
        "abc123@private.icloud.com",
        "ABC@relay.walmart.com",
        "v5abc@scs.tiktokw.us",
        "x@y.mozmail.com",
        "support@doordash.com",
    ],
)
def test_a_forwarding_address_is_marked(make, typed):
    """An OMS sees that it may not match accounts by this address."""
    assert make.contact(typed)["relay"] is True


@pytest.mark.parametrize("typed", ["jane@amazon.com", "jane@notmozmail.com", "jane@doordash.com", "jane@icloud.com"])
def test_a_mailbox_that_looks_like_a_relay_is_none(make, typed):
    """An employee of a marketplace, or a look-alike domain, keeps their own identity."""
    assert make.contact(typed)["relay"] is False


def test_a_source_that_says_relay_is_believed(make):
    """A channel that knows that an address forwards is right even where the table is silent."""
    assert make.contact("jane@example.com", relay=True)["relay"] is True


def test_the_table_of_relays_is_checked_when_it_is_loaded():
    """A typing error in the data file is found at start, not by a wrong merge."""
    assert known_contacts().is_relay("a@members.ebay.fr", "members.ebay.fr")
    assert not known_contacts().is_relay("a@ebay.fr", "ebay.fr")


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+14155552671", None, "+14155552671"),
        ("+1 (415) 555-2671", None, "+14155552671"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("0044 20 7946 0958", "DE", "+442079460958"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("415-555-2671 ext. 12", "US", "+14155552671"),
    ],
)
def test_one_number_has_one_form(typed, region, number):
    """A guest is the same guest however the number was typed, in the country of the delivery."""
    assert normalise_phone(typed, region) == number


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("415 555 2671", None),
        ("555", "US"),
        ("+1415555267", None),
        ("+999123456789", None),
        ("0000000000", "US"),
        ("+10000000000", None),
        ("312-766-6835 code: 123 45 678", "US"),
        ("+1 415 *** 2671", "US"),
        ("none", "US"),
        ("", "US"),
    ],
)
def test_what_is_no_number_has_no_form(typed, region):
    """A hotline with a code, a masked number or a filler never makes two shoppers one guest."""
    assert normalise_phone(typed, region) is None


def test_the_fast_path_agrees_with_the_library_for_every_country():
    """Speed changes no result: numbers written as E.164 are judged as a full parse judges them."""
    compared = 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
                assert normalise_phone(text, None) == text
                compared += 1
    assert compared > 400


@given(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)),
    st.from_regex(r"[0-9]{4,12}", fullmatch=True),
)
def test_the_fast_path_invents_no_number(code, digits):
    """What the fast path lets through is what the library would write."""
    text = f"+{code}{digits}"
    result = normalise_phone(text, None)
    if result is not None:
        number = phonenumbers.parse(text, None)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == result
        reason = phonenumbers.is_possible_number_with_reason(number)
        assert reason == phonenumbers.ValidationResult.IS_POSSIBLE


def test_hashes_are_keyed_and_name_their_key(make):
    """Nobody without the key can test guesses of addresses, and a rotated key is told from the old one."""
    filled = make.contact("Jane@Example.com", "+14155552671")
    expected = hmac.new(KEY, b"jane@example.com", hashlib.sha256).hexdigest()
    assert filled["email_hash"] == f"k1:{expected}"
    assert filled["phone_hash"] == f"k1:{hmac.new(KEY, b'+14155552671', hashlib.sha256).hexdigest()}"
    other = ContactNormaliser(b"x" * 32, "k2").normalise(filled, "US")
    assert other["email_hash"] != filled["email_hash"] and other["email_hash"].startswith("k2:")


def test_the_given_contact_is_left_as_it_was(make):
    """The raw event's contact stays what the shopper typed."""
    given_contact = {**make.contact(), "email_raw": " Jane@Example.com "}
    before = dict(given_contact)
    filled = ContactNormaliser(KEY, "k1").normalise(given_contact, None)
    assert given_contact == before
    assert filled["email_raw"] == " Jane@Example.com " and filled["email_norm"] == "jane@example.com"


@given(st.text(max_size=80))
def test_normalising_twice_changes_nothing(text):
    """A looked-up address finds itself, whatever was typed."""
    once = normalise_email(text)
    if once is not None:
        assert normalise_email(once) == once
        assert len(once.encode()) <= 254 and once.count("@") == 1


@given(st.text(max_size=60), st.sampled_from(["US", "DE", None]))
def test_any_text_is_answered(make, text, region):
    """No text that a shopper can type stops the pipeline."""
    ContactNormaliser(KEY, "k1").normalise({**make.contact(), "email_raw": text, "phone_raw": text}, region)
