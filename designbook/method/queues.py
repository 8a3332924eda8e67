"""What the panels on queues and overload compute, in Python that translates to JavaScript.

Times are in seconds, `load` is the part of the time for which a server is busy, `service` the mean time of an answer
without a wait. The formulas are those of `designbook.simulation.queueing`, against which the tests hold them.
"""

from designbook.capacity import CapacityModel, Input, count, estimate, exp, log, maximum, minimum


class QueueCapacity(CapacityModel):
    """One server, a page that asks many of them, and clients that ask again: the numbers to know by heart."""

    load = Input(80, "percent", low=10, high=98, about="part of the time for which a server is busy")
    service = Input(10, "millisecond", low=1, high=1_000, scale="log", about="time of an answer without a wait")
    fan_out = Input(100, "server", low=1, high=2_000, scale="log", about="servers that one page asks")
    slow = Input(1, "percent", low=0.01, high=10, scale="log", about="answers of each server that are slow")
    page_goal = Input(99, "percent", low=50, high=99.9, about="pages that must not meet a slow answer")
    servers = Input(8, "server", low=1, high=64, about="servers behind one queue, where there are several")
    retries = Input(3, "", low=1, high=10, about="times that a client asks again")
    budget = Input(10, "percent", low=1, high=100, scale="log", about="retries allowed for each new request")

    @estimate(
        "millisecond",
        asks="How long does a request wait on average before one busy server (M/M/1), its own service not counted?",
    )
    def mean_wait(self) -> float:
        """Mean wait before one server with random arrivals and exponential service times (M/M/1)."""
        return self.service * self.load / (1 - self.load)

    @estimate(
        "millisecond",
        asks="How long does one busy server (M/M/1) take on average from request to answer, the wait included?",
    )
    def mean_answer(self) -> float:
        """Mean time from request to answer, wait included."""
        return self.service / (1 - self.load)

    @estimate(
        "millisecond",
        asks="Within what time does one busy server (M/M/1) answer 99 of 100 requests? (The logarithm of 100 is 4.6.)",
    )
    def p99_answer(self) -> float:
        """Time in which 99 of 100 requests are answered."""
        return self.mean_answer * log(100)

    @estimate(
        "millisecond", asks="How long does a request wait on average in one queue before several servers (M/M/c)?"
    )
    def pooled_wait(self) -> float:
        """Mean wait in one queue before several servers (M/M/c)."""
        servers = count(self.servers)
        return self.service * wait_chance(self.load, servers) / (servers * (1 - self.load))

    @estimate("percent", asks="What share of pages meets at least one slow answer, if a page asks many servers?")
    def slow_pages(self) -> float:
        """Pages that meet at least one slow answer."""
        return 1 - (1 - self.slow) ** count(self.fan_out)  # type: ignore[no-any-return]

    @estimate(
        "percent", asks="What share of its answers may each server give slowly, so that enough pages meet no slow one?"
    )
    def slow_allowed(self) -> float:
        """Slow answers that each server may give, so that enough pages meet none."""
        return 1 - self.page_goal ** (1 / count(self.fan_out))  # type: ignore[no-any-return]

    @estimate(
        "percent", asks="Above which load does a storm of retries keep itself alive once it has begun, with no budget?"
    )
    def storm_load(self) -> float:
        """Load above which a storm of retries keeps itself alive once it has begun."""
        return 1 / (1 + self.retries)

    @estimate(
        "percent", asks="Above which load does a storm keep itself alive, if clients keep their retries to the budget?"
    )
    def storm_load_with_budget(self) -> float:
        """Load above which a storm keeps itself alive where all clients together keep to the budget."""
        return 1 / (1 + self.budget)


# -- one queue


def wait_chance(load: float, servers: float) -> float:
    """The part of requests that find all servers busy (Erlang's C formula)."""
    offered = load * servers
    blocked = 1.0
    server = 1
    while server <= servers:
        blocked = offered * blocked / (server + offered * blocked)
        server = server + 1
    return blocked / (1.0 - load * (1.0 - blocked))


def mean_response(load: float, servers: float, service: float) -> float:
    """Mean seconds from request to answer, with one queue before all servers."""
    return service * (1.0 + wait_chance(load, servers) / (servers * (1.0 - load)))


def late(seconds: float, waiting: float, load: float, servers: float, service: float) -> float:
    """The part of answers that take longer than this, where a part `waiting` finds all servers busy."""
    drain = servers * (1.0 - load)
    past = seconds / service
    alone = exp(-past)
    if abs(1.0 - drain) < 1e-6:
        after_wait = (1.0 + past) * alone
    else:
        after_wait = (exp(-drain * past) - drain * alone) / (1.0 - drain)
    return (1.0 - waiting) * alone + waiting * after_wait


def p99_response(load: float, servers: float, service: float) -> float:
    """The time in which 99 of 100 requests are answered, by halving."""
    waiting = wait_chance(load, servers)
    low = 0.0
    high = service
    while late(high, waiting, load, servers, service) > 0.01:
        low = high
        high = 2.0 * high
    for _ in range(30):
        middle = (low + high) / 2.0
        if late(middle, waiting, load, servers, service) > 0.01:
            low = middle
        else:
            high = middle
    return high


def fullest(servers: float, service: float, times: float) -> float:
    """How busy servers may be with a p99 of at most `times` their service time; 0 if even idle ones take longer."""
    low = 0.0
    high = 1.0
    for _ in range(14):
        middle = (low + high) / 2.0
        if p99_response(middle, servers, service) > times * service:
            high = middle
        else:
            low = middle
    return low


# -- retries, as a flow

STEP = 0.5
"""Seconds in which the flow is followed."""


def flow(until: float, load: float, burst: float, retries: float, budget: float) -> list[float]:
    """Load sent, answers in time and wait at second `until` of a service that meets a burst of overload.

    From second 20 on, for `burst` seconds, 1.5 times what the server can do arrives, before and after it `load` of it.
    A client that has no answer after a second asks again, at most `retries` times, and all of them together at most
    `budget` times the new requests. The first two results are multiples of the capacity, the third is in seconds.
    """
    steps: list[list[float]] = []
    wait = 0.0
    sent = load
    answered = load
    now = 0
    while now * STEP <= until:
        bursting = now * STEP >= 20 and now * STEP < 20 + burst
        new = 1.5 if bursting else load
        again = []
        total = 0.0
        tries = 0
        while tries < retries:
            # Who was sent a timeout ago, and would have waited longer than that, asks for the next time.
            earlier = steps[now - 2] if now >= 2 else []
            asked = earlier[tries] if len(earlier) > tries else 0.0
            again.append(asked)
            total = total + asked
            tries = tries + 1
        allowed = 1.0 if total <= budget * new else budget * new / total
        sent = new + total * allowed
        in_time = wait <= 1.0
        answered = minimum(1.0, sent) if in_time else 0.0
        failed = []
        if not in_time:
            failed.append(new)
            for asked in again:
                failed.append(asked * allowed)
        steps.append(failed)
        wait = maximum(0.0, wait + (sent - 1.0) * STEP)
        now = now + 1
    return [sent, answered, wait]
