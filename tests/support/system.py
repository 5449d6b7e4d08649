"""Installing what tests need from the system's packages, where that is ours to do (root on Debian)."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def may_install() -> bool:
    """Whether we are root on a system with apt-get."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Install one Debian package.

    Raises:
        SystemExit: one sentence, when apt-get fails.
    """
    # One at a time: test processes find out at the same moment what is missing, and apt-get waits for nobody.
    with (Path(tempfile.gettempdir()) / "indexsite-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(package)


def _install(package: str) -> None:
    print(f"Installing {package} from the system's packages …", file=sys.stderr)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        done = subprocess.run(["apt-get", *arguments], env=quiet, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise SystemExit(f"apt-get could not install {package}; install it by hand, then try again.")
