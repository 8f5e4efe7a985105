"""Lists of known failures: a line each, the test, two blanks, the reason; a line that begins with # is a comment."""


def reasons(path):
    """{test: reason}; empty where there is no such file."""
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition("  ")
            rows[name] = reason.strip()
    return rows
