"""The rows of the comparison: what the load generator is asked for, what is shown of it, and which goal stands beside it.

A goal is the project's own, set before anything was measured. It is judged by the medians of this run against the best
peer of this row in this run, and printed whether it is reached or not.
"""

import re
import statistics
from dataclasses import dataclass, field

from servers import PEERS


@dataclass(frozen=True)
class Goal:
    """`figure` of `server` is at most `limit`, or at least; times the best peer's (which may be its figure of another
    name, `against`), or as it stands."""

    figure: str
    limit: float
    server: str = "chitchat"
    relative: bool = True
    least: bool = False
    peers: tuple = PEERS
    against: str = ""

    def judge(self, medians):
        bound = "≥" if self.least else "≤"
        what = f"{self.server}: {self.figure} {bound} {self.limit:g}{self.of_whom()}"
        ours = medians.get(self.server, {}).get(self.figure)
        theirs = self.against or self.figure
        peers = [medians[peer][theirs] for peer in self.peers if theirs in medians.get(peer, {})]
        if ours is None or self.relative and not peers:
            return f"{what}: not measured"
        value = ours / (max(peers) if self.least else min(peers)) if self.relative else ours
        reached = value >= self.limit if self.least else value <= self.limit
        return f"{what}: {value:.2f}, {'reached' if reached else 'MISSED'}"

    def of_whom(self):
        if not self.relative:
            return ""
        return f" × {'best peer' if self.peers == PEERS else ' or '.join(self.peers)}"


@dataclass(frozen=True)
class Row:
    title: str
    arguments: tuple
    columns: dict
    compared: str
    ours: tuple = ("chitchat",)
    goals: dict = field(default_factory=dict)
    fresh: bool = False  # accounts are made in a process of their own, which leaves no memory behind in the measured one
    timed: bool = True  # has --seconds and --warmup
    settles: bool = False  # where a history is kept, what is done behind the measured seconds is measured as well
    paced: bool = False  # has tails, so it takes more rounds

    def show(self, transport, results, failed):
        """Prints a block of the table. `results` is, by server, the list of its runs."""
        medians = {name: middle(runs) for name, runs in results.items()}
        best = min((medians[name][self.compared] for name in results if name in PEERS), default=None)
        headings = "".join(f" {heading:>{max(len(heading), 8)}}" for heading in self.columns)
        print(f"\n{self.title} {transport}\n  {'':16} {'to best':>8}{headings}")
        for name, figures in medians.items():
            ratio = f"{figures[self.compared] / best:.2f}" if best else "-"
            cells = (cell(figures.get(figure)).rjust(max(len(heading), 8)) for heading, figure in self.columns.items())
            print(f"  {name:16} {ratio:>8} {' '.join(cells)}")
        for name in failed:
            print(f"  {name:16} {failed[name]} of the runs failed")
        for name, figures in medians.items():
            late = figures.get("own_lag_p99_ms", 0)
            if late > figures.get("p99_ms", late) / 2:
                print(f"  note  {name}: much of that tail is the generator's, which was {late:.3g} ms late (p99)")
        for goal in self.goals.get(transport, ()):
            print(f"  goal  {goal.judge(medians)}", flush=True)


def middle(runs):
    """The median of each figure, and the last word of each text."""
    together = {}
    for figure in runs[0]:
        values = [run[figure] for run in runs if run.get(figure) is not None]
        numbers = [value for value in values if not isinstance(value, str)]
        if values:
            together[figure] = statistics.median(numbers) if numbers else values[-1]
    tails = [run["p99_ms"] for run in runs if run.get("p99_ms") is not None]
    if tails:
        together["p99_least_ms"], together["p99_most_ms"] = min(tails), max(tails)
    if "server_us_per_delivery" in together:
        together["cost_in_calib"] = statistics.median(run["server_us_per_delivery"] / run["calib_us"] for run in runs)
    if "slow_reader_told" in together:
        together["told_why"] = 1 if together["slow_reader_told"] else 0
    return together


def cell(value):
    if value is None or isinstance(value, str):
        return (value or "-")[:44]
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


COST = "server_us_per_delivery"
SETTLED = "server_us_per_delivery_settled"
FANOUT = {"µs/delivery": COST, "settled": SETTLED, "in calib": "cost_in_calib", "deliv./s": "deliveries_per_s",
          "per read": "deliveries_per_read", "p50 ms": "p50_ms", "p99 ms": "p99_ms",
          "switches/1000": "server_switches_per_1000_deliveries", "own µs": "own_us_per_delivery", "calib µs": "calib_us"}
OPEN = {"p50 ms": "p50_ms", "p99 ms": "p99_ms", "own lag p99": "own_lag_p99_ms", "least p99": "p99_least_ms",
        "most p99": "p99_most_ms", "p99.9": "p999_ms", "µs/delivery": COST, "settled": SETTLED,
        "deliv./s": "deliveries_per_s", "calib µs": "calib_us"}
IDLE = {"KB each": "kb_per_idle_connection", "ms CPU to connect": "server_ms_per_connect",
        "connects/s": "connects_per_s", "connections": "idle_connections"}
LOGINS = {"ms CPU each": "server_ms_per_connect", "a second": "connects_per_s", "in flight": "parallel",
          "p50 ms": "p50_ms", "p99 ms": "p99_ms", "own ms": "own_ms_per_connect", "calib µs": "calib_us"}
SLOW = {"others during/before": "others_during_to_before", "RSS grew KB": "server_rss_peak_growth_kb",
        "cut off": "slow_readers_cut_off", "got KB": "slow_reader_got_kb", "told": "slow_reader_told"}

# By row: the most that a delivery may cost, to the best peer, plain and over TLS, and by whom.
COSTS = {
    "1x100-W1": (1.0, 1.0, "chitchat-nokeep"),
    "1x100": (0.6, 0.5, "chitchat"),
    "1x1000": (0.5, 0.25, "chitchat"),
    "100x10": (0.75, 0.3, "chitchat"),
    "1000x2": (1.0, 1.0, "chitchat-nokeep"),
}


def fanout(name):
    """`ROOMSxMEMBERS`: one room has four senders, many have one each. Sixteen lines are under way, with `-W1` one."""
    shape = re.fullmatch(r"(\d+)x(\d+)(-W1)?", name)
    if not shape:
        return None
    rooms, members = int(shape[1]), int(shape[2])
    window = 1 if shape[3] else 16
    senders = min(4, members) if rooms == 1 and window > 1 else 1
    goals = {}
    for place, transport in enumerate(("plain", "tls")):
        if name in COSTS:
            goals[transport] = [Goal(COST, COSTS[name][place], COSTS[name][2])]
        if name == "1000x2":
            # All of it: on disk, and indexed later, below what Ergo takes without either.
            goals[transport].append(Goal(SETTLED, 1.0, peers=("ergo",), against=COST))
    return Row(f"{rooms}x{members} S{senders} W{window}", ("--rooms", rooms, "--members", members, "--senders", senders,
               "--window", window), FANOUT, COST,
               ("chitchat", "chitchat-acked", "chitchat-normal", "chitchat-nokeep"), goals, settles=True)


def paced(rooms, members, rate):
    goals = [Goal("p50_ms", 1.1, "chitchat-normal"), Goal("p99_ms", 1.0, "chitchat-normal")]
    return Row(f"{rooms}x{members} {rate:,} deliveries/s", ("--rooms", rooms, "--members", members, "--rate", rate),
               OPEN, "p99_ms", ("chitchat", "chitchat-normal"), {"plain": goals, "tls": goals}, settles=True,
               paced=True)


def both(*goals):
    return {"plain": goals, "tls": goals}


ROWS = {name: fanout(name) for name in COSTS}
ROWS |= {f"{rooms}x{members}-{rate // 1000}k": paced(rooms, members, rate)
         for rate in (10_000, 50_000) for rooms, members in ((1, 100), (100, 10), (1000, 2))}
ROWS["idle"] = Row("idle connections, rooms of 10", ("--idle", 10_000), IDLE, "kb_per_idle_connection", goals={
    "plain": [Goal("kb_per_idle_connection", 2.5, relative=False)],
    "tls": [Goal("kb_per_idle_connection", 8, relative=False)]}, fresh=True, timed=False)
ROWS["logins"] = Row("connect, log in, join a room of 10, quit", ("--logins", 4000), LOGINS, "server_ms_per_connect",
                     goals={"tls": [Goal("server_ms_per_connect", 0.6), Goal("connects_per_s", 1.5, least=True)]},
                     fresh=True, timed=False)
ROWS["slow"] = Row("1x50 S4 W16, one stops reading", ("--members", 50, "--senders", 4, "--slow", 1), SLOW,
                   "server_rss_peak_growth_kb", ("chitchat", "chitchat-nokeep"), goals=both(
                       Goal("others_during_to_before", 0.95, relative=False, least=True),
                       Goal("server_rss_peak_growth_kb", 1024, relative=False),
                       Goal("told_why", 1, relative=False, least=True)))


def find(name):
    """A row by its name, or a fan-out of any other shape, which has no goal."""
    return ROWS.get(name) or fanout(name)
