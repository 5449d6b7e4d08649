"""`make run`: a demo site with web server and worker, and what to do with it. Ctrl-C ends all of it."""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
DEFAULT_URL = "http://localhost:8000"
START_SECONDS = 60
STOP_SECONDS = 15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    env = environment(port)
    if in_use(port):
        print(f"Port {port} is taken; stop what runs there or choose another: make run PORT=8001", file=sys.stderr)
        return 1
    manage(env, "migrate", "--verbosity", "0")
    demo = demo_data(env)
    return supervise(env, port, demo)


def environment(port: int) -> dict[str, str]:
    """What the site runs with: a demo on the embedded database, whatever the shell says about others."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**inherited, "SITE_URL": f"http://localhost:{port}", "DEBUG": "1", "DEMO": "1"}


def in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def manage(env: dict[str, str], *arguments: str) -> None:
    """Run one management command. Its failure ends this program."""
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=env)
    if done.returncode != 0:
        sys.exit(done.returncode)


def demo_data(env: dict[str, str]) -> dict | None:
    """The demo, created if the database is empty; None where somebody uses the database in earnest."""
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--json", "--examples", str(VAR / "demo")],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return None
    return json.loads(done.stdout)


def supervise(env: dict[str, str], port: int, demo: dict | None) -> int:
    """Run web server and worker until Ctrl-C, or until one of them ends, which ends the other."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    children = {
        "web server": start(env, "serve", "--bind", f"127.0.0.1:{port}"),
        "worker": start(env, "worker"),
    }
    status = 0
    try:
        if wait_until_up(env["SITE_URL"], port, children):
            print(next_steps(env["SITE_URL"], demo), flush=True)
        while (ended := first_ended(children)) is None:
            time.sleep(0.5)
        print(f"The {ended} stopped with status {children[ended].returncode}; stopping the rest.", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
    finally:
        stop(children)
    return status


def start(env: dict[str, str], *arguments: str) -> subprocess.Popen:
    # A group of its own: Ctrl-C reaches this program alone, which then stops both in good order.
    return subprocess.Popen([sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, start_new_session=True)


def first_ended(children: dict[str, subprocess.Popen]) -> str | None:
    return next((name for name, child in children.items() if child.poll() is not None), None)


def wait_until_up(site_url: str, port: int, children: dict[str, subprocess.Popen]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and first_ended(children) is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/simple/", timeout=5).close()
        except urllib.error.HTTPError:
            return True  # it answers
        except OSError:
            time.sleep(0.2)
        else:
            return True
    return False


def stop(children: dict[str, subprocess.Popen]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    for child in children.values():
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


NEXT_STEPS = """
indexsite runs on {url}  (Ctrl-C stops it; mail goes to {mail} as .eml files)

Look around:    {url}/project/sampleproject/
Sign in:        {url}/account/login/
                username  alice
                password  {password}
                code      the six digits that this prints, valid for half a minute:
                          {manage} demo --totp alice
                link      a new browser is confirmed by mail; open this in it:
                          grep -h ^http.*confirm-sign-in var/mail/*.eml | tail -1
                key       where a page wants alice's key, use a recovery code and add a
                          passkey of your own:  {code}

In another shell, as they stand:

  cd {root}

  # publish with twine
  {uvx} twine upload --repository-url {url}/legacy/ -u __token__ -p {token} var/demo/first_steps-1.0*

  # publish with uv
  {uv} publish --publish-url {url}/legacy/ --token {token} var/demo/first_steps-1.1*

  # install with pip into a fresh environment
  {uv} venv -q --clear --seed var/demo/venv
  var/demo/venv/bin/pip install --index-url {url}/simple/ first-steps

More people, passwords and tokens:  {manage} demo --json
Move the site's clock a week:       {manage} demo --advance 7d
"""


def next_steps(url: str, demo: dict | None) -> str:
    """What a newcomer copies from the terminal."""
    if demo is None:
        return f"\nindexsite runs on {url}  (Ctrl-C stops it)\n"
    uv = shutil.which("uv") or str(VAR / "tools" / "uv" / "bin" / "uv")
    short = "uv" if shutil.which("uv") else "var/tools/uv/bin/uv"
    return NEXT_STEPS.format(
        url=url,
        root=ROOT,
        mail="var/mail",
        uv=short,
        uvx=f"{short}x" if Path(f"{uv}x").exists() else f"{short} tool run",
        manage=f"{'' if url == DEFAULT_URL else f'SITE_URL={url} '}DEBUG=1 .venv/bin/python manage.py",
        password=demo["users"]["alice"]["password"],
        token=demo["tokens"]["account"],
        code=next(iter(demo["users"]["alice"]["recovery_codes"]), "(all are used)"),
    )


if __name__ == "__main__":
    sys.exit(main())
