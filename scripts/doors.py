"""Renders the table of all doors into docs/: `make reference` writes, tests find it stale."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "doors.md"


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from tests.support import doors

    PAGE.write_text(doors.render())


if __name__ == "__main__":
    main()
