"""The environment, typed: every variable an operator can set, its default and its meaning.

Knows nothing of Django. A malformed value of a known name, or an unknown name that begins with
`INDEXSITE_`, raises `EnvError`, whose text is the one sentence the operator reads.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class EnvError(Exception):
    """The environment cannot be used; the message is one sentence for the operator."""


@dataclass(frozen=True)
class StorageUrl:
    """Where files live: `kind` is "file" (then `path`) or "s3" (then `bucket`, `endpoint`, `region`)."""

    kind: str
    path: Path | None = None
    bucket: str = ""
    endpoint: str = ""
    region: str = ""


@dataclass(frozen=True)
class EmailUrl:
    """How mail leaves: `kind` is "file" (then `path`) or "smtp" (then the rest); `sender` is its From address.

    `tls` is "implicit" (from the first byte, RFC 8314), "starttls" (insisted on before anything is said), or "".
    """

    kind: str
    path: Path | None = None
    host: str = ""
    port: int = 25
    username: str = ""
    password: str = ""
    tls: str = ""
    sender: str = ""


@dataclass(frozen=True)
class DatabaseUrl:
    """`engine` is "sqlite" (then `name` is a path) or "postgresql"."""

    engine: str
    name: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Env:
    """All settings an operator can make; see `docs/operations/environment.md` for the table."""

    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    debug: bool
    demo: bool
    site_url: str
    rp_id: str
    rp_related_origins: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    database_url: DatabaseUrl
    redis_url: str
    storage_url: StorageUrl
    email_url: EmailUrl
    token_prefix: str
    upload_2: bool
    breached_passwords: str
    trusted_proxies: tuple[Network, ...]
    staff_networks: tuple[Network, ...]
    evidence_git_hosts: tuple[str, ...]
    geoip_db: str
    rdap_url: str
    audit_heads_to: tuple[str, ...]

    @property
    def site_host(self) -> str:
        """Host name of `SITE_URL`, without port."""
        return urlsplit(self.site_url).hostname or ""

    @property
    def is_https(self) -> bool:
        return self.site_url.startswith("https://")

    @property
    def allows_demo(self) -> bool:
        return self.debug or self.demo


def load(environ: Mapping[str, str] | None = None, *, var_dir: Path = VAR_DIR) -> Env:
    """Read and check the environment.

    Raises:
        EnvError: one sentence naming the variable and what would be right.
    """
    source = dict(os.environ if environ is None else environ)
    unknown = sorted(name for name in source if name.startswith("INDEXSITE_"))
    if unknown:
        raise EnvError(f"{unknown[0]} is not a setting of indexsite; remove it or correct its name.")

    def get[T](name: str, default: str, parse: Callable[[str, str], T]) -> T:
        return parse(name, _value(source, name, default))

    debug = get("DEBUG", "0", _flag)
    site_url = get("SITE_URL", "http://localhost:8000", _origin)
    host = urlsplit(site_url).hostname or ""
    return Env(
        secret_key=_secret_key(source, debug=debug, var_dir=var_dir),
        secret_key_fallbacks=get("SECRET_KEY_FALLBACKS", "", lambda _name, value: tuple(value.split())),
        debug=debug,
        demo=get("DEMO", "0", _flag),
        site_url=site_url,
        rp_id=get("RP_ID", host, _text),
        rp_related_origins=get("RP_RELATED_ORIGINS", "", _origins),
        allowed_hosts=get("ALLOWED_HOSTS", ",".join(dict.fromkeys([host, "localhost", "127.0.0.1"])), _list),
        database_url=get("DATABASE_URL", f"sqlite:///{var_dir}/indexsite.sqlite3", _database),
        redis_url=get("REDIS_URL", "", _redis),
        storage_url=get("STORAGE_URL", f"file://{var_dir}/files", _storage),
        email_url=get("EMAIL_URL", f"file://{var_dir}/mail", _email),
        token_prefix=get("TOKEN_PREFIX", "idx-", _token_prefix),
        upload_2=get("UPLOAD_2", "1", _flag),
        breached_passwords=get("BREACHED_PASSWORDS", "offline", _choice("offline", "hibp", "off")),
        trusted_proxies=get("TRUSTED_PROXIES", "", _networks),
        staff_networks=get("STAFF_NETWORKS", "", _networks),
        evidence_git_hosts=get("EVIDENCE_GIT_HOSTS", "github.com,gitlab.com,codeberg.org", _list),
        geoip_db=get("GEOIP_DB", "", _places),
        rdap_url=get("RDAP_URL", "", _text),
        audit_heads_to=get("AUDIT_HEADS_TO", "", _list),
    )


def _value(source: Mapping[str, str], name: str, default: str) -> str:
    if name in source:
        return source[name]
    file_name = source.get(f"{name}_FILE")
    if file_name:
        try:
            return Path(file_name).read_text().strip()
        except OSError as error:
            raise EnvError(f"{name}_FILE points to {file_name}, which cannot be read.") from error
    return default


def _secret_key(source: Mapping[str, str], *, debug: bool, var_dir: Path) -> str:
    key = _value(source, "SECRET_KEY", "")
    if key:
        return key
    if not debug:
        raise EnvError("SECRET_KEY is not set; set it (or SECRET_KEY_FILE) to 50 or more random characters.")
    path = var_dir / "secret_key"
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        # Several processes may start at once: whoever links the name first wins, the others read it.
        draft = path.with_name(f"secret_key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def _text(_name: str, value: str) -> str:
    return value.strip()


def _places(name: str, value: str) -> str:
    """A database of locations in MaxMind's format, which ends in a mark and a description of at most 128 KiB."""
    path = value.strip()
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, Path(path).stat().st_size - 128 * 1024))
            is_database = b"\xab\xcd\xefMaxMind.com" in file.read()
    except OSError as error:
        raise EnvError(f"{name} is {path!r}, which cannot be read.") from error
    if not is_database:
        raise EnvError(f"{name} is {path!r}; it must be a database of locations in MaxMind's format (.mmdb).")
    return path


def _list(_name: str, value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _flag(name: str, value: str) -> bool:
    if value in {"0", "1"}:
        return value == "1"
    raise EnvError(f"{name} is {value!r}; it must be 0 or 1.")


def _choice(*allowed: str) -> Callable[[str, str], str]:
    def parse(name: str, value: str) -> str:
        if value in allowed:
            return value
        raise EnvError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}.")

    return parse


def _origin(name: str, value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme in {"http", "https"} and parts.hostname and parts.path in {"", "/"} and not parts.query:
        return value.rstrip("/")
    raise EnvError(f"{name} is {value!r}; it must be an origin such as https://index.example.org.")


def _origins(name: str, value: str) -> tuple[str, ...]:
    return tuple(_origin(name, part) for part in _list(name, value))


def _networks(name: str, value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in _list(name, value))
    except ValueError as error:
        raise EnvError(f"{name} is {value!r}; it must be CIDR ranges such as 10.0.0.0/8,::1/128.") from error


def _token_prefix(name: str, value: str) -> str:
    # Clients that attenuate tokens offline split at the first dash, so there may be only the final one.
    if value.endswith("-") and value[:-1].isalnum() and value.isascii():
        return value
    raise EnvError(f"{name} is {value!r}; it must be letters and digits with one final dash, such as idx-.")


def _redis(name: str, value: str) -> str:
    if not value or value.startswith(("redis://", "rediss://", "unix://")):
        return value
    raise EnvError(f"{name} must look like redis://host:6379/0.")


def _database(name: str, value: str) -> DatabaseUrl:
    try:
        parts = urlsplit(value)
        if parts.scheme == "sqlite" and len(parts.path) > 1 and not parts.netloc:
            path = Path(parts.path[1:])
            return DatabaseUrl("sqlite", str(path if path.is_absolute() else BASE_DIR / path))
        if parts.scheme in {"postgres", "postgresql"} and len(parts.path) > 1:
            query = parse_qs(parts.query)
            return DatabaseUrl(
                "postgresql",
                name=unquote(parts.path[1:]),
                host=unquote(parts.hostname or query.pop("host", [""])[0]),
                port=parts.port,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                options=tuple((key, values[0]) for key, values in query.items()),
            )
    except ValueError:
        pass
    raise EnvError(
        f"{name} must look like sqlite:///var/indexsite.sqlite3 or postgres://user:password@host:5432/name."
    )


def _storage(name: str, value: str) -> StorageUrl:
    parts = urlsplit(value)
    if parts.scheme == "file" and parts.path:
        return StorageUrl("file", path=Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        query = parse_qs(parts.query)
        return StorageUrl(
            "s3",
            bucket=parts.netloc,
            endpoint=query.get("endpoint", [""])[0],
            region=query.get("region", [""])[0],
        )
    raise EnvError(f"{name} must look like file:///srv/indexsite/files or s3://bucket?endpoint=https://….")


_SMTP_PORTS = {("smtp", ""): 25, ("smtp", "starttls"): 587, ("smtps", "implicit"): 465}


def _email(name: str, value: str) -> EmailUrl:
    try:
        parts = urlsplit(value)
        query = parse_qs(parts.query)
        sender = query.get("from", [""])[0]
        if parts.scheme == "file" and parts.path:
            return EmailUrl("file", path=Path(unquote(parts.path)), sender=sender)
        tls = "implicit" if parts.scheme == "smtps" else query.get("tls", [""])[0]
        if (parts.scheme, tls) in _SMTP_PORTS and parts.hostname:
            return EmailUrl(
                "smtp",
                host=parts.hostname,
                port=parts.port or _SMTP_PORTS[parts.scheme, tls],
                username=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                tls=tls,
                sender=sender,
            )
    except ValueError:
        pass
    raise EnvError(
        f"{name} must look like smtps://user:password@host?from=index@example.org, smtp://host?tls=starttls "
        "or file:///srv/indexsite/mail."
    )
