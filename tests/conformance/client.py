"""A client of PEP 694 that knows a root address and a token and nothing else of the server.

It keeps to the standard library and to what the server links to, so it can be pointed at any index.
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/vnd.pypi.upload.v2+json"
META = {"api-version": "2.0"}
WHOLE = "http-post-bytes"


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def links(self) -> dict[str, str]:
        links: dict[str, str] = self.body["links"]
        return links

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    def expect(self, status: int) -> Answer:
        """Raises: AssertionError: it has another status."""
        assert self.status == status, f"{self.status}, not {status}: {self.content[:500]!r}"
        return self


# Method, address, body and headers, to an answer.
type Transport = Callable[[str, str, bytes | None, dict[str, str]], Answer]


def over_http(method: str, url: str, content: bytes | None, headers: dict[str, str]) -> Answer:
    """The transport for every server that there is."""
    request = urllib.request.Request(url, data=content, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return answer_of(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return answer_of(error.code, error.headers, error.read())


def answer_of(status: int, headers: Any, content: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, content)


class Client:
    """One token at one index."""

    def __init__(self, root: str, token: str, transport: Transport = over_http) -> None:
        self.root = root
        self._token = token
        self._transport = transport

    def ask(self, method: str, url: str, content: bytes | None = None, **headers: str) -> Answer:
        """One request. Names of headers with _ for -; one that is "" is left out."""
        given = {"authorization": self.authorization} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self._transport(method, url, content, {name: value for name, value in given.items() if value})

    @property
    def authorization(self) -> str:
        if not self._token:
            return ""
        return "Basic " + base64.b64encode(f"__token__:{self._token}".encode()).decode()

    # -- sessions

    def post(self, url: str, **keys: Any) -> Answer:
        """A body of the PEP's kind."""
        body = {"meta": META} | keys
        return self.ask("POST", url, json.dumps(body).encode(), content_type=MEDIA_TYPE, accept=MEDIA_TYPE)

    def get(self, url: str) -> Answer:
        return self.ask("GET", url, accept=MEDIA_TYPE)

    def delete(self, url: str) -> Answer:
        return self.ask("DELETE", url)

    def create(self, name: str, version: str) -> Answer:
        return self.post(self.root, name=name, version=version)

    # -- files

    def announce(
        self, session: Answer, filename: str, content: bytes, *, mechanism: str = WHOLE, **keys: Any
    ) -> Answer:
        """Create a file upload session."""
        said: dict[str, Any] = {
            "filename": filename,
            "size": len(content),
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "mechanism": mechanism,
        }
        return self.post(session.links["upload"], **said | keys)

    def send(self, upload: Answer, content: bytes) -> Answer:
        """The bytes, by the mechanism that every index has."""
        url = upload.body["mechanism"]["file_url"]
        return self.ask("POST", url, content, content_type="application/octet-stream")

    def complete(self, upload: Answer) -> Answer:
        return self.post(upload.links["complete"])

    def add(self, session: Answer, filename: str, content: bytes) -> Answer:
        """Announce, send and complete a file; the answer to the last of these."""
        upload = self.announce(session, filename, content).expect(202)
        assert self.send(upload, content).status in {200, 201, 202, 204}
        return self.complete(upload)

    def publish(self, session: Answer) -> Answer:
        return self.post(session.links["publish"])
