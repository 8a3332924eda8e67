"""What polling, long polling and a WebSocket cost: the formulas beside simulated clients, and beside real ones."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import translate
from designbook.data import measurement
from designbook.systems.chat import transports
from designbook.systems.chat.transport_trial import Setting, try_transport


def simulated_polls(rng, rate, interval, trip, seconds):
    """Requests and mean delay of one client, event by event."""
    requests, delays, request, waiting, next_message = 0, [], rng.random() * interval, [], rng.expovariate(rate)
    while request < seconds:
        requests += 1
        at_server = request + trip / 2
        while next_message < at_server:
            waiting.append(next_message)
            next_message += rng.expovariate(rate)
        delays += [at_server + trip / 2 - message for message in waiting]
        waiting.clear()
        request += interval
    return requests / seconds, sum(delays) / len(delays)


def simulated_long_polls(rng, rate, trip, hold, seconds):
    """The same with a request that waits at the server."""
    requests, delays, now, next_message = 0, [], 0.0, rng.expovariate(rate)
    while now < seconds:
        at_server, waiting = now + trip / 2, []
        while next_message < at_server:
            waiting.append(next_message)
            next_message += rng.expovariate(rate)
        answered = at_server
        if not waiting:
            answered = min(next_message, at_server + hold)
            if answered == next_message:
                waiting.append(next_message)
                next_message += rng.expovariate(rate)
        delays += [answered + trip / 2 - message for message in waiting]
        now, requests = answered + trip / 2, requests + 1
    return requests / now, sum(delays) / len(delays)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rate", "interval", "trip"), [(0.1, 1.0, 0.05), (5.0, 0.5, 0.2), (1.0, 10.0, 0.1)])
def test_polling_costs_what_simulated_clients_pay(seed, rate, interval, trip):
    requests, delay = simulated_polls(random.Random(seed), rate, interval, trip, 20_000 / rate)
    assert requests == pytest.approx(transports.poll_requests(interval), rel=0.01)
    assert delay == pytest.approx(transports.poll_latency(interval, trip), rel=0.03)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rate", "trip", "hold"), [(0.001, 0.05, 30), (0.2, 0.05, 30), (0.2, 0.5, 2), (10.0, 0.1, 30), (30.0, 0.2, 1)]
)
def test_long_polling_costs_what_simulated_clients_pay(seed, rate, trip, hold):
    requests, delay = simulated_long_polls(random.Random(seed), rate, trip, hold, 20_000 / rate)
    assert requests == pytest.approx(transports.long_poll_requests(rate, trip, hold), rel=0.03)
    assert delay == pytest.approx(transports.long_poll_latency(rate, trip, hold), rel=0.03)


rates, trips, holds = st.floats(1e-6, 100), st.floats(0.001, 2), st.floats(0.5, 120)


@given(rates, trips, holds)
def test_long_polling_asks_at_least_once_a_hold_and_at_most_once_a_trip(rate, trip, hold):
    requests = transports.long_poll_requests(rate, trip, hold)
    assert 1 / (trip + hold) * (1 - 1e-6) <= requests <= 1 / trip * (1 + 1e-9)


@given(rates, trips, holds, st.floats(0.01, 60))
def test_nobody_is_faster_than_a_socket_and_long_polling_loses_at_most_half_a_trip(rate, trip, hold, interval):
    best = transports.socket_latency(trip)
    assert best <= transports.long_poll_latency(rate, trip, hold) <= 2 * best * (1 + 1e-9)
    assert transports.poll_latency(interval, trip) > best


@given(st.floats(0.01, 60), trips, holds)
def test_with_nothing_to_say_polling_still_asks_and_every_way_still_costs_bytes(interval, trip, hold):
    assert transports.poll_bytes(0, interval, 500, 200) == pytest.approx(500 / interval)
    assert transports.long_poll_requests(0, trip, hold) == pytest.approx(1 / (trip + hold))
    assert transports.socket_bytes(0, 30, 20, 200) == pytest.approx(20 / 30)


def test_the_formulas_run_on_the_page():
    for function in (transports.poll_latency, transports.long_poll_requests, transports.long_poll_bytes):
        assert translate(function)


def test_real_clients_pay_what_the_formulas_say():
    """All three at once on real sockets; the delay may be longer than the theory's on a busy machine."""
    setting = Setting(clients=15, rate=1.0, interval=0.6, hold=1.5, heartbeat=0.5, trip=0.1, seconds=3.0)

    async def all_at_once():
        return await asyncio.gather(
            *(try_transport(way, setting, seed=3) for way in ("polling", "long polling", "websocket"))
        )

    polled, held, pushed = asyncio.run(all_at_once())
    counted = setting.clients * setting.seconds * setting.rate  # those of the warm-up do not count
    assert polled.messages == held.messages == pushed.messages == pytest.approx(counted, abs=4 * counted**0.5)
    rate = polled.messages / setting.clients / setting.seconds
    args = (rate, setting.trip, setting.hold)
    near = {"rel": 0.2}
    assert polled.requests / setting.clients == pytest.approx(transports.poll_requests(setting.interval), **near)
    assert polled.bytes / setting.clients == pytest.approx(
        transports.poll_bytes(rate, setting.interval, polled.head, polled.message), **near
    )
    assert held.requests / setting.clients == pytest.approx(transports.long_poll_requests(*args), **near)
    assert held.bytes / setting.clients == pytest.approx(
        transports.long_poll_bytes(*args, held.head, held.message), **near
    )
    assert pushed.requests / setting.clients == pytest.approx(transports.socket_frames(rate, setting.heartbeat), **near)
    assert pushed.bytes / setting.clients == pytest.approx(
        transports.socket_bytes(rate, setting.heartbeat, pushed.head, pushed.message), **near
    )
    assert polled.latency > 0.6 * transports.poll_latency(setting.interval, setting.trip)
    assert held.latency >= 0.99 * transports.socket_latency(setting.trip)
    assert pushed.latency >= 0.99 * transports.socket_latency(setting.trip)
    assert pushed.bytes < held.bytes < polled.bytes
    assert max(held.latency, pushed.latency) < polled.latency


def test_the_stored_predictions_come_out_the_same_again_and_the_measurements_near_them():
    stored = measurement("chat_transports", stale=True).results
    for each in stored["trials"]:
        users, args = (
            each["users"],
            (each["messages"] / each["users"] / stored["seconds"], stored["trip"], stored["hold"]),
        )
        requests = {
            "polling": lambda each=each: transports.poll_requests(each["interval"]),
            "long polling": lambda args=args: transports.long_poll_requests(*args),
            "websocket": lambda args=args: transports.socket_frames(args[0], stored["heartbeat"]),
        }[each["transport"]]()
        assert each["requests_predicted"] == pytest.approx(users * requests, abs=0.01)
        assert each["requests"] == pytest.approx(each["requests_predicted"], rel=0.15)
        assert each["latency"] == pytest.approx(each["latency_predicted"], rel=0.25)


def test_a_setting_whose_clients_cannot_keep_up_is_refused():
    with pytest.raises(ValueError, match=r"trip is 2 s.*interval, 1"):
        Setting(trip=2, interval=1)
