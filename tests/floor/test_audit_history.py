"""Histories that leave the site as files."""

import csv
import io
import json
from datetime import UTC, datetime

from indexsite import audit_history
from indexsite.audit_history import HistoryEntry

AT = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)


def line(**fields: str) -> HistoryEntry:
    blank = {"event": "", "sentence": "", "actor": "", "credential": "", "address": "", "client": ""}
    return HistoryEntry(at=AT, **{**blank, **fields})


def read_csv(*entries: HistoryEntry) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(audit_history.as_csv(entries)), newline="")))


def test_no_cell_begins_like_a_formula() -> None:
    attacks = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.example","x")']
    (*read,) = read_csv(*(line(sentence=attack, client=attack) for attack in attacks))

    assert [row["sentence"] for row in read] == [f"'{attack}" for attack in attacks]
    assert all(row["client"].startswith("'") for row in read)


def test_a_cell_cannot_end_its_cell_or_line() -> None:
    tricky = 'a","b"\n"=1+1'
    (row,) = read_csv(line(sentence=tricky, actor="alice"))

    assert (row["sentence"], row["actor"], row["at"]) == (tricky, "alice", "2027-03-04T05:06:07+00:00")


def test_json_is_one_array_however_long() -> None:
    for count in (0, 1, 3):
        read = json.loads("".join(audit_history.as_json([line(sentence="Grüße {")] * count)))
        assert [row["sentence"] for row in read] == ["Grüße {"] * count
