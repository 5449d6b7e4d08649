"""Statements that Django composes once and runs often.

For an upload, composing SQL from querysets costs many times what SQLite needs to answer. What is asked stays a
queryset, or a model, and stays beside the model that it asks about; `Param` stands where a value will come. Only
for paths where the difference was measured: everywhere else a plain queryset is shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.fetch_modes import FETCH_ONE
from django.db.models.query import get_related_populators
from django.db.models.sql import InsertQuery, UpdateQuery


class Param(Expression):
    """The place of a value in a prepared statement.

    Args:
        name: the keyword by which the value is passed.
        field: needed where the database stores something else than the value itself (times, UUIDs).
    """

    def __init__(self, name: str, field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=field)
        self.name = name
        self.kind = field

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """As Django asks every expression; the value comes when the statement runs."""
        return "%s", (self,)

    def bind(self, values: dict[str, Any]) -> Any:
        """The value as the database driver takes it."""
        value = values[self.name]
        if self.kind is None:
            return value
        return self.kind.get_db_prep_save(value, connections[DEFAULT_DB_ALIAS])


@dataclass(frozen=True)
class _Statement:
    sql: str
    params: tuple[Any, ...]

    def bind(self, values: dict[str, Any]) -> list[Any]:
        return [param.bind(values) if isinstance(param, Param) else param for param in self.params]


class Rows[Row]:
    """A SELECT. `make` returns its queryset: of instances, or of `values_list`."""

    def __init__(self, make: Callable[[], models.QuerySet[Any, Row]]) -> None:
        self._make = make

    def all(self, **values: Any) -> list[Row]:
        """Every row, as the queryset would give it."""
        database = connections[DEFAULT_DB_ALIAS]
        return [self._compiled.build(row, database) for row in self._fetch(values, database)]

    def first(self, **values: Any) -> Row | None:
        """One row, or None; which one is for the queryset to say."""
        database = connections[DEFAULT_DB_ALIAS]
        return next((self._compiled.build(row, database) for row in self._fetch(values, database)), None)

    def exist(self, **values: Any) -> bool:
        return bool(self._fetch(values, connections[DEFAULT_DB_ALIAS]))

    def _fetch(self, values: dict[str, Any], database: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
        compiled = self._compiled
        if compiled.locks and not database.in_atomic_block:
            raise transaction.TransactionManagementError("Rows are locked inside of a transaction.")
        with database.cursor() as cursor:
            cursor.execute(compiled.statement.sql, compiled.statement.bind(values))
            return list(cursor.fetchall())

    @cached_property
    def _compiled(self) -> _Select:
        return _Select(self._make())


class _Select:
    """What Django makes of a queryset: the statement, and how a row becomes what the queryset would give."""

    def __init__(self, queryset: models.QuerySet[Any, Any]) -> None:
        compiler: Any = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        self.statement = _Statement(sql, tuple(params))
        self.locks = queryset.query.select_for_update
        columns = [column for column, *_ in compiler.select]
        self._converters = [
            (position, converters, column)
            for position, (converters, column) in compiler.get_converters(columns).items()
        ]
        self._model: type[models.Model] | None = None
        if queryset.query.default_cols:
            self._model = queryset.model
            self._own = slice(compiler.klass_info["select_fields"][-1] + 1)
            self._names = [column.target.attname for column in columns[self._own]]
            self._related = get_related_populators(
                compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS, FETCH_ONE
            )

    def build(self, row: tuple[Any, ...], database: BaseDatabaseWrapper) -> Any:
        values = list(row)
        for position, converters, column in self._converters:
            for convert in converters:
                values[position] = convert(values[position], column, database)
        if self._model is None:
            return tuple(values)
        instance = self._model.from_db(DEFAULT_DB_ALIAS, self._names, values[self._own])
        for related in self._related:
            related.populate(values, instance)
        return instance


class Insert[Row: models.Model]:
    """An INSERT of one row of a model, which comes back as an instance with its key."""

    def __init__(self, make: Callable[[], type[Row]]) -> None:
        self._make = make

    def __call__(self, **values: Any) -> Row:
        sql, model, fields = self._compiled
        row = model(**values)
        database = connections[DEFAULT_DB_ALIAS]
        params = [field.get_db_prep_save(field.pre_save(row, add=True), database) for field in fields]
        with database.cursor() as cursor:
            cursor.execute(sql, params)
            if row.pk is None:
                (row.pk,) = cursor.fetchone()
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - Django's own name for it
        return row

    @cached_property
    def _compiled(self) -> tuple[str, type[Row], list[Any]]:
        model = self._make()
        meta: Any = model._meta  # noqa: SLF001 - Django's own name for it
        fields = [field for field in meta.local_concrete_fields if field is not meta.auto_field]
        query: Any = InsertQuery(model)
        query.insert_values(fields, [model()])
        compiler = query.get_compiler(using=DEFAULT_DB_ALIAS)
        compiler.returning_fields = meta.db_returning_fields
        ((sql, _),) = compiler.as_sql()
        return sql, model, fields


class Update:
    """An UPDATE of the named fields of what `make` returns; their values are passed by their names."""

    def __init__(self, make: Callable[[], models.QuerySet[Any]], fields: Iterable[str]) -> None:
        self._make = make
        self._fields = tuple(fields)

    def __call__(self, **values: Any) -> int:
        """How many rows there were."""
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(self._compiled.sql, self._compiled.bind(values))
            return int(cursor.rowcount)

    @cached_property
    def _compiled(self) -> _Statement:
        queryset = self._make()
        query: Any = queryset.query.chain(UpdateQuery)
        get_field = queryset.model._meta.get_field  # noqa: SLF001 - Django's own name for it
        query.add_update_values({name: Param(name, get_field(name)) for name in self._fields})
        sql, params = query.get_compiler(using=DEFAULT_DB_ALIAS).as_sql()
        return _Statement(sql, tuple(params))
