"""Ready-to-paste configuration for the clients that upload, with this site's addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """What to paste for one client. `where` says into what: a file's name, or a shell."""

    key: str
    client: str
    where: str
    text: str


def snippets(*, site_url: str, secret: str, is_drafts_only: bool = False) -> list[Snippet]:
    """One snippet per client, each with the token in it.

    Args:
        is_drafts_only: uploads land in drafts wherever they are sent; the address then says so, too.
    """
    upload = f"{site_url}/draft/legacy/" if is_drafts_only else f"{site_url}/legacy/"
    index = f"{site_url}/simple/"
    shell = "Shell"
    return [
        Snippet("pypirc", ".pypirc", "~/.pypirc, read by twine, flit and others", _pypirc(upload, secret)),
        Snippet(
            "twine",
            "twine",
            shell,
            f"TWINE_USERNAME=__token__ TWINE_PASSWORD={secret} \\\n"
            f"  twine upload --non-interactive --repository-url {upload} dist/*",
        ),
        Snippet(
            "uv",
            "uv",
            shell,
            f"UV_PUBLISH_TOKEN={secret} \\\n  uv publish --publish-url {upload} --check-url {index}",
        ),
        Snippet(
            "flit",
            "flit",
            shell,
            f"FLIT_INDEX_URL={upload} FLIT_USERNAME=__token__ FLIT_PASSWORD={secret} \\\n  flit publish",
        ),
        Snippet(
            "hatch",
            "hatch",
            shell,
            f"HATCH_INDEX_USER=__token__ HATCH_INDEX_AUTH={secret} \\\n  hatch publish -n -r {upload}",
        ),
        Snippet(
            "poetry",
            "poetry",
            shell,
            f"POETRY_REPOSITORIES_IDX_URL={upload} POETRY_PYPI_TOKEN_IDX={secret} \\\n  poetry publish -n -r idx",
        ),
        Snippet(
            "pdm",
            "pdm",
            shell,
            f"PDM_PUBLISH_REPO={upload} PDM_PUBLISH_USERNAME=__token__ PDM_PUBLISH_PASSWORD={secret} \\\n"
            "  pdm publish --no-build",
        ),
        Snippet(
            "curl",
            "Is it valid?",
            "Shell; ends with an error if the token cannot be used",
            f'curl -fsS -H "Authorization: Bearer {secret}" {site_url}/api/v1/token/',
        ),
    ]


def _pypirc(upload: str, secret: str) -> str:
    return (
        "[distutils]\nindex-servers =\n    indexsite\n\n"
        f"[indexsite]\nrepository = {upload}\nusername = __token__\npassword = {secret}\n"
    )
