"""Where a sign-in came from: by a database of locations, or only the network."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.conf import settings as site

from accounts import places
from accounts.models import User
from indexsite import env
from tests.support import mmdb
from tests.support.people import browser, letters_to


def named(name: str) -> dict[str, object]:
    return {"names": {"en": name, "de": f"{name} auf Deutsch"}}


KNOWN: dict[str, object] = {
    "198.51.100.0/24": {"city": named("Leipzig"), "country": named("Germany")},
    "203.0.113.0/25": {"subdivisions": [named("Bavaria")], "country": named("Germany")},
    "203.0.113.128/25": {"country": named("Luxembourg")},
    "192.0.2.0/24": {"city": named("Luxembourg"), "country": named("Luxembourg")},
    "2001:db8::/32": {"city": named("<b>Town</b>"), "country": named("France")},
    "100.64.0.0/10": {"city": "no map", "country": ["nor here"], "subdivisions": []},
}


@pytest.fixture
def database(tmp_path: Path, settings: LazySettings) -> Path:
    path = mmdb.write(tmp_path / "places.mmdb", KNOWN)
    settings.ENV = dataclasses.replace(site.ENV, geoip_db=str(path))
    return path


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.51.100.9", "Leipzig, Germany"),
        ("203.0.113.1", "Bavaria, Germany"),
        ("203.0.113.200", "Luxembourg"),
        ("192.0.2.1", "Luxembourg"),
        ("2001:db8::1", "<b>Town</b>, France"),
        ("100.64.0.1", "network 100.64.0.x"),
        ("8.8.8.8", "network 8.8.8.x"),
        ("2a00::1", "network 2a00:x"),
        ("127.0.0.1", "the machine of this site"),
        ("0.0.0.0", "an unknown place"),
        ("", "an unknown place"),
        ("nonsense", "an unknown place"),
    ],
)
def test_a_place_is_a_town_or_region_and_a_country(database: Path, address: str, place: str) -> None:
    assert places.coarse(address) == place


def test_without_a_database_only_the_network_is_shown() -> None:
    assert places.coarse("198.51.100.9") == "network 198.51.100.x"
    assert places.with_place("198.51.100.9") == "198.51.100.9"


def test_a_database_that_breaks_keeps_nobody_out(database: Path) -> None:
    places._reader.cache_clear()
    database.write_bytes(database.read_bytes()[:40])
    assert places.coarse("198.51.100.9") == "network 198.51.100.x"
    database.unlink()
    assert places.coarse("198.51.100.9") == "network 198.51.100.x"


@pytest.mark.django_db
def test_sessions_history_and_letters_name_the_place(database: Path, alice: User) -> None:
    client = browser(alice, REMOTE_ADDR="198.51.100.9")
    browser(alice, REMOTE_ADDR="2001:db8::1")
    sessions = client.get("/account/sessions/").text
    assert "From Leipzig, Germany (198.51.100.9)" in sessions
    assert "From &lt;b&gt;Town&lt;/b&gt;, France (2001:db8::1)" in sessions
    assert "198.51.100.9 (Leipzig, Germany)" in client.get("/account/history/").text
    rows = client.get("/account/history/?format=json").getvalue().decode()
    assert "198.51.100.9" in rows
    assert "Leipzig" not in rows  # what is kept is what was seen
    client.post("/account/email/", {"act": "add", "email": "second@example.org"})
    (letter,) = [row for row in letters_to(alice.email) if "address was added" in row.subject]
    assert "From: 198.51.100.9 (Leipzig, Germany)" in letter.body


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    other = tmp_path / "places.csv"
    other.write_text("1.2.3.0/24,Leipzig")
    good = mmdb.write(tmp_path / "places.mmdb", KNOWN)
    assert env.load({"DEBUG": "1", "GEOIP_DB": str(good)}, var_dir=tmp_path).geoip_db == str(good)
    for path, sentence in ((other, "in MaxMind's format"), (tmp_path / "missing", "which cannot be read")):
        with pytest.raises(env.EnvError, match=sentence):
            env.load({"DEBUG": "1", "GEOIP_DB": str(path)}, var_dir=tmp_path)
