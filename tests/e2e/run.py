#!/usr/bin/env python3
"""Runs the end-to-end tests: every function test_* of tests/e2e/test_*.py, several at a time.

python3 tests/e2e/run.py [--long] [WORD...]   only tests whose module.name contains one of the words; --long: those named long_* instead.
A test passes, fails by an exception, or raises support.Skip with the reason, which is printed.
"""
import concurrent.futures
import importlib
import os
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from support import Skip  # noqa: E402


def collect(prefix, words):
    tests = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name in dir(module):
            if name.startswith(prefix) and (not words or any(word in f"{path.stem}.{name}" for word in words)):
                tests.append((f"{path.stem}.{name}", getattr(module, name)))
    # What takes longest goes first (a module's SLOW names them).
    slow = {f"{path.stem}.{name}" for path in HERE.glob("test_*.py") for name in getattr(sys.modules[path.stem], "SLOW", [])}
    return sorted(tests, key=lambda test: test[0] not in slow)


def run_one(test):
    name, function = test
    begin = time.monotonic()
    try:
        function()
        return name, "ok", "", time.monotonic() - begin
    except Skip as reason:
        return name, "skipped", str(reason), time.monotonic() - begin
    except Exception:  # noqa: BLE001: a test may fail in any way.
        return name, "FAILED", traceback.format_exc(), time.monotonic() - begin


def main():
    unknown = [word for word in sys.argv[1:] if word.startswith("-") and word != "--long"]
    if unknown:
        print(__doc__, file=sys.stdout if unknown == ["--help"] else sys.stderr)
        return 0 if unknown == ["--help"] else 2
    words = [word for word in sys.argv[1:] if word != "--long"]
    tests = collect("long_" if "--long" in sys.argv else "test_", words)
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    times = []
    # Two more than cores: a quarter of a test of the pooler is waiting for a timeout.
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2) + 2) as pool:
        for name, verdict, text, took in pool.map(run_one, tests):
            counts[verdict] += 1
            times.append((took, name))
            if verdict == "skipped":
                print(f"skipped: {name}: {text}", flush=True)
            else:
                print(f"{verdict} {name} ({took:.1f} s)", flush=True)
            if verdict == "FAILED":
                print(text, flush=True)
    print(f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped; the slowest: "
          + ", ".join(f"{name.removeprefix('test_')} {took:.0f} s" for took, name in sorted(times, reverse=True)[:5]))
    return 1 if counts["FAILED"] or not tests else 0


sys.exit(main())
