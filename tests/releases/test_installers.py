"""Which family a User-Agent header is counted for."""

import time

import pytest

from releases.installers import OTHER, DownloadKind, installer_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name", "kind"),
    [
        ('pip/25.0 {"ci":null,"cpu":"x86_64","installer":{"name":"pip","version":"25.0"}}', "pip", "installer"),
        ('pip/25.0 {"ci":true,"installer":{"name":"pipenv","version":"2026.1"}}', "pipenv", "installer"),
        ('pip/25.0 {"installer":{"name":"evil","version":"1"}}', "pip", "installer"),
        ('pip/25.0 {"installer":{"name":["uv"]}}', "pip", "installer"),
        ('pip/25.0 {"installer":{"na', "pip", "installer"),
        ("pip/1.5.6", "pip", "installer"),
        ('uv/0.9.2 {"installer":{"name":"uv","version":"0.9.2"},"python":"3.13.1"}', "uv", "installer"),
        ("poetry/2.1.1 [CPython 3.13.1 (Linux 6.1)]", "poetry", "installer"),
        ('pdm/2.25.0 {"installer":{"name":"pdm","version":"2.25.0"}}', "pdm", "installer"),
        ("Hatch/1.14.0 python-requests/2.32", "hatch", "installer"),
        ("curl/8.10.1 Nix/2.24.9", "nix", "installer"),
        ("bandersnatch/6.6.0 (cpython 3.13.0-final0, Linux x86_64)", "bandersnatch", "mirror"),
        ("devpi-server/6.14.0 (py3.13)", "devpi", "mirror"),
        ("Nexus/3.76.0-03 (PRO; Linux; 5.10; amd64; 17.0.13)", "nexus", "mirror"),
        ("Artifactory/7.98.9 79809900", "artifactory", "mirror"),
        ('bandersnatch/6.6.0 {"installer":{"name":"pip"}}', "bandersnatch", "mirror"),
        ("trivy/0.60", "trivy", "scanner"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler", "scanner"),
        (CHROME, "browser", "browser"),
        ("curl/8.10.1", "curl", "other"),
        ("python-requests/2.32.3", "requests", "other"),
        ("something-new/1", "other", "other"),
        ("pipette/1.0", "other", "other"),
        ("", "other", "other"),
        ("{}", "other", "other"),
    ],
)
def test_headers_of_real_programs(user_agent: str, name: str, kind: str) -> None:
    found = installer_of(user_agent)

    assert (found.name, found.kind) == (name, DownloadKind(kind))


def test_a_hostile_header_costs_nothing_and_is_other() -> None:
    for header in ("x" * 100_000, "{" * 100_000, '"installer":{' * 10_000, "\0", "pip" * 30_000):
        began = time.thread_time()
        assert installer_of(header) == OTHER
        assert time.thread_time() - began < 0.05


def test_the_columns_take_every_family() -> None:
    from releases import installers

    assert all(len(found.name) <= 32 for found in installers._BY_PRODUCT.values())
