import json
from pathlib import Path

import pytest

from stack.instance import FromEnvironment, InstanceError, json_schema, read, secret
from stack.loading import reuse_id
from stack.main import DEMO

ROOT = Path(__file__).parents[2]
HEAD = "instance: X\ndomain: x.example\n"


def write(folder, text, name="instance.yaml"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_demo_is_an_instance_file():
    source = read(DEMO)
    assert len(source.instance.catalogue.entries) >= 40
    assert source.place("registries", 0).startswith(str(DEMO))
    assert str(DEMO.with_name("catalogue.yaml")) in source.place("catalogue", "entries", 3)


def test_nobody_in_the_demo_manages_anothers_room():
    for member in read(DEMO).instance.members:
        for service in (s for a in member.applications for s in a.services if s.id == "api"):
            for right in service.rights:
                own = right.client.startswith(f"{member.memberClass}/{member.code}/")
                assert own or right.scopes == ["subscribe"], (service.id, right.client)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: an instance is a mapping"),
        ("- a\n", "line 1: an instance is a mapping"),
        ("instance: [\n", "line 2"),
        (
            HEAD + "members:\n  - name: M\n    class: GOV\n",
            "line 4: members.0.code: Field required",
        ),
        (HEAD + "registries:\n  - owner: A\n    code: c\n", "line 4: registries.0"),
        (HEAD + "colour: blue\n", "line 3: colour: Extra inputs are not permitted"),
        (HEAD + "include: [nowhere.yaml]\n", "nowhere.yaml cannot be read"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, said):
    file = write(tmp_path, text)
    with pytest.raises(InstanceError) as raised:
        read(file)
    assert said in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_a_wrong_line_of_an_included_file_is_named_there(tmp_path):
    write(tmp_path, "members:\n  - name: M\n    class: GOV\n    code: '1'\n    x: 1\n", "more.yaml")
    first = "members:\n  - {name: A, class: GOV, code: '0'}\n"
    file = write(tmp_path, HEAD + "include: [more.yaml]\n" + first)
    with pytest.raises(InstanceError, match=r"more\.yaml, line 5: members\.1\.x"):
        read(file)


def test_what_is_not_text_is_told_so(tmp_path):
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"instance: \xe9\n")
    with pytest.raises(InstanceError, match="not UTF-8"):
        read(file)


def test_a_secret_comes_from_the_file_or_the_environment():
    assert secret("literal", {}) == "literal"
    assert secret(None, {}) is None
    assert secret(FromEnvironment(env="A"), {"A": "b"}) == "b"
    with pytest.raises(InstanceError, match="A is not set"):
        secret(FromEnvironment(env="A"), {})


def test_the_published_schema_is_the_one_the_code_has():
    published = json.loads((ROOT / "docs/guides/instance-file.schema.json").read_text())
    assert published == json_schema(), "run: make contracts"


def test_a_reuse_without_an_id_gets_the_same_one_each_time():
    content = {"reused": "x-road", "by": {"name": "Ålands landskapsregering"}}
    assert reuse_id(content) == reuse_id(dict(content)) == "x-road-by-lands-landskapsregering"
    assert reuse_id({"reused": "a", "byEntry": "b"}) == "a-by-b"
