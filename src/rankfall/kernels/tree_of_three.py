"""Loss and gradient of a tree ((a, b), c) from entries: what an entry needs twice stays in registers.

W = ⟨root, (H [u ∘ v]) ∘ w⟩,    u, v, w the rows of the leaves a, b and c, and H the matrix of the inner node
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_terms import cost_and_slope
from rankfall.kernels.four_rows import add_products, combined
from rankfall.kernels.inner import aligned
from rankfall.kernels.lanes import LANES, add_multiple, add_times, dot, load, multiple, read, stay_apart, store, times


@njit(cache=True, error_model="numpy")
@no_type_check
def gradient_of_three(
    begin, end, positions, table, three, matrices, values, weights, share, kind, parameter, pulled, tag
):  # fmt: skip
    """½ ∂ℓ/∂matrices of the entries to `pulled`; what they add to ℓ. `three`: as `Nodes.three`."""
    stay_apart()
    width, total = len(tag) * LANES, 0.0
    # one leaf beside the root, and two below the inner node
    inner, alone, left, right = three
    number = matrices.dtype.type
    products, downs = aligned(4 * width, matrices), aligned(4 * width, matrices)
    lefts, rights, alones = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.int64)
    root, sums = load(matrices, table[3, 4], tag), load(pulled, table[3, 4], tag)
    for e in range(begin, end, 4):
        for g in range(4):
            at = min(e + g, end - 1)
            lefts[g] = table[3, left] + positions[table[1, left], at] * width
            rights[g] = table[3, right] + positions[table[1, right], at] * width
            alones[g] = table[3, alone] + positions[table[1, alone], at] * width
            store(products, g * width, times(load(matrices, lefts[g], tag), load(matrices, rights[g], tag)))
        outputs = combined(table[2, inner], table[3, inner], matrices, products, 0, width, tag)
        for g in range(4):
            place, cost, slope = alones[g], 0.0, 0.0
            row = load(matrices, place, tag)
            product = times(outputs[g], row)
            if e + g < end:
                weight = share * read(weights, e + g) if weights.size > 0 else share
                cost, slope = cost_and_slope(kind, parameter, dot(product, root), read(values, e + g), weight)
            total += cost
            scaled = multiple(number(slope), root)
            sums = add_multiple(sums, number(slope), product)
            store(downs, g * width, times(scaled, row))
            store(pulled, place, add_times(load(pulled, place, tag), scaled, outputs[g]))
        add_products(table[2, inner], table[3, inner], products, 0, width, downs, pulled, tag)
        lower = combined(table[7, inner], table[5, inner], matrices, downs, 0, width, tag)
        for g in range(4):
            a, b = lefts[g], rights[g]
            store(pulled, a, add_times(load(pulled, a, tag), lower[g], load(matrices, b, tag)))
            store(pulled, b, add_times(load(pulled, b, tag), lower[g], load(matrices, a, tag)))
    store(pulled, table[3, 4], sums)
    return total
