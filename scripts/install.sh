#!/bin/sh
# Installs the locked dependencies into .venv; arguments are dependency groups (test, lint, docs, dev).
set -eu
cd "$(dirname "$0")/.."
uv=$(scripts/uv.sh)
wanted=$(cat .python-version)

# A pyenv whose shims are not on the PATH (as in a bare CI shell) counts too.
if ! "$uv" python find >/dev/null 2>&1; then
    for directory in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted"*/bin; do
        PATH="$PATH:$directory"
    done
fi
if ! "$uv" python find >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq >&2 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$wanted" "python$wanted-venv" >/dev/null 2>&1 || true
    fi
    if ! "$uv" python find >/dev/null 2>&1 && ! "$uv" python install -q "$wanted" >/dev/null 2>&1; then
        echo "Python $wanted could not be installed: install it (pyenv install $wanted, or your system's packages)" \
            "and try again." >&2
        exit 1
    fi
fi

groups=""
for group in "$@"; do
    groups="$groups --group $group"
done
# Inexact: what another target installed stays.
# shellcheck disable=SC2086
exec "$uv" sync --frozen --inexact -q $groups
