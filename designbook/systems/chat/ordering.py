"""Order by timestamps: how often two messages swap places because clocks disagree.

A conversation's messages come at random (Poisson) at `rate` a second, each from one of `devices` that write equally
often and whose clocks are off by a normally distributed error of standard deviation `skew` seconds. Two messages in a
row are shown in the wrong order if the clock of the second one's device is behind that of the first one's by more than
the time between them.
"""

from random import Random

from designbook.capacity import exp, sqrt


def wrong_pairs(rate: float, skew: float, devices: float) -> float:
    """The share of neighbours that timestamps put in the wrong order.

    The difference of two clocks is normal with deviation s = skew sqrt(2), the time between the messages exponential:
    the share is the mean of 1 - exp(-rate d) over positive differences d, times that of neighbours from two devices.
    In closed form 1/2 - exp(a^2/2) Q(a) with a = rate s; here summed by Simpson's rule, which also runs on the page.
    """
    a = rate * skew * sqrt(2)
    steps = 120
    total = 0.0
    for k in range(1, steps):
        u = k / steps
        z = 7 * u * u  # points lie closest where the integrand bends most
        weight = 4 if k % 2 == 1 else 2
        total = total + weight * exp(-z * z / 2) * (1 - exp(-a * z)) * 14 * u
    return (1 - 1 / devices) * total / (3 * steps) / sqrt(2 * 3.141592653589793)


def few_wrong_pairs(rate: float, skew: float, devices: float) -> float:
    """The same for few: rate skew / sqrt(pi), times the share of neighbours from two devices."""
    return (1 - 1 / devices) * rate * skew / sqrt(3.141592653589793)


def simulated_wrong_pairs(rng: Random, rate: float, skew: float, devices: int, messages: int) -> float:
    """The same share counted in a conversation whose clocks are drawn anew every ten messages."""
    wrong = pairs = 0
    while pairs < messages:
        clocks = [rng.gauss(0, skew) for _ in range(devices)]
        now, before = 0.0, None
        for _ in range(10):
            now += rng.expovariate(rate)
            stamp = now + rng.choice(clocks)
            if before is not None:
                pairs += 1
                wrong += stamp < before
            before = stamp
    return wrong / pairs
