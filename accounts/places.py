"""Where a network address is, as coarsely as a person needs to recognise it, and of what kind its network is.

No proof of anything: a case of a recovery waits longer for it, and nothing else is decided by it.

Without a database of locations (`GEOIP_DB`) the neighbourhood itself is all that is known. The one module that
knows maxminddb.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import maxminddb


def coarse(address: str) -> str:
    """Such as "Leipzig, Germany", or "network 198.51.100.x"; "an unknown place" for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "an unknown place"
    if parsed.is_loopback:
        return "the machine of this site"
    if parsed.is_unspecified:
        return "an unknown place"
    return _located(address) or f"network {_network(address, parsed)}"


def with_place(address: str) -> str:
    """The address itself, and the place in parentheses where the database knows it."""
    try:
        place = _located(str(ipaddress.ip_address(address)))
    except ValueError:
        return address
    return f"{address} ({place})" if place else address


def _network(address: str, parsed: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if parsed.version == 4:
        return f"{address.rpartition('.')[0]}.x"
    return str(ipaddress.ip_network((parsed, 48), strict=False)).removesuffix("::/48") + ":x"


def country_of(address: str) -> str:
    """ISO 3166-1 code of the country; "" where nobody knows."""
    place = _found(address).get("country")
    code = place.get("iso_code") if isinstance(place, dict) else None
    return code if isinstance(code, str) else ""


def is_hosted(address: str) -> bool:
    """Whether the database says that machines and not people are there: hosting, VPN, proxy, Tor.

    Databases of anonymous networks have the marks at the top, large ones of locations below "traits".
    """
    found = _found(address)
    traits = found.get("traits")
    marks = {**found, **traits} if isinstance(traits, dict) else found
    return any(marks.get(name) is True for name in _HOSTED)


_HOSTED = (
    "is_anonymous",
    "is_anonymous_proxy",
    "is_anonymous_vpn",
    "is_hosting_provider",
    "is_public_proxy",
    "is_residential_proxy",
    "is_tor_exit_node",
)


def _located(address: str) -> str:
    """Town or region, and country, in English; "" where the database does not know, or there is none."""
    found = _found(address)
    regions = found.get("subdivisions")
    region = regions[0] if isinstance(regions, list) and regions else None
    names = [_name(found.get("city")) or _name(region), _name(found.get("country"))]
    return ", ".join(dict.fromkeys(name for name in names if name))


def _found(address: str) -> dict[str, object]:
    """What the database has about the address; nothing where it does not know, or there is none."""
    path = settings.ENV.geoip_db
    if not path:
        return {}
    import maxminddb  # only for sites that have such a database

    try:
        found = _reader(path).get(address)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        # A broken database is one that knows nothing: nobody waits for it to sign in.
        return {}
    return dict(found) if isinstance(found, dict) else {}


@functools.lru_cache(maxsize=1)
def _reader(path: str) -> maxminddb.Reader:
    """Opened once in a process: a database of another month is read from the next start on.

    Read, not mapped into memory: a mapped file that somebody overwrites would take the process with it.
    """
    import maxminddb

    return maxminddb.open_database(path, maxminddb.MODE_FILE)


def _name(place: object) -> str:
    names: object = place.get("names") if isinstance(place, dict) else None
    found: Mapping[str, object] = names if isinstance(names, dict) else {}
    name = found.get("en")
    return name if isinstance(name, str) else ""
