"""Security keys in Chromium: virtual authenticators of its DevTools protocol."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import CDPSession, Page


class VirtualKey:
    """A key plugged into a page's browser context.

    Args:
        transport: "usb" for a key ring, "internal" for the finger reader of the machine.
        verifies: whether it asks for a PIN or finger, and gets it.
    """

    def __init__(self, page: Page, *, transport: str = "usb", verifies: bool = True) -> None:
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": True,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            # Else a page that offers passkeys in its suggestions would sign in by itself.
            "automaticPresenceSimulation": False,
        }
        self.id: str = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def touch(self, *, on: bool = True) -> None:
        """Answer from now on, or keep silent."""
        self._cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": on})

    def verify(self, *, right: bool) -> None:
        """Whether the finger is the owner's."""
        self._cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": right})

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found

    def load(self, told: dict[str, Any]) -> None:
        """Put in a key as `manage.py demo --json` prints it."""
        credential = {
            "credentialId": _plain(told["credential_id"]),
            "isResidentCredential": True,
            "rpId": told["rp_id"],
            "privateKey": _plain(told["private_key"]),
            "userHandle": _plain(told["user_handle"]),
            "signCount": told["sign_count"],
        }
        self._cdp.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})

    def unplug(self) -> None:
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.id})


def _plain(text: str) -> str:
    """The protocol wants base64, the site prints base64url."""
    return base64.b64encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).decode()
