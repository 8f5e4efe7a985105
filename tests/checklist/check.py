#!/usr/bin/env python3
"""Does every requirement in tests/checklist/ids have a test that carries its ID?

An ID is carried by the name of a test (test_hk_3_...) or of a golden directory (gen_2_...), by a comment
`covers: GEN-2, DEC-7` (it may go on over further lines of IDs), and, in a unit test, by any comment or message
that names it.  IDs without one need a line in tests/checklist/reasons; a reason no longer needed fails too.  Runs at the top of the tree; prints TAP.
"""

import pathlib
import re
import sys

HERE = pathlib.Path("tests/checklist")
SOURCES = ("unit/**/*.c", "seccomp/*.c", "commands/**/*.py", "fault/**/*.py", "build/*.sh", "golden/*.py", "golden/*.c")


def rows(name):
    """The lines of a file as (ID, rest)."""
    lines = (HERE / name).read_text().splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def in_name(name):
    """The IDs at the head of a name such as test_hk_3_stdin or test_gen_2_dec_7_duplicate_name."""
    head = re.match(r"(?:test_)?((?:[a-z]{2,3}_\d+(?:_|$))*)", name)[1]
    return {f"{group.upper()}-{number}" for group, number in re.findall(r"([a-z]+)_(\d+)", head)}


def in_source(text, anywhere):
    """The IDs in the names of a file's tests and in its `covers:` lines, or anywhere in it."""
    covers = text if anywhere else " ".join(re.findall(r"covers:([^.\"]*)", text))
    found = set(re.findall(r"\b[A-Z]{2,3}-\d+\b", covers))
    for name in re.findall(r"\b(test_[a-z]+_\d\w*)", text):
        found |= in_name(name)
    return found


def carried():
    found = set()
    for pattern in SOURCES:
        for path in pathlib.Path("tests").glob(pattern):
            found |= in_source(path.read_text(), path.suffix == ".c")
    for path in pathlib.Path("tests/golden").glob("*/*"):
        found |= in_name(path.name)
    return found


def main():
    ids = [row[0] for row in rows("ids")]
    reasons = dict(rows("reasons"))
    tests = carried()
    wrong = [f"{name} stands twice in ids" for name in sorted(set(ids)) if ids.count(name) > 1]
    wrong += [f"{name} has a reason and is not in ids" for name in reasons if name not in ids]
    wrong += [f"{name} has a reason and a test" for name in reasons if name in tests]
    wrong += [f"{name} has neither a test nor a reason" for name in ids if name not in tests | set(reasons)]
    for name in ids:
        if name not in tests and name in reasons:
            print(f"# {name}: {reasons[name]}")
    print(f"# {sum(name in tests for name in ids)} of {len(ids)} requirements are covered by a test")
    for line in wrong:
        print(f"# {line}")
    print("1..1")
    print(("not ok" if wrong else "ok") + " 1 - every requirement has a test or a reason")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
