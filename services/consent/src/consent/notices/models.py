"""What individuals are told when an agreement of theirs changes, in all languages there are."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Change = Literal["changed", "policy", "ended"]
"""The agreement says something else; it stands under another policy; it is over."""

TEXTS: Mapping[str, Mapping[Change, tuple[str, str]]] = {
    "en": {
        "changed": (
            "A data agreement has changed",
            (
                "The agreement about “{purpose}” with {controller} has changed. What you agreed "
                "to stays as it was: the new version applies to you only if you agree to it."
            ),
        ),
        "policy": (
            "A data agreement has a new policy",
            (
                "The agreement about “{purpose}” with {controller} now stands under another "
                "policy. What you agreed to stays as it was: the new version applies to you "
                "only if you agree to it."
            ),
        ),
        "ended": (
            "A data agreement has ended",
            (
                "The agreement about “{purpose}” with {controller} has ended. Your data is not "
                "passed on under it any more."
            ),
        ),
    },
    "et": {
        "changed": (
            "Andmeleping on muutunud",
            (
                "Leping „{purpose}“ ({controller}) on muutunud. Teie antud nõusolek jääb "
                "endiseks: uus versioon kehtib Teie kohta ainult siis, kui Te sellega nõustute."
            ),
        ),
        "policy": (
            "Andmelepingul on uus poliitika",
            (
                "Lepingu „{purpose}“ ({controller}) aluseks on nüüd teine poliitika. Teie antud "
                "nõusolek jääb endiseks: uus versioon kehtib Teie kohta ainult siis, kui Te "
                "sellega nõustute."
            ),
        ),
        "ended": (
            "Andmeleping on lõppenud",
            (
                "Leping „{purpose}“ ({controller}) on lõppenud. Teie andmeid selle alusel enam "
                "ei edastata."
            ),
        ),
    },
    "fr": {
        "changed": (
            "Un accord sur vos données a changé",
            (
                "L'accord « {purpose} » avec {controller} a changé. Ce que vous avez accepté "
                "reste inchangé : la nouvelle version ne s'applique à vous que si vous "
                "l'acceptez."
            ),
        ),
        "policy": (
            "Un accord sur vos données a une nouvelle politique",
            (
                "L'accord « {purpose} » avec {controller} relève désormais d'une autre "
                "politique. Ce que vous avez accepté reste inchangé : la nouvelle version ne "
                "s'applique à vous que si vous l'acceptez."
            ),
        ),
        "ended": (
            "Un accord sur vos données a pris fin",
            (
                "L'accord « {purpose} » avec {controller} a pris fin. Vos données ne sont plus "
                "transmises à ce titre."
            ),
        ),
    },
}
"""Title and text by language and change."""


@dataclass(frozen=True, slots=True)
class Task:
    """One page of a change that is to be told: those whose ids come behind ``after``."""

    agreement_id: str
    revision_id: str
    change: Change
    request_id: str
    after: str = ""

    @property
    def payload(self) -> bytes:
        """Return the task as the queue keeps it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, payload: bytes | None) -> "Task":
        """Return the task that the queue has kept."""
        return cls(**json.loads(payload or b"{}"))


def change_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    """Return what happened to an agreement between two contents of it."""
    without = [{k: v for k, v in each.items() if k != "policy"} for each in (before, after)]
    return "policy" if without[0] == without[1] else "changed"


def message(change: Change, language: str, purpose: str, controller: str) -> tuple[str, str]:
    """Return title and text in a language, or a shorter tag of it, or in English (RFC 4647)."""
    texts = TEXTS.get(language.split("-", maxsplit=1)[0].lower(), TEXTS["en"])
    title, text = texts[change]
    return title, text.format(purpose=purpose, controller=controller)
