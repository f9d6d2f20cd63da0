"""Small tables: several ways to complete them, weighed by held-out entries."""

from rankfall.estimators.refinement.refine import Refinement, is_refined, refine

__all__ = ["Refinement", "is_refined", "refine"]
