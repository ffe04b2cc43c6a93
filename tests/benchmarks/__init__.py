"""Benchmarks: every figure beside a floor that is measured in the same run, on the same machine, in turns.

    python -m tests.benchmarks [--quick] [--only drain|latency]

Absolute times mean little on a shared machine, so figures are ratios of medians with their spread. What is counted
(statements, commits, round trips, messages) does not depend on the machine and is asserted in the suite as well.
"""
