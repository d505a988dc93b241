"""What the server's processes do before the first request."""

import subprocess
import sys

from portal.core.wsgi import OBJECTS_BETWEEN_COLLECTIONS

AS_A_SERVER = """
import gc, portal.wsgi
print(gc.get_threshold()[0], gc.get_freeze_count() > 50_000, gc.isenabled())
"""


def test_the_servers_processes_look_for_garbage_less_often():
    result = subprocess.run(
        [sys.executable, "-c", AS_A_SERVER], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [str(OBJECTS_BETWEEN_COLLECTIONS), "True", "True"]
