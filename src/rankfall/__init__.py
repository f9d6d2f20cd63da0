"""rankfall: matrix completion by deep matrix factorization, and a laboratory for its implicit bias.

    import rankfall as rf
    filled = rf.DeepMatrixFactorization().fit_transform(X)            # NaN marks the unknown entries
    run = rf.evolve(problem, rf.Chain(depth=3), rf.Gaussian(scale=1e-3), rf.Flow(rtol=1e-3))

The names and the packages of `__init__.pyi` are loaded on first use, so that importing rankfall is fast.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
