"""What a URL shortener must carry: traffic, key space, storage, cache, servers and money.

Prices and comparisons come from `data/facts.csv`, limits from the stored measurements; the other defaults are
assumptions that an interviewer would be asked about, and each has its range.
"""

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate, log
from designbook.data import fact, measurement

# What one node sustained on two shared cores; the chapter shows how it was measured, and when.
_STORES = measurement("shortener_stores", stale=True).results["stores"]


class ShortenerCapacity(CapacityModel):
    """A URL shortener with a cache in front of its store and a log of every click."""

    new_links = Input(100e6, "link/month", low=1e6, high=10e9, scale="log", about="links created")
    reads_per_link = Input(
        100, "request/link", low=1, high=1_000, scale="log", about="redirects per link over its life"
    )
    bot_share = Input(30, "percent", low=0, high=300, about="previews, crawlers and scanners, per human redirect")
    peak_to_mean = Input(3, "times", low=1, high=10, about="busiest second against the mean")

    kept = Input(5, "year", low=1, high=20, about="how long a link is kept")
    record = Input(250, "byte/link", low=100, high=2_000, scale="log", about="one stored link, without indexes")
    index_share = Input(50, "percent", low=0, high=200, about="indexes, per byte of record")
    replicas = Input(3, "", low=1, high=5, about="copies of each record")
    codes_per_link = Input(100, "code/link", low=1, high=1e6, scale="log", about="possible codes for each one in use")

    active = Input(30, "day", low=1, high=365, scale="log", about="how long a link draws its clicks")
    skew = Input(0.8, "", low=0.6, high=0.99, about="Zipf exponent of the clicks")
    hit_ratio = Input(80, "percent", low=50, high=99, about="redirects the cache should answer")
    policy = Input(1.4, "times", low=1, high=3, about="links a real policy must hold, against the ideal one")
    entry = Input(200, "byte/link", low=100, high=1_000, scale="log", about="one link in the cache, overhead included")
    cache_copies = Input(2, "", low=1, high=3, about="copies of the shared cache")

    response = Input(500, "byte/request", low=200, high=2_000, about="one redirect on the wire, encrypted")
    handshake = Input(3_000, "byte/request", low=0, high=8_000, about="setting up TLS, on a fresh connection each")
    click_event = Input(100, "byte/request", low=20, high=1_000, scale="log", about="one click in the log")
    click_days = Input(90, "day", low=1, high=730, scale="log", about="how long single clicks are kept")

    server_rate = Input(
        1_200, "request/second/server", low=100, high=50_000, scale="log", about="what one server sustains"
    )
    store_rate = Input(
        10_000, "request/second/server", low=1_000, high=200_000, scale="log", about="reads that one database sustains"
    )
    utilisation = Input(60, "percent", low=20, high=95, about="how full a server may run at the peak")

    server_price = Input(
        fact("ec2-m7g-large").value, "USD/hour/server", low=0.01, high=1, scale="log", about="one server, rented"
    )
    database_price = Input(
        fact("rds-postgresql-single-az").value,
        "USD/hour/server",
        low=0.03,
        high=5,
        scale="log",
        about="one small database machine, rented",
    )
    disk_price = Input(
        fact("rds-gp3-storage").value, "USD/GB/month", low=0.02, high=0.5, scale="log", about="database storage"
    )
    memory_price = Input(
        fact("elasticache-valkey-storage").value, "USD/GB/hour", low=0.01, high=0.5, scale="log", about="cache memory"
    )
    log_price = Input(fact("s3-standard-storage").value, "USD/GB/month", low=0.005, high=0.1, about="object storage")
    egress_price = Input(fact("aws-egress-first-10tb").value, "USD/GB", low=0.01, high=0.12, about="bytes sent out")

    @estimate("link/second", asks="How many links a second are created, on average over the month?")
    def writes(self) -> float:
        """Links created, on average."""
        return self.new_links

    @estimate("link/second", asks="How many links a second are created in the busiest second?")
    def peak_writes(self) -> float:
        """Links created in the busiest second."""
        return self.writes * self.peak_to_mean

    @estimate("request/second", asks="How many redirects a second do people ask for, on average?")
    def reads(self) -> float:
        """Redirects for people, on average."""
        return self.new_links * self.reads_per_link

    @estimate(
        "request/second",
        asks="How many redirects a second do machines ask for on average: previews, crawlers, scanners?",
    )
    def bots(self) -> float:
        """Redirects for machines: link previews, crawlers, scanners."""
        return self.reads * self.bot_share

    @estimate(
        "request/second", asks="How many redirects a second are there in the busiest second, of people and machines?"
    )
    def peak_reads(self) -> float:
        """All redirects in the busiest second."""
        return (self.reads + self.bots) * self.peak_to_mean

    @estimate(
        "request/second",
        asks="How many redirects a second must the store answer in the busiest second, since the cache cannot?",
    )
    def misses(self) -> float:
        """Redirects that the cache cannot answer and the store must, in the busiest second."""
        return self.peak_reads * (1 - self.hit_ratio)

    @estimate("link", asks="How many links are in store once the oldest begin to expire?")
    def links(self) -> float:
        """Links in store once the oldest begin to expire."""
        return self.new_links * self.kept

    @estimate("code", asks="How many possible codes must there be, so that a guess rarely hits one in use?")
    def key_space(self) -> float:
        """Codes that must exist, so that a guess rarely hits one in use."""
        return self.links * self.codes_per_link

    @estimate("character", asks="How many characters must a code have, from 62 letters and digits?")
    def code_length(self) -> float:
        """Characters of base 62 that give as many codes."""
        return amount(ceil(log(count(self.key_space), 62)), "character")

    @estimate(
        "terabyte",
        asks="How many bytes of disk do the links take with their indexes, in all copies, once the oldest expire?",
    )
    def storage(self) -> float:
        """Links on disk with their indexes and replicas."""
        return self.links * self.record * (1 + self.index_share) * self.replicas

    @estimate(
        "terabyte", asks="How many bytes do single clicks take in the log, of people and machines, once it is full?"
    )
    def click_log(self) -> float:
        """Single clicks on disk, bots included, until they are rolled up into counts."""
        return (self.reads + self.bots) * self.click_days * self.click_event

    @estimate(
        "link",
        asks="How many links must a cache hold? The k most popular of N draw (k/N)^(1 - exponent) of the clicks.",
    )
    def cached_links(self) -> float:
        """The most popular links that together draw `hit_ratio` of the clicks, under Zipf's law."""
        flat = 1 - self.skew
        drawing = count(self.new_links * self.active)
        return amount((1 + self.hit_ratio * (drawing**flat - 1)) ** (1 / flat), "link")

    @estimate("gigabyte", asks="How much memory does one copy of the cache need, for links that a real policy holds?")
    def cache(self) -> float:
        """Memory of one copy of the cache: popular links, and those that a real policy holds in vain."""
        return self.cached_links * self.policy * self.entry

    @estimate("megabyte/second", asks="How many bytes a second go out to clients in the busiest second?")
    def bandwidth(self) -> float:
        """Bytes sent to clients in the busiest second."""
        return self.peak_reads * (self.response + self.handshake)

    @estimate("kilobyte/second", asks="How many bytes of new records a second go to the further copies, on average?")
    def replication(self) -> float:
        """Each new record, to every further copy."""
        return self.new_links * self.record * (self.replicas - 1)

    @estimate("server", asks="How many redirect servers carry the busiest second, with one more so that one may fail?")
    def servers(self) -> float:
        """Redirect servers for the busiest second, and one more so that one may fail."""
        return ceil(self.peak_reads / (self.server_rate * self.utilisation)) + amount(1, "server")

    @estimate("USD/month", asks="What do the redirect servers cost, with one to spare, in dollars a month?")
    def server_cost(self) -> float:
        """Redirect servers."""
        return self.servers * self.server_price

    @estimate(
        "server",
        asks="How many database machines are needed: shards for the misses of the busiest second, each in all copies?",
    )
    def databases(self) -> float:
        """Small database machines: as many shards as the misses need, each with its replicas."""
        return ceil(self.misses / self.store_rate) * self.replicas

    @estimate("USD/month", asks="What do the database machines cost, in dollars a month?")
    def database_cost(self) -> float:
        """Database machines."""
        return self.databases * self.database_price

    @estimate(
        "USD/month",
        asks="What do the links cost on database disks, indexes and all copies included, in dollars a month?",
    )
    def storage_cost(self) -> float:
        """Links on database disks."""
        return self.storage * self.disk_price

    @estimate("USD/month", asks="What does the memory of the cache cost, in all its copies, in dollars a month?")
    def cache_cost(self) -> float:
        """Memory of the cache, in all its copies."""
        return self.cache * self.cache_copies * self.memory_price

    @estimate(
        "USD/month",
        asks="What does the log of single clicks cost in object storage, bots included, in dollars a month?",
    )
    def click_cost(self) -> float:
        """The click log in object storage."""
        return self.click_log * self.log_price

    @estimate(
        "USD/month", asks="What does it cost to send out all responses, to people and machines, in dollars a month?"
    )
    def egress_cost(self) -> float:
        """Responses sent out."""
        return (self.reads + self.bots) * (self.response + self.handshake) * self.egress_price

    @estimate("USD/month", asks="What is the whole bill of the shortener, in dollars a month?")
    def cost(self) -> float:
        """The monthly bill, people's salaries apart."""
        machines = self.server_cost + self.database_cost
        return machines + self.storage_cost + self.cache_cost + self.click_cost + self.egress_cost

    @estimate("USD/megarequest", asks="What do a million redirects for people cost, in dollars?")
    def cost_per_redirect(self) -> float:
        """The bill divided by the redirects that people asked for."""
        return self.cost / self.reads

    one_database_reads = Limit(
        "misses",
        float(f"{_STORES['postgresql']['node_reads_per_second']:.2g}"),
        "request/second",
        about="one PostgreSQL node on two cores",
        then="answer more from the cache, then read from replicas",
    )
    one_database_writes = Limit(
        "peak_writes",
        float(f"{_STORES['postgresql']['made_per_second']:.2g}"),
        "link/second",
        about="one PostgreSQL node on two cores, one writer",
        then="shard the links by the hash of their code",
    )
    one_cache_node = Limit(
        "peak_reads",
        float(f"{_STORES['valkey']['node_reads_per_second']:.2g}"),
        "request/second",
        about="one Valkey node",
        then="keep the hottest links in each server, then shard the cache by the hash of the code",
    )
