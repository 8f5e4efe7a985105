#!/usr/bin/env python3
"""Does every property of the published schemas have a row in the decoder, and does the README say so?

Walks tests/data/oci-schema from config-schema.json and names every property for Linux that
`build/unit/tests-unit-spec-walk` does not list.  Then the table of the README is compared with what the rows say:
`coverage.py --table` prints it.  Runs at the top of the tree; prints TAP.
"""

import json
import pathlib
import subprocess
import sys

SCHEMAS = pathlib.Path("tests/data/oci-schema")
PROGRAM = "build/unit/tests-unit-spec-walk"

# Properties of other platforms
OTHERS = ("freebsd", "solaris", "windows", "zos", "process.commandLine", "process.user.username")

# The schema has a property for each clock; our row is for any, so that an unknown one is an error (TO-1).
CLOCKS = ("linux.timeOffsets.boottime", "linux.timeOffsets.monotonic")

documents = {}


def load(name):
    if name not in documents:
        documents[name] = json.loads((SCHEMAS / name).read_text())
    return documents[name]


def resolve(schema, document):
    """Follow $ref; returns the schema and the document that it stands in."""
    while "$ref" in schema:
        name, _, path = schema["$ref"].partition("#")
        document = name or document
        schema = load(document)
        for part in filter(None, path.split("/")):
            schema = schema[part]
    return schema, document


def parts(schema, document):
    """The schema and those that it is made of by allOf and anyOf."""
    schema, document = resolve(schema, document)
    yield schema, document
    for word in ("allOf", "anyOf"):
        for part in schema.get(word, []):
            yield from parts(part, document)


def properties(schema, document, path=""):
    """Every property path below a schema, as spec_walk() writes it."""
    for part, where in parts(schema, document):
        for name, inner in part.get("properties", {}).items():
            below = f"{path}.{name}" if path else name
            if below in CLOCKS:
                yield from properties(inner, where, f"{path}.*")
                continue
            if below not in OTHERS:
                yield below
                yield from properties(inner, where, below)
        if "items" in part:
            yield from properties(part["items"], where, path + "[]")
        if isinstance(part.get("additionalProperties"), dict):
            yield from properties(part["additionalProperties"], where, path + ".*")


def rows():
    """{path: status} of the decoder."""
    output = subprocess.run([PROGRAM], stdout=subprocess.PIPE, check=True, text=True).stdout
    words = [line.split() for line in output.splitlines()]
    return {w[3]: w[4] for w in words if w[0] == "ok" and w[-1] in ("DONE", "REFUSED")}


WIDTH, INDENT = 110, 38  # columns


def table(ours):
    """The README's table: an object a paragraph, its properties in the order of the decoder's rows.  Neighbours that have
    the same properties stand as the first of them, with dots behind; what is refused as a whole is not taken apart."""
    objects = {}
    for path, status in ours.items():
        outer, _, name = path.rpartition(".")
        if ours.get(outer.removesuffix("[]")) != "REFUSED":
            objects.setdefault(outer, []).append(name if status == "DONE" else f"({name})")
    heads, before = [], None
    for outer, names in objects.items():
        if before and before == (outer.rpartition(".")[0], names):
            heads[-1] = (heads[-1][0].removesuffix(" ...") + " ...", names)
        else:
            heads.append((outer or "config.json", names))
        before = (outer.rpartition(".")[0], names)
    lines = []
    for head, names in heads:
        line = "    " + head.ljust(INDENT - 5) + " "
        if len(line) > INDENT:
            lines.append(line.rstrip())
            line = " " * INDENT
        for name in names:
            if len(line) + len(name) > WIDTH:
                lines.append(line.rstrip())
                line = " " * INDENT
            line += name + " "
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:] == ["--table"]:
        print(table(rows()), end="")
        return 0
    if not pathlib.Path(PROGRAM).exists():
        print(f"1..0 # SKIP {PROGRAM} is not built: ./build.sh test unit")
        return 0
    ours = rows()
    theirs = sorted(set(properties({"$ref": "config-schema.json#"}, "config-schema.json")))
    failed = 0
    for n, path in enumerate(theirs, 1):
        failed += path not in ours
        print(f"{'ok' if path in ours else 'not ok'} {n} - {path} {ours.get(path, 'has no row')}")
    extra = sorted(set(ours) - set(theirs))
    failed += bool(extra)
    print(f"{'not ok' if extra else 'ok'} {len(theirs) + 1} - no row without a property {' '.join(extra)}")
    said = table(ours) in pathlib.Path("README").read_text()
    failed += not said
    print(f"{'ok' if said else 'not ok'} {len(theirs) + 2} - the README has the table of {PROGRAM} (coverage.py --table)")
    print(f"1..{len(theirs) + 2}")
    return 1 if failed else 0


sys.exit(main())
