"""What must not stand in a log line."""

from __future__ import annotations

import logging
import re

# Whoever has the token of a preview may read it, and logs are read by more people than that.
_STAGE = re.compile(r"(/stage/)[\w+%-]+")


class WithoutStageTokens(logging.Filter):
    """Takes the tokens of previews out of addresses, whoever logs them."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "/stage/" in message:
            record.msg, record.args = _STAGE.sub(r"\1(token)", message), ()
        return True
