"""Security keys and passkeys in a real browser, from the first one to the loss of all of them."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from playwright.sync_api import Error as PlaywrightError

from tests.journeys.test_newcomer import enrol_authenticator, mailed_code, unused_totp_code
from tests.support import axe, chromium
from tests.support.site import Site
from tests.support.virtual_keys import VirtualKey

PASSWORD = "nine lanterns over a slow river"


class Person:
    """Somebody new at a browser of their own, with a verified address and recovery codes that are kept.

    Args:
        look: has a look at each page on the way.
    """

    def __init__(self, site: Site, page: Page, *, look: Callable[[Page], None] = lambda page: None) -> None:
        self.site, self.page = site, page
        self.name = f"hana{secrets.token_hex(4)}"
        self.letters_before = 0
        page.goto("/account/signup/")
        page.fill("[name=username]", self.name)
        page.fill("[name=email]", f"{self.name}@example.org")
        page.fill("[name=password1]", PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        letter = site.letter_to(f"{self.name}@example.org").get_body(("plain",))
        assert letter is not None
        look(page)
        page.fill("[name=code]", mailed_code(letter.get_content()))
        page.get_by_role("button", name="Verify", exact=True).click()
        page.goto("/account/security/codes/")
        page.get_by_role("button", name=re.compile("Make 8 codes")).click()
        look(page)
        self.codes = page.locator("#codes").inner_text().split()
        page.fill("[name=code]", self.codes[0])
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_role("heading", name="Add a second factor", exact=True)).to_be_visible()

    def register(self, key: VirtualKey, name: str, *, passkey: bool = False) -> None:
        self.page.goto("/account/security/keys/add/")
        self.page.get_by_label("Name").fill(name)
        key.touch()
        self.page.get_by_role("button", name="Add a passkey" if passkey else "Add a security key").click()
        expect(self.page.get_by_text(f'Your security key "{name}" is registered.').first).to_be_visible()
        key.touch(on=False)

    def sign_out(self) -> None:
        self.page.context.clear_cookies()

    def type_password(self) -> None:
        self.page.goto("/account/login/")
        self.letters_before = len(self.site.letters_to(f"{self.name}@example.org"))
        self.page.fill("[name=username]", self.name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def is_in(self) -> None:
        self.page.wait_for_url(re.compile(r"/account/(confirm-sign-in/)?$"))
        # Without its cookies the browser is a new one: codes take a mailed link there, keys do not.
        self.site.confirm_sign_in(self.page, f"{self.name}@example.org", after=self.letters_before)
        self.page.wait_for_load_state()
        self.page.goto("/account/")
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.name)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url) as opened:
        yield opened


@pytest.fixture
def hana(site: Site, page: Page) -> Person:
    return Person(site, page)


def without_faults(page: Page) -> None:
    """axe finds nothing, and nothing is cut off at 320 pixels, which is 400 % of a desktop."""
    assert axe.violations(page) == []
    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert size is not None
    page.set_viewport_size(size)


def test_a_key_is_registered_used_joined_by_a_second_and_removed(hana: Person) -> None:
    page = hana.page
    without_faults(page)
    first = VirtualKey(page, verifies=False)
    page.get_by_role("link", name="Add a security key").click()
    without_faults(page)
    hana.register(first, "blue")
    assert [entry["isResidentCredential"] for entry in first.credentials()] == [False]

    hana.sign_out()
    hana.type_password()
    expect(page.get_by_role("button", name="Use your key")).to_be_visible()
    without_faults(page)
    first.touch()
    page.get_by_role("button", name="Use your key").click()
    hana.is_in()

    # The same key again is not taken twice; another one is.
    page.goto("/account/security/keys/add/")
    page.get_by_label("Name").fill("blue again")
    page.get_by_role("button", name="Add a security key").click()
    expect(page.get_by_text("This key is registered already. Take another one.")).to_be_visible()
    first.unplug()
    second = VirtualKey(page)
    hana.register(second, "red")
    page.goto("/account/security/keys/")
    without_faults(page)
    page.get_by_role("link", name="Rename or remove blue").click()
    without_faults(page)
    page.get_by_label("Type blue to confirm").fill("blue")
    page.get_by_role("button", name="Remove this key").click()
    expect(page.get_by_text('The security key "blue" is removed')).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)


def test_a_passkey_signs_in_without_a_password_by_button_and_by_suggestion(hana: Person) -> None:
    page = hana.page
    key = VirtualKey(page, transport="internal")
    hana.register(key, "this laptop", passkey=True)
    assert [entry["isResidentCredential"] for entry in key.credentials()] == [True]

    hana.sign_out()
    page.goto("/account/login/?next=/account/tokens/")
    without_faults(page)
    key.touch()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r"^[^?]*/account/tokens/$"))  # the page before has it in its address, too
    key.touch(on=False)

    hana.sign_out()
    key.touch()  # stands for choosing the passkey among the suggestions
    with contextlib.suppress(PlaywrightError):  # the key may answer, and lead on, before the page has loaded
        page.goto("/account/login/", wait_until="commit")
    hana.is_in()
    page.goto("/account/history/")
    expect(page.get_by_text("Signed in with passkey.").first).to_be_visible()


def test_a_button_pressed_while_another_challenge_is_on_its_way(hana: Person) -> None:
    """The one for the suggestions is slow to arrive, and would replace the one that the button asked for."""
    page = hana.page
    key = VirtualKey(page, transport="internal")
    hana.register(key, "this laptop", passkey=True)
    hana.sign_out()
    asked: list[Route] = []

    def hold_the_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    page.route("**/passkey/options/", hold_the_first)
    page.goto("/account/login/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_timeout(1_000)  # long enough for a second question to be asked and answered
    with page.expect_response("**/passkey/options/"):
        asked[0].continue_()
    key.touch()
    hana.is_in()
    assert len(asked) == 2


def test_a_button_pressed_while_the_answer_is_on_its_way(hana: Person) -> None:
    """It would ask for another challenge, and so make the answer one to a challenge that was replaced."""
    page = hana.page
    key = VirtualKey(page, transport="internal")
    hana.register(key, "this laptop", passkey=True)
    hana.sign_out()
    # A line so slow that the form never leaves; a held navigation would hold the page as well.
    page.add_init_script("HTMLFormElement.prototype.submit = () => {}")
    key.touch()  # stands for choosing the passkey among the suggestions
    page.goto("/account/login/")
    expect(page.get_by_text("Your key has answered.")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_timeout(1_000)
    assert asked == []
    expect(page.get_by_text("Your key has answered.")).to_be_visible()


def test_the_wrong_finger_opens_nothing(hana: Person) -> None:
    page = hana.page
    key = VirtualKey(page, transport="internal")
    hana.register(key, "this laptop", passkey=True)
    hana.sign_out()
    page.goto("/account/login/")
    key.verify(right=False)
    key.touch()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Cancelled, or no key of yours answered.")).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


def test_a_passkey_comes_first_where_the_device_has_one(hana: Person) -> None:
    page = hana.page
    cards = page.locator("section.card h2")
    assert cards.all_inner_texts() == ["Security key", "Passkey", "Authenticator app"]
    VirtualKey(page, transport="internal")
    page.reload()
    expect(cards.first).to_have_text("Passkey")
    expect(page.get_by_role("link", name="Add a passkey")).to_have_class(re.compile("btn--primary"))
    page.goto("/account/security/keys/add/")
    expect(page.locator("button[data-ask]").first).to_have_text("Add a passkey")


def test_who_has_lost_everything_but_the_codes_comes_in_and_repairs(hana: Person) -> None:
    page = hana.page
    lost = VirtualKey(page)
    hana.register(lost, "lost")
    lost.unplug()
    hana.sign_out()
    hana.type_password()
    page.fill("[name=code]", hana.codes[1])
    page.get_by_role("button", name="Continue").click()
    hana.is_in()
    new = VirtualKey(page)
    hana.register(new, "new")
    page.goto("/account/security/keys/")
    page.get_by_role("link", name="Rename or remove lost").click()
    page.get_by_label("Type lost to confirm").fill("lost")
    page.get_by_role("button", name="Remove this key").click()
    expect(page.get_by_text('The security key "lost" is removed')).to_be_visible()


def test_a_form_sent_too_late_waits_for_the_key(hana: Person) -> None:
    page, site = hana.page, hana.site
    key = VirtualKey(page)
    hana.register(key, "blue")
    page.goto("/manage/organizations/create/")
    page.get_by_label("Name").fill(f"org-{hana.name}")
    page.get_by_label("Shown as").fill("What was typed")
    site.script(_AGE.format(name=hana.name))
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    without_faults(page)
    key.touch()
    page.get_by_role("button", name="Use your key").click()
    expect(page.get_by_role("heading", name="Go on where you were")).to_be_visible()
    expect(page.get_by_text("What was typed")).to_be_visible()
    without_faults(page)
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url(f"**/manage/organization/org-{hana.name}/**")


# An hour passes for the proofs of one person's sessions; the clock of the site is shared by all journeys.
_AGE = """
from importlib import import_module
from allauth.usersessions.models import UserSession
from django.conf import settings
for row in UserSession.objects.filter(user__username="{name}"):
    session = import_module(settings.SESSION_ENGINE).SessionStore(row.session_key)
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
print(1)
"""


# -- ceremonies that come to nothing ----------------------------------------------------------------------


def refuse_with(page: Page, name: str, *, method: str = "get", after: str = "") -> None:
    """What the browser's own dialogue would answer: there is nobody here to press its buttons."""
    page.evaluate(
        """([method, name, after]) => {
            navigator.credentials[method] = async () => {
                // From now on, each time: the page may have asked for suggestions before.
                const later = performance.now() + Number(after);
                performance.now = () => later;
                throw new DOMException("said by the test", name);
            };
        }""",
        [method, name, after],
    )


@pytest.mark.parametrize(
    ("name", "after", "sentence"),
    [
        ("NotAllowedError", "", "Cancelled, or no key of yours answered."),
        ("NotAllowedError", "100000000", "The key did not answer in time."),
        ("SecurityError", "", "Keys do not work under this address."),
        ("UnknownError", "", "The site could not be reached, or the browser failed."),
    ],
)
def test_a_ceremony_that_fails_says_why_and_can_be_tried_again(
    site: Site, page: Page, name: str, after: str, sentence: str
) -> None:
    page.goto("/account/login/")
    refuse_with(page, name, after=after)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("status").filter(has_text=sentence)).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_enabled()
    without_faults(page)


def test_a_ceremony_is_cancelled_for_real(hana: Person) -> None:
    """A key that is there and silent, then gone: Chromium itself gives up."""
    page = hana.page
    key = VirtualKey(page)
    page.goto("/account/security/keys/add/")
    page.get_by_label("Name").fill("blue")
    page.get_by_role("button", name="Add a security key").click()
    expect(page.get_by_text("Waiting for your key.")).to_be_visible()
    page.wait_for_timeout(500)  # the key was asked by now, and stays silent
    page.get_by_label("Name").fill("green")  # and the page goes on working
    # Before it is asked again: a virtual key that is silent when it is asked never answers.
    key.touch()
    page.get_by_role("button", name="Add a security key").click()
    expect(page.get_by_text('Your security key "green" is registered.').first).to_be_visible()


def test_another_address_of_the_site_is_refused_by_browser_and_site(
    site: Site, browser: Browser, demo: dict[str, Any]
) -> None:
    with chromium.page(browser, base_url=site.url) as page:
        page.goto("/account/login/")
        key = VirtualKey(page)
        # A page that claims another relying party, as a proxy in between would have to.
        page.route("**/passkey/options/", _claiming("evil.example"))
        key.touch()
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_text("Keys do not work under this address.")).to_be_visible()


def _claiming(rp_id: str) -> Callable[[Any], None]:
    def answer(route: Any) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "rpId": rp_id})

    return answer


class _Imitation(BaseHTTPRequestHandler):
    """A page of somebody else's, in a name that keys of this site answer to: a relying party has no port."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>Sign in</title>")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def imitation() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Imitation)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


# What the script of a page that passes everything on would do.
_ASK = """async options => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return JSON.stringify((await navigator.credentials.get({publicKey})).toJSON());
}"""


def test_what_a_key_signs_on_a_page_of_another_origin_signs_nobody_in(
    hana: Person, browser: Browser, imitation: str
) -> None:
    page, url = hana.page, hana.site.url
    key = VirtualKey(page)
    hana.register(key, "blue", passkey=True)
    hana.sign_out()
    key.touch()
    # The same relay at the site's own address gets in: it is the origin that stops it.
    for origin, gets_in in ((url, True), (imitation, False)):
        thief = browser.new_context(base_url=url)
        page.goto(f"{origin}/")
        form = {"csrfmiddlewaretoken": _form_token(thief.request.get("/account/login/").text())}
        options = thief.request.post("/account/login/passkey/options/", form=form).json()
        answer = page.evaluate(_ASK, options)
        after = thief.request.post("/account/login/passkey/", form={**form, "credential": answer})
        assert ("This was confirmed on a page that is not ours" in after.text()) is not gets_in
        assert (hana.name in thief.request.get("/account/").text()) is gets_in
        thief.close()


def _form_token(html: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_a_ceremony_runs_out_for_real(hana: Person) -> None:
    """A key that nobody touches: the browser gives up when the time is over that the site has given it."""
    page = hana.page
    VirtualKey(page)
    page.goto("/account/security/keys/add/")
    page.route("**/keys/add/options/", _hurried)
    page.get_by_label("Name").fill("blue")
    page.get_by_role("button", name="Add a security key").click()
    expect(page.get_by_role("status").filter(has_text=_OVER)).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Add a security key")).to_be_enabled()


_OVER = re.compile("The key did not answer in time.|Cancelled, or no key of yours answered.")


def _hurried(route: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, json={**response.json(), "timeout": 1000})


def test_all_of_it_by_keyboard_alone(hana: Person) -> None:
    page = hana.page
    key = VirtualKey(page)
    page.goto("/account/security/keys/add/")
    page.get_by_label("Name").focus()
    page.keyboard.type("blue")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Add a security key")).to_be_focused()
    key.touch()
    page.keyboard.press("Enter")
    expect(page.get_by_text('Your security key "blue" is registered.').first).to_be_visible()
    key.touch(on=False)
    hana.sign_out()
    page.goto("/account/login/")
    page.get_by_label("Username").focus()
    page.keyboard.type(hana.name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Use your key")).to_be_visible()
    page.get_by_role("button", name="Use your key").focus()
    key.touch()
    page.keyboard.press("Enter")
    hana.is_in()


def test_without_javascript_an_app_is_set_up_and_signs_in(site: Site, browser: Browser) -> None:
    with chromium.page(browser, base_url=site.url, java_script_enabled=False) as page:
        person = Person(site, page)
        expect(page.get_by_role("link", name="Add a passkey")).to_be_hidden()
        page.get_by_role("link", name="Set up an app").click()
        secret = enrol_authenticator(page)
        expect(page.get_by_role("link", name="Add another factor")).to_be_visible()
        person.sign_out()
        person.type_password()
        page.fill("[name=code]", unused_totp_code(secret))
        page.get_by_role("button", name="Continue").click()
        person.is_in()
