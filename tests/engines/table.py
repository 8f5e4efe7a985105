"""The table at the end: one row a case, one column a runtime; and what the run's exit status makes of it."""

from pathlib import Path

from harness import known

KNOWN = Path(__file__).resolve().parent / "known"
COLUMNS = ("ocirt", "crun", "runc")
CELLS = {}  # {(file, case): {column: (word, reason)}}


def record(file, case, column, word, reason=""):
    """A cell; a failure stays one, whatever the later phases of the same case say."""
    row = CELLS.setdefault((file, case), {})
    if column not in row or row[column][0] == "ok":
        row[column] = (word, reason)


def ours_alone():
    """Cases that ocirt fails although no reference that tried them does not."""
    failed = [(key, row) for key, row in CELLS.items() if row.get("ocirt", ("",))[0] == "FAIL"]
    tried = lambda row: [row[c][0] for c in COLUMNS[1:] if row.get(c, ("",))[0] in ("ok", "FAIL")]  # noqa: E731
    return [key for key, row in failed if "ok" in tried(row) or not tried(row)]


def title(file, case):
    return f"{file.removeprefix('test_').removesuffix('.py')}: {case.removeprefix('test_').replace('_', ' ')}"


def lines(columns):
    """The table as text."""
    reasons = {column: known.reasons(KNOWN / f"{column}.txt") for column in columns}
    width = max([len(title(*key)) for key in CELLS] + [8])
    yield f"{'case':{width}}  " + "  ".join(f"{column:12}" for column in columns)
    notes = []
    for (file, case), row in CELLS.items():
        words = [row.get(column, ("-", ""))[0] for column in columns]
        yield f"{title(file, case):{width}}  " + "  ".join(f"{word:12}" for word in words).rstrip()
        for column in columns:
            word, reason = row.get(column, ("-", ""))
            if word == "FAIL" and column != "ocirt":
                reason = reasons[column].get(f"{file}::{case}", f"no reason known: {reason}")
            if word not in ("ok", "-"):
                notes.append((word, column, title(file, case), reason))
    for word in ("ok", "FAIL", "not possible"):
        counts = [sum(row.get(column, ("",))[0] == word for row in CELLS.values()) for column in columns]
        yield f"{word:{width}}  " + "  ".join(f"{count:<12}" for count in counts).rstrip()
    grouped = {}
    for word, column, name, reason in notes:
        grouped.setdefault((word, name, reason), []).append(column)
    for (word, name, reason), where in grouped.items():
        yield f"{word} ({' '.join(where)}): {name}: {reason}"
