"""Keys of people's own: real ssh-keygen and OpenPGP signatures, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode, b64encode
from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import signatures
from accounts.actions import signing_keys as acts
from accounts.models import SigningKey, User
from indexsite import clock
from indexsite.models import AuditEvent
from tests.support import cast, system
from tests.support.people import browser, letters_to
from tests.support.ssh_keys import OnAuthenticator, Ssh

pytestmark = pytest.mark.django_db

KEYS = "/account/signing-keys/"
NAMESPACE = "signing-key@testserver"


@pytest.fixture(autouse=True)
def _ssh_keygen() -> None:
    if shutil.which("ssh-keygen") is None and system.may_install():
        system.install("openssh-client")


class OpenPgp:
    """A key pair as gpg would make it."""

    def __init__(self) -> None:
        self.key = pysequoia.Tsk.generate("Alice <alice@example.org>")
        self.public = str(self.key.extract_certificate())

    def sign(self, text: str, namespace: str) -> str:
        signed = pysequoia.sign(self.key.signer(), f"{text}\n".encode(), mode=pysequoia.SignatureMode.DETACHED)
        return bytes(signed).decode()


type Pair = Ssh | OnAuthenticator | OpenPgp


@pytest.fixture
def ssh(tmp_path: Path) -> Ssh:
    return Ssh(tmp_path, "-t", "ed25519")


def make_pair(kind: str, folder: Path) -> Pair:
    if kind == "openpgp":
        return OpenPgp()
    if kind.endswith("-sk"):
        return OnAuthenticator(kind)
    name, _, bits = kind.partition(" ")
    return Ssh(folder, "-t", name, *(["-b", bits] if bits else []))


@pytest.fixture(
    params=["ed25519", "rsa", "ecdsa 256", "ecdsa 384", "ecdsa 521", "ed25519-sk", "ecdsa-sk", "openpgp"]
)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return make_pair(request.param, tmp_path)


def add(client: Client, pair: Pair, name: str = "Laptop") -> SigningKey:
    response = client.post(KEYS, {"name": name, "public_key": pair.public})
    assert response.status_code == 302, response.text
    return SigningKey.objects.latest("pk")


def prove(client: Client, pair: Pair, key: SigningKey, *, text: str = "", namespace: str = "") -> int:
    signature = pair.sign(text or acts.message_for(key), namespace or acts.namespace())
    return client.post(f"{KEYS}{key.pk}/", {"signature": signature}).status_code


def trail() -> list[str]:
    rows = AuditEvent.objects.filter(name__startswith="signing-key.").order_by("pk")
    return list(rows.values_list("name", flat=True))


def test_a_key_is_proved_by_a_signature_and_every_address_is_told(alice: User, pair: Pair) -> None:
    client = browser(alice)
    key = add(client, pair)
    assert trail() == []
    assert not SigningKey.objects.proved().exists()
    page = client.get(f"{KEYS}{key.pk}/").text
    assert acts.message_for(key).split(". ")[1] in page

    assert prove(client, pair, key) == 302

    assert list(SigningKey.objects.proved()) == [key]
    assert trail() == ["signing-key.added"]
    (letter,) = (each for each in letters_to(alice.email) if "signing key" in each.subject)
    assert key.fingerprint in letter.body
    assert key.fingerprint in client.get(KEYS).text
    assert key.fingerprint in client.get("/account/history/").text


def test_the_shown_command_makes_the_signature(alice: User, ssh: Ssh) -> None:
    client = browser(alice)
    key = add(client, ssh)
    shown = client.get(f"{KEYS}{key.pk}/").context["command"].replace("~/.ssh/id_ed25519", str(ssh.file))
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True)
    assert client.post(f"{KEYS}{key.pk}/", {"signature": done.stdout}).status_code == 302
    assert SigningKey.objects.proved().exists()


def test_the_fingerprint_is_the_one_ssh_keygen_prints(alice: User, ssh: Ssh) -> None:
    printed = subprocess.run(["ssh-keygen", "-l", "-f", f"{ssh.file}.pub"], capture_output=True, text=True).stdout
    assert add(browser(alice), ssh).fingerprint == printed.split()[1]


@pytest.mark.parametrize(
    ("kind", "file"),
    [("ecdsa 384", "id_ecdsa"), ("rsa", "id_rsa"), ("ed25519-sk", "id_ed25519_sk"), ("ecdsa-sk", "id_ecdsa_sk")],
)
def test_the_command_names_the_usual_file(alice: User, tmp_path: Path, kind: str, file: str) -> None:
    client = browser(alice)
    key = add(client, make_pair(kind, tmp_path))
    assert f" -f ~/.ssh/{file} -n " in client.get(f"{KEYS}{key.pk}/").context["command"]


@pytest.mark.parametrize("kind", ["ed25519-sk", "ecdsa-sk"])
def test_openssh_takes_the_signatures_of_the_authenticator_of_these_tests(tmp_path: Path, kind: str) -> None:
    """Else it would be one program of ours that believes another."""
    key = OnAuthenticator(kind)
    (tmp_path / "signature").write_text(key.sign("hello", NAMESPACE))
    (tmp_path / "allowed").write_text(f"me {key.public}")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "me", "-n", NAMESPACE, "-s", "signature"]
    done = subprocess.run(command, input="hello\n", cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["ed25519-sk", "ecdsa-sk"])
def test_a_key_on_an_authenticator_has_to_be_touched(alice: User, kind: str) -> None:
    """Else a program on the person's computer could sign without them."""
    client, pair = browser(alice), OnAuthenticator(kind)
    key = add(client, pair)
    text, path = acts.message_for(key), f"{KEYS}{key.pk}/"
    untouched = pair.sign(text, acts.namespace(), touched=False)
    assert client.post(path, {"signature": untouched}).status_code == 400
    assert client.post(path, {"signature": pair.sign(text, acts.namespace(), extra=b"x")}).status_code == 400
    assert trail() == []
    assert client.post(path, {"signature": pair.sign(text, acts.namespace())}).status_code == 302


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa 256", "ecdsa 521", "ed25519-sk", "ecdsa-sk"])
def test_no_changed_byte_and_no_shorter_signature_passes(tmp_path: Path, kind: str) -> None:
    pair = make_pair(kind, tmp_path)
    key = signatures.read(pair.public, at=clock.now())
    begin, *lines, end = pair.sign("hello", NAMESPACE).strip().split("\n")
    raw = b64decode("".join(lines))
    counted = 0
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]
        for hostile in (changed, raw[:at]):
            armored = "\n".join([begin, b64encode(hostile).decode(), end])
            with pytest.raises(signatures.SignatureWrong):
                signatures.check(key, message=b"hello\n", signature=armored, namespace=NAMESPACE, at=clock.now())
            counted += 1
    assert counted > 300


def test_a_signature_of_another_key_text_purpose_or_account_proves_nothing(
    alice: User, bob: User, tmp_path: Path, ssh: Ssh
) -> None:
    (tmp_path / "other").mkdir()
    other = Ssh(tmp_path / "other", "-t", "ed25519")
    client = browser(alice)
    key, of_bob = add(client, ssh), add(browser(bob), ssh)
    assert prove(client, other, key, text=acts.message_for(key)) == 400
    assert prove(client, ssh, key, text=acts.message_for(of_bob)) == 400
    assert prove(client, ssh, key, text="hello") == 400
    assert prove(client, ssh, key, namespace="git") == 400
    assert client.post(f"{KEYS}{key.pk}/", {"signature": "hello"}).status_code == 400
    assert trail() == []
    # The same attempt with the right text goes through: it was the text, not the test.
    assert prove(client, ssh, key) == 302


def test_a_signature_is_good_once(alice: User, ssh: Ssh) -> None:
    client = browser(alice)
    key = add(client, ssh)
    signature = ssh.sign(acts.message_for(key), acts.namespace())
    client.post(f"{KEYS}{key.pk}/", {"signature": signature})
    client.post(f"{KEYS}{key.pk}/remove/")
    again = add(client, ssh)
    assert client.post(f"{KEYS}{again.pk}/", {"signature": signature}).status_code == 400
    assert trail() == ["signing-key.added", "signing-key.removed"]
    assert SigningKey.objects.filter(removed_at__isnull=False).count() == 1


def test_the_text_is_good_for_an_hour(alice: User, ssh: Ssh) -> None:
    client = browser(alice)
    key = add(client, ssh)
    SigningKey.objects.update(added_at=clock.now() - timedelta(hours=1, seconds=1))
    assert prove(client, ssh, key) == 409
    assert trail() == []


def test_guesses_are_limited(alice: User, ssh: Ssh) -> None:
    client = browser(alice)
    key = add(client, ssh)
    statuses = [client.post(f"{KEYS}{key.pk}/", {"signature": "x"}).status_code for _ in range(21)]
    assert statuses == [400] * 20 + [429]


def weak(folder: Path) -> str:
    return Ssh(folder, "-t", "rsa", "-b", "1024").public


def for_a_web_site(_: Path) -> str:
    """A signature by it could be one that the web site asked for."""
    return OnAuthenticator("ed25519-sk", application="testserver").public


def of_another_name(folder: Path) -> str:
    return Ssh(folder, "-t", "rsa").public.replace("ssh-rsa", "ssh-ed25519")


def private_ssh(folder: Path) -> str:
    return Ssh(folder, "-t", "ed25519").file.read_text()


def private_pgp(folder: Path) -> str:
    return str(OpenPgp().key)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (weak, "1024 bits"),
        (for_a_web_site, "no public key that can be used"),
        (of_another_name, "no public key that can be used"),
        (private_ssh, "This is a private key"),
        (private_pgp, "private key"),
        (lambda _: "ssh-ed25519 AAAA", "no public key that can be used"),
        (lambda _: "hello", "no public key that can be used"),
        (lambda _: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx\n", "cannot be read"),
        (lambda _: "ssh-rsa " + "A" * 70_000, "longer than 64 KiB"),
    ],
)
def test_what_is_no_usable_public_key(alice: User, tmp_path: Path, make: object, sentence: str) -> None:
    response = browser(alice).post(KEYS, {"name": "Laptop", "public_key": make(tmp_path)})  # type: ignore[operator]
    assert response.status_code == 400
    assert sentence in response.text
    assert not SigningKey.objects.exists()


def test_an_expired_key_is_refused_when_it_is_used_too() -> None:
    pgp = OpenPgp()
    soon = clock.now() + timedelta(days=1)
    certificate = pgp.key.extract_certificate()
    certificate = certificate.set_expiration(expiration=soon, certifier=pgp.key.certifier())
    key = signatures.read(str(certificate), at=clock.now())
    late = soon + timedelta(seconds=1)
    with pytest.raises(signatures.KeyUnusable, match="expired"):
        signatures.check(key, message=b"x\n", signature=pgp.sign("x", ""), namespace="", at=late)


def test_others_neither_prove_nor_remove_it(alice: User, mallory: User, ssh: Ssh) -> None:
    key = add(browser(alice), ssh)
    theirs = browser(mallory)
    assert prove(theirs, ssh, key) == 404
    assert theirs.post(f"{KEYS}{key.pk}/remove/").status_code == 404
    assert theirs.get(f"{KEYS}{key.pk}/").status_code == 404
    assert SigningKey.objects.filter(pk=key.pk, proved_at=None).exists()


def test_a_stale_proof_of_presence_is_not_enough(alice: User, ssh: Ssh) -> None:
    stale = cast.actor(alice, fresh=False)
    with pytest.raises(Exception, match="Confirm that it is you"):
        acts.add_key(actor=stale, name="Laptop", public_key=ssh.public, at=clock.now())


def test_the_database_keeps_one_of_a_fingerprint(alice: User, ssh: Ssh) -> None:
    client = browser(alice)
    key = add(client, ssh)
    prove(client, ssh, key)
    assert "on your account already" in client.post(KEYS, {"name": "Again", "public_key": ssh.public}).text
    key.refresh_from_db()
    key.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        key.save()
