"""``python -m benchmarks [--quick] [NAME …]``: all benchmarks, or those that are named."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys

NAMES = ("page", "export", "search", "survey", "results", "mail")
# Needs servers that the portal does not install: run when a server is to be chosen.
BY_NAME_ONLY = ("servers",)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES + BY_NAME_ONLY))
    parser.add_argument("--quick", action="store_true", help="tiny: does it run at all?")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - {*NAMES, *BY_NAME_ONLY})
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}")
    names = asked.names or NAMES
    if len(names) == 1:
        module = importlib.import_module(f"benchmarks.{names[0]}")
        print(module.run(quick=asked.quick).as_json(), flush=True)
        return 0
    # Each in a process of its own: Django's settings are read once.
    quick = ["--quick"] if asked.quick else []
    return max(
        subprocess.run([sys.executable, "-m", "benchmarks", *quick, name], check=False).returncode
        for name in names
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
