"""Goals: what a figure is held against, whether it was reached, and what a comparison with goals exits with.

A goal is the project's own, set before anything was measured. It is judged by the medians of one run of the comparison,
and printed whether it is reached or not. One that could not be judged is not reached.
"""

import statistics
from collections import Counter
from dataclasses import dataclass

from servers import PEERS

REACHED, MISSED, NOT_JUDGED = "reached", "MISSED", "not judged"
# The exit codes beside 0, which says that every goal was reached. 2 is argparse's: wrong options.
EXIT_FAILED, EXIT_MISSED, EXIT_NOT_JUDGED = 1, 3, 4

# What calib_us was, in µs, where the limits in ms and µs were set; it moved between the bounds there.
CALIB, CALIB_LEAST, CALIB_MOST = 1.65, 1.6, 1.7


@dataclass(frozen=True)
class Verdict:
    """What was asked of whom, what was found, and which of the three outcomes that is."""

    what: str
    found: str
    outcome: str

    def __str__(self):
        return f"{self.what}: {self.found}, {self.outcome}"


@dataclass(frozen=True)
class Goal:
    """`figure` of `server` is at most `limit`, or at least (`least`). The limit is times the best peer's figure (which
    may have another name there, `against`), times the server's own in another row of the same run (`row`), or, where it
    is not `relative`, as it stands. A limit in ms or µs is `timed`: it grows with calib, so that it asks the same of a
    slower machine."""

    figure: str
    limit: float
    server: str = "chitchat"
    relative: bool = True
    least: bool = False
    peers: tuple = PEERS
    against: str = ""
    row: str = ""
    timed: bool = False

    def judge(self, medians, rows):
        """`medians` are the figures by server, `rows` those of the rows that were measured, by name, on the same
        transport."""
        what = f"{self.server}: {self.figure} {'≥' if self.least else '≤'} {self.limit:g}"
        ours = medians.get(self.server, {}).get(self.figure)
        if ours is None:
            return Verdict(f"{what}{self.of_whom()}", f"{self.server} was not measured", NOT_JUDGED)
        limit = self.limit
        if self.timed:
            scale, note = by_calib(medians)
            limit, what = limit * scale, what + note
        elif self.row or self.relative:
            unit, whose = self.unit(medians, rows)
            what += self.of_whom()
            if not unit:
                return Verdict(what, f"{whose} was {'0' if unit == 0 else 'not measured'}", NOT_JUDGED)
            if self.figure == "p99_ms" and ours <= unit * limit and late(self.measured_by(whose, medians, rows)):
                return Verdict(what, f"the tail of {whose} is the generator's", NOT_JUDGED)
            ours /= unit
            what += f" ({whose})" if not self.row and len(self.peers) > 1 else ""
        reached = ours >= limit if self.least else ours <= limit
        return Verdict(what, f"{ours:.3g}", REACHED if reached else MISSED)

    def unit(self, medians, rows):
        """The figure that counts as 1, and whose it is."""
        if self.row:
            return rows.get(self.row, {}).get(self.server, {}).get(self.figure), self.row
        theirs = self.against or self.figure
        peers = {peer: medians[peer][theirs] for peer in self.peers if theirs in medians.get(peer, {})}
        if not peers:
            return None, " or ".join(self.peers)
        best = (max if self.least else min)(peers, key=peers.get)
        return peers[best], best

    def measured_by(self, whose, medians, rows):
        """All figures of the one whose figure counts as 1."""
        return rows[self.row][self.server] if self.row else medians[whose]

    def of_whom(self):
        if self.row:
            return f" × that of {self.row}"
        if not self.relative:
            return ""
        return f" × {'best peer' if self.peers == PEERS else ' or '.join(self.peers)}"


def late(figures):
    """Whether the generator was so late that much of the tail is its own. A goal that is reached by comparison with
    such a tail says nothing; one that is missed was missed all the same."""
    lag = figures.get("own_lag_p99_ms", 0)
    return lag > figures.get("p99_ms", lag) / 2


def by_calib(medians):
    """How much slower this machine is now than the one where times were set as goals, and a note that says so."""
    calib = statistics.median(figures["calib_us"] for figures in medians.values())
    if CALIB_LEAST <= calib <= CALIB_MOST:
        return 1, ""
    return calib / CALIB, f" × {calib / CALIB:.3g} (calib {calib:.3g} µs, the goal's {CALIB} µs)"


def summary(verdicts):
    """Lines for the end of a comparison. `verdicts` are pairs of a row's name with its transport, and a verdict."""
    count = Counter(verdict.outcome for _, verdict in verdicts)
    lines = [f"Goals: {count[REACHED]} reached, {count[MISSED]} missed, {count[NOT_JUDGED]} not judged"]
    for outcome in (MISSED, NOT_JUDGED):
        lines += [f"  {outcome:10}  {row}: {verdict.what}: {verdict.found}"
                  for row, verdict in verdicts if verdict.outcome == outcome]
    return lines


def exit_code(failures, verdicts):
    """The worst of what happened: a run failed, a goal was missed, a goal was not judged, or none of these."""
    outcomes = {verdict.outcome for _, verdict in verdicts}
    if failures:
        return EXIT_FAILED
    if MISSED in outcomes:
        return EXIT_MISSED
    return EXIT_NOT_JUDGED if NOT_JUDGED in outcomes else 0
