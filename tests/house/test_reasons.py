"""Each reason of the consent block has words where a reader is refused."""

import pytest

from consent.decisions.models import Reason
from registry.decisions.models import ConsentRequired

_UNKNOWN = ConsentRequired.because("").detail.removesuffix(" ()")
REFUSALS = sorted(set(Reason) - {Reason.PERMITTED})


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_reader_is_told_each_reason_in_words(reason):
    said = ConsentRequired.because(reason.value).detail
    assert said.endswith(f" ({reason.value})")
    assert not said.startswith(_UNKNOWN)
