"""How a message gets to a browser: what polling, long polling and a WebSocket cost, by formula.

Messages for a user come at random (Poisson) at `rate` a second; `trip` is the time of a request and its answer on the
network. All functions are for one user, in base units, and translate to JavaScript. `head` is what a request and its
answer take without any message in it.
"""

from designbook.capacity import exp


def poll_requests(interval: float) -> float:
    """Requests a second when asking every `interval` seconds, news or not."""
    return 1 / interval


def poll_latency(interval: float, trip: float) -> float:
    """Mean seconds from the server's having a message to the user's: half an interval and half a trip."""
    return interval / 2 + trip / 2


def poll_bytes(rate: float, interval: float, head: float, message: float) -> float:
    """Bytes a second, both ways."""
    return head / interval + rate * message


def long_poll_cycle(rate: float, trip: float, hold: float) -> float:
    """Mean seconds from one request to the next, when the server holds a request up to `hold` seconds for a message.

    A trip, and then a wait, unless something came during the trip (else, of probability exp(-rate trip)). The wait ends
    with the next message or after `hold`: (1 - exp(-rate hold)) / rate seconds on average.
    """
    if rate * hold < 1e-9:
        return trip + hold
    return trip + exp(-rate * trip) * (1 - exp(-rate * hold)) / rate


def long_poll_requests(rate: float, trip: float, hold: float) -> float:
    """Requests a second: about one a message, or one each `hold` seconds if messages are rare."""
    return 1 / long_poll_cycle(rate, trip, hold)


def long_poll_latency(rate: float, trip: float, hold: float) -> float:
    """Mean seconds to the user: half a trip, and for what comes while no request waits, half a trip more on average."""
    return trip / 2 + trip / long_poll_cycle(rate, trip, hold) * trip / 2


def long_poll_bytes(rate: float, trip: float, hold: float, head: float, message: float) -> float:
    """Bytes a second, both ways."""
    return head / long_poll_cycle(rate, trip, hold) + rate * message


def socket_frames(rate: float, heartbeat: float) -> float:
    """Frames a second on a WebSocket: the messages, and a ping and its pong every `heartbeat` seconds."""
    return rate + 2 / heartbeat


def socket_latency(trip: float) -> float:
    """Mean seconds to the user: half a trip, since nobody has to ask."""
    return trip / 2


def socket_bytes(rate: float, heartbeat: float, beat: float, message: float) -> float:
    """Bytes a second, both ways; `beat` is a ping and its pong, `message` one with its frame's head."""
    return rate * message + beat / heartbeat
