"""Nobody reaches through us what only we can reach; and no server holds us for longer or with more than agreed."""

import datetime
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from indexsite import fetch
from indexsite.fetch import FetchFailed, Outside

LOOPBACK = ipaddress.ip_address("127.0.0.1")


class Handler(BaseHTTPRequestHandler):
    """A server on this machine, as an attacker would like us to visit."""

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        getattr(self, "answer_" + self.path.strip("/").partition("?")[0])()

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_fine(self) -> None:
        self.reply(200, b"secret of the inside")

    def answer_redirect(self) -> None:
        self.reply(302, Location="/fine")

    def answer_gone(self) -> None:
        self.reply(410)

    def answer_packed(self) -> None:
        self.reply(200, b"x", Content_Encoding="gzip")

    def answer_declared(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()

    def answer_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65536)

    def answer_short(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only this")

    def answer_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def answer_drip_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(200):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, *args: object) -> None: ...


class Server(ThreadingHTTPServer):
    seen: list[tuple[str, str]]
    daemon_threads = True

    def handle_error(self, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    yield from _serve(lambda server: None)


def _serve(prepare: Callable[[Server], None]) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []
    prepare(server)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def outside(**changes: object) -> Outside:
    """Rules that let a test reach its own server over plain http."""
    values = {"schemes": frozenset({"http", "https"}), "ports": None, "allows": lambda address: True, **changes}
    return Outside(**values)  # type: ignore[arg-type]


def get(server: Server, path: str, *, max_bytes: int = 1000, timeout: float = 5, **changes: object) -> bytes:
    url = f"http://localhost:{server.server_port}{path}"
    return fetch.get(url, max_bytes=max_bytes, timeout=timeout, outside=outside(**changes))


def test_a_document_is_fetched_with_its_query_and_host(server: Server) -> None:
    assert get(server, "/fine?a=1#fragment") == b"secret of the inside"
    assert server.seen == [("/fine?a=1", f"localhost:{server.server_port}")]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
    ],
)
def test_an_inside_address_is_refused_however_it_is_written(server: Server, host: str) -> None:
    url = f"http://{host}:{server.server_port}/fine"

    with pytest.raises(FetchFailed, match=r"is not on the public Internet|has no address"):
        fetch.get(url, max_bytes=1000, timeout=1, outside=outside(allows=fetch.is_public))

    assert server.seen == []


def test_without_the_rule_the_inside_would_be_read(server: Server) -> None:
    for host in ("localhost", "127.1", "2130706433", "0x7f000001"):
        url = f"http://{host}:{server.server_port}/fine"
        assert fetch.get(url, max_bytes=1000, timeout=5, outside=outside()) == b"secret of the inside"


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_public(address: str) -> None:
    assert fetch.is_public(ipaddress.ip_address(address))


def test_one_inside_address_among_public_ones_is_refused(server: Server) -> None:
    addresses = [ipaddress.ip_address("93.184.216.34"), LOOPBACK]

    with pytest.raises(FetchFailed, match="not on the public Internet"):
        get(server, "/fine", allows=fetch.is_public, resolve=lambda host, port: addresses)


def test_a_name_that_changes_its_address_between_look_ups_gains_nothing(server: Server) -> None:
    answers = iter([[LOOPBACK]])  # a second question would raise StopIteration

    def resolve_once(host: str, port: int) -> list[fetch.Address]:
        return next(answers)

    url = f"http://rebind.example:{server.server_port}/fine"
    body = fetch.get(url, max_bytes=1000, timeout=5, outside=outside(resolve=resolve_once))

    assert body == b"secret of the inside"  # the address that was judged is the one that was asked
    assert server.seen == [("/fine", f"rebind.example:{server.server_port}")]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.org/", "Only https"),
        ("file:///etc/passwd", "Only https"),
        ("ftp://example.org/", "Only https"),
        ("gopher://example.org/", "Only https"),
        ("//example.org/", "Only https"),
        ("https://user:password@example.org/", "no user"),
        ("https://example.org@127.0.0.1/", "no user"),
        ("https:///path", "must name a host"),
        ("https://example.org:22/", "Port 22"),
        ("https://example.org:99999/", "malformed"),
        ("https://[::1/", "malformed"),
        (f"https://{'a' * 70}.example/", "malformed"),
    ],
)
def test_other_schemes_ports_and_credentials_are_refused(url: str, sentence: str) -> None:
    with pytest.raises(FetchFailed, match=sentence):
        fetch.get(url, max_bytes=1000, timeout=1)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/redirect", "localhost redirects, which is not followed."),
        ("/gone", "localhost answered with status 410."),
        ("/packed", "localhost sent an encoding that was not asked for."),
        ("/declared", "localhost sent more than 1000 bytes."),
        ("/endless", "localhost sent more than 1000 bytes."),
        ("/short", r"localhost could not be fetched \((HTTPException|IncompleteRead)\)."),
        ("/fi ne", r"localhost could not be fetched \(InvalidURL\)."),
    ],
)
def test_answers_that_are_not_plain_are_refused(server: Server, path: str, sentence: str) -> None:
    with pytest.raises(FetchFailed, match=sentence):
        get(server, path)


def test_a_line_break_in_the_address_makes_no_header(server: Server) -> None:
    with pytest.raises(FetchFailed, match="InvalidURL"):
        get(server, "/fine?a\r\nHost: inside")

    assert server.seen == []


@pytest.mark.parametrize("path", ["/drip", "/drip_headers"])
def test_a_server_that_drips_is_cut_off_in_time(server: Server, path: str) -> None:
    started = time.monotonic()

    with pytest.raises(FetchFailed, match=r"took longer than 0\.4 seconds"):
        get(server, path, timeout=0.4)

    assert time.monotonic() - started < 8  # it drips for ten


def test_a_name_server_that_does_not_answer_is_cut_off_in_time(server: Server) -> None:
    answered = threading.Event()

    def slow(host: str, port: int) -> list[fetch.Address]:
        answered.wait(5)
        return [LOOPBACK]

    started = time.monotonic()
    with pytest.raises(FetchFailed, match=r"took longer than 0\.4 seconds"):
        get(server, "/fine", timeout=0.4, resolve=slow)
    assert time.monotonic() - started < 4
    answered.set()
    assert server.seen == []


def test_looking_a_name_up_uses_up_the_time_of_the_rest(server: Server) -> None:
    def slow(host: str, port: int) -> list[fetch.Address]:
        time.sleep(1.5)
        return [LOOPBACK]

    started = time.monotonic()
    with pytest.raises(FetchFailed, match="took longer than 2 seconds"):
        get(server, "/drip", timeout=2, resolve=slow)
    assert time.monotonic() - started < 3.3  # and not 1.5 and 2


def test_a_host_that_does_not_answer_or_exist_is_one_sentence(server: Server) -> None:
    def nothing(host: str, port: int) -> list[fetch.Address]:
        raise OSError("no such name")

    with pytest.raises(FetchFailed, match="localhost has no address"):
        get(server, "/fine", resolve=nothing)
    with pytest.raises(FetchFailed, match="could not be fetched"):
        fetch.get("http://localhost:1/", max_bytes=10, timeout=2, outside=outside(resolve=lambda *_: [LOOPBACK]))


# -- TLS --------------------------------------------------------------------------------------------------


def _certificate(host: str, path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return _certificate("files.example", tmp_path / "server.pem")


@pytest.fixture
def tls_server(pem: Path) -> Iterator[Server]:
    def wrap(server: Server) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)

    yield from _serve(wrap)


def test_https_is_verified_against_the_name_not_the_address(tls_server: Server, pem: Path) -> None:
    rules = outside(
        resolve=lambda host, port: [LOOPBACK],
        tls=lambda: ssl.create_default_context(cafile=str(pem)),
    )
    port = tls_server.server_port

    assert fetch.get(f"https://files.example:{port}/fine", max_bytes=99, timeout=5, outside=rules)
    with pytest.raises(FetchFailed, match="SSLCertVerificationError"):
        fetch.get(f"https://other.example:{port}/fine", max_bytes=99, timeout=5, outside=rules)


def test_a_certificate_nobody_vouches_for_is_refused(tls_server: Server) -> None:
    rules = outside(resolve=lambda host, port: [LOOPBACK])

    with pytest.raises(FetchFailed, match="SSLCertVerificationError"):
        fetch.get(f"https://files.example:{tls_server.server_port}/fine", max_bytes=99, timeout=5, outside=rules)
