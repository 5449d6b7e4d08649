"""A wrong environment stops the start with one sentence; a right one means what the contract says."""

import ipaddress
import re
import subprocess
import sys
from pathlib import Path

import pytest

from indexsite.env import BASE_DIR, Env, EnvError, load

KEY = "x" * 50


def env(tmp_path: Path | None = None, **values: str) -> Env:
    return load({"SECRET_KEY": KEY, **values}, var_dir=tmp_path or Path("/nonexistent/var"))


def test_defaults_are_those_of_the_contract() -> None:
    found = env()

    assert (found.debug, found.demo, found.allows_demo, found.is_https) == (False, False, False, False)
    assert found.site_url == "http://localhost:8000"
    assert found.rp_id == found.site_host == "localhost"
    assert found.allowed_hosts == ("localhost", "127.0.0.1")
    assert (found.database_url.engine, found.database_url.name) == ("sqlite", "/nonexistent/var/indexsite.sqlite3")
    assert (found.storage_url.kind, found.storage_url.path) == ("file", Path("/nonexistent/var/files"))
    assert (found.email_url.kind, found.email_url.path) == ("file", Path("/nonexistent/var/mail"))
    assert (found.token_prefix, found.upload_2, found.breached_passwords) == ("idx-", True, "offline")
    assert found.trusted_proxies == found.staff_networks == found.audit_heads_to == ()


def test_every_value_can_be_set() -> None:
    found = env(
        SITE_URL="https://index.example.org/",
        ALLOWED_HOSTS="a.example, b.example",
        DATABASE_URL="postgres://u%40x:p%2Fw@db.example:5433/name?sslmode=require",
        REDIS_URL="redis://cache:6379/0",
        STORAGE_URL="s3://bucket?endpoint=http://127.0.0.1:9000&region=eu",
        EMAIL_URL="smtps://me:s%40crt@mail.example?from=index@example.org",
        TOKEN_PREFIX="acme-",
        TRUSTED_PROXIES="10.0.0.0/8,::1/128",
        DEMO="1",
    )

    assert (found.site_url, found.is_https, found.rp_id) == (
        "https://index.example.org",
        True,
        "index.example.org",
    )
    database = found.database_url
    assert (database.engine, database.user, database.password) == ("postgresql", "u@x", "p/w")
    assert (database.host, database.port, database.name) == ("db.example", 5433, "name")
    assert database.options == (("sslmode", "require"),)
    storage = found.storage_url
    assert (storage.bucket, storage.endpoint, storage.region) == ("bucket", "http://127.0.0.1:9000", "eu")
    mail = found.email_url
    assert (mail.host, mail.port, mail.username, mail.password) == ("mail.example", 465, "me", "s@crt")
    assert (mail.tls, mail.sender) == ("implicit", "index@example.org")
    assert found.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert found.allows_demo


def test_a_database_on_a_socket_and_a_relative_one() -> None:
    assert env(DATABASE_URL="postgres:///name?host=/run/postgresql").database_url.host == "/run/postgresql"
    assert env(DATABASE_URL="sqlite:///var/x.sqlite3").database_url.name == str(BASE_DIR / "var/x.sqlite3")
    assert env(EMAIL_URL="smtp://mail.example").email_url.port == 25


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example", 25, ""),
        ("smtp://mail.example:2525", 2525, ""),
        ("smtp://mail.example?tls=starttls", 587, "starttls"),
        ("smtp://mail.example:25?tls=starttls", 25, "starttls"),
        ("smtps://mail.example", 465, "implicit"),
        ("smtps://mail.example:4650", 4650, "implicit"),
    ],
)
def test_mail_is_encrypted_as_the_scheme_says(url: str, port: int, tls: str) -> None:
    found = env(EMAIL_URL=url).email_url
    assert (found.port, found.tls) == (port, tls)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "yes"),
        ("DEMO", ""),
        ("SITE_URL", "index.example.org"),
        ("SITE_URL", "https://index.example.org/path"),
        ("SITE_URL", "https://index.example.org:port"),
        ("RP_RELATED_ORIGINS", "x"),
        ("DATABASE_URL", "mysql://localhost/name"),
        ("DATABASE_URL", "postgres://localhost:port/name"),
        ("REDIS_URL", "localhost:6379"),
        ("STORAGE_URL", "/srv/files"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "smtp://mail.example:port"),
        ("EMAIL_URL", "smtp://mail.example?tls=yes"),
        ("TOKEN_PREFIX", "idx"),
        ("TOKEN_PREFIX", "my-idx-"),
        ("UPLOAD_2", "true"),
        ("BREACHED_PASSWORDS", "maybe"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("STAFF_NETWORKS", "office"),
        ("INDEXSITE_DEBUG", "1"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(name: str, value: str) -> None:
    with pytest.raises(EnvError) as refused:
        env(**{name: value})

    sentence = str(refused.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_secret_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")

    assert load({"SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == "from a file"
    with pytest.raises(EnvError, match="SECRET_KEY_FILE points to"):
        load({"SECRET_KEY_FILE": str(tmp_path / "none")})


def test_without_a_key_only_a_development_site_makes_its_own(tmp_path: Path) -> None:
    with pytest.raises(EnvError, match="SECRET_KEY is not set"):
        load({}, var_dir=tmp_path)

    first = load({"DEBUG": "1"}, var_dir=tmp_path).secret_key
    assert load({"DEBUG": "1"}, var_dir=tmp_path).secret_key == first
    assert len(first) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_the_start_stops_with_that_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env={"SECRET_KEY": KEY, "SITE_URL": "nowhere", "DJANGO_SETTINGS_MODULE": "indexsite.settings"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert re.fullmatch(r"indexsite cannot start: SITE_URL is 'nowhere'; [^\n]+\.\n", done.stderr)


def test_migrations_are_compared_without_a_key_and_nothing_else_starts_without() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=BASE_DIR, env={}, capture_output=True, text=True)

    compared = run("makemigrations", "--check", "--dry-run")
    assert (compared.returncode, compared.stdout) == (0, "No changes detected\n"), compared.stderr
    for other in (["check"], ["migrate", "--plan"], ["serve"]):
        refused = run(*other)
        assert refused.returncode == 1
        assert "SECRET_KEY is not set" in refused.stderr
