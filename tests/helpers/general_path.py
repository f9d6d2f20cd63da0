"""A chain that takes the general path: its velocity is its own, and so no compiled loops are used for it."""

import rankfall as rf


class GeneralChain(rf.Chain):
    def velocity(self, problem, weights):
        return super().velocity(problem, weights)
