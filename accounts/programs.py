"""A User-Agent header in words that its owner recognises. For reading only: anybody can send any header."""

from __future__ import annotations

import re

MAX_LENGTH = 60

# In order: most browsers also name those they descend from.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\bOPR/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:HeadlessChrome|Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[.\d]* (?:Mobile/\w+ )?Safari/")),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe(user_agent: str) -> str:
    """Such as "Firefox 140 on Linux" or "twine 6.1.0"; what is unknown stays as it is, shortened."""
    for name, pattern in _BROWSERS:
        if found := pattern.search(user_agent):
            system = next((label for mark, label in _SYSTEMS if mark in user_agent), "")
            return f"{name} {found[1]} on {system}" if system else f"{name} {found[1]}"
    first = user_agent.strip().partition(" ")[0]
    if re.fullmatch(r"[\w.-]+/[\w.+-]+", first) and not first.startswith("Mozilla/"):
        return first.replace("/", " ")[:MAX_LENGTH]
    text = user_agent.strip()
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def recognised(user_agent: str) -> str:
    """As `describe`, but only what cannot carry a message or a link; else "".

    For letters that a stranger can have sent to anybody: the header would be the stranger's own text in them.
    """
    described = describe(user_agent)
    names = "|".join(name for name, _ in _BROWSERS)
    systems = "|".join(label for _, label in _SYSTEMS)
    browser = rf"(?:{names}) \d{{1,4}}(?: on (?:{systems}))?"
    program = r"[A-Za-z_-]{1,30} \d[\d.]{0,20}"
    return described if re.fullmatch(f"{browser}|{program}", described, re.ASCII) else ""
