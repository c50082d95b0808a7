"""Under which consents an answer shows what it shows, as the mediator reads it."""

from registry.notices import Consents


def test_each_consent_is_an_item_of_a_structured_field() -> None:
    consents = Consents()
    consents.add("c-1", "d-1", ["firstName", "sünni aeg"])
    consents.add("c-1", "d-1", ["firstName", "lastName"])
    consents.add('c"2\\', None, [])
    assert consents.header.decode() == (
        '"c-1";decision="d-1";attributes="firstName s%C3%BCnni%20aeg lastName", '
        '"c\\"2\\\\";attributes=""'
    )


def test_a_long_header_names_no_attributes_and_a_hundred_records_at_most() -> None:
    consents = Consents()
    for number in range(120):
        consents.add(f"c-{number}", None, [f"field{number}" for number in range(9)])
    said = consents.header.decode().split(", ")
    assert said == [f'"c-{number}"' for number in range(100)]
