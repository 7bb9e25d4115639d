# SPDX-License-Identifier: Apache-2.0
# json_schema.py SCHEMA FILE: each line of FILE (or all of it, if it is one object) against a JSON schema, by
# python3-jsonschema. The schema must describe every key, so each of its objects has to close itself.
import json
import sys

import jsonschema


def closed(schema, path="#"):
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("additionalProperties") is not False:
            sys.exit(f"{path} allows keys that it does not describe")
        if "properties" in schema and set(schema["properties"]) != set(schema["required"]):
            sys.exit(f"{path} leaves open which keys are there")
        for key, value in schema.items():
            closed(value, f"{path}/{key}")
    if isinstance(schema, list):
        for i, value in enumerate(schema):
            closed(value, f"{path}/{i}")


def once(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        sys.exit(f"a key stands twice in {pairs}")
    return dict(pairs)


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
closed(schema)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
with open(sys.argv[2], encoding="utf-8", newline="\n") as file:
    text = file.read()
if not text.endswith("\n"):
    sys.exit("the last line is not whole")
try:
    objects = [json.loads(text, object_pairs_hook=once)]
except json.JSONDecodeError:
    objects = [json.loads(line, object_pairs_hook=once) for line in text[:-1].split("\n")]
for number, object in enumerate(objects, 1):
    for error in validator.iter_errors(object):
        for deeper in [error, *(error.context or [])]:
            print(f"{number}: {'/'.join(map(str, deeper.absolute_path))}: {deeper.message[:300]}")
        sys.exit(1)
print(len(objects))
