"""Writes a small database of locations, after MaxMind's description of its format (version 2.0)."""

from __future__ import annotations

import ipaddress
from pathlib import Path

_RECORD_BITS = 24
_SEPARATOR = bytes(16)
_MARK = b"\xab\xcd\xefMaxMind.com"

type _Node = list[_Node | bytes | None]


def write(path: Path, places: dict[str, object]) -> Path:
    """A database that knows these networks, such as {"198.51.100.0/24": {"country": ...}}."""
    root: _Node = [None, None]
    for network, value in places.items():
        _insert(root, ipaddress.ip_network(network), _encoded(value))
    nodes = _numbered(root)
    index = {id(node): number for number, node in enumerate(nodes)}
    tree, data = bytearray(), bytearray()
    for node in nodes:
        for record in node:
            if isinstance(record, bytes):
                number = len(nodes) + len(_SEPARATOR) + len(data)
                data += record
            else:
                number = len(nodes) if record is None else index[id(record)]
            tree += number.to_bytes(_RECORD_BITS // 8)
    path.write_bytes(bytes(tree) + _SEPARATOR + bytes(data) + _MARK + _metadata(len(nodes)))
    return path


def _insert(root: _Node, network: ipaddress.IPv4Network | ipaddress.IPv6Network, value: bytes) -> None:
    """IPv4 addresses stand below ::/96."""
    length = network.prefixlen + (96 if network.version == 4 else 0)
    bits = f"{int(network.network_address):0128b}"[:length]
    node = root
    for bit in bits[:-1]:
        below = node[int(bit)]
        if not isinstance(below, list):
            below = node[int(bit)] = [None, None]
        node = below
    node[int(bits[-1])] = value


def _numbered(root: _Node) -> list[_Node]:
    nodes = [root]
    for node in nodes:  # grows while it is walked
        nodes.extend(record for record in node if isinstance(record, list))
    return nodes


def _metadata(count: int) -> bytes:
    return _encoded(
        {
            "node_count": _Unsigned(6, count),
            "record_size": _Unsigned(5, _RECORD_BITS),
            "ip_version": _Unsigned(5, 6),
            "database_type": "Test-City",
            "languages": ["en"],
            "binary_format_major_version": _Unsigned(5, 2),
            "binary_format_minor_version": _Unsigned(5, 0),
            "build_epoch": _Unsigned(9, 1_800_000_000),
            "description": {"en": "Places that tests know"},
        }
    )


class _Unsigned:
    """Type 5 has 16 bits, 6 has 32, 9 has 64."""

    def __init__(self, kind: int, value: int) -> None:
        self.kind, self.value = kind, value


def _encoded(value: object) -> bytes:
    if isinstance(value, dict):
        pairs = [_encoded(key) + _encoded(entry) for key, entry in value.items()]
        return _control(7, len(pairs)) + b"".join(pairs)
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(_encoded(entry) for entry in value)
    if isinstance(value, _Unsigned):
        raw = value.value.to_bytes((value.value.bit_length() + 7) // 8)
        return _control(value.kind, len(raw)) + raw
    text = str(value).encode()
    return _control(2, len(text)) + text


def _control(kind: int, size: int) -> bytes:
    assert size < 285
    extended = bytes([kind - 7]) if kind > 7 else b""
    first = (0 if kind > 7 else kind) << 5 | min(size, 29)
    return bytes([first]) + extended + (bytes([size - 29]) if size >= 29 else b"")
