import json
import stat

import pytest

from stack.home import PARTS, HomeError, open_home, read_home


def test_secrets_are_made_once_and_kept_private(tmp_path):
    home = tmp_path / "a" / "home"
    made = open_home(home)
    assert set(made.sealing_keys) == set(PARTS)
    assert open_home(home) == made == read_home(home)
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_a_home_from_an_earlier_version_gets_what_it_lacks(tmp_path):
    made = open_home(tmp_path)
    file = tmp_path / "secrets.json"
    kept = json.loads(file.read_text())
    del kept["issuer_key"]
    file.write_text(json.dumps(kept))
    again = open_home(tmp_path)
    assert again.administrator == made.administrator
    assert again.issuer_key != made.issuer_key


@pytest.mark.parametrize("content", [None, "{"])
def test_a_home_that_cannot_be_used_is_told_in_a_sentence(tmp_path, content):
    home = tmp_path / "home"
    if content is None:
        home.write_text("a file")
    else:
        home.mkdir()
        (home / "secrets.json").write_text(content)
    with pytest.raises(HomeError) as raised:
        open_home(home)
    assert "\n" not in str(raised.value)
    assert str(home) in str(raised.value)


def test_a_home_nobody_started_is_told_so(tmp_path):
    with pytest.raises(HomeError, match="No stack has been started"):
        read_home(tmp_path)
