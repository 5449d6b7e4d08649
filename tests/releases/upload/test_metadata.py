"""Core metadata, field by field."""

from __future__ import annotations

import json

import pytest

from releases.upload import Problem
from tests.releases.upload.conftest import Parse, Refuse
from tests.support.distributions import core_metadata, make_sdist, make_wheel


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.17"])
def test_every_metadata_version_passes_and_later_ones_too(parse: Parse, version: str) -> None:
    metadata = core_metadata(metadata_version=version, headers=[("Brand-New-Field", "of tomorrow")])
    found = parse(make_wheel(metadata=metadata))
    assert found.metadata["metadata_version"] == version
    assert "brand_new_field" not in found.metadata


def test_fields_come_out_as_pep_566_json(parse: Parse) -> None:
    headers = [
        ("Author", "Zo\u00eb"),
        ("Author-Email", "Zo\u00eb <zoe@example.org>"),
        ("Keywords", "one,two"),
        ("Classifier", "Programming Language :: Python :: 3"),
        ("Classifier", "Topic :: Software Development"),
        ("License-Expression", "MIT OR Apache-2.0"),
        ("Requires-Python", ">=3.9"),
        ("Requires-Dist", "requests[socks]>=2; extra == 'web'"),
        ("Provides-Extra", "web"),
        ("Project-URL", "Home, https://example.org/a"),
        ("Project-URL", "Issues, https://example.org/b"),
        ("Platform", "any"),
        ("Dynamic", "classifier"),
        ("Home-page", "UNKNOWN"),
        ("License", ""),
    ]
    found = parse(make_wheel(metadata=core_metadata(headers=headers)))
    assert found.requires_python == ">=3.9"
    assert json.loads(json.dumps(found.metadata)) == {
        "metadata_version": "2.4",
        "name": "sampleproject",
        "version": "1.0",
        "summary": "A sample project",
        "description_content_type": "text/markdown",
        "author": "Zo\u00eb",
        "author_email": "Zo\u00eb <zoe@example.org>",
        "keywords": ["one", "two"],
        "classifier": ["Programming Language :: Python :: 3", "Topic :: Software Development"],
        "license_expression": "MIT OR Apache-2.0",
        "requires_python": ">=3.9",
        "requires_dist": ["requests[socks]>=2; extra == 'web'"],
        "provides_extra": ["web"],
        "project_url": ["Home, https://example.org/a", "Issues, https://example.org/b"],
        "platform": ["any"],
        "dynamic": ["classifier"],
    }


def test_a_description_may_be_a_header(parse: Parse) -> None:
    metadata = core_metadata(headers=[("Description", "Old\n        |style")], description="")
    assert parse(make_sdist(metadata=metadata)).description.startswith("Old")


def test_line_ends_of_windows_pass(parse: Parse) -> None:
    metadata = core_metadata().replace(b"\n", b"\r\n")
    assert parse(make_wheel(metadata=metadata)).summary == "A sample project"


@pytest.mark.parametrize(
    "classifier",
    ["Private :: Do Not Upload", "Natural Language :: Ukranian", "License :: OSI Approved :: MIT License"],
)
def test_classifiers_of_today_private_ones_and_deprecated_ones_pass(parse: Parse, classifier: str) -> None:
    assert parse(make_wheel(metadata=core_metadata(headers=[("Classifier", classifier)])))


@pytest.mark.parametrize(
    ("header", "value", "code", "words"),
    [
        (
            "Classifier",
            "Programming Language :: Pyton",
            Problem.CLASSIFIER,
            "mean 'Programming Language :: Python'",
        ),
        ("Classifier", "Nonsense", Problem.CLASSIFIER, "remove it"),
        ("Classifier", "x" * 100_000, Problem.CLASSIFIER, "not a known classifier"),
        ("Requires-Dist", "a @ https://example.org/a.whl", Problem.DIRECT_DEPENDENCY, "direct URL"),
        ("Requires-Dist", "a @ git+ssh://example.org/a ; extra == 'x'", Problem.DIRECT_DEPENDENCY, "direct URL"),
        ("Requires-Dist", "not a requirement", Problem.METADATA, "'Requires-Dist' is invalid"),
        ("Requires-Dist", "a; " + "(" * 3000 + "os_name=='x'" + ")" * 3000, Problem.METADATA, "'Requires-Dist'"),
        ("Requires-Python", "three", Problem.METADATA, "'Requires-Python' is invalid"),
        ("Requires-Python", ",".join(["!=3.1"] * 60), Problem.METADATA, "longer than 200"),
        ("Requires-Python", ">=3\nRequires-Python: >=2", Problem.METADATA, "'Requires-Python' is given twice"),
        ("Provides-Extra", "not an extra", Problem.METADATA, "'Provides-Extra' is invalid"),
        ("License-Expression", "Free for all", Problem.METADATA, "'License-Expression' is invalid"),
        ("License-Expression", "MIT\nLicense: MIT", Problem.METADATA, "keep the expression alone"),
        ("License-Expression", "(" * 2000 + "MIT" + ")" * 2000, Problem.METADATA, "'License-Expression'"),
        ("License-File", "../LICENSE", Problem.METADATA, "'License-File' is invalid"),
        ("Dynamic", "name", Problem.METADATA, "'Dynamic' is invalid"),
        ("Import-Name", "1x", Problem.METADATA, "'Import-Name' is invalid"),
        ("Home-page", "javascript:alert(1)", Problem.METADATA, "'Home-Page' is no http or https"),
        ("Download-URL", "ftp://example.org/x", Problem.METADATA, "'Download-URL' is no http or https"),
        ("Project-URL", "Home, javascript:alert(1)", Problem.METADATA, "'Home' is no http or https"),
        ("Project-URL", "Home, https://", Problem.METADATA, "'Home' is no http or https"),
        ("Project-URL", "Home, https://[", Problem.METADATA, "'Home' is no http or https"),
        ("Project-URL", "Home, https://a:b/", Problem.METADATA, "'Home' is no http or https"),
        ("Project-URL", "Home, https://a b/", Problem.METADATA, "'Home' is no http or https"),
        ("Project-URL", f"{'x' * 33}, https://example.org", Problem.METADATA, "label of 1 to 32"),
        ("Project-URL", ", https://example.org", Problem.METADATA, "label of 1 to 32"),
        (
            "Project-URL",
            "A, https://a.org\nProject-URL: A, https://b.org",
            Problem.METADATA,
            "'Project-URL' is given",
        ),
        ("Content-Type", "multipart/mixed; boundary=x", Problem.METADATA, "e-mail headers"),
        ("Keywords", "a\nKeywords: b", Problem.METADATA, "'Keywords' is given twice"),
        ("Name", "other", Problem.METADATA, "'Name' is given twice"),
        ("Author", "x\x00y", Problem.METADATA, "NUL"),
        ("Keywords", "x" * 600_000, Problem.METADATA, "fields are longer"),
    ],
)
def test_a_wrong_field_is_refused(refuse: Refuse, header: str, value: str, code: str, words: str) -> None:
    error = refuse(make_wheel(metadata=core_metadata(headers=[(header, value)])))
    assert words in error.sentence
    assert error.code == code


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", Problem.METADATA, "Metadata-Version '' is not accepted"),
        (b"\xff", Problem.METADATA, "not UTF-8"),
        (b"\xf0\x9f\x92\xa9", Problem.METADATA, "Metadata-Version"),
        (core_metadata(metadata_version="3.0"), Problem.METADATA, "Metadata-Version '3.0'"),
        (core_metadata(metadata_version="1.3"), Problem.METADATA, "Metadata-Version '1.3'"),
        (core_metadata(name=""), Problem.METADATA, "'Name' is missing"),
        (core_metadata(name="x" * 201), Problem.METADATA, "'Name' is missing or longer"),
        (core_metadata(name="-x-"), Problem.METADATA, "'Name' is invalid"),
        (core_metadata(version=""), Problem.VERSION, "''"),
        (core_metadata(version="one"), Problem.VERSION, "'one' is not valid"),
        (core_metadata(version="9" * 6000), Problem.VERSION, "is not valid"),
        (core_metadata(summary="x" * 513), Problem.METADATA, "'Summary' is longer than 512"),
        (core_metadata(summary="a\n b"), Problem.METADATA, "'Summary' is invalid"),
        (core_metadata(content_type="text/html"), Problem.METADATA, "'Description-Content-Type' is invalid"),
        (core_metadata(content_type="text/markdown; charset=latin-1"), Problem.METADATA, "UTF-8 charset"),
        (core_metadata(content_type="text/markdown; variant=Mine"), Problem.METADATA, "Markdown variants"),
        (core_metadata(content_type="text/plain; x*"), Problem.METADATA, "'Description-Content-Type' is invalid"),
        (core_metadata(headers=[("Description", "twice")]), Problem.METADATA, "'Description' is given twice"),
    ],
)  # fmt: skip
def test_wrong_metadata_is_refused(refuse: Refuse, content: bytes, code: str, words: str) -> None:
    error = refuse(make_wheel(metadata=content))
    assert words in error.sentence
    assert error.code == code


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "text/x-rst; charset=UTF-8", "text/markdown; charset=UTF-8; variant=GFM"]
)
def test_content_types_of_real_tools_pass(parse: Parse, content_type: str | None) -> None:
    found = parse(make_wheel(metadata=core_metadata(content_type=content_type)))
    assert found.description_content_type == (content_type or "")
