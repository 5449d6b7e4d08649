"""axe, the accessibility checker, in a page of the browser."""

from __future__ import annotations

from collections.abc import Sequence

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# All that axe publishes for WCAG 2.2, level AA, and its own advice.
ALL = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

# Only what is wrong comes back: the nodes that are right, and their markup, take longer than all of the checks.
_RUN = """async rules => {
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
    return found.violations.map(each => `${each.id} at ${each.nodes[0].target.join(" ")}`);
}"""


def violations(page: Page, rules: Sequence[str] = ALL) -> list[str]:
    """What these rules, or the rules of these tags, find: "<rule> at <selector of the first node>"."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_RUN, list(rules))
    return found
