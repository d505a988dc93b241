"""pip-audit that tells "no known vulnerability" from "nobody could be asked".

python -m portal.core.local.audit requirements/base.txt
"""
# ruff: noqa: T201 - a command speaks through print

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

LIMIT = 180  # seconds


def main(requirements: str) -> int:
    """Return 1 for a known vulnerability, 0 otherwise; loud about what could not be asked."""
    # Pinned with hashes, so that nothing has to be resolved or downloaded.
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--timeout", "10", "--format", "json"]
    try:
        asked = subprocess.run(  # noqa: S603 - our own interpreter and constant arguments
            [*command, "-r", requirements],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return not_checked(f"no answer within {LIMIT} s")
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        # It reports an index that is away by ending with a traceback.
        return not_checked((asked.stderr.strip().splitlines() or ["no reason given"])[-1][:200])
    return judge(packages)


def judge(packages: list[dict[str, Any]]) -> int:
    """The exit code for pip-audit's list of packages; says what was found."""
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    asked = len(packages) - len(unknown)
    if unknown and asked:
        print(f"!!! NOT CHECKED, unknown to the advisory service: {', '.join(unknown)}")
    elif not asked:
        return not_checked("it knows none of the packages")
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", [])]
    for package, flaw in found:
        fixed = ", ".join(flaw.get("fix_versions", [])) or "no version yet"
        print(
            f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}",
            file=sys.stderr,
        )
    if found:
        print("check: raise these versions (pyproject.toml, make lock).", file=sys.stderr)
        return 1
    print(f"no known vulnerability in {asked} packages")
    return 0


def not_checked(why: str) -> int:
    print(
        f"\n!!! NOT CHECKED for known vulnerabilities: the advisory service does not answer\n"
        f"!!! ({why}). Run make check again where it can be reached.\n",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
