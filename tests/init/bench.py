#!/usr/bin/python3
"""Memory, start and reaping of ocirt and of Debian's inits, interleaved, as ratios to the best of the others; and what
--init adds to `ocirt run`.

    tests/init/bench.py [ROUNDS]        50 rounds; needs root, gcc and the packages of the inits that are to be there
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ORPHANS = 20000


def spent(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(argv, check=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def own_cpu(helper, command):
    """CPU of the init alone, from /proc just before the main program ends."""
    with subprocess.Popen([helper, "pid1", "0", "-1", *command, "sh", "-c",
                           f"{helper} orphans {ORPHANS} 0; echo done; read x"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        pid = int(p.stderr.readline())
        p.stdout.readline()
        time.sleep(0.05)
        with open(f"/proc/{pid}/schedstat") as f:
            cpu = int(f.read().split()[0]) / 1e9
        with open(f"/proc/{pid}/smaps_rollup") as f:
            memory = {line.split()[0][:-1]: int(line.split()[1]) for line in f if line.split()[-1] == "kB"}
        p.communicate("\n")
    return cpu, memory


def run_once(words):
    """Wall and CPU time of a command and all that it waited for, in microseconds."""
    start = time.monotonic()
    pid = os.posix_spawn(words[0], words, os.environ)
    _, status, used = os.wait4(pid, 0)
    assert status == 0, words
    return (time.monotonic() - start) * 1e6, (used.ru_utime + used.ru_stime) * 1e6


def injected(rounds, ocirt, helper, tmp):
    bundle, file = Path(tmp) / "bundle", Path(tmp) / "pid"
    (bundle / "rootfs").mkdir(parents=True)
    shutil.copy(helper, bundle / "rootfs/helper")
    subprocess.run([ocirt, "spec", "-b", bundle], check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=["/helper", "exit", "0"])
    (bundle / "config.json").write_text(json.dumps(config))
    words = [ocirt, "--root", f"{tmp}/root", "run", "-b", str(bundle)]
    times = {"": [], "--init": []}
    for _ in range(4 * rounds):
        for option, rows in times.items():
            rows.append(run_once([*words, *option.split(), "bench"]))
    for what, at in (("wall", 0), ("CPU", 1)):
        without, with_ = (statistics.median(row[at] for row in rows) for rows in times.values())
        print(f"run --init: {with_ - without:+.0f} us of {what} time to {without:.0f}")
    config["process"]["args"] = ["/helper", "record", "1"]
    (bundle / "config.json").write_text(json.dumps(config))
    subprocess.run([*words, "--init", "--detach", "--pid-file", file, "bench"], check=True, stdout=subprocess.DEVNULL)
    pid = int(file.read_text())
    time.sleep(0.2)
    with open(f"/proc/{pid}/smaps_rollup") as f:
        kept = {line.split()[0][:-1]: int(line.split()[1]) for line in f if line.split()[-1] == "kB"}
    subprocess.run([ocirt, "--root", f"{tmp}/root", "delete", "--force", "bench"], check=True)
    print(f"its init, idle: RSS {kept['Rss']}, PSS {kept['Pss']}, USS {kept['Private_Clean'] + kept['Private_Dirty']} KiB")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as tmp:
        helper = f"{tmp}/helper"
        subprocess.run(["gcc", "-O1", "-static", "-o", helper, HERE / "helper.c"], check=True)
        inits = {"ocirt": [str(HERE.parents[1] / "ocirt"), "init", "--"],
                 "ocirt setsid": [str(HERE.parents[1] / "ocirt"), "init", "--setsid", "--"]}
        for name in ("tini", "tini-static", "dumb-init", "catatonit"):  # dumb-init makes a session
            if shutil.which(name):
                inits[name] = [shutil.which(name), "--"]
        starts = {name: [] for name in inits}
        reaps = {name: [] for name in inits}
        memory = {}
        for _ in range(rounds):
            for name, command in inits.items():
                starts[name].append(spent([helper, "pid1", "0", "0", *command, helper, "exit", "0"])[0])
        for _ in range(max(3, rounds // 10)):
            for name, command in inits.items():
                cpu, memory[name] = own_cpu(helper, command)
                reaps[name].append(cpu)
        best = {what: min(statistics.median(v) for n, v in table.items() if not n.startswith("ocirt"))
                for what, table in (("start", starts), ("reap", reaps)) if len(table) > 1}
        print(f"{'':12}{'RSS':>8}{'PSS':>8}{'start ms':>10}{'/best':>7}{f'{ORPHANS} orphans, CPU ms':>26}{'/best':>7}")
        for name in inits:
            start, reap = statistics.median(starts[name]), statistics.median(reaps[name])
            print(f"{name:12}{memory[name]['Rss']:8}{memory[name]['Pss']:8}{start * 1000:10.2f}"
                  f"{start / best.get('start', start):7.2f}{reap * 1000:26.0f}{reap / best.get('reap', reap):7.2f}")
        injected(rounds, str(HERE.parents[1] / "ocirt"), helper, tmp)


if __name__ == "__main__":
    main()
