"""The form that comes with a file. It is only checked: what the index shows is read from the file itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from releases.upload.filenames import FileName, read_version
from releases.upload.parsed import Hashes
from releases.upload.problems import Problem, Rejected, quoted

type Form = Mapping[str, list[str]]

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)


@dataclass(frozen=True)
class Claims:
    """What the form says the file is."""

    name: str
    version: str
    filetype: str


def read_claims(form: Form) -> Claims:
    """The form's own consistency, before anybody looks at the file.

    Raises:
        Rejected: a field is missing, sent twice or unknown.
    """
    if _one(form, ":action") not in {"", "file_upload"}:
        raise Rejected(Problem.FORM, "The field ':action' must be 'file_upload'.")
    if _one(form, "protocol_version") not in {"", "1"}:
        raise Rejected(Problem.FORM, "Unknown protocol version; send protocol_version 1.")
    name, version, filetype = (_required(form, field) for field in ("name", "version", "filetype"))
    if not _NAME.fullmatch(name):
        raise Rejected(
            Problem.FORM,
            f"The project name {quoted(name)} is invalid; use ASCII letters, digits, '.', '_' and '-', "
            "and begin and end with a letter or digit.",
        )
    if filetype not in {"sdist", "bdist_wheel"}:
        raise Rejected(
            Problem.FILE_TYPE, f"The file type {quoted(filetype)} is not accepted; upload an sdist or a wheel."
        )
    pyversion = _one(form, "pyversion")
    if filetype == "sdist" and pyversion not in {"", "source"}:
        raise Rejected(Problem.FORM, "For an sdist the field 'pyversion' must be 'source' or absent.")
    if filetype == "bdist_wheel" and not pyversion:
        raise Rejected(Problem.FORM, "For a wheel the field 'pyversion' must name its Python tag, such as 'py3'.")
    return Claims(name, version, filetype)


def check_against_file_name(claims: Claims, file_name: FileName) -> None:
    """The form may not say something else than the file's own name does.

    Raises:
        Rejected: it does.
    """
    if claims.filetype != file_name.package_type:
        raise Rejected(
            Problem.FORM_CONTRADICTS_FILE,
            f"The form says {quoted(claims.filetype)}, but {quoted(file_name.filename)} is "
            f"{'an sdist' if file_name.package_type == 'sdist' else 'a wheel'}; correct the field 'filetype'.",
        )
    if canonicalize_name(claims.name) != file_name.normalized_name:
        raise Rejected(
            Problem.FORM_CONTRADICTS_FILE,
            f"The form names project {quoted(claims.name)}, the file {quoted(file_name.filename)} another one; "
            "upload with the metadata of this very file.",
        )
    version = read_version(claims.version)
    if version is None:
        raise Rejected(
            Problem.VERSION,
            f"The version {quoted(claims.version)} is not valid (PEP 440); use one such as '1.2.3'.",
        )
    if str(version) != str(file_name.version):
        raise Rejected(
            Problem.FORM_CONTRADICTS_FILE,
            f"The form says version {quoted(claims.version)}, the file {quoted(file_name.filename)} another one; "
            "upload with the metadata of this very file.",
        )


def check_digests(form: Form, hashes: Hashes) -> None:
    """Every digest the client sent must match what arrived.

    Raises:
        Rejected: one cannot be read, or does not.
    """
    for field, computed in (
        ("md5_digest", hashes.md5),
        ("sha256_digest", hashes.sha256),
        ("blake2_256_digest", hashes.blake2_256),
    ):
        sent = _one(form, field)
        if not sent:
            continue
        if not _HEX.fullmatch(sent) or len(sent) != len(computed):
            raise Rejected(Problem.FORM, f"The field '{field}' must be {len(computed)} hexadecimal digits.")
        if sent.lower() != computed:
            raise Rejected(
                Problem.DIGEST_MISMATCH,
                f"The bytes that arrived do not match the field '{field}'; the file changed on its way: "
                "upload it again.",
            )


def _required(form: Form, field: str) -> str:
    value = _one(form, field)
    if not value:
        raise Rejected(Problem.FORM, f"The form has no field '{field}'; use a client such as twine or uv.")
    return value


def _one(form: Form, field: str) -> str:
    values = form.get(field, [])
    if len(values) > 1:
        raise Rejected(Problem.FORM, f"The form has the field '{field}' more than once; send it once.")
    value = values[0].strip() if values else ""
    # Old clients write UNKNOWN where they have nothing to say.
    return "" if value == "UNKNOWN" else value
