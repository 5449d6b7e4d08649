#!/bin/sh
# Prints the path of uv; where there is none, installs it through pip into a virtual environment of its own
# (the system's Python may be externally managed).
set -eu
cd "$(dirname "$0")/.."
version=0.13.8
own=var/tools/uv

if command -v uv >/dev/null 2>&1; then
    command -v uv
    exit
fi
if [ -x "$own/bin/uv" ]; then
    echo "$PWD/$own/bin/uv"
    exit
fi

# A pyenv shim may stand for a version that is not installed: only a Python that answers counts.
for python in python3 python3.13 python3.12 python3.11 /usr/bin/python3 python; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || continue
    echo "Installing uv $version into $own ..." >&2
    if ! "$python" -m venv --clear "$own" >/dev/null 2>&1; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >&2
            "$python" -m venv --clear "$own" >&2 || continue
        else
            continue
        fi
    fi
    "$own/bin/python" -m pip install -q --disable-pip-version-check "uv==$version" >&2 || continue
    echo "$PWD/$own/bin/uv"
    exit
done
rm -rf "$own"
echo "uv could not be installed: install Python 3 with its venv module (Debian: apt-get install python3-venv)" \
    "or uv itself, then try again." >&2
exit 1
