"""How fast the machine is at the moment, so that timings beside other work can be compared."""

import statistics
import time


class Pace:
    """Times a loop again and again; its fastest time is the pace of the machine at rest.

    Work on other cores slows a core down too (they share caches, and a virtual core may be half a
    real one), so that processor time alone does not make timings comparable.
    """

    def __init__(self):
        self.loops = []

    def now(self):
        """Return what the loop takes now, in seconds of processor time."""
        taken = []
        for _ in range(3):
            start, total = time.thread_time(), 0
            for number in range(20_000):
                total += number * number
            taken.append(time.thread_time() - start)
        self.loops.append(statistics.median(taken))
        return self.loops[-1]

    @property
    def at_rest(self):
        """What the loop took at best."""
        return min(self.loops)

    def describe(self):
        """Return how much slower than at rest the machine was, in words."""
        slower = statistics.median(self.loops) / self.at_rest
        return f"the machine was {slower:.1f} times slower than at rest (median)"
