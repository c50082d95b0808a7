"""Searching lists over HTTP: words of any script, and places."""

# ruff: noqa: RUF001  letters that look alike are what is tested

from urllib.parse import urlencode

import pytest

BASE = "/data/P/1.0"


async def _create(client, content, base=BASE):
    made = await client.post(f"{base}/create", json={"write": {"content": content}})
    assert made.status_code == 200, made.text
    return made.json()["content"]


async def _names(client, query, base=BASE):
    answer = await client.get(f"{base}?{query}")
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["results"]]


# -- text ------------------------------------------------------------------------------------

TEXTS = {
    "amharic": "ሰላም ለዓለም፡ አዲስ አበባ",
    "arabic": "كِتَاب المدرسة الجديدة",
    "hindi": "नई दिल्ली में किताबें",
    "russian": "Ёлка в Санкт-Петербурге",
    "estonian": "Õunapuu Jäääär Ülikool",
    "turkish": "İstanbul'da ışık",
    "chinese": "北京市海淀区",
    "thai": "สวัสดีชาวโลก",
    "wide": "ＦＵＬＬ Straße ﬁne",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("አዲስ", ["amharic"]),
        ("አበ", ["amharic"]),
        ("ሰላም አበባ", ["amharic"]),
        ("كتاب", ["arabic"]),
        ("المدرس", ["arabic"]),
        ("दिल्ली", ["hindi"]),
        ("किता", ["hindi"]),
        ("ЁЛКА", ["russian"]),
        ("санкт петер", ["russian"]),
        ("õunapuu", ["estonian"]),
        ("JÄÄÄÄR", ["estonian"]),
        ("unapuu", []),
        ("istanbul", ["turkish"]),
        ("海淀", ["chinese"]),
        ("京市海", ["chinese"]),
        ("淀海", []),
        ("ชาว", ["thai"]),
        ("full", ["wide"]),
        ("STRASSE", ["wide"]),
        ("fine", ["wide"]),
        ("፡", []),
    ],
)
async def test_words_of_any_script_are_found(owner, publish, text, expected):
    await publish(owner, "P", {"properties": {n: {"type": "string"} for n in ("name", "text")}})
    for name, said in TEXTS.items():
        await _create(owner, {"name": name, "text": said})
    assert await _names(owner, urlencode({"search": text})) == expected


async def test_a_search_finds_what_a_record_says_now(owner, people):
    body = {"query": {"content": {"name": "bob"}}, "write": {"content": {"name": "Robert"}}}
    assert (await owner.put(f"{BASE}/update", json=body)).status_code == 200
    assert await _names(owner, "search=bob") == []
    assert await _names(owner, "search=robert") == ["Robert"]


async def test_a_search_finds_what_a_batch_created(owner, people):
    entries = [{"name": f"Batch {number}"} for number in range(3)]
    made = await owner.post(f"{BASE}/createEntries", json={"entries": entries})
    assert made.is_success, made.text
    assert await _names(owner, "search=batch") == ["Batch 0", "Batch 1", "Batch 2"]


async def test_nothing_is_kept_of_what_a_destroyed_record_said(owner, people, entries, database):
    ann = (await entries("record.created"))[0].object.rpartition(":")[2]
    gone = await owner.delete(
        f"{BASE}/{ann}/delete?hard=true", headers={"X-Legal-Basis": "Archives Act 3"}
    )
    assert gone.is_success, gone.text
    async with database.connection() as connection:
        kept = await connection.fetch(
            "SELECT FROM record_words WHERE record_id = $1 AND words <> ''", ann
        )
    assert kept == []


async def test_a_search_finds_nothing_in_another_database(owner, people, publish, people_schema):
    await publish(owner, "Q", people_schema)
    assert await _names(owner, "search=bob", "/data/Q/1.0") == []


async def test_a_search_through_an_older_version_looks_into_its_own_fields(owner, people, publish):
    fields = {"name": {"type": "string"}, "nick": {"type": "string"}}
    await publish(owner, "P", {"properties": fields})
    await _create(owner, {"name": "Carl", "nick": "bob"}, "/data/P/2.0")
    assert await _names(owner, "search=bob") == ["bob"]
    assert await _names(owner, "search=bob", "/data/P/2.0") == ["bob", "Carl"]


async def test_a_search_is_found_through_the_index(owner, people, database):
    async with database.connection() as connection:
        await connection.driver.execute("SET enable_seqscan = off")
        plan = await connection.fetch(
            "EXPLAIN SELECT record_id FROM record_words WHERE words @@ $1::tsquery", "'1:x:y':*"
        )
        await connection.driver.execute("RESET enable_seqscan")
    assert "record_words_words" in "\n".join(row[0] for row in plan)


# -- places ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ("24,58,25,59.5", ["Tallinn"]),
        ("24.7536,59.437,1000", ["Tallinn"]),
        ("26.7,58.4,200000", ["Tallinn", "Tartu"]),
        ('{"box":[20,55,30,60]}', ["Tallinn", "Tartu"]),
        (
            '{"type":"Polygon","coordinates":[[[26,58],[27,58],[27,59],[26,59],[26,58]]]}',
            ["Tartu"],
        ),
    ],
)
async def test_places_are_found_within_an_area(owner, publish, area, expected):
    fields = {"name": {"type": "string"}, "at": {"type": "geoPoint"}}
    await publish(owner, "P", {"properties": fields})
    for name, at in (("Tallinn", [24.7536, 59.437]), ("Tartu", [26.7251, 58.378])):
        await _create(owner, {"name": name, "at": {"type": "Point", "coordinates": at}})
    await _create(owner, {"name": "nowhere"})
    assert await _names(owner, urlencode({"query.at": f"within:{area}"})) == expected


@pytest.mark.parametrize("area", ["", "1,2", "{", "[1]", "300,0,301,1", '{"box":[5,5,1,1]}', "x"])
async def test_what_is_no_area_is_refused(owner, publish, area):
    await publish(owner, "P", {"properties": {"at": {"type": "geoPoint"}}})
    refused = await owner.get(f"{BASE}?{urlencode({'query.at': f'within:{area}'})}")
    assert refused.status_code == 400
