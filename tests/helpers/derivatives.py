"""What lemma tests share: a derivative to compare with, the order of vanishing errors, a function as users meet it."""

import numpy as np


def slope_along(function, point, direction, step=1e-3):
    """d/dh function(point + h·direction) at 0, by a difference of fourth order: error step⁴ f⁗′/30 + ε|f|/step."""
    far = [function(point + k * step * direction) for k in (-2, -1, 1, 2)]
    return (far[0] - 8 * far[1] + 8 * far[2] - far[3]) / (12 * step)


def order_of(steps, errors):
    """The slope of log error against log step."""
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


def slope_of(model, problem, weights):
    """ℓ and −Ẇ: the gradient, where a model follows it."""
    loss, velocity = model.velocity(problem, weights)
    return loss, -velocity
