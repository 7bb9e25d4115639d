# SPDX-License-Identifier: Apache-2.0
# export_judge.py DATABASE FILE [SINCE]: FILE is a whole export of the database behind SINCE: every sealed attempt once, in
# order, with every value that Python reads from the tables; each batch once, before its first attempt.
import json
import sqlite3
import sys

db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
db.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
db.row_factory = sqlite3.Row


def rows(query, *values):
    return [dict(row) for row in db.execute(query, values)]


def batch(id):
    [found] = rows("SELECT * FROM batch WHERE id = ?", id)
    images = rows("SELECT * FROM batch_image WHERE batch_id = ? ORDER BY stage, region", id)
    stops = rows("SELECT * FROM line_stop WHERE batch_id = ? ORDER BY from_at, id", id)
    for row in images + stops:
        row.pop("batch_id")
        row.pop("id", None)
    return {"row": "batch", **found, "images": images, "stops": stops}


def attempt(seal):
    [found] = rows("SELECT * FROM attempt WHERE id = ?", seal["attempt_id"])
    line = {"row": "attempt", "cursor": seal["seq"], "seal_hash": seal["hash"], "seal_prev": seal["prev"],
            "seal_signature": seal["signature"], "sealed_at": seal["at"], **found, "seal_marks_to": seal["marks_to"],
            "seal_cleared_to": seal["cleared_to"]}
    for name, table, order in (("identities", "attempt_identity", "kind, value"), ("observations", "observation", "seq"),
                               ("steps", "step", "seq"), ("findings", "finding", "seq")):
        line[name] = rows(f"SELECT * FROM {table} WHERE attempt_id = ? ORDER BY {order}", found["id"])
        for row in line[name]:
            row.pop("attempt_id")
    line["key"] = next(iter(rows("SELECT * FROM device_key WHERE fingerprint = ?", found["key_fingerprint"])), None)
    before = next(iter(rows("SELECT marks_to, cleared_to FROM seal WHERE seq = ?", seal["seq"] - 1)), {})
    for name, table, column in (("unit_marks", "unit_mark", "marks_to"), ("unit_cleared", "unit_cleared", "cleared_to")):
        line[name] = rows(f"SELECT * FROM {table} WHERE id > ? AND id <= ? ORDER BY id", before.get(column) or 0, seal[column] or 0)
    return line


since = int(sys.argv[3]) if len(sys.argv) > 3 else 0
seals = rows("SELECT * FROM seal WHERE seq > ? ORDER BY seq", since)
expected, seen = [], set()
for seal in seals:
    line = attempt(seal)
    if line["batch_id"] and line["batch_id"] not in seen:
        seen.add(line["batch_id"])
        expected.append(batch(line["batch_id"]))
    expected.append(line)
with open(sys.argv[2], encoding="utf-8", newline="\n") as file:
    lines = [json.loads(line) for line in file]
[begin, *found, end] = lines
for number, (a, b) in enumerate(zip(expected, found), 2):
    for key in a.keys() | b.keys():
        if a.get(key, "absent") != b.get(key, "absent"):
            sys.exit(f"line {number}: {key} is {b.get(key, 'absent')!r}, not {a.get(key, 'absent')!r}")
if len(expected) != len(found):
    sys.exit(f"{len(found)} lines, not {len(expected)}")
newest = seals[-1]["seq"] if seals else since
if (begin["row"], begin["since"], begin["to"]) != ("begin", since, newest):
    sys.exit(f"the first line: {begin}")
marks = [mark["id"] for line in found if line["row"] == "attempt" for mark in line["unit_marks"]]
if since == 0 and marks + list(range(len(marks) + 1, len(marks) + 1 + end["marks_waiting"])) != [
        row["id"] for row in rows("SELECT id FROM unit_mark ORDER BY id")]:
    sys.exit(f"the marks {marks}, and {end['marks_waiting']} to come")
if (end["row"], end["cursor"], end["attempts"], end["more"], end["head"]["seq"]) != ("end", newest, len(seals), False, newest):
    sys.exit(f"the last line: {end}")
