"""How long requests wait, from the closed forms of queueing theory.

Kendall's names: M/M/c has Poisson arrivals, exponential service times and c servers with one queue; M/G/1 has any
service time and one server. Rates are per second, times in seconds. Source: L. Kleinrock, *Queueing Systems*, vol. 1,
1975.
"""

from dataclasses import dataclass
from math import exp, log


def erlang_b(offered: float, servers: int) -> float:
    """The part of arrivals that c servers without a queue turn away; `offered` is arrival rate / service rate.

    By the recursion over the number of servers, which neither overflows nor loses digits. O(servers).
    """
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    return blocked


def erlang_c(offered: float, servers: int) -> float:
    """The part of arrivals that must wait with c servers and one queue; 1 if the servers cannot keep up. O(servers)."""
    if offered >= servers:
        return 1.0
    blocked = erlang_b(offered, servers)
    return blocked / (1.0 - (offered / servers) * (1.0 - blocked))


@dataclass(frozen=True, slots=True)
class MMc:
    """One queue before `servers` servers, each of which serves `service_rate` requests a second when busy.

    Raises ValueError if a rate is not positive, or if the servers cannot keep up: then no mean exists, the queue grows
    for as long as one looks.
    """

    arrival_rate: float
    service_rate: float
    servers: int = 1

    def __post_init__(self) -> None:
        if not self.arrival_rate > 0 or not self.service_rate > 0 or self.servers < 1:
            raise ValueError(f"rates must be above 0 and servers at least 1, got {self}")
        if self.utilisation >= 1:
            raise ValueError(
                f"{self.servers} server(s) of {self.service_rate:g} requests a second cannot keep up with "
                f"{self.arrival_rate:g}: the utilisation would be {self.utilisation:.3g}"
            )

    @property
    def utilisation(self) -> float:
        """The part of the time for which a server is busy."""
        return self.arrival_rate / (self.servers * self.service_rate)

    @property
    def wait_probability(self) -> float:
        """The part of requests that find all servers busy (Erlang's C formula)."""
        return erlang_c(self.arrival_rate / self.service_rate, self.servers)

    @property
    def mean_wait(self) -> float:
        """Seconds in the queue, on average over all requests."""
        return self.wait_probability / self._drain

    @property
    def mean_response(self) -> float:
        """Seconds from arrival to answer, on average."""
        return self.mean_wait + 1.0 / self.service_rate

    @property
    def mean_queue(self) -> float:
        """Requests waiting, on average over time (Little's law)."""
        return self.arrival_rate * self.mean_wait

    def wait_tail(self, seconds: float) -> float:
        """The part of requests that wait longer than this."""
        return self.wait_probability * exp(-self._drain * seconds) if seconds >= 0 else 1.0

    def wait_quantile(self, part: float) -> float:
        """The wait that this part of requests does not exceed: `wait_quantile(0.99)` is the p99.

        Raises ValueError unless 0 <= part < 1.
        """
        if not 0 <= part < 1:
            raise ValueError(f"part must be at least 0 and below 1, got {part}")
        waiting = self.wait_probability
        return log(waiting / (1.0 - part)) / self._drain if 1.0 - part < waiting else 0.0

    def response_tail(self, seconds: float) -> float:
        """The part of requests whose answer takes longer than this."""
        if seconds < 0:
            return 1.0
        service, drain, waiting = self.service_rate, self._drain, self.wait_probability
        alone = exp(-service * seconds)
        if abs(service - drain) < 1e-9 * service:
            after_wait = (1.0 + service * seconds) * alone
        else:
            after_wait = (service * exp(-drain * seconds) - drain * alone) / (service - drain)
        return (1.0 - waiting) * alone + waiting * after_wait

    def response_quantile(self, part: float) -> float:
        """The response time that this part of requests does not exceed. Raises ValueError unless 0 <= part < 1."""
        if not 0 <= part < 1:
            raise ValueError(f"part must be at least 0 and below 1, got {part}")
        low, high = 0.0, 1.0 / self.service_rate
        while self.response_tail(high) > 1.0 - part:
            low, high = high, 2 * high
        for _ in range(60):
            middle = (low + high) / 2
            if self.response_tail(middle) > 1.0 - part:
                low = middle
            else:
                high = middle
        return high

    @property
    def _drain(self) -> float:
        """The rate at which a wait runs out: what the servers can do beyond what arrives."""
        return self.servers * self.service_rate - self.arrival_rate


def mg1_mean_wait(arrival_rate: float, mean_service: float, variation: float) -> float:
    """The mean wait before one server with service times of any distribution (Pollaczek and Khinchine).

    `variation` is the squared coefficient of variation of the service time: 0 if all take equally long, 1 if
    exponential. Raises ValueError if the server cannot keep up.
    """
    load = arrival_rate * mean_service
    if not 0 < load < 1 or variation < 0:
        raise ValueError(f"load must lie between 0 and 1 and variation be at least 0, got {load:.3g} and {variation}")
    return load * mean_service * (1.0 + variation) / (2.0 * (1.0 - load))


def servers_for(arrival_rate: float, service_rate: float, *, part: float, response: float) -> int:
    """The fewest servers with which this part of requests is answered within `response` seconds.

    `servers_for(3_800, 500, part=0.99, response=0.020)`: for a p99 of 20 ms. Raises ValueError if service alone takes
    longer than that, so that no number of servers is enough.
    """
    if exp(-service_rate * response) >= 1.0 - part:
        raise ValueError(
            f"a p{100 * part:g} of {response:g} s cannot be had: "
            f"service alone, at {service_rate:g} a second, takes longer"
        )
    fewest = int(arrival_rate / service_rate) + 1
    step = 1
    while MMc(arrival_rate, service_rate, fewest + step).response_tail(response) > 1.0 - part:
        step *= 2
    low, high = fewest - 1, fewest + step
    while high - low > 1:
        middle = (low + high) // 2
        if MMc(arrival_rate, service_rate, middle).response_tail(response) > 1.0 - part:
            low = middle
        else:
            high = middle
    return high
