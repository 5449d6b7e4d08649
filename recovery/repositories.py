"""Whether somebody can push to a repository: a branch with an agreed name among its references.

One request says so at every Git server (`gitprotocol-http`): the list that `git fetch` begins with. A branch takes
the right to push there; a fork has branches of its own, and a request to merge is no branch. A file on the default
branch would say less: one slips in with somebody's patch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.conf import settings

from indexsite import fetch

BRANCH = "indexsite-recovery-"
TIMEOUT = 10.0  # seconds
# Servers list the head of every request to merge, too: a hundred thousand of them take this much.
MAX_BYTES = 16 << 20
# Tests put a server of their own here.
OUTSIDE = fetch.INTERNET

_LENGTH = 4
_SERVICE = b"# service=git-upload-pack"


@dataclass(frozen=True)
class Repository:
    """One repository on a host that the operator allows. Lower case throughout: hosts take both for the same.

    Attributes:
        origin: scheme and host.
        path: owner (or groups) and name, without `.git`.
    """

    origin: str
    path: str

    @property
    def boundary(self) -> str:
        """Who can let people push: host and owner or group. Two repositories there prove no more than one."""
        host = urlsplit(self.origin).netloc
        return f"{host}/{self.path.partition('/')[0]}"

    @property
    def address(self) -> str:
        return f"{self.origin}/{self.path}"


def parse(url: str) -> Repository | None:
    """The repository that an address is in, or None where it is none that may be asked for.

    Takes addresses of pages inside a repository, as people put them into metadata.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc.lower()
    except ValueError:
        return None
    if parts.scheme not in OUTSIDE.schemes or host not in settings.ENV.evidence_git_hosts:
        return None
    names = _names(unquote(parts.path).lower(), host)
    if len(names) < 2 or not all(_is_plain(name) for name in names):
        return None
    names[-1] = names[-1].removesuffix(".git")
    return Repository(f"{parts.scheme}://{host}", "/".join(names)) if names[-1] else None


def has_branch(repository: Repository, nonce: str) -> bool:
    """Whether the repository has the branch for this nonce.

    Raises:
        indexsite.fetch.FetchFailed: it could not be asked, was moved elsewhere, or did not answer as Git does.
    """
    url = f"{repository.address}.git/info/refs?service=git-upload-pack"
    body = fetch.get(url, max_bytes=MAX_BYTES, timeout=TIMEOUT, outside=OUTSIDE)
    wanted = f"refs/heads/{BRANCH}{nonce}".encode()
    return any(name == wanted for name in _references(body))


def _names(path: str, host: str) -> list[str]:
    """Owner and name; on GitLab, where groups nest, everything before its separator."""
    head, separator, _ = path.partition("/-/")
    names = [name for name in head.split("/") if name]
    return names if separator or host.startswith("gitlab.") else names[:2]


def _is_plain(name: str) -> bool:
    return name not in {".", ".."} and all(char.isalnum() or char in "._~-" for char in name) and name.isascii()


def _references(body: bytes) -> Iterator[bytes]:
    lines = list(_packets(body))
    if not lines or lines[0].strip() != _SERVICE:
        raise fetch.FetchFailed("The answer is not one of a Git server.")
    for line in lines[1:]:
        _, _, name = line.partition(b"\0")[0].strip().partition(b" ")
        yield name


def _packets(body: bytes) -> Iterator[bytes]:
    """The lines of `gitprotocol-common`: four hexadecimal digits of length, then as much; 0000 is a pause."""
    at = 0
    while at < len(body):
        try:
            length = int(body[at : at + _LENGTH], 16)
        except ValueError as error:
            raise fetch.FetchFailed("The answer is not one of a Git server.") from error
        if length == 0:
            at += _LENGTH
            continue
        if length < _LENGTH or at + length > len(body):
            raise fetch.FetchFailed("The answer is not one of a Git server.")
        yield body[at + _LENGTH : at + length]
        at += length
