"""A package proves its entry, and what was changed in it never passes."""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from authority import Authority
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.evidence import Entry, Sealed, Signer, leaf_hash, models, new_signing_keys, timestamps
from kit.evidence.merkle import inclusion, root_of
from kit.evidence.models import moment
from kit.evidence.packages import (
    FORMAT,
    MOST_BYTES,
    Detail,
    Package,
    PackageUnreadable,
    Proof,
    read,
)
from kit.evidence.promises import promise
from kit.evidence.sequencing import digest_of
from kit.evidence.signing import CHECKPOINT, COSIGNATURE
from kit.evidence.verdicts import Result, thumbprints, verify
from kit.identifiers import new_id
from kit.sealing import DataKey, Keyring, new_sealing_key

DETAIL = {"readerId": "EE378129277266", "readerName": "Dr. Õun"}
LEDGER, WITNESS = "registry", "gateway"
SIZE, INDEX = 11, 6


@dataclass
class Keeper:
    """Who keeps a ledger, and a witness: what they have written, and how they sign."""

    sealed: Sealed
    key: bytes
    leaves: list[bytes]
    signer: Signer
    witness: Signer

    @property
    def checkpoint(self) -> str:
        return self.sign(root_of(self.leaves).hex())

    @property
    def trusted(self) -> set[str]:
        return thumbprints(self.signer.public)

    def sign(self, root: str, size: int = SIZE, ledger: str = LEDGER) -> str:
        at = moment(self.sealed.at)
        said = {"at": at, "ledger": ledger, "previous": None, "root": root, "size": size}
        return self.signer.sign(CHECKPOINT, said)

    def cosign(self, checkpoint: str, signer: Signer | None = None, **changed: object) -> str:
        said = {
            "at": moment(self.sealed.at),
            "checkpoint": digest_of(checkpoint),
            "ledger": LEDGER,
            "size": SIZE,
            "witness": WITNESS,
        }
        return (signer or self.witness).sign(COSIGNATURE, said | changed)

    def package(self, signer: Signer | None = None, **changed: object) -> Package:
        signers = {one.kid: one for one in (self.signer, self.witness, signer) if one}
        made = Package(
            entry=self.sealed.canonical,
            proof=Proof(INDEX, SIZE, self.path(INDEX)),
            checkpoint=self.checkpoint,
            keys=tuple(key for one in signers.values() for key in one.public),
            detail=Detail(self.sealed.sealed or b"", self.key),
            cosignatures=(self.cosign(self.checkpoint),),
        )
        return replace(made, **changed)

    def path(self, index: int) -> tuple[bytes, ...]:
        return tuple(root_of(self.leaves[a:b]) for a, b in inclusion(index, len(self.leaves)))


def a_keeper() -> Keeper:
    entry_id, at, ring = new_id(), datetime.now(UTC), Keyring(new_sealing_key())
    entry = Entry("record.read", "A/B/C/D", "record:1", "EE1", {"fields": ["é"]}, DETAIL, "A/B/E")
    key, reference = ring.new().derived(entry_id.bytes), ring.reference("EE1")
    sealed_detail = key.seal(json.dumps(DETAIL).encode(), entry_id.bytes)
    kept = models.sealed(LEDGER, entry, (entry_id, at), (reference, sealed_detail))
    leaves = [hashlib.sha256(bytes([place])).digest() for place in range(SIZE)]
    leaves[INDEX] = kept.leaf
    return Keeper(kept, key.secret, leaves, Signer(new_signing_keys()), Signer(new_signing_keys()))


@pytest.fixture(scope="module")
def keeper() -> Keeper:
    return a_keeper()


@pytest.fixture(scope="module")
def stamped(keeper: Keeper, authority: Authority) -> Package:
    """Return a package with everything a package can have."""
    package = keeper.package()
    asked = timestamps.request(package.checkpoint.encode())
    token = timestamps.granted(asked, authority.answer(asked.as_bytes()))
    return replace(package, timestamp=token)


def written(package: Package) -> bytes:
    return json.dumps(package.as_json(), ensure_ascii=False).encode()


def failing(package: Package, trusted=None, **more) -> dict[str, str]:
    """Return the steps that fail, and why; the verdict says so too, and shows no entry then."""
    verdict = verify(package, trusted, **more)
    found = {step.name: step.says for step in verdict.steps if step.result is Result.FAILS}
    assert verdict.is_verified is not bool(found)
    return found


def test_a_package_is_read_as_it_was_written(stamped):
    assert read(written(stamped)) == stamped


def test_a_package_with_everything_holds_in_every_step(keeper, stamped, authority):
    answered = promise(keeper.signer, LEDGER, [keeper.sealed])
    verdict = verify(
        stamped,
        keeper.trusted,
        authorities=[authority.certificate],
        witnesses={keeper.witness.kid},
        promised=["nonsense", f"{answered}\n"],
    )
    assert {step.name: step.result for step in verdict.steps} == dict.fromkeys(
        ("entry", "checkpoint", "place", "key", "witnesses", "time-stamp", "detail", "promise"),
        Result.HOLDS,
    )
    assert verdict.is_verified
    assert verdict.is_trusted
    assert verdict.key == keeper.signer.kid
    assert verdict.entry["id"] == str(keeper.sealed.id)
    assert verdict.detail == DETAIL


def test_without_trusted_keys_the_verdict_says_what_everything_rests_on(keeper):
    verdict = verify(keeper.package())
    assert verdict.is_verified
    assert not verdict.is_trusted
    [said] = [step for step in verdict.steps if step.name == "key"]
    assert said.result is Result.OPEN
    assert f"rests on the key {keeper.signer.kid}" in said.says


def test_a_key_that_is_not_trusted_fails(keeper):
    assert list(failing(keeper.package(), {keeper.witness.kid})) == ["key"]
    assert list(failing(keeper.package(), set())) == ["key"]


def test_a_forger_with_the_trusted_keys_name_fails(keeper):
    """Trust is in the key itself, not in what it is called."""
    forged = json.loads(new_signing_keys())
    forged["keys"][0]["kid"] = keeper.signer.kid
    forger = replace(keeper, signer=Signer(json.dumps(forged)))
    assert list(failing(forger.package(), keeper.trusted)) == ["key"]


def changed_entries(text: bytes) -> list[bytes]:
    said = json.loads(text)
    return [
        text.replace(b"record:1", b"record:2"),
        text + b" ",
        json.dumps(said).encode(),
        text.replace(b'"actor":', b'"actor":"A/B/C/Z","actor":'),
        b"",
        b"null",
        b"[]",
        b'{"a":1}',
        b"NaN",
        b"[" * 100_000,
        b"9" * 5000,
    ]


def test_an_entry_that_is_not_as_it_was_written_fails(keeper):
    for text in changed_entries(keeper.sealed.canonical):
        found = failing(keeper.package(entry=text))
        assert found, text[:40]
        assert verify(keeper.package(entry=text)).entry is None


def test_an_entry_that_was_not_written_in_canonical_form_fails_though_the_ledger_holds_it(keeper):
    """One text for one meaning: a member that stands in it twice could be read in two ways."""
    for text in (
        keeper.sealed.canonical.replace(b'"actor":', b'"actor":"A/B/C/Z","actor":'),
        keeper.sealed.canonical.replace(b",", b", ", 1),
    ):
        leaves = [*keeper.leaves]
        leaves[INDEX] = leaf_hash(text)
        other = replace(keeper, sealed=replace(keeper.sealed, canonical=text), leaves=leaves)
        assert "canonical form" in failing(other.package())["entry"]


def test_a_place_that_is_another_fails(keeper):
    path = keeper.path(INDEX)
    for proof in (
        Proof(INDEX + 1, SIZE, path),
        Proof(INDEX, SIZE + 1, path),
        Proof(INDEX, SIZE, path[:-1]),
        Proof(INDEX, SIZE, (*path, path[0])),
        Proof(INDEX, SIZE, path[::-1]),
        Proof(SIZE, SIZE, path),
        Proof(0, 0, ()),
        Proof(2**62, 2**62, ()),
    ):
        assert list(failing(keeper.package(proof=proof, cosignatures=()))) == ["place"]


def test_a_checkpoint_of_another_tree_ledger_or_size_fails(keeper):
    other = root_of(reversed(keeper.leaves)).hex()
    for checkpoint in (
        keeper.sign(other),
        keeper.sign("no hash"),
        keeper.sign(root_of(keeper.leaves).hex(), ledger="consent"),
        keeper.sign(root_of(keeper.leaves).hex(), size=SIZE + 1),
    ):
        assert list(failing(keeper.package(checkpoint=checkpoint, cosignatures=()))) == ["place"]
    empty = keeper.signer.sign(CHECKPOINT, {})
    assert "checkpoint" in failing(keeper.package(checkpoint=empty, cosignatures=()))


def test_a_checkpoint_that_nobody_signed_fails(keeper):
    head, said, signature = keeper.checkpoint.split(".")
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    for checkpoint in (
        f"{head}.{said}.{signature[::-1]}",
        f"{head}.{said}",
        f"{deep}.{said}.{signature}",
        f"{said}.{said}.{signature}",
        keeper.cosign(keeper.checkpoint),
        "",
        "..",
        "é.é.é",
    ):
        package = keeper.package(checkpoint=checkpoint, cosignatures=())
        assert "checkpoint" in failing(package)
        assert not verify(package).is_verified


def test_a_signature_is_written_in_one_way_only(keeper):
    """Base64url leaves four bits unused at a signature's end: all but one spelling fail."""
    same = 0
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        checkpoint = keeper.checkpoint[:-1] + letter
        same += not failing(keeper.package(checkpoint=checkpoint, cosignatures=()))
    assert same == 1


def test_a_witness_of_something_else_fails(keeper):
    mine = keeper.checkpoint
    for cosignature in (
        keeper.cosign(keeper.sign("00")),
        keeper.cosign(mine, size=SIZE - 1),
        keeper.cosign(mine, ledger="consent"),
        keeper.cosign(mine, witness=LEDGER),
        keeper.cosign(mine, witness=None),
        keeper.cosign(mine, signer=keeper.signer),
        keeper.cosign(mine, signer=Signer(new_signing_keys())),
        mine,
        "nonsense",
    ):
        assert list(failing(keeper.package(cosignatures=(cosignature,)))) == ["witnesses"]
    twice = keeper.package(cosignatures=(keeper.cosign(mine),) * 2)
    assert list(failing(twice)) == ["witnesses"]


def test_a_witness_that_is_not_trusted_is_told_and_counts_for_nothing(keeper):
    verdict = verify(keeper.package(), {keeper.signer.kid})
    [said] = [step for step in verdict.steps if step.name == "witnesses"]
    assert verdict.is_verified
    assert said.result is Result.OPEN
    assert keeper.witness.kid in said.says


def test_another_key_of_the_ledgers_own_is_no_witness(keeper):
    """Its keeper has it too, and could sign with it in anybody's name."""
    own = {keeper.signer.kid, keeper.witness.kid}
    verdict = verify(keeper.package(), own, witnesses={keeper.witness.kid})
    [said] = [step for step in verdict.steps if step.name == "witnesses"]
    assert said.result is Result.OPEN


def test_a_detail_that_is_not_the_entrys_fails(keeper):
    text, key = keeper.sealed.sealed, keeper.key
    other = a_keeper()
    for detail in (
        Detail(text[:-1] + bytes([text[-1] ^ 1]), key),
        Detail(text, bytes(32)),
        Detail(text, b"short"),
        Detail(DataKey(b"", key).seal(b"{}", keeper.sealed.id.bytes), key),
        Detail(b"", b""),
        Detail(other.sealed.sealed, other.key),
    ):
        assert list(failing(keeper.package(detail=detail))) == ["detail"]
    without = verify(keeper.package(detail=None))
    assert without.is_verified
    assert without.detail is None


def test_a_time_stamp_is_checked_against_the_authority(keeper, stamped, authority, other_authority):
    assert not failing(stamped, authorities=[authority.certificate])
    assert list(failing(stamped, authorities=[other_authority.certificate])) == ["time-stamp"]
    [said] = [step for step in verify(stamped).steps if step.name == "time-stamp"]
    assert said.result is Result.OPEN
    moved = replace(stamped, checkpoint=keeper.sign("00"), cosignatures=())
    assert "time-stamp" in failing(moved)
    for token in (b"", b"nonsense", stamped.timestamp[:-1], stamped.timestamp + b"0"):
        assert list(failing(replace(stamped, timestamp=token))) == ["time-stamp"]


def test_a_promise_is_kept_broken_or_about_another_entry(keeper):
    other = a_keeper()
    package = keeper.package()
    kept = promise(keeper.signer, LEDGER, [other.sealed, keeper.sealed])
    assert not failing(package, keeper.trusted, promised=[kept])
    rewritten = replace(keeper.sealed, leaf=leaf_hash(b"something else"))
    for answered, why in (
        (promise(keeper.signer, LEDGER, [rewritten]), "BROKEN"),
        (promise(keeper.signer, LEDGER, [other.sealed]), "about others"),
        (promise(keeper.signer, "consent", [keeper.sealed]), "not one of this ledger"),
        (promise(other.signer, LEDGER, [keeper.sealed]), "not known"),
        (promise(keeper.witness, LEDGER, [keeper.sealed]), "do not trust"),
        (kept[:-2], "not signed by the key"),
        (keeper.signer.sign("promise", {"ledger": LEDGER, "entries": 5}), "names no entries"),
        ("nonsense", "not one of this ledger"),
        (".", "not one of this ledger"),
    ):
        found = failing(package, {keeper.signer.kid}, promised=[answered])
        assert why in found["promise"]


def test_of_an_answers_promises_each_of_this_ledger_must_be_kept(keeper):
    kept = promise(keeper.signer, LEDGER, [keeper.sealed])
    passed_on = promise(a_keeper().signer, "gateway", [a_keeper().sealed])
    assert not failing(keeper.package(), promised=[passed_on, kept])
    broken = promise(
        keeper.signer, LEDGER, [replace(keeper.sealed, leaf=leaf_hash(b"something else"))]
    )
    assert "BROKEN" in failing(keeper.package(), promised=[kept, broken])["promise"]


def test_a_promise_of_many_entries_names_the_first(keeper):
    others = [a_keeper().sealed for _ in range(9)]
    first = promise(keeper.signer, LEDGER, [keeper.sealed, *others])
    assert not failing(keeper.package(), promised=[first])
    last = promise(keeper.signer, LEDGER, [*others, keeper.sealed])
    assert "about others" in failing(keeper.package(), promised=[last])["promise"]


# -- files that anybody may hand in ------------------------------------------------------------


def test_what_is_missing_is_named(stamped):
    whole = stamped.as_json()
    for place in (*whole, "proof.index", "proof.path", "detail.key", "keys.keys", "keys.keys[0].x"):
        made = json.loads(json.dumps(whole))
        *to, name = place.replace("[0]", ".0").split(".")
        part = made
        for step in to:
            part = part[int(step) if step.isdigit() else step]
        del part[name]
        with pytest.raises(PackageUnreadable, match=r"is missing") as told:
            read(json.dumps(made).encode())
        assert place in str(told.value)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("format", "govblocks-evidence-2", f"its format is not {FORMAT}"),
        ("entry", 5, "entry is no text"),
        ("entry", "\ud800", "entry is half a character"),
        ("note", "trust me", "note does not belong"),
        ("proof", None, "proof is no JSON object"),
        ("proof", {"index": 1.0, "size": 1, "path": []}, "proof.index is no count"),
        ("proof", {"index": True, "size": 1, "path": []}, "proof.index is no count"),
        ("proof", {"index": -1, "size": 1, "path": []}, "proof.index is no count"),
        ("proof", {"index": 0, "size": 1, "path": ["AB" * 32]}, "proof.path[0] is not a SHA-256"),
        ("proof", {"index": 0, "size": 1, "path": ["ab" * 31]}, "proof.path[0] is not a SHA-256"),
        ("proof", {"index": 0, "size": 1, "path": ["ab" * 32] * 65}, "proof.path is no path"),
        ("cosignatures", "x", "cosignatures is no list"),
        ("timestamp", "AB==", "timestamp is not base64"),
        ("timestamp", "A", "timestamp is not base64"),
        ("detail", [], "detail is no JSON object"),
        ("keys", {"keys": [5]}, "keys.keys[0] is no key"),
        ("keys", {"keys": [{"kty": "EC", "crv": "P-256"}]}, "keys.keys[0] is no Ed25519 key"),
    ],
)
def test_what_is_wrong_is_named(stamped, place, value, said):
    with pytest.raises(PackageUnreadable) as told:
        read(json.dumps(stamped.as_json() | {place: value}).encode())
    assert str(told.value).startswith(said)


def test_a_member_that_stands_in_it_twice_is_refused(stamped):
    """Another program might take the first, and show what was never proven."""
    raw = written(stamped)
    for name, forged in ((b'"entry"', b'"forged"'), (b'"index"', b"0"), (b'"kid"', b'"mine"')):
        twice = raw.replace(name, name + b": " + forged + b", " + name, 1)
        with pytest.raises(PackageUnreadable, match="twice"):
            read(twice)


def test_keys_that_mislead_are_refused(stamped):
    key = dict(stamped.keys[0])
    for keys, said in (
        ([key, key | {"x": stamped.keys[1]["x"]}], "two of its keys have one name"),
        ([key | {"d": "A" * 43}], "a private key"),
        ([key | {"x": key["x"][:-2]}], "not 32 bytes"),
        ([key | {"x": key["x"] + "é"}], "not 32 bytes"),
        ([key | {"kid": 5}], "kid is no text"),
    ):
        with pytest.raises(PackageUnreadable, match=said):
            read(json.dumps(stamped.as_json() | {"keys": {"keys": keys}}).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b"[" * 1_000_000,
        b'{"format": NaN}',
        b'{"entry": 1, "entry": 1}',
        b"9" * 10_000,
        b" " * (MOST_BYTES + 1),
        "{}".encode("utf-16"),
    ],
    ids=lambda raw: f"{raw[:8]!r} {len(raw)}",
)
def test_what_is_no_package_is_told(raw):
    with pytest.raises(PackageUnreadable):
        read(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_made_up_file_makes_it_crash(data):
    """Members of a good package are replaced by anything: it is read and judged, or refused."""
    keeper = _KEPT
    made = keeper.package().as_json()
    names = st.sampled_from([*made, "index", "size", "path", "sealed", "key"])
    for name in data.draw(st.lists(names, max_size=3)):
        part = (
            made if name in made else made["detail"] if name in {"sealed", "key"} else made["proof"]
        )
        if isinstance(part, dict):
            part[name] = data.draw(JSON)
    try:
        package = read(
            json.dumps(made, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "replace")
        )
    except PackageUnreadable:
        return
    assert verify(package) is not None


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_it_crash(raw):
    with pytest.raises(PackageUnreadable):
        read(raw)


_KEPT = a_keeper()
_FILE = written(_KEPT.package())
_WITNESSES = {_KEPT.witness.kid}
_VERDICT = verify(read(_FILE), _KEPT.trusted, witnesses=_WITNESSES)


def passes(raw: bytes) -> bool:
    """Tell whether a changed file is verified; what it says must be what the good one says."""
    try:
        verdict = verify(read(raw), _KEPT.trusted, witnesses=_WITNESSES)
    except PackageUnreadable:
        return False
    if verdict.is_verified:
        assert verdict == _VERDICT
    return verdict.is_verified


def outside() -> set[int]:
    """Return where a byte says nothing: what a key is for is said by its signatures alone."""
    places: set[int] = set()
    for name in (b'"alg": "', b'"use": "'):
        start = 0
        while (found := _FILE.find(name, start)) >= 0:
            start = _FILE.index(b'"', found + len(name)) + 1
            places |= set(range(found, start))
    return places


def test_every_byte_of_a_package_counts():
    """Each byte of the file is changed once: what passes says the same, and few places do."""
    passing = set()
    for place in range(len(_FILE)):
        changed = bytearray(_FILE)
        changed[place] ^= 1 << (place % 7)
        if passes(bytes(changed)):
            passing.add(place)
    assert passing <= outside(), [_FILE[max(0, at - 30) : at + 5] for at in passing - outside()]


@given(
    place=st.integers(0, len(_FILE) - 1),
    byte=st.integers(0, 255),
)
@settings(max_examples=2000, deadline=None)
def test_no_changed_byte_passes_and_says_something_else(place, byte):
    changed = bytearray(_FILE)
    was, changed[place] = changed[place], byte
    if passes(bytes(changed)) and byte != was:
        assert place in outside() or chr(was).isspace()


@given(
    start=st.integers(0, len(_FILE)),
    length=st.integers(0, 40),
    put=st.binary(max_size=40),
)
@settings(max_examples=1000, deadline=None)
def test_nothing_cut_out_or_put_in_passes_and_says_something_else(start, length, put):
    passes(_FILE[:start] + put + _FILE[start + length :])
