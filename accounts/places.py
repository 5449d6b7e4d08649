"""Where a network address is, as coarsely as a person needs to recognise it. No proof of anything.

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


def _located(address: str) -> str:
    """Town or region, and country, in English; "" where the database does not know, or there is none."""
    path = settings.ENV.geoip_db
    if not path:
        return ""
    import maxminddb  # only for sites that have such a database

    try:
        found = _reader(path).get(address)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        # A broken database is one that knows nothing: nobody waits for it to sign in.
        return ""
    if not isinstance(found, dict):
        return ""
    regions = found.get("subdivisions")
    region = regions[0] if isinstance(regions, list) and regions else None
    names = [_name(found.get("city")) or _name(region), _name(found.get("country"))]
    return ", ".join(dict.fromkeys(name for name in names if name))


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
