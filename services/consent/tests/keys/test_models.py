"""Whether a JWS was made with a key that counts."""

import json
from base64 import urlsafe_b64encode

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from pydantic import ValidationError

from consent.keys.models import Jws, SignatureInvalid, Trust
from consent.settings import Settings

KEY, OTHER = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256")
PAYLOAD = '{"what":"was signed"}'


def public(key, kid: str) -> dict:
    return {**key.as_dict(private=False), "kid": kid}


def key_set(*keys: dict) -> str:
    return json.dumps({"keys": keys})


def signed(header: dict, key=KEY, *, brought=True) -> Jws:
    compact = jws.serialize_compact(
        header, PAYLOAD.encode(), key, algorithms=[header["alg"]], registry=_anything(header)
    )
    protected, _, value = compact.split(".")
    return Jws(protected, value, PAYLOAD, key.as_dict(private=False) if brought else None)


def _anything(header: dict) -> jws.JWSRegistry:
    return jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)


TRUST = Trust.read(key_set(public(KEY, "desk-1"), public(OTHER, "desk-2")))


def test_each_of_several_trusted_keys_signs_by_its_kid() -> None:
    first = signed({"alg": "Ed25519", "kid": "desk-1"}, brought=False)
    second = signed({"alg": "ES256", "kid": "desk-2"}, OTHER)

    assert TRUST.check(first)[0] == TRUST.check(second)[0] == "trusted"
    assert TRUST.check(first)[1]["x"] == KEY.as_dict(private=False)["x"]


def test_without_trusted_keys_the_one_it_came_with_counts() -> None:
    assert Trust().check(signed({"alg": "Ed25519"}))[0] == "presented"
    with pytest.raises(SignatureInvalid):
        Trust().check(signed({"alg": "Ed25519"}, brought=False))


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ({"alg": "Ed25519"}, KEY),  # no kid
        ({"alg": "Ed25519", "kid": "desk-9"}, KEY),
        ({"alg": "Ed25519", "kid": "desk-1"}, OKPKey.generate_key("Ed25519")),
        ({"alg": "ES256", "kid": "desk-1"}, OTHER),  # another trusted key's kid
    ],
)
@pytest.mark.parametrize("brought", [True, False])
def test_where_keys_are_trusted_no_other_counts(header, key, brought) -> None:
    with pytest.raises(SignatureInvalid):
        TRUST.check(signed(header, key, brought=brought))


def test_a_header_that_brings_its_own_key_is_not_believed() -> None:
    mine = OKPKey.generate_key("Ed25519")
    header = {"alg": "Ed25519", "kid": "desk-1", "jwk": mine.as_dict(private=False)}

    with pytest.raises(SignatureInvalid):
        TRUST.check(signed(header, mine, brought=False))


@pytest.mark.parametrize(
    "more", [{"crit": ["exp"], "exp": 1}, {"b64": False}, {"b64": True}, {"crit": []}]
)
def test_what_a_header_asks_for_beyond_signing_is_refused(more) -> None:
    """RFC 7515 section 4.1.11: a signature with an extension that is not known is invalid."""
    good = signed({"alg": "Ed25519", "kid": "desk-1"})
    header = urlsafe_b64encode(json.dumps({"alg": "Ed25519", "kid": "desk-1", **more}).encode())
    encoded = header.decode().rstrip("=")
    value = KEY.private_key.sign(f"{encoded}.{_encoded(PAYLOAD)}".encode())
    sent = Jws(encoded, urlsafe_b64encode(value).decode().rstrip("="), PAYLOAD, good.key)

    with pytest.raises(SignatureInvalid, match="crit"):
        TRUST.check(sent)


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_only_two_algorithms_are_taken() -> None:
    secret = OctKey.import_key(json.dumps(public(KEY, "desk-1")))
    rsa = RSAKey.generate_key(2048)
    for sent in (
        signed({"alg": "HS256", "kid": "desk-1"}, secret, brought=False),  # the public key as one
        signed({"alg": "RS256"}, rsa, brought=False),
        Jws(_encoded('{"alg":"none","kid":"desk-1"}'), "AA", PAYLOAD, None),
    ):
        for trust in (TRUST, Trust()):
            with pytest.raises(SignatureInvalid):
                trust.check(sent)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "[]",
        "e30",
        "AA.AA",
        "e30=",
        "é",
        "{",
        '{"alg":"Ed25519","alg":"Ed25519"}',
        '{"alg":["Ed25519"]}',
        '{"alg":"Ed25519","kid":1}',
        '{"a":' * 5000,
        _encoded('["alg"]'),
        _encoded("\ufeff{}"),
        urlsafe_b64encode(b"\xff").decode(),
    ],
)
def test_a_header_that_is_none_is_refused(header) -> None:
    good = signed({"alg": "Ed25519", "kid": "desk-1"})

    with pytest.raises(SignatureInvalid):
        TRUST.check(Jws(header, good.signature, PAYLOAD, good.key))


NO_KEYS = {
    "nonsense": "nonsense",
    "a list": "[]",
    "no list of keys": "{}",
    "no key": key_set(),
    "no kid": key_set(KEY.as_dict(private=False) | {"kid": None}),
    "one kid twice": key_set(public(KEY, "same"), public(OTHER, "same")),
    "a private key": key_set({**KEY.as_dict(private=True), "kid": "private"}),
    "a secret": key_set({"kty": "oct", "k": "AA", "kid": "secret"}),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_an_operator_names_public_keys_each_by_a_kid_of_its_own(name, tmp_path) -> None:
    text = NO_KEYS[name]
    file = tmp_path / "keys.json"
    file.write_text(text)
    given = {"database_url": "postgresql://x/y", "sealing_key": "k", "evidence_keys": "{}"}

    for said in (text, f"file:{file}", f"file:{tmp_path}/nothing"):
        with pytest.raises(ValidationError):
            Settings(**given, signing_keys=said)


def test_the_trusted_keys_may_be_in_a_file(tmp_path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(key_set(public(KEY, "desk-1")))
    given = {"database_url": "postgresql://x/y", "sealing_key": "k", "evidence_keys": "{}"}

    settings = Settings(**given, signing_keys=f"file:{file}")

    assert set(Trust.read(settings.signing_keys).keys) == {"desk-1"}
