"""Tests of what the comparison says about its figures. They start no server.

  python3 -B -m unittest discover bench
"""

import os
import subprocess
import sys
import unittest
from pathlib import Path

from goals import MISSED, NOT_JUDGED, REACHED, Goal, exit_code, summary
from rows import COST, ROWS, find, in_order, middle
from servers import KINDS, OTHERS, PEERS, stay_on

COMPARE = Path(__file__).resolve().parent / "compare"


def figures(calib=1.65, **values):
    return {"calib_us": calib, **values}


class Goals(unittest.TestCase):
    def outcome(self, goal, medians, rows=None):
        verdict = goal.judge(medians, rows or {})
        self.assertIn(verdict.outcome, (REACHED, MISSED, NOT_JUDGED))
        return verdict.outcome

    def test_the_best_peer_is_the_measure_and_is_named(self):
        goal = Goal(COST, 1.25)
        medians = {"chitchat": figures(**{COST: 2.4}), "ngircd": figures(**{COST: 3}), "ergo": figures(**{COST: 2})}
        self.assertEqual(str(goal.judge(medians, {})), f"chitchat: {COST} ≤ 1.25 × best peer (ergo): 1.2, reached")
        medians["inspircd"] = figures(**{COST: 1.9})
        self.assertEqual(self.outcome(goal, medians), MISSED)
        best = Goal("connects_per_s", 1.6, least=True, peers=("ergo",))
        rates = {"chitchat": figures(connects_per_s=16), "ergo": figures(connects_per_s=10)}
        self.assertEqual(str(best.judge(rates, {})), "chitchat: connects_per_s ≥ 1.6 × ergo: 1.6, reached")
        rates["chitchat"]["connects_per_s"] = 15
        self.assertEqual(self.outcome(best, rates), MISSED)

    def test_a_peers_figure_may_have_another_name(self):
        goal = Goal("settled", 1.5, against=COST)
        self.assertEqual(self.outcome(goal, {"chitchat": figures(settled=3), "ngircd": figures(**{COST: 2})}), REACHED)
        self.assertEqual(self.outcome(goal, {"chitchat": figures(settled=3), "ngircd": figures(settled=2)}), NOT_JUDGED)

    def test_what_was_not_measured_is_not_reached(self):
        goal = Goal(COST, 1.0)
        alone = figures(**{COST: 1})
        self.assertEqual(self.outcome(goal, {"chitchat": alone}), NOT_JUDGED)
        self.assertEqual(self.outcome(goal, {"ngircd": alone}), NOT_JUDGED)
        self.assertEqual(self.outcome(goal, {}), NOT_JUDGED)
        # A run may be too short for a tick of processor time.
        self.assertEqual(self.outcome(goal, {"chitchat": alone, "ngircd": figures(**{COST: 0})}), NOT_JUDGED)

    def test_a_limit_in_time_grows_with_calib_and_says_so(self):
        goal = Goal("p99_ms", 0.4, relative=False, timed=True)
        self.assertEqual(str(goal.judge({"chitchat": figures(1.62, p99_ms=0.41)}, {})),
                         "chitchat: p99_ms ≤ 0.4: 0.41, MISSED")
        self.assertEqual(str(goal.judge({"chitchat": figures(3.3, p99_ms=0.79)}, {})),
                         "chitchat: p99_ms ≤ 0.4 × 2 (calib 3.3 µs, the goal's 1.65 µs): 0.79, reached")
        self.assertEqual(self.outcome(goal, {"chitchat": figures(3.3, p99_ms=0.81)}), MISSED)

    def test_a_row_is_compared_with_another_of_the_same_run(self):
        goal = Goal("p99_ms", 3, row="quiet")
        medians = {"chitchat": figures(p99_ms=0.9)}
        self.assertEqual(self.outcome(goal, medians, {"quiet": {"chitchat": figures(p99_ms=0.3)}}), REACHED)
        self.assertEqual(self.outcome(goal, medians, {"quiet": {"chitchat": figures(p99_ms=0.2)}}), MISSED)
        verdict = goal.judge(medians, {"quiet": {"ngircd": figures(p99_ms=0.3)}})
        self.assertEqual((verdict.outcome, verdict.found), (NOT_JUDGED, "quiet was not measured"))

    def test_nothing_is_reached_by_comparison_with_a_tail_of_the_generator(self):
        goal = Goal("p99_ms", 1)
        for lag, ours, outcome in ((1, 3.9, REACHED), (3, 3.9, NOT_JUDGED), (3, 4.1, MISSED)):
            medians = {"chitchat": figures(p99_ms=ours), "ngircd": figures(p99_ms=4, own_lag_p99_ms=lag)}
            self.assertEqual(self.outcome(goal, medians), outcome)
        quiet = {"quiet": {"chitchat": figures(p99_ms=4, own_lag_p99_ms=3)}}
        verdict = Goal("p99_ms", 3, row="quiet").judge({"chitchat": figures(p99_ms=9)}, quiet)
        self.assertEqual((verdict.outcome, verdict.found), (NOT_JUDGED, "the tail of quiet is the generator's"))

    def test_the_end_lists_what_was_not_reached_and_the_exit_code_is_the_worst(self):
        medians = {"chitchat": figures(a=1, b=2)}
        reached, missed, unknown = (Goal(name, 1, relative=False).judge(medians, {}) for name in "abc")
        judged = [("x plain", reached), ("x tls", unknown), ("y tls", missed)]
        lines = summary(judged)
        self.assertEqual(lines[0], "Goals: 1 reached, 1 missed, 1 not judged")
        self.assertEqual([line.split(":")[0] for line in lines[1:]], ["  MISSED      y tls", "  not judged  x tls"])
        self.assertEqual([exit_code(failures, judged[:count]) for failures, count in ((0, 0), (0, 1), (0, 2), (0, 3),
                                                                                      (1, 3))], [0, 0, 4, 3, 1])


class Rows(unittest.TestCase):
    def test_a_goal_is_about_servers_and_figures_that_its_row_has(self):
        for name, row in ROWS.items():
            for goals in row.goals.values():
                for goal in goals:
                    self.assertTrue(row.takes(goal.server), name)
                    self.assertLessEqual(set(goal.peers), set(PEERS), name)
                    self.assertEqual(goal.row, row.after, name)
                    self.assertTrue(not goal.row or goal.row in ROWS and ROWS[goal.row].takes(goal.server), name)
                    self.assertTrue(goal.figure in row.columns.values() or goal.figure == "told_why", name)

    def test_goals_stand_beside_their_rows(self):
        def told(name, transport):
            # Nothing is measured here, but what each goal asks for is known.
            return [goal.judge({}, {}).what for goal in find(name).goals.get(transport, ())]

        self.assertEqual(told("1x100-W1", "tls"), [f"chitchat-nokeep: {COST} ≤ 1 × best peer",
                                                   f"chitchat: {COST} ≤ 1.25 × best peer"])
        self.assertEqual(told("1000x2-10k", "plain"), ["chitchat-normal: p50_ms ≤ 1.2 × best peer",
                                                       "chitchat-normal: p99_ms ≤ 0.4",
                                                       f"chitchat-normal: {COST} ≤ 20"])
        self.assertEqual(told("1000x2-10k", "tls"), told("1x100-50k", "plain"))
        self.assertEqual(told("logins", "tls"), ["chitchat: server_ms_per_connect ≤ 0.55 × best peer",
                                                 "chitchat: connects_per_s ≥ 1.6 × ergo"])
        self.assertEqual(told("100x10-50k-queries", "plain"), ["chitchat-normal: p99_ms ≤ 3 × that of 100x10-50k"])
        self.assertEqual(told("1x30", "plain"), [])
        self.assertTrue(all(told(name, "tls") for name in ROWS))

    def test_a_row_comes_after_the_one_that_it_is_compared_with(self):
        self.assertEqual(in_order(["100x10-50k-queries", "idle", "100x10-50k"]),
                         ["idle", "100x10-50k", "100x10-50k-queries"])

    def test_another_build_has_the_rows_of_this_one_and_irc_has_no_queries(self):
        for row in ROWS.values():
            for other, ours in OTHERS.items():
                self.assertEqual(row.takes(other), row.takes(ours))
        self.assertFalse(any(find("100x10-50k-queries").takes(peer) for peer in PEERS))
        self.assertTrue(all(find("7x3").takes(name) for name in KINDS))

    def test_the_median_of_the_runs_that_have_a_figure(self):
        runs = [{"calib_us": 2, "p99_ms": value, "told": "so"} for value in (3, None, 1)]
        self.assertEqual(middle(runs), {"calib_us": 2, "p99_ms": 2, "told": "so", "p99_least_ms": 1, "p99_most_ms": 3})


class Program(unittest.TestCase):
    def test_a_pinned_child_counts_one_core(self):
        core = max(os.sched_getaffinity(0))
        child = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
        run = subprocess.run(child, capture_output=True, text=True, preexec_fn=stay_on(core), check=True)
        self.assertEqual(run.stdout.strip(), str({core}))

    def test_wrong_options_end_before_anything_is_built(self):
        for options, told in ((["--servers", "chitchat,other"], "--against"), (["--rows", "1by1"], "unknown: 1by1"),
                              (["--against", "/nowhere"], "/nowhere is not a program")):
            run = subprocess.run([sys.executable, "-B", COMPARE, *options], capture_output=True, text=True, timeout=30)
            self.assertEqual(run.returncode, 2)
            self.assertIn(told, run.stderr)


if __name__ == "__main__":
    unittest.main()
