"""An OpenAPI document as plain values for a template: no script, no third-party viewer, nothing from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Property:
    """One field of a body, or one parameter."""

    name: str
    kind: str
    description: str
    is_required: bool
    is_nullable: bool


@dataclass(frozen=True)
class Answer:
    """One status and the fields that come with it."""

    status: str
    title: str
    description: str
    media_type: str
    properties: list[Property]


@dataclass(frozen=True)
class Operation:
    """One method at one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    parameters: list[Property]
    answers: list[Answer]


@dataclass(frozen=True)
class Pages:
    """The whole document."""

    title: str
    version: str
    description: str
    operations: list[Operation]


def document_pages(document: dict[str, Any]) -> Pages:
    """Read what a person wants to know out of an OpenAPI document."""
    info = document["info"]
    operations = [
        _operation(document, path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    return Pages(info["title"], info["version"], info.get("description", ""), operations)


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        needs_token=any(operation.get("security", [])),
        parameters=[_parameter(document, found) for found in operation.get("parameters", [])],
        answers=[_answer(document, status, found) for status, found in operation["responses"].items()],
    )


def _parameter(document: dict[str, Any], parameter: dict[str, Any]) -> Property:
    return Property(
        name=parameter["name"],
        kind=f"{_kind(document, parameter['schema'])}, in the {parameter['in']}",
        description=parameter.get("description", ""),
        is_required=parameter.get("required", False),
        is_nullable=False,
    )


def _answer(document: dict[str, Any], status: str, answer: dict[str, Any]) -> Answer:
    contents: dict[str, dict[str, Any]] = answer.get("content", {})
    media_type = next(iter(contents), "")
    schema = _resolved(document, contents[media_type]["schema"]) if media_type else {}
    return Answer(
        status=status,
        title=HTTPStatus(int(status)).phrase,
        description=answer.get("description", ""),
        media_type=media_type,
        properties=_properties(document, schema),
    )


def _properties(document: dict[str, Any], schema: dict[str, Any], prefix: str = "") -> list[Property]:
    found = []
    for name, value in schema.get("properties", {}).items():
        found.append(
            Property(
                name=prefix + name,
                kind=_kind(document, value),
                description=value.get("description", ""),
                is_required=name in schema.get("required", []),
                is_nullable=_is_nullable(value),
            )
        )
        inner = _resolved(document, value.get("items", value))
        found += _properties(
            document, inner, prefix=f"{prefix}{name}[]." if "items" in value else f"{prefix}{name}."
        )
    return found


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"] if value is not None)
    named = schema.get("type", "object")
    kinds = [kind for kind in ([named] if isinstance(named, str) else named) if kind != "null"]
    if kinds == ["array"]:
        return f"list of {_kind(document, schema.get('items', {}))}"
    return str(schema.get("format") or " or ".join(kinds))


def _is_nullable(schema: dict[str, Any]) -> bool:
    named = schema.get("type")
    return isinstance(named, list) and "null" in named


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where only a reference stands."""
    for wrapper in ("allOf", "oneOf"):
        if len(schema.get(wrapper, [])) == 1:
            return _resolved(document, schema[wrapper][0])
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return _resolved(document, found)
