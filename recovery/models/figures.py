"""The figures of the desk as the worker has counted them last: one row, so that a look at them counts nothing."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, override
from uuid import UUID

from django.db import models
from django.db.models import Q

_SECONDS, _MOMENT = "$seconds", "$moment"


class FiguresEncoder(json.JSONEncoder):
    """Figures as JSON: what a page reads of a dataclass are its fields and its properties."""

    @override
    def default(self, o: Any) -> Any:
        match o:
            case timedelta():
                return {_SECONDS: o.total_seconds()}
            case datetime():
                return {_MOMENT: o.isoformat()}
            case UUID():
                return str(o)
        if is_dataclass(o):
            names = [field.name for field in fields(o)]
            names += [name for name, value in vars(type(o)).items() if isinstance(value, property)]
            return {name: getattr(o, name) for name in names}
        return super().default(o)


class FiguresDecoder(json.JSONDecoder):
    """The same figures: dictionaries in place of dataclasses, lengths of time and moments as they were."""

    def __init__(self, **options: Any) -> None:
        super().__init__(object_hook=_read, **options)


def _read(found: dict[str, Any]) -> Any:
    if found.keys() == {_SECONDS}:
        return timedelta(seconds=found[_SECONDS])
    if found.keys() == {_MOMENT}:
        return datetime.fromisoformat(found[_MOMENT])
    return found


class DeskFigures(models.Model):
    """`figures` as `recovery.queries_prepared.count` has them, counted `at` that moment."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    at = models.DateTimeField()
    figures = models.JSONField(encoder=FiguresEncoder, decoder=FiguresDecoder)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="figures_are_one_row")]

    def __str__(self) -> str:
        return f"figures of {self.at:%Y-%m-%d %H:%M}"
