"""Measurements that the documentation quotes, each a module that prints a table.

    python -m benchmarks.reference      the papers' program against rankfall, on the same entries
    python -m benchmarks.path           how closely each integrator follows the flow, and for how many gradients
    python -m benchmarks.kernels        a full gradient of observed entries against SciPy's two products
    python -m benchmarks.ratings        held-out error on ratings beside the libraries that are installed

Run them from a checkout, with rankfall installed. Everything compared is computed in one run, side by side, from one
seed; the numbers of gradients and the errors do not depend on the machine, wall times do.
"""
