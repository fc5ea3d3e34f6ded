"""A run that ends with a line ends with nothing beside it."""

import subprocess
import sys

ENDS = """
import gevent
gevent.get_hub().resolver.gethostbyname("127.0.0.1")  # from then on the hub has a list of its own
from tasks.pyinfra_gaps.one_line import OneLineError

def end():
    raise OneLineError("It ends here")

greenlet = gevent.spawn(end)
greenlet.join()
print(type(greenlet.exception).__name__)
"""


def test_gevent_prints_no_traceback_beside_it() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("OneLineError\n", "")
