"""Where a network address is, as coarsely as a person needs to recognise it. No proof of anything.

Without a database of locations (`GEOIP_DB`) the neighbourhood itself is all that is known.
"""

from __future__ import annotations

import ipaddress


def coarse(address: str) -> str:
    """Such as "network 198.51.100.x"; "an unknown place" for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "an unknown place"
    if parsed.is_loopback:
        return "the machine of this site"
    if parsed.is_unspecified:
        return "an unknown place"
    if parsed.version == 4:
        network = f"{address.rpartition('.')[0]}.x"
    else:
        network = str(ipaddress.ip_network((parsed, 48), strict=False)).removesuffix("::/48") + ":x"
    return f"network {network}"
