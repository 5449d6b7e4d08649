"""What a project may be called: lookalikes and names that belong to Python itself. Pure."""

from __future__ import annotations

import sys

from packaging.utils import canonicalize_name

_LOOKALIKES = str.maketrans({"l": "1", "i": "1", "o": "0", ".": None, "_": None, "-": None})

# Modules that left the standard library, or join it after the Python we run on: still what people type.
_OTHER_STDLIB = """
    aifc annotationlib asynchat asyncore audioop binhex bsddb cgi cgitb chunk compression crypt distutils
    dummy-threading formatter fpectl imghdr imp lib2to3 macpath mailcap md5 mimetools
    msilib nis nntplib ossaudiodev parser pipes rfc822 sets sha smtpd sndhdr spwd sunau symbol telnetlib
    urllib2 urlparse uu xdrlib
""".split()  # noqa: SIM905 - one name a line would hide the list

STDLIB_NAMES = frozenset(
    [canonicalize_name(name) for name in sys.stdlib_module_names if not name.startswith("_")] + _OTHER_STDLIB
)

# What `pip install <file>` was meant to be when `-r` or the dot was forgotten.
SLIP_NAMES = frozenset({"requirements", "requirements-txt", "rrequirements-txt", "pyproject-toml", "setup-py"})


def confusable_form(name: str) -> str:
    """The name as a hurried reader sees it: lower case, no separators, `l` and `i` as 1, `o` as 0."""
    return name.lower().translate(_LOOKALIKES)


def is_reserved(normalized_name: str) -> bool:
    """Whether the name belongs to Python's standard library, or is a slip of the keyboard made installable."""
    return normalized_name in STDLIB_NAMES or normalized_name in SLIP_NAMES
