"""The system's Chromium, headless, driven by Playwright; installed where we are root on Debian.

Any violation of the Content-Security-Policy and any script error fails the test that saw it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import system

# Without the windows, menus and pages around a page, which nobody sees: less than half the work.
SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 30_000  # milliseconds: how long a busy machine may take to show what is expected
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def executable() -> str:
    """Path of a Chromium.

    Raises:
        SystemExit: one sentence, where there is none and none can be installed.
    """
    if shutil.which(SHELL) is None and system.may_install():
        with suppress(SystemExit):  # older Debian has none
            system.install(SHELL)
    found = _find()
    if found is None and system.may_install():
        system.install("chromium")
        found = _find()
    if found is None:
        raise SystemExit("No Chromium was found for the browser tests: install the package chromium.")
    return found


def _find() -> str | None:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (MAC if os.access(MAC, os.X_OK) else None)


@contextmanager
def browser() -> Iterator[Browser]:
    """One headless browser; contexts of their own keep tests apart."""
    path = executable()
    # Playwright runs an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # Chromium would look up its maker's hosts at every start.
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--disable-background-networking", "--disable-component-update"]
        )
        yield chromium
        chromium.close()


@contextmanager
def page(chromium: Browser, *, base_url: str | None = None, **options: object) -> Iterator[Page]:
    """A fresh page in a context of its own; leaving it fails on script errors and CSP violations."""
    context = chromium.new_context(base_url=base_url, **options)
    context.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield opened
    context.close()
    assert not complaints, complaints
