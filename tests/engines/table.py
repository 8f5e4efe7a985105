"""The table at the end: one row a case, one column a runtime; and what the run's exit status makes of it."""

import os
from pathlib import Path

from harness import known

KNOWN = Path(__file__).resolve().parent / "known"
COLUMNS = tuple(os.environ.get("OCIRT_ENGINES_COLUMNS", "ocirt crun runc").split())
CELLS = {}  # {(file, case): {column: (word, reason)}}


def record(file, case, column, word, reason=""):
    """A cell; a failure stays one, whatever the later phases of the same case say."""
    row = CELLS.setdefault((file, case), {})
    if column not in row or row[column][0] == "ok":
        row[column] = (word, reason)


def failures():
    """What makes the run fail, as lines: a case that ocirt fails, unless every reference that tried it fails it too and
    known/ocirt.txt says why."""
    known_to_all = known.reasons(KNOWN / "ocirt.txt")
    for (file, case), row in CELLS.items():
        if row.get("ocirt", ("",))[0] != "FAIL":
            continue
        tried = [row[c][0] for c in COLUMNS[1:] if row.get(c, ("",))[0] in ("ok", "FAIL")]
        if "ok" in tried or not tried:
            yield f"ocirt alone fails: {title(file, case)}"
        elif f"{file}::{case}" not in known_to_all:
            yield f"all fail, and known/ocirt.txt does not say why: {title(file, case)}"


def title(file, case):
    return f"{file.removeprefix('test_').removesuffix('.py')}: {case.removeprefix('test_').replace('_', ' ')}"


def lines(columns, said=()):
    """The table as text; the reasons in `said` are not repeated."""
    reasons = {column: known.reasons(KNOWN / f"{column}.txt") for column in columns}
    width = max([len(title(*key)) for key in CELLS] + [8])
    yield f"{'case':{width}}  " + "  ".join(f"{column:12}" for column in columns)
    notes = []
    for (file, case), row in CELLS.items():
        words = [row.get(column, ("-", ""))[0] for column in columns]
        yield f"{title(file, case):{width}}  " + "  ".join(f"{word:12}" for word in words).rstrip()
        for column in columns:
            word, reason = row.get(column, ("-", ""))
            if word == "FAIL":
                reason = reasons[column].get(f"{file}::{case}", f"no reason known: {reason}")
            if word not in ("ok", "-") and reason not in said:
                notes.append((word, column, title(file, case), reason))
    for word in ("ok", "FAIL", "not possible"):
        counts = [sum(row.get(column, ("",))[0] == word for row in CELLS.values()) for column in columns]
        yield f"{word:{width}}  " + "  ".join(f"{count:<12}" for count in counts).rstrip()
    grouped = {}
    for word, column, name, reason in notes:
        grouped.setdefault((word, name, reason), []).append(column)
    for (word, name, reason), where in grouped.items():
        yield f"{word} ({' '.join(where)}): {name}: {reason}"
