"""From people to requests, bytes, machines and money in one model, and what rounding costs on the way.

Prices come from `data/facts.csv`, two limits from the stored measurements; the other defaults are assumptions with a
range.
"""

from collections.abc import Callable
from math import floor, log10
from random import Random

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate
from designbook.data import fact, measurement

# What one node sustained on two shared cores; the URL shortener's chapter shows how it was measured.
_STORES = measurement("shortener_stores", stale=True).results["stores"]


class EstimatingCapacity(CapacityModel):
    """A service that people read and write: the estimate that nearly every interview asks for."""

    users = Input(50e6, "user", low=1e4, high=2e9, scale="log", about="people who use it at least now and then")
    active = Input(20, "percent", low=1, high=80, scale="log", about="share of them who come on a given day")
    reads_each = Input(20, "request/user/day", low=1, high=500, scale="log", about="reads in a day by each who comes")
    writes_each = Input(
        2, "request/user/day", low=0.05, high=50, scale="log", about="writes in a day by each who comes"
    )
    peak_to_mean = Input(3, "times", low=1, high=10, about="busiest second against the mean")

    record = Input(1_000, "byte/request", low=50, high=1e6, scale="log", about="bytes that one write leaves behind")
    kept = Input(5, "year", low=1, high=20, about="how long what is written is kept")
    copies = Input(3, "", low=1, high=5, about="copies of what is stored")
    answer = Input(5_000, "byte/request", low=200, high=1e6, scale="log", about="bytes of one answer")
    response_time = Input(100, "millisecond", low=5, high=5_000, scale="log", about="how long a request takes")

    pool = Input(20, "connection", low=1, high=1_000, scale="log", about="connections to the database in one pool")
    query = Input(5, "millisecond", low=0.1, high=1_000, scale="log", about="how long a query holds a connection")

    server_rate = Input(
        1_000, "request/second/server", low=50, high=50_000, scale="log", about="what one server sustains"
    )
    utilisation = Input(60, "percent", low=20, high=95, about="how full a server may run at the peak")
    server_price = Input(
        fact("ec2-m7g-large").value, "USD/hour/server", low=0.01, high=1, scale="log", about="one server, rented"
    )
    disk_price = Input(
        fact("rds-gp3-storage").value, "USD/GB/month", low=0.02, high=0.5, scale="log", about="database storage"
    )
    egress_price = Input(fact("aws-egress-first-10tb").value, "USD/GB", low=0.01, high=0.12, about="bytes sent out")

    @estimate("user", asks="How many people use the service on a given day?")
    def daily_users(self) -> float:
        """People who come on a given day."""
        return self.users * self.active

    @estimate("request/second", asks="How many reads a second does the service get, on average over the day?")
    def reads(self) -> float:
        """Reads, on average."""
        return self.daily_users * self.reads_each

    @estimate("request/second", asks="How many writes a second does the service get, on average over the day?")
    def writes(self) -> float:
        """Writes, on average."""
        return self.daily_users * self.writes_each

    @estimate("request/second", asks="How many reads a second does the service get in its busiest second?")
    def peak_reads(self) -> float:
        """Reads in the busiest second."""
        return self.reads * self.peak_to_mean

    @estimate("request/second", asks="How many writes a second does the service get in its busiest second?")
    def peak_writes(self) -> float:
        """Writes in the busiest second."""
        return self.writes * self.peak_to_mean

    @estimate(
        "request", asks="How many requests, reads and writes, are being answered at one moment of the busiest second?"
    )
    def in_flight(self) -> float:
        """Requests that are being answered at the same time, by Little's law."""
        return (self.peak_reads + self.peak_writes) * self.response_time

    @estimate("request/second", asks="How many queries a second can one pool of database connections carry at most?")
    def pool_ceiling(self) -> float:
        """Queries that a pool can carry, by Little's law turned round."""
        return amount(count(self.pool), "request") / self.query

    @estimate(
        "terabyte",
        asks="How many bytes have the writes left behind at the end of the time for which they are kept, in one copy?",
    )
    def storage(self) -> float:
        """What the writes leave behind, one copy."""
        return self.writes * self.kept * self.record

    @estimate(
        "terabyte", asks="How many bytes of disk do all copies take at the end of the time for which writes are kept?"
    )
    def disks(self) -> float:
        """All copies of it."""
        return self.storage * self.copies

    @estimate(
        "megabyte/second",
        asks="How many bytes a second does the service send out as answers to reads, in its busiest second?",
    )
    def bandwidth(self) -> float:
        """Answers sent out in the busiest second."""
        return self.peak_reads * self.answer

    @estimate(
        "server",
        asks="How many servers carry the reads and writes of the busiest second, with one more so that one may fail?",
    )
    def servers(self) -> float:
        """Servers for the busiest second, and one more so that one may fail."""
        return ceil((self.peak_reads + self.peak_writes) / (self.server_rate * self.utilisation)) + amount(1, "server")

    @estimate("USD/month", asks="What do the servers cost, in dollars a month?")
    def server_cost(self) -> float:
        """Servers, rented all month."""
        return self.servers * self.server_price

    @estimate(
        "USD/month",
        asks="What does the storage cost, all copies, in dollars a month, once the last year has been filled?",
    )
    def disk_cost(self) -> float:
        """Storage, all copies, in the last of the years."""
        return self.disks * self.disk_price

    @estimate("USD/month", asks="What does it cost to send out the answers to reads, in dollars a month?")
    def egress_cost(self) -> float:
        """Answers sent out, on average."""
        return self.reads * self.answer * self.egress_price

    @estimate("USD/month", asks="What is the whole bill of the service, in dollars a month?")
    def cost(self) -> float:
        """The monthly bill in the last of the years, without salaries and the machines of databases and caches."""
        return self.server_cost + self.disk_cost + self.egress_cost

    @estimate(
        "USD/month/user",
        asks="What does the service cost for each person who comes on a given day, in dollars a month?",
    )
    def cost_each(self) -> float:
        """The bill for each person who comes on a given day."""
        return self.cost / self.daily_users

    one_database = Limit(
        "peak_writes",
        float(f"{_STORES['postgresql']['made_per_second']:.2g}"),
        "request/second",
        about="one PostgreSQL node, a commit for each write",
        then="write in batches, then split the data by a key",
    )
    one_cache = Limit(
        "peak_reads",
        float(f"{_STORES['valkey']['node_reads_per_second']:.2g}"),
        "request/second",
        about="one Valkey node",
        then="keep the hottest answers in the servers, then shard the cache",
    )
    one_machine = Limit(
        "storage",
        10,
        "terabyte",
        about="one database machine with 10 TB (assumed)",
        then="split the data by a key, or move old data to object storage",
    )


# -- what rounding costs

Rounding = Callable[[float], float]


def one_digit(value: float) -> float:
    """`value` with one digit: 4,271 becomes 4,000. Raises ValueError unless it is above 0."""
    return _to_digits(value, 1)


def two_digits(value: float) -> float:
    """`value` with two digits: 4,271 becomes 4,300. Raises ValueError unless it is above 0."""
    return _to_digits(value, 2)


def one_or_three(value: float) -> float:
    """The nearest of 1, 3, 10, 30 ... by ratio, where 3 stands for half a power of ten."""
    halves = floor(2 * log10(_positive(value)) + 0.5)
    return 10.0 ** (halves // 2) * (3 if halves % 2 else 1)


def power_of_ten(value: float) -> float:
    """The nearest power of ten by ratio: 4,271 becomes 10,000."""
    return 10.0 ** floor(log10(_positive(value)) + 0.5)


def _to_digits(value: float, digits: int) -> float:
    return float(f"{_positive(value):.{digits - 1}e}")


def _positive(value: float) -> float:
    if not value > 0:
        raise ValueError(f"only a number above 0 has a first digit, not {value}")
    return value


def rounding_ratios(given: Rounding, between: Rounding, factors: int, size: int, *, seed: int = 1) -> list[float]:
    """Rounded result / true result of `size` random products of so many factors, sorted.

    Each factor is drawn evenly by ratio from four powers of ten; every third one divides. `given` rounds a factor
    before it is used, and `between` the running result after each step. Raises ValueError for none of either.
    """
    if factors < 1 or size < 1:
        raise ValueError(f"at least one factor and one product are needed, got {factors} and {size}")
    rng, found = Random(seed), []
    for _ in range(size):
        true = rounded = 1.0
        for number in range(factors):
            factor = 10.0 ** rng.uniform(0, 4)
            power = -1 if number % 3 == 2 else 1
            true, rounded = true * factor**power, between(rounded * given(factor) ** power)
        found.append(rounded / true)
    return sorted(found)


def within(ratios: list[float], factor: float) -> float:
    """The part of `ratios` that lies between 1/factor and factor."""
    return sum(1 / factor <= ratio <= factor for ratio in ratios) / len(ratios)


def typical_factor(ratios: list[float], part: float = 0.5) -> float:
    """The factor, 1 or more, by which this part of `ratios` is not exceeded, up or down."""
    away = sorted(max(ratio, 1 / ratio) for ratio in ratios)
    return away[min(len(away) - 1, floor(part * len(away)))]
