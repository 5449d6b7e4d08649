"""Installing what tests need from the system's packages, where that is ours to do (root on Debian)."""

import os
import shutil
import subprocess
import sys


def may_install() -> bool:
    """Whether we are root on a system with apt-get."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Install one Debian package.

    Raises:
        SystemExit: one sentence, when apt-get fails.
    """
    print(f"Installing {package} from the system's packages …", file=sys.stderr)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        done = subprocess.run(["apt-get", *arguments], env=quiet, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise SystemExit(f"apt-get could not install {package}; install it by hand, then try again.")
