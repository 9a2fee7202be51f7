"""The rows of the comparison: what the load generator is asked for, what is shown of it, and which goals stand beside
it."""

import re
import statistics
from dataclasses import dataclass, field

from goals import Goal, late
from servers import OTHERS, PEERS


@dataclass(frozen=True)
class Row:
    title: str
    arguments: tuple
    columns: dict
    compared: str
    ours: tuple = ("chitchat",)
    goals: dict = field(default_factory=dict)
    fresh: bool = False  # accounts are made in a process of their own, which leaves no memory in the measured one
    timed: bool = True  # has --seconds and --warmup
    settles: bool = False  # where a history is kept, what is done behind the measured seconds is measured as well
    paced: bool = False  # has tails, so it takes more rounds
    peers: bool = True  # IRC servers can do it as well
    after: str = ""  # the row that a goal compares this one with, which is measured before it

    def takes(self, name):
        """Whether a server has this row. Another build of ours has the same as this one."""
        return self.peers if name in PEERS else OTHERS.get(name, name) in self.ours

    def show(self, title, medians, failed):
        """Prints a block of the table. `medians` are the figures by server, `failed` how many runs have none."""
        best = min((medians[name][self.compared] for name in medians if name in PEERS), default=None)
        headings = "".join(f" {heading:>{max(len(heading), 8)}}" for heading in self.columns)
        print(f"\n{title}\n  {'':16} {'to best':>8}{headings}")
        for name, figures in medians.items():
            self.line(name, f"{figures[self.compared] / best:.2f}" if best else "-",
                      {figure: cell(figures.get(figure)) for figure in self.columns.values()})
        for other, ours in OTHERS.items():
            if other in medians and ours in medians:
                self.line(f"÷ {other}", "", {figure: quotient(medians[ours].get(figure), medians[other].get(figure))
                                             for figure in self.columns.values()})
        for name in failed:
            print(f"  {name:16} {failed[name]} of the runs failed")
        for name, figures in medians.items():
            if late(figures):
                lag = figures["own_lag_p99_ms"]
                print(f"  note  {name}: much of that tail is the generator's, which was {lag:.3g} ms late (p99)")

    def line(self, name, ratio, cells):
        texts = (cells[figure].rjust(max(len(heading), 8)) for heading, figure in self.columns.items())
        print(f"  {name:16} {ratio:>8} {' '.join(texts)}")

    def judge(self, transport, medians, rows):
        """Prints the goals and gives their verdicts."""
        verdicts = [goal.judge(medians, rows) for goal in self.goals.get(transport, ())]
        for verdict in verdicts:
            print(f"  goal  {verdict}")
        return verdicts


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


def quotient(ours, theirs):
    """This build's figure to another's."""
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)) and theirs:
        return f"{ours / theirs:.2f}"
    return "-"


COST = "server_us_per_delivery"
SETTLED = "server_us_per_delivery_settled"
FANOUT = {"µs/delivery": COST, "settled": SETTLED, "in calib": "cost_in_calib", "deliv./s": "deliveries_per_s",
          "per read": "deliveries_per_read", "p50 ms": "p50_ms", "p99 ms": "p99_ms",
          "switches/1000": "server_switches_per_1000_deliveries", "own µs": "own_us_per_delivery",
          "calib µs": "calib_us"}
OPEN = {"p50 ms": "p50_ms", "p99 ms": "p99_ms", "own lag p99": "own_lag_p99_ms", "least p99": "p99_least_ms",
        "most p99": "p99_most_ms", "p99.9": "p999_ms", "µs/delivery": COST, "settled": SETTLED,
        "deliv./s": "deliveries_per_s", "calib µs": "calib_us"}
QUERIES = {"p50 ms": "p50_ms", "p99 ms": "p99_ms", "own lag p99": "own_lag_p99_ms", "least p99": "p99_least_ms",
           "most p99": "p99_most_ms", "history p50": "history_p50_ms", "history p99": "history_p99_ms",
           "rows": "history_rows", "search p50": "search_p50_ms", "search p99": "search_p99_ms",
           "queries/s": "queries_per_s", "µs/delivery": COST, "deliv./s": "deliveries_per_s", "calib µs": "calib_us"}
IDLE = {"KB each": "kb_per_idle_connection", "ms CPU to connect": "server_ms_per_connect",
        "connects/s": "connects_per_s", "connections": "idle_connections"}
LOGINS = {"ms CPU each": "server_ms_per_connect", "a second": "connects_per_s", "in flight": "parallel",
          "p50 ms": "p50_ms", "p99 ms": "p99_ms", "own ms": "own_ms_per_connect", "calib µs": "calib_us"}
SLOW = {"others during/before": "others_during_to_before", "RSS grew KB": "server_rss_peak_growth_kb",
        "cut off": "slow_readers_cut_off", "got KB": "slow_reader_got_kb", "told": "slow_reader_told"}

# By row: the most that a delivery may cost, to the best peer, plain and over TLS, and by whom.
COSTS = {
    "1x100-W1": ((1.0, 1.0, "chitchat-nokeep"), (1.25, 1.25, "chitchat")),
    "1x100": ((0.6, 0.5, "chitchat"),),
    "1x1000": ((0.5, 0.25, "chitchat"),),
    "100x10": ((0.75, 0.3, "chitchat"),),
    "1000x2": ((1.0, 1.0, "chitchat-nokeep"),),
}
# By row, plain: the most that p50 may be to the best peer, p99 in ms, and a delivery in µs. All others have LATENCY.
PACES = {"1000x2-10k": (1.2, 0.4, 20), "100x10-10k": (1.1, 0.4, None), "100x10-50k": (1.2, 0.4, None)}
LATENCY = (Goal("p50_ms", 1.1, "chitchat-normal"), Goal("p99_ms", 1.0, "chitchat-normal"))
# How many lines a room has before anybody reads them, and how many queries a second there are.
FILL, ASKED = 1000, 200


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
        goals[transport] = [Goal(COST, cost[place], cost[2]) for cost in COSTS.get(name, ())]
        if name == "1000x2":
            # All of it: on disk, and indexed later, below what Ergo takes without either, and not far above the best.
            goals[transport].append(Goal(SETTLED, 1.0, peers=("ergo",), against=COST))
            goals[transport].append(Goal(SETTLED, 1.5, against=COST))
    return Row(f"{rooms}x{members} S{senders} W{window}", ("--rooms", rooms, "--members", members, "--senders", senders,
               "--window", window), FANOUT, COST,
               ("chitchat", "chitchat-acked", "chitchat-normal", "chitchat-nokeep"), goals, settles=True)


def pace_goals(p50, p99, cost):
    goals = [Goal("p50_ms", p50, "chitchat-normal"),
             Goal("p99_ms", p99, "chitchat-normal", relative=False, timed=True)]
    if cost:
        goals.append(Goal(COST, cost, "chitchat-normal", relative=False, timed=True))
    return goals


def paced(rooms, members, rate):
    name = f"{rooms}x{members}-{rate // 1000}k"
    plain = pace_goals(*PACES[name]) if name in PACES else LATENCY
    return name, Row(f"{rooms}x{members} {rate:,} deliveries/s",
                     ("--rooms", rooms, "--members", members, "--rate", rate), OPEN, "p99_ms",
                     ("chitchat", "chitchat-normal"), {"plain": plain, "tls": LATENCY}, settles=True, paced=True)


def queried(name):
    """An open-loop row while the history is read, beside the same row without that."""
    row = ROWS[name]
    goal = Goal("p99_ms", 3.0, "chitchat-normal", row=name)
    return Row(f"{row.title}, {ASKED} queries/s", (*row.arguments, "--fill", FILL, "--queries", ASKED), QUERIES,
               "p99_ms", row.ours, goals=both(goal), peers=False, after=name, paced=True)


def both(*goals):
    return {"plain": goals, "tls": goals}


ROWS = {name: fanout(name) for name in COSTS}
ROWS |= dict(paced(rooms, members, rate)
             for rate in (10_000, 50_000) for rooms, members in ((1, 100), (100, 10), (1000, 2)))
ROWS["100x10-50k-queries"] = queried("100x10-50k")
ROWS["idle"] = Row("idle connections, rooms of 10", ("--idle", 10_000), IDLE, "kb_per_idle_connection", goals={
    "plain": [Goal("kb_per_idle_connection", 2.5, relative=False)],
    "tls": [Goal("kb_per_idle_connection", 8, relative=False)]}, fresh=True, timed=False)
ROWS["logins"] = Row("connect, log in, join a room of 10, quit", ("--logins", 4000), LOGINS, "server_ms_per_connect",
                     goals={"tls": [Goal("server_ms_per_connect", 0.55),
                                    Goal("connects_per_s", 1.6, least=True, peers=("ergo",))]},
                     fresh=True, timed=False)
ROWS["slow"] = Row("1x50 S4 W16, one stops reading", ("--members", 50, "--senders", 4, "--slow", 1), SLOW,
                   "server_rss_peak_growth_kb", ("chitchat", "chitchat-nokeep"), goals=both(
                       Goal("others_during_to_before", 0.95, relative=False, least=True),
                       Goal("server_rss_peak_growth_kb", 1024, relative=False),
                       Goal("told_why", 1, relative=False, least=True)))


def in_order(names):
    """The rows, but none before the one that it is compared with."""
    return sorted(names, key=lambda name: bool(find(name).after))


def find(name):
    """A row by its name, or a fan-out of any other shape, which has no goal."""
    return ROWS.get(name) or fanout(name)
