"""A subject without our server: it says the line given for hello, then answers every
run with the other; run as a script.
"""

import sys
import time

start, hello, answer = sys.argv[1:]
if start == "fail":
    raise ImportError("no framework here")
if start == "sleep":
    time.sleep(600)
print(hello, flush=True)
for line in sys.stdin:
    if '"bye"' not in line:
        print(answer, flush=True)
