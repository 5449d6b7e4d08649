"""The form and the file name, before the archive is opened."""

from __future__ import annotations

import pytest

from releases.upload import Problem
from tests.releases.upload.conftest import Parse, Refuse
from tests.support.distributions import make_sdist, make_wheel


def test_a_wheel_is_read_from_the_file(parse: Parse) -> None:
    wheel = make_wheel("Sample.Project", "1.0.0", tag="py2.py3-none-any")
    found = parse(wheel)
    assert (found.filename, found.package_type) == ("sample_project-1.0.0-py2.py3-none-any.whl", "bdist_wheel")
    assert (found.project_name, found.normalized_name) == ("Sample.Project", "sample-project")
    assert (found.version, found.normalized_version) == ("1.0.0", "1")
    assert found.python_version == "py2.py3"
    assert found.summary == "A sample project"
    assert found.description == "# Sample\n\nHello.\n"
    assert found.description_content_type == "text/markdown"
    assert found.metadata_bytes == wheel.metadata


def test_an_sdist_is_read_from_the_file(parse: Parse) -> None:
    sdist = make_sdist("Sample.Project", "2!1.0rc1")
    found = parse(sdist)
    assert (found.filename, found.package_type) == ("sample_project-2!1.0rc1.tar.gz", "sdist")
    assert (found.project_name, found.normalized_version) == ("Sample.Project", "2!1rc1")
    assert found.python_version == "source"
    assert found.metadata_bytes == sdist.metadata


@pytest.mark.parametrize(
    "fields",
    [
        {"pyversion": None},  # flit
        {"md5_digest": None, "blake2_256_digest": None},
        {"protocol_version": None},
        {"md5_digest": "", "summary": "", "description": "UNKNOWN"},  # pdm sends empty fields
        {"metadata_version": "2.1", "summary": "something else", "requires_python": ">=2"},
    ],
)
def test_forms_of_real_clients_pass(parse: Parse, fields: dict[str, str | None]) -> None:
    assert parse(make_sdist(), **fields).summary == "A sample project"


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({":action": "submit"}, Problem.FORM, "':action'"),
        ({"protocol_version": "2"}, Problem.FORM, "protocol_version 1"),
        ({"name": None}, Problem.FORM, "no field 'name'"),
        ({"name": "UNKNOWN"}, Problem.FORM, "no field 'name'"),
        ({"version": ""}, Problem.FORM, "no field 'version'"),
        ({"name": "-sample"}, Problem.FORM, "project name '-sample' is invalid"),
        ({"name": "s\u0430mple"}, Problem.FORM, "is invalid"),
        ({"name": ["sampleproject", "other"]}, Problem.FORM, "more than once"),
        ({"name": "other"}, Problem.FORM_CONTRADICTS_FILE, "names project 'other'"),
        ({"version": "1.1"}, Problem.FORM_CONTRADICTS_FILE, "says version '1.1'"),
        ({"version": "one"}, Problem.VERSION, "'one' is not valid"),
        ({"version": "1" * 5000}, Problem.VERSION, "is not valid"),
        ({"filetype": "bdist_egg"}, Problem.FILE_TYPE, "'bdist_egg' is not accepted"),
        ({"filetype": "sdist", "pyversion": "source"}, Problem.FORM_CONTRADICTS_FILE, "is a wheel"),
        ({"filetype": "sdist", "pyversion": "py3"}, Problem.FORM, "'pyversion' must be 'source'"),
        ({"pyversion": ""}, Problem.FORM, "Python tag"),
        ({"md5_digest": "x" * 32}, Problem.FORM, "32 hexadecimal digits"),
        ({"sha256_digest": "0" * 63}, Problem.FORM, "64 hexadecimal digits"),
        ({"md5_digest": "0" * 32}, Problem.DIGEST_MISMATCH, "'md5_digest'"),
        ({"sha256_digest": "0" * 64}, Problem.DIGEST_MISMATCH, "'sha256_digest'"),
        ({"blake2_256_digest": "0" * 64}, Problem.DIGEST_MISMATCH, "'blake2_256_digest'"),
    ],
)
def test_a_wrong_form_is_refused(refuse: Refuse, fields: dict[str, str], code: str, words: str) -> None:
    error = refuse(make_wheel(), **fields)
    assert error.code == code
    assert words in error.sentence


def test_digests_may_be_in_upper_case(parse: Parse) -> None:
    wheel = make_wheel()
    assert parse(wheel, sha256_digest=wheel.sha256.upper())


@pytest.mark.parametrize(
    "filename",
    [
        "sampleproject-1.0-1-py3-none-any.whl",
        "sampleproject-1.0-2local-py3-none-any.whl",
        "sampleproject-1.0-cp313-cp313t-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "sampleproject-1.0-cp39-abi3-win_arm64.whl",
        "sampleproject-1.0-cp312-cp312-macosx_11_0_universal2.whl",
        "sampleproject-1.0-pp310-pypy310_pp73-musllinux_1_2_aarch64.whl",
        "sampleproject-1.0-cp313-cp313-ios_13_0_arm64_iphoneos.whl",
        "sampleproject-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl",
        "sampleproject-1.0-py3-none-linux_armv7l.whl",
        "sampleproject-1.0-graalpy311-graalpy242_311_native-win_amd64.whl",
    ],
)
def test_tags_of_today_pass(parse: Parse, filename: str) -> None:
    assert parse(make_wheel(filename=filename)).filename == filename


@pytest.mark.parametrize(
    ("filename", "code", "words"),
    [
        ("", Problem.FILE_NAME, "no name"),
        ("../sampleproject-1.0.tar.gz", Problem.FILE_NAME, "has a path"),
        ("a\\sampleproject-1.0.tar.gz", Problem.FILE_NAME, "has a path"),
        ("sampleproject-1.0\n.tar.gz", Problem.FILE_NAME, "characters other than"),
        ("sampleproject-1.0\x00.tar.gz", Problem.FILE_NAME, "characters other than"),
        ("sample project-1.0.tar.gz", Problem.FILE_NAME, "characters other than"),
        ("s\u0430mpleproject-1.0.tar.gz", Problem.FILE_NAME, "characters other than"),
        (f"sampleproject-1.0-py3-none-{'a' * 250}.whl", Problem.FILE_NAME, "longer than 255"),
        ("sampleproject-1.0.zip", Problem.FILE_TYPE, "neither a wheel"),
        ("sampleproject-1.0.tar.bz2", Problem.FILE_TYPE, "neither a wheel"),
        ("sampleproject-1.0-py3.egg", Problem.FILE_TYPE, "neither a wheel"),
        ("sampleproject-1.0.whl", Problem.FILE_NAME, "name-version-python-abi-platform.whl"),
        ("sampleproject-1.0-x-py3-none-any.whl", Problem.FILE_NAME, "name-version-python-abi-platform.whl"),
        ("sampleproject-1.0-py3-none-any-any-any.whl", Problem.FILE_NAME, "name-version"),
        ("sampleproject.tar.gz", Problem.FILE_NAME, "name-version.tar.gz"),
        ("-1.0.tar.gz", Problem.FILE_NAME, "name-version.tar.gz"),
        ("_-1.0.tar.gz", Problem.FILE_NAME, "valid project name"),
        ("sampleproject-one.tar.gz", Problem.VERSION, "does not follow PEP 440"),
        ("sampleproject-1.0+local.tar.gz", Problem.VERSION, "use '1.0'"),
        ("sampleproject-1.0+local-py3-none-any.whl", Problem.VERSION, "use '1.0'"),
        ("SampleProject-1.0.tar.gz", Problem.FILE_NAME_NOT_NORMAL, "rename it to 'sampleproject-1.0.tar.gz'"),
        ("sample-project-1.0.tar.gz", Problem.FILE_NAME_NOT_NORMAL, "rename it to 'sample_project-1.0.tar.gz'"),
        ("sample.project-1.0.tar.gz", Problem.FILE_NAME_NOT_NORMAL, "rename it to 'sample_project-1.0.tar.gz'"),
        ("sampleproject-1.0-rc1.tar.gz", Problem.VERSION, "'rc1'"),
        ("sampleproject-1.0.rc1.tar.gz", Problem.FILE_NAME_NOT_NORMAL, "'sampleproject-1.0rc1.tar.gz'"),
        ("Sample.Project-01.0-py3-none-any.whl", Problem.FILE_NAME_NOT_NORMAL, "'sample_project-1.0-py3-none-any"),
        ("sampleproject-1.0-PY3-none-any.whl", Problem.WHEEL_TAG, "Python tag 'PY3'"),
        ("sampleproject-1.0-py3-n\u00f6ne-any.whl", Problem.FILE_NAME, "characters"),
        ("sampleproject-1.0-py3-no+ne-any.whl", Problem.WHEEL_TAG, "ABI tag 'no+ne'"),
        ("sampleproject-1.0-py3-none-amiga_68k.whl", Problem.WHEEL_TAG, "platform tag 'amiga_68k'"),
        (
            f"sampleproject-1.0-{'.'.join(f'py{n}' for n in range(3, 30))}-none-any.whl",
            Problem.WHEEL_TAG,
            "longer",
        ),
    ],
)
def test_a_wrong_file_name_is_refused(refuse: Refuse, filename: str, code: str, words: str) -> None:
    make = make_wheel if filename.endswith(".whl") else make_sdist
    error = refuse(make(filename=filename))
    assert words in error.sentence
    assert error.code == code
