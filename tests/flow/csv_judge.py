# SPDX-License-Identifier: Apache-2.0
# csv_judge.py DATABASE FILE [steps] [WHERE]: FILE, read by Python's csv, has a row for each attempt (or try) of the
# database in the order of their batches, with the values that Python reads from the tables.
import csv
import datetime
import sqlite3
import sys

db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
db.text_factory = lambda raw: raw.decode("utf-8", errors="surrogateescape")
db.row_factory = sqlite3.Row
steps, where = "steps" in sys.argv[3:], next((a for a in sys.argv[3:] if a != "steps"), "1")


def cell(name, value):
    if value is None:
        return ""
    if name.endswith("_at"):
        at = datetime.datetime.fromtimestamp(value // 1000, datetime.timezone.utc)
        return at.strftime("%Y-%m-%dT%H:%M:%S") + f".{value % 1000:03}Z"
    text = "".join("?" if "\udc80" <= c <= "\udcff" or (c < " " and c not in "\t\r\n") or c == "\x7f" else c
                   for c in str(value))
    return "'" + text if text[:1] in set("=+-@\t\r") else text


def expected():
    query = f"""SELECT a.*, a.id AS attempt_id, b.job_name, b.work_order, b.part_number, b.part_revision, b.family,
        b.plan_sha256, b.station_id, s.seq AS seal_seq, s.hash AS seal_hash FROM attempt a LEFT JOIN batch b ON
        b.id = a.batch_id LEFT JOIN seal s ON s.attempt_id = a.id WHERE {where}
        ORDER BY b.started_at IS NULL, b.started_at, b.id, a.started_at, a.id"""
    for row in db.execute(query):
        attempt = {**dict(row), **said_since(row)}
        if not steps:
            yield attempt
        else:
            for step in db.execute("SELECT * FROM step WHERE attempt_id = ? ORDER BY seq", (attempt["id"],)):
                yield {**attempt, **{f"step_{name}": step[name] for name in step.keys()}}


def newest(query, *values):
    return (db.execute(query, values).fetchall() or [None])[-1]


def said_since(attempt):
    resale = newest("SELECT value FROM observation WHERE attempt_id = ? AND name = 'resale' ORDER BY seq", attempt["id"])
    cleared = newest("SELECT at, operator, note FROM unit_cleared WHERE attempt_id = ? ORDER BY id", attempt["id"])
    mark = newest("SELECT mark, at, note FROM unit_mark WHERE device_id = ? ORDER BY id", attempt["device_id"])
    names = ("resale", "cleared_at", "cleared_by", "cleared_note", "unit_mark", "unit_mark_at", "unit_mark_note")
    return dict(zip(names, [*(resale or [None]), *(cleared or [None] * 3), *(mark or [None] * 3)], strict=True))


with open(sys.argv[2], "rb") as file:
    raw = file.read()
if not raw.endswith(b"\r\n") or raw.startswith(b"\xef\xbb\xbf"):
    sys.exit("the last row does not end with CRLF, or there is a byte order mark")
[header, *found] = csv.reader(raw.decode("utf-8").splitlines(keepends=True), strict=True)
wanted = list(expected())
if len(set(header)) != len(header) or len(found) != len(wanted):
    sys.exit(f"{len(found)} rows, not {len(wanted)}; columns {header}")
for number, (row, values) in enumerate(zip(found, wanted), 2):
    for name, text in zip(header, row, strict=True):
        if text != cell(name, values[name]):
            sys.exit(f"row {number}: {name} is {text!r}, not {cell(name, values[name])!r}")
print(len(found))
