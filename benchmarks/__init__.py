"""Measurements that the documentation quotes, each a module that prints a table.

    python -m benchmarks.reference      the papers' program against rankfall, on the same entries
    python -m benchmarks.path           how closely each integrator follows the flow, and for how many gradients

Run them from a checkout, with rankfall installed. Everything compared is computed in one run, side by side, from one
seed; the numbers of gradients and the errors do not depend on the machine, wall times do.
"""
