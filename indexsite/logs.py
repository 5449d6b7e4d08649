"""What must not stand in a log line."""

from __future__ import annotations

import logging
import re

# Addresses whose last part opens something, by itself or together with a browser: mailed links and previews. More
# people read logs than letters, and Django writes down the address of every refused request.
_SECRET_PARTS = (
    r"stage",
    r"account/(?:not-me|confirm-sign-in|password/reset/[\w-]+)",
    r"recovery/(?:open|mailbox|enrol|cancel)",
)
_TOKEN = re.compile(rf"(/(?:{'|'.join(_SECRET_PARTS)})/)[\w+%:.=-]+")


class WithoutTokens(logging.Filter):
    """Takes the tokens of links and previews out of addresses, whoever logs them."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (plain := _TOKEN.sub(r"\1(token)", message)) != message:
            record.msg, record.args = plain, ()
        return True
