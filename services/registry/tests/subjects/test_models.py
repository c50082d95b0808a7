"""What of a record is a person's own."""

from registry.keywords import models as keywords
from registry.subjects.models import shown, withheld


def schema(**properties):
    return keywords.parse({"properties": properties})


ID = {"type": "string", "x-personalDataId": True}
PERSONAL = {"type": "string", "x-personalData": True}
PLAIN = {"type": "string"}
FAMILY = schema(
    village=PLAIN,
    child={"type": "object", "properties": {"id": ID, "name": PERSONAL, "clinic": PLAIN}},
    mother={"type": "object", "properties": {"id": ID, "name": PERSONAL}},
)
CONTENT = {
    "village": "Sild",
    "child": {"id": "EE5", "name": "Usha", "clinic": "North"},
    "mother": {"id": "EE7", "name": "Mari"},
}


def test_a_person_gets_what_stands_beside_their_identifier_and_not_the_others():
    kept, without = shown(FAMILY, CONTENT, "EE5")
    assert kept == {"village": "Sild", "child": CONTENT["child"], "mother": {}}
    assert without == ["mother.id", "mother.name"]
    assert withheld(FAMILY, CONTENT, "EE7") == {"child.id", "child.name"}


def test_personal_data_beside_nobody_else_is_theirs():
    held = schema(id=ID, passport=ID, name=PERSONAL, address={"properties": {"city": PERSONAL}})
    content = {"id": "EE5", "passport": "K1", "name": "Usha", "address": {"city": "Narva"}}
    assert withheld(held, content, "EE5") == frozenset()
    assert withheld(held, content, "K1") == frozenset()
    assert withheld(held, {"name": "Usha"}, "EE5") == frozenset()
