"""The runtime under test and what one call of it gave back."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

from harness import layout

RUNC_UNSEALED = "could not ensure we are a cloned binary: Device or resource busy"  # of runc 1.1
TIMEOUT = 30  # seconds that one call may take
LOGRUS = re.compile(r'time="(?P<time>[^"]*)" level=(?P<level>\w+) msg=(?P<msg>"(?:[^"\\]|\\.)*"|\S+)$')
CRUN_TIME = re.compile(r"^\d{4}-\d\d-\d\dT[0-9:.]+Z: ")


def parse_record(line):
    """One log line as (level, message), or None when it is not a record."""
    if line.startswith("{"):
        try:
            record = json.loads(line)
            return record["level"], record["msg"]
        except (ValueError, KeyError):
            return None
    m = LOGRUS.match(line)
    if not m:
        return None
    text = m["msg"]
    if text.startswith('"'):
        text = re.sub(r"\\(.)", lambda c: {"n": "\n", "t": "\t", "r": "\r"}.get(c[1], c[1]), text[1:-1])
    return m["level"], text


class Result:
    """Exit code and outputs of one call; `log` is the text of the --log file, None without one."""

    def __init__(self, runtime, verb, argv, code, out, err, log):
        self.runtime, self.verb, self.argv = runtime, verb, argv
        self.code, self.out, self.err, self.log = code, out, err, log

    def __repr__(self):
        return f"<{' '.join(map(str, self.argv))}: exit {self.code}, stdout {self.out[-2000:]!r}, stderr {self.err[-2000:]!r}>"

    @property
    def records(self):
        text = self.err if self.log is None else self.log
        return [r for r in map(parse_record, text.splitlines()) if r]

    @property
    def message(self):
        """The text of the last error, from the log's records or from the last line of stderr."""
        errors = [msg for level, msg in self.records if level in ("error", "fatal")]
        if errors:
            return errors[-1]
        lines = [line for line in self.err.splitlines() if line.strip() and not parse_record(line)]
        return CRUN_TIME.sub("", lines[-1]) if lines else ""

    @property
    def warnings(self):
        return [msg for level, msg in self.records if level in ("warning", "warn")]

    @property
    def prefix(self):
        """What stands before the texts of engines.md 4.3."""
        if self.verb in ("create", "run"):
            return f"{self.runtime.name} {self.verb} failed: "
        if self.verb == "exec":
            return "exec failed: "
        return ""

    def ok(self):
        assert self.code == 0, self
        return self

    def fails(self, text="", code=1, stage=None):
        """The call failed with `text` in its message.  `stage` ("process" or "init") says how long the prefix of
        engines.md 4.3 is, which only ocirt owes; usage errors have none."""
        assert self.code == code, self
        assert text in self.message, self
        if self.runtime.ours:
            self._one_error()
            process = "unable to start container process: "
            added = {None: "", "host": "", "process": process, "init": process + "error during container init: "}
            if not self.out.startswith("Incorrect Usage"):
                assert self.message.startswith(self.prefix + added[stage]), self
        return self

    def refused(self, *words):
        """The call failed and its message has each of the words; ours begins a config error with the property path."""
        self.fails()
        if self.runtime.ours:
            for word in words:
                assert word in self.message, (word, self)
        return self

    def _one_error(self):
        """I5, L1, L2, L5: exactly one record, an error, no stray line.  Usage errors print their help on stdout."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        if self.log is None:
            assert parse_record(lines[0]) and parse_record(lines[0])[0] == "error", self
        else:
            assert lines[0] == self.message.replace("\n", "\\n") or lines == self.message.splitlines(), self

    @property
    def json(self):
        return json.loads(self.out)


class Runtime:
    """One runtime with one state root; `layout` is the cgroup layout that its calls see."""

    def __init__(self, path, work, cgroups=None):
        self.path, self.work = str(path), Path(work)
        self.root = self.work / "root"
        self.layout = cgroups or layout.NATIVE
        self.user = ()
        self.version = subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout
        self.ours = self.version.startswith("ocirt version ") or "+ocirt" in self.version
        self.kind = "ocirt" if self.ours else self.version.split()[0]
        self.name = os.path.basename(self.path)

    def at(self, work, cgroups=None):
        """The same runtime with another working directory, hence an empty state root."""
        other = object.__new__(Runtime)
        other.__dict__.update(self.__dict__)
        other.work, other.root = Path(work), Path(work) / "root"
        other.layout = cgroups or self.layout
        return other

    def by(self, uid):
        """The same runtime, called by a user without privilege, whose the working directory is from now on."""
        other = self.at(self.work, self.layout)
        os.chown(self.work, uid, uid)
        other.user = ("/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all")
        return other

    def call(self, *args, **more):
        """call_once(), and once more where Debian's runc could not seal the copy of its own file, which a page that
        is still being written hinders: that says nothing about what is tested."""
        result = self.call_once(*args, **more)
        if not self.ours and RUNC_UNSEALED in result.err:
            warnings.warn("runc could not seal the copy of itself (EBUSY): called again", stacklevel=2)
            result = self.call_once(*args, **more)
        return result

    def call_once(self, *args, root=True, log=None, stdin=subprocess.DEVNULL, out=None, env=None, cwd="/", wrap=(), argv0=None,
                  pass_fds=(), before=None, timeout=TIMEOUT, close_fds=True):
        """Runs it and waits, in a process group of its own: what it does to its group must not hit us.  `args` may begin with global options.  `out` is a path that gets the stdout (which a
        container inherits); stderr always goes to a file, since containers keep it open."""
        args = [str(a) for a in args]
        argv = [self.path]
        if root:
            argv += ["--root", str(self.root)]
        if log:
            argv += ["--log", str(log)]
        argv += args
        verb = next((a for a in args if a in VERBS), "")
        line = [*map(str, wrap), *self.layout.wrap, *self.user, *argv]
        if argv0 is not None:
            line = ["bash", "-c", 'exec -a "$0" "$@"', argv0, *line]
        err_path = tempfile.mktemp(dir=self.work, prefix="stderr.")
        out_path = str(out) if out else tempfile.mktemp(dir=self.work, prefix="stdout.")
        with open(out_path, "ab") as out_file, open(err_path, "wb") as err_file:
            with subprocess.Popen(line, stdin=stdin, stdout=out_file, stderr=err_file, env=env, cwd=cwd, pass_fds=pass_fds,
                                  preexec_fn=before, close_fds=close_fds, process_group=0) as child:
                try:
                    code = child.wait(timeout)
                except subprocess.TimeoutExpired:
                    child.kill()
                    raise AssertionError(f"{' '.join(argv)}: no answer within {timeout} s; stderr "
                                         f"{read_text(err_path)!r}") from None
        result = Result(self, verb, argv, code, read_text(out_path), read_text(err_path), read_text(log) if log else None)
        os.unlink(err_path)
        if not out:
            os.unlink(out_path)
        return result

    # -- the verbs ---------------------------------------------------------------------------------------------

    def state(self, id_, **more):
        return self.call("state", id_, **more)

    def start(self, id_, **more):
        return self.call("start", id_, **more)

    def kill(self, id_, *signal, **more):
        return self.call("kill", id_, *signal, **more)

    def delete(self, id_, force=False, **more):
        return self.call("delete", *(["--force"] if force else []), id_, **more)

    def list(self, *options, **more):
        return self.call("list", *options, **more)

    def ids(self):
        return self.list("--quiet").ok().out.split() if self.root.is_dir() else []


VERBS = ("create", "run", "start", "state", "kill", "delete", "list", "spec", "features", "exec", "ps", "events", "update",
         "pause", "resume", "checkpoint", "restore", "seal", "verify")


def read_text(path):
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def find(name):
    """The file of the runtime under test: a path, or a name to look up."""
    path = shutil.which(name) if "/" not in name else name
    return os.path.abspath(path) if path and os.access(path, os.X_OK) else None
