"""The only way out: https, public addresses, resolved once, no redirects, caps on size and time.

Whoever names an address for us to fetch must not reach what only we can reach. A name is resolved once, every
address it has is judged, and the connection goes to the address that was judged: there is no second look-up that
could answer differently.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from indexsite.errors import DomainError

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_CHUNK = 64 * 1024
_OWN_HEADERS = {"User-Agent": "indexsite", "Connection": "close"}


class FetchFailed(DomainError):
    """The address was not fetched; the sentence says why."""

    code = "fetch-failed"


def is_public(address: Address) -> bool:
    """Whether the address belongs to the open Internet, looking through every way to write IPv4 in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(part is not None and not is_public(part) for part in inner):
            return False
    return address.is_global and not address.is_multicast


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a host name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


@dataclass(frozen=True)
class Outside:
    """What counts as outside. Tests replace parts of it to reach a server of their own."""

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] | None = frozenset({443})
    allows: Callable[[Address], bool] = is_public
    resolve: Callable[[str, int], list[Address]] = resolve
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context


INTERNET = Outside()


def get(url: str, *, max_bytes: int, timeout: float, outside: Outside = INTERNET) -> bytes:
    """Fetch one document.

    Args:
        max_bytes: a longer body is refused.
        timeout: seconds for everything, the look-up of the name included, however slowly anybody answers.

    Raises:
        FetchFailed: always one sentence, naming the host and never what its answer said.
    """

    def talk(connection: _Connection, client: HTTPConnection, target: str, host: str) -> bytes:
        return _read(connection, client, target, host, max_bytes)

    return _reach(url, timeout, outside, talk)


def post(
    url: str, body: bytes, *, headers: Mapping[str, str], timeout: float, outside: Outside = INTERNET
) -> None:
    """Send `body`; any status from 200 to 299 is a success, and nothing else of the answer is read.

    Args: as for `get`.

    Raises:
        FetchFailed: as for `get`.
    """

    def talk(connection: _Connection, client: HTTPConnection, target: str, host: str) -> None:
        client.request("POST", target, body=body, headers={**headers, **_OWN_HEADERS})
        with client.getresponse() as response:
            _insist_on_success(response, host)

    _reach(url, timeout, outside, talk)


def check(url: str, *, outside: Outside = INTERNET) -> None:
    """Whether the address is written as one that could be reached; nothing is looked up.

    Raises:
        FetchFailed: it is not.
    """
    _checked(url, outside)


def _reach[Answer](
    url: str,
    timeout: float,
    outside: Outside,
    talk: Callable[[_Connection, HTTPConnection, str, str], Answer],
) -> Answer:
    """Connect to the address that was judged, and have `talk` speak with it: connection, client, target, host."""
    parts, host, port = _checked(url, outside)
    began = time.monotonic()
    address = _judged(host, port, outside, timeout)
    connection = _Connection(max(timeout - (time.monotonic() - began), 0.001))
    try:
        connection.open(address, port, tls=outside.tls() if parts.scheme == "https" else None, host=host)
        client = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(host, port)
        client.sock = connection.socket
        return talk(connection, client, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), host)
    except (OSError, HTTPException, ValueError) as error:
        if connection.is_overdue:
            raise FetchFailed(f"{host} took longer than {timeout:g} seconds.") from error
        raise FetchFailed(f"{host} could not be fetched ({type(error).__name__}).") from error
    finally:
        connection.close()


def _checked(url: str, outside: Outside) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:
        raise FetchFailed("The address is malformed.") from error
    if parts.scheme not in outside.schemes:
        raise FetchFailed("Only https addresses are fetched.")
    if not host or parts.username is not None or parts.password is not None:
        raise FetchFailed("The address must name a host, and no user.")
    if outside.ports is not None and port not in outside.ports:
        raise FetchFailed(f"Port {port} is not fetched from.")
    return parts, host, port


def _judged(host: str, port: int, outside: Outside, timeout: float) -> Address:
    try:
        addresses = _within(timeout, lambda: outside.resolve(host, port))
    except TimeoutError as error:
        raise FetchFailed(f"{host} took longer than {timeout:g} seconds.") from error
    except (OSError, ValueError) as error:
        raise FetchFailed(f"{host} has no address.") from error
    # One private address among public ones is an attempt or a mistake; neither is worth a try.
    if not addresses or not all(outside.allows(address) for address in addresses):
        raise FetchFailed(f"{host} is not on the public Internet.")
    return addresses[0]


def _within[T](seconds: float, ask: Callable[[], T]) -> T:
    """What `ask` returns. The system's resolver cannot be interrupted: a slow one is left behind in its thread.

    Raises:
        TimeoutError: it did not return in time.
    """
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(ask())
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found.result(seconds)


class _Connection:
    """A socket with one deadline for connecting, the handshake, the headers and the body together.

    Socket timeouts start anew with each byte; only closing the socket from outside ends a server that drips.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.is_overdue = False
        self.socket: socket.socket | None = None
        self.timer = threading.Timer(timeout, self._expire)
        self.timer.daemon = True

    def open(self, address: Address, port: int, *, tls: ssl.SSLContext | None, host: str) -> None:
        self.timer.start()
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(self.timeout)
        self.socket.connect((str(address), port))
        if tls is not None:
            wrapped = tls.wrap_socket(self.socket, server_hostname=host, do_handshake_on_connect=False)
            self.socket = wrapped
            wrapped.do_handshake()

    def _expire(self) -> None:
        self.is_overdue = True
        if self.socket is not None:
            with suppress(OSError):  # it ended by itself
                self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.timer.cancel()
        if self.socket is not None:
            self.socket.close()


def _read(connection: _Connection, client: HTTPConnection, target: str, host: str, max_bytes: int) -> bytes:
    client.request("GET", target, headers=_OWN_HEADERS)
    response = client.getresponse()
    with response:
        _insist_on_plain_success(response, host, max_bytes)
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > max_bytes:
                raise FetchFailed(f"{host} sent more than {max_bytes} bytes.")
        if connection.is_overdue or (response.length or 0) > 0:
            raise HTTPException("cut off")
    return bytes(body)


def _insist_on_success(response: HTTPResponse, host: str) -> None:
    if 300 <= response.status < 400:
        raise FetchFailed(f"{host} redirects, which is not followed.")
    if not 200 <= response.status < 300:
        raise FetchFailed(f"{host} answered with status {response.status}.")


def _insist_on_plain_success(response: HTTPResponse, host: str, max_bytes: int) -> None:
    _insist_on_success(response, host)
    if response.status != 200:
        raise FetchFailed(f"{host} answered with status {response.status}.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchFailed(
            f"{host} sent an encoding that was not asked for."
        )  # a small body may unpack to a huge one
    if (response.length or 0) > max_bytes:
        raise FetchFailed(f"{host} sent more than {max_bytes} bytes.")
