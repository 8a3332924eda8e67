"""What a ride service must carry: trips, pings of all drivers on duty, searches, offers, records, pushes and money.

Prices and comparisons come from `data/facts.csv`, limits from the stored measurements; the other defaults are
assumptions that an interviewer would be asked about, and each has its range.
"""

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate
from designbook.data import fact, measurement
from designbook.quantities import noun

noun("ping")

# What Valkey and PostgreSQL sustained on two shared cores; the chapter shows how it was measured, and when.
_ENGINES = measurement("ride_sharing_engines", stale=True).results
_NODE = next(row for row in _ENGINES["stores"] if row["store"] == "valkey")
_NODE_RATE = float(f"{1 / _NODE['ping_in_batches']:.2g}")


class RideSharingCapacity(CapacityModel):
    """Drivers who report where they are, riders who look and ask, trips that are written down, in many cities."""

    drivers = Input(fact("uber-earners-2024"), low=1e4, high=2e7, scale="log", about="drivers in a month")
    daily = Input(40, "percent", low=10, high=100, about="share of drivers who work on a given day")
    on_duty = Input(5, "hour/day", low=1, high=12, about="hours on duty of a driver who works that day")
    busy = Input(
        60, "percent", low=20, high=95, about="share of hours on duty with a trip, the way to the rider included"
    )
    ride = Input(18, "minute/trip", low=5, high=60, about="a ride")
    pickup = Input(5, "minute/trip", low=1, high=20, about="the way to the rider")
    peak_to_mean = Input(2, "times", low=1, high=5, about="the busiest second against the mean")
    largest = Input(
        3, "percent", low=0.5, high=100, scale="log", about="share of everything that is in the largest city"
    )

    interval = Input(
        fact("uber-ping-interval-2015"), low=1, high=60, scale="log", about="time between two pings of a driver"
    )
    ping = Input(100, "byte/ping", low=20, high=1_000, scale="log", about="one ping on the wire")
    copies = Input(2, "", low=1, high=5, about="copies of each driver's place and of each trip")
    entry = Input(
        float(f"{_NODE['bytes_per_driver']:.1g}"),
        "byte/driver",
        low=50,
        high=1_000,
        scale="log",
        about="one driver in the index",
    )

    looks = Input(3, "", low=1, high=20, about="times the app is opened for each trip")
    look = Input(1, "minute", low=0.1, high=10, scale="log", about="how long the app then shows the cars nearby")
    refresh = Input(5, "second", low=1, high=60, scale="log", about="time between two looks at the cars nearby")
    offers = Input(1.3, "request/trip", low=1, high=5, about="offers until a driver takes the trip")
    candidates = Input(10, "", low=1, high=50, about="drivers whose way is computed for each offer")
    way = Input(1, "ms", low=0.1, high=20, scale="log", about="CPU time for one way through the streets")
    writes = Input(7, "write/trip", low=4, high=20, about="states that a trip goes through, each written down")

    record = Input(2, "kilobyte/trip", low=0.5, high=20, scale="log", about="one trip with its history and receipt")
    hot = Input(90, "day", low=7, high=730, scale="log", about="how long trips stay in the database")
    kept = Input(7, "year", low=1, high=10, about="how long trips are kept in object storage")
    point = Input(16, "byte/ping", low=4, high=100, scale="log", about="one stored point of a trip's track")
    track_kept = Input(90, "day", low=1, high=730, scale="log", about="how long tracks are kept")

    push = Input(200, "byte/message", low=50, high=2_000, scale="log", about="one pushed message")
    seen = Input(1, "message/ping", low=0, high=1, about="pings of a driver on a trip that go on to the rider")

    ping_rate = Input(
        5_000, "ping/second/server", low=500, high=50_000, scale="log", about="what one ping server takes"
    )
    node_rate = Input(
        25_000, "ping/second/node", low=5_000, high=500_000, scale="log", about="pings that one index node takes"
    )
    search_rate = Input(
        2_000, "request/second/node", low=500, high=1e5, scale="log", about="searches that one index node answers"
    )
    api_rate = Input(
        2_000, "request/second/server", low=100, high=50_000, scale="log", about="calls that one API server answers"
    )
    push_rate = Input(
        20_000, "connection/server", low=2_000, high=1e6, scale="log", about="connections that one push server holds"
    )
    write_rate = Input(1_000, "write/second/server", low=100, high=20_000, scale="log", about="what one database takes")
    utilisation = Input(60, "percent", low=20, high=95, about="how full machines may run")

    server_price = Input(
        fact("ec2-m7g-large").value, "USD/hour/server", low=0.01, high=1, scale="log", about="one machine, rented"
    )
    disk_price = Input(
        fact("rds-gp3-storage").value, "USD/GB/month", low=0.01, high=0.5, scale="log", about="database disk"
    )
    archive_price = Input(
        fact("s3-standard-storage").value, "USD/GB/month", low=0.005, high=0.1, about="object storage"
    )
    egress_price = Input(fact("aws-egress-first-10tb").value, "USD/GB", low=0.01, high=0.12, about="bytes sent out")

    @estimate("driver", asks="How many drivers are on duty, on average over the day?")
    def online(self) -> float:
        """Drivers on duty, on average over the day."""
        return self.drivers * self.daily * self.on_duty

    @estimate("driver", asks="How many drivers are on duty in the busiest second?")
    def peak_online(self) -> float:
        """Drivers on duty in the busiest second."""
        return self.online * self.peak_to_mean

    @estimate("trip/day", asks="How many trips a day are there?")
    def trips(self) -> float:
        """Trips: hours with a trip, over the time that one takes."""
        return count(self.online) * self.busy / (self.ride + self.pickup)

    @estimate("trip/second", asks="How many trips begin a second in the busiest second?")
    def peak_trips(self) -> float:
        """Trips that begin in the busiest second."""
        return self.trips * self.peak_to_mean

    @estimate("ping/second", asks="How many pings with their place do drivers send a second, in the busiest second?")
    def pings(self) -> float:
        """Pings in the busiest second: every driver on duty, with a rider or without."""
        return amount(count(self.peak_online), "ping") / self.interval

    @estimate(
        "ping/second", asks="How many pings a second come from drivers of the largest city, in the busiest second?"
    )
    def city_pings(self) -> float:
        """Pings from the largest city in the busiest second."""
        return self.pings * self.largest

    @estimate(
        "request/second", asks="How many searches for cars nearby do riders' apps make a second, in the busiest second?"
    )
    def searches(self) -> float:
        """Looks at the cars nearby in the busiest second, by riders who may never ask."""
        return amount(count(self.looks) * self.look / self.refresh, "request/trip") * self.peak_trips

    @estimate(
        "request/second",
        asks="How many offers of a trip are made to drivers a second in the busiest second, declined ones included?",
    )
    def matches(self) -> float:
        """Offers made in the busiest second, declined ones included."""
        return self.peak_trips * self.offers

    @estimate("write/second", asks="How many steps of trips are written to databases a second, in the busiest second?")
    def trip_writes(self) -> float:
        """Steps of trips written down in the busiest second."""
        return self.peak_trips * self.writes

    @estimate(
        "message/second",
        asks="How many messages a second are pushed: places of drivers on a trip to riders, each trip's steps to both?",
    )
    def pushes(self) -> float:
        """Messages pushed in the busiest second: where the driver is, as long as the trip lasts, and steps twice."""
        steps = amount(2 * count(self.writes), "message/trip") * self.peak_trips
        return self.pings * self.busy * self.seen + steps

    @estimate(
        "connection",
        asks="How many connections are open in the busiest second: drivers on duty, riders on a trip or looking?",
    )
    def connections(self) -> float:
        """Open connections in the busiest second: drivers on duty, riders on a trip, riders who look."""
        riders = count(self.peak_online) * self.busy
        looking = count(self.looks) * count(self.peak_trips * self.look)
        return amount(count(self.peak_online) + riders + looking, "connection")

    @estimate("gigabyte", asks="How much memory do the places of all drivers on duty take at the peak, in all copies?")
    def index(self) -> float:
        """Memory of all places of drivers, all copies."""
        return self.peak_online * self.entry * self.copies

    @estimate(
        "node",
        asks="How many index nodes carry the busiest second? A ping goes to every copy, a search to one of them.",
    )
    def nodes(self) -> float:
        """Index nodes: the busiest second's pings go to every copy, its searches to one of them."""
        for_pings = self.pings / self.node_rate * self.copies
        return ceil((for_pings + self.searches / self.search_rate) / self.utilisation)

    @estimate(
        "second", asks="How many CPU seconds do ways through the streets take in the busiest second, for all offers?"
    )
    def dispatch(self) -> float:
        """CPU seconds that ways through the streets take in the busiest second: so many cores."""
        return count(self.matches * amount(1, "second")) * self.candidates * self.way

    @estimate("server", asks="How many servers take the pings of the busiest second?")
    def ping_servers(self) -> float:
        """Machines that take pings."""
        return ceil(self.pings / (self.ping_rate * self.utilisation))

    @estimate("server", asks="How many API servers answer the searches and make the offers of the busiest second?")
    def api_servers(self) -> float:
        """Machines that answer searches and make offers."""
        return ceil((self.searches + self.matches) / (self.api_rate * self.utilisation))

    @estimate("server", asks="How many servers hold the open connections of the busiest second?")
    def push_servers(self) -> float:
        """Machines that hold connections."""
        return ceil(self.connections / (self.push_rate * self.utilisation))

    @estimate(
        "server", asks="How many database machines take the steps of trips in the busiest second, all copies counted?"
    )
    def databases(self) -> float:
        """Database machines: steps of trips in the busiest second, each in all copies."""
        return ceil(self.trip_writes / (self.write_rate * self.utilisation)) * self.copies

    @estimate("server", asks="How many machines of two cores compute the ways of the busiest second?")
    def dispatchers(self) -> float:
        """Machines of two cores that compute ways."""
        return amount(ceil(count(self.dispatch / amount(1, "second")) / (2 * self.utilisation)), "server")

    @estimate("terabyte", asks="How many bytes do trips take on database disks, in all copies?")
    def records(self) -> float:
        """Trips on database disks, all copies."""
        return self.trips * self.record * self.hot * self.copies

    @estimate("terabyte", asks="How many bytes do older trips take in object storage, once it is full?")
    def archive(self) -> float:
        """Older trips, in object storage."""
        return self.trips * self.record * self.kept

    @estimate(
        "terabyte",
        asks="How many bytes do the tracks of trips take in object storage: a point for every ping of a trip?",
    )
    def tracks(self) -> float:
        """Where every trip went, in object storage."""
        points = amount(1, "ping") / self.interval * (self.ride + self.pickup)
        return self.trips * points * self.point * self.track_kept

    @estimate("megabyte/second", asks="How many bytes of pings come in a second, in the busiest second?")
    def ping_bytes(self) -> float:
        """Bytes of pings that come in, in the busiest second."""
        return self.pings * self.ping

    @estimate(
        "megabyte/second",
        asks="How many bytes of pings a second go to the further copies of the index, in the busiest second?",
    )
    def replication(self) -> float:
        """Bytes of pings to the further copies, in the busiest second."""
        return self.ping_bytes * (self.copies - 1)

    @estimate("megabyte/second", asks="How many bytes a second are pushed out in the busiest second?")
    def push_bytes(self) -> float:
        """Bytes pushed out in the busiest second."""
        return self.pushes * self.push

    @estimate("USD/month", asks="What do ping servers and index nodes cost together, in dollars a month?")
    def ping_cost(self) -> float:
        """Machines that take pings, and index nodes at the same price."""
        return (self.ping_servers + amount(count(self.nodes), "server")) * self.server_price

    @estimate("USD/month", asks="What do the servers that hold connections cost, in dollars a month?")
    def push_cost(self) -> float:
        """Machines that hold connections."""
        return self.push_servers * self.server_price

    @estimate("USD/month", asks="What do API servers and dispatchers cost together, in dollars a month?")
    def call_cost(self) -> float:
        """API servers, and machines that compute ways."""
        return (self.api_servers + self.dispatchers) * self.server_price

    @estimate("USD/month", asks="What do database machines and their disks cost together, in dollars a month?")
    def database_cost(self) -> float:
        """Database machines and their disks."""
        return self.databases * self.server_price + self.records * self.disk_price

    @estimate("USD/month", asks="What do older trips and tracks cost in object storage, in dollars a month?")
    def archive_cost(self) -> float:
        """Older trips and tracks in object storage."""
        return (self.archive + self.tracks) * self.archive_price

    @estimate("USD/month", asks="What does it cost to send out the pushed messages, in dollars a month?")
    def egress_cost(self) -> float:
        """Messages pushed out, on average over the day."""
        return self.push_bytes / self.peak_to_mean * self.egress_price

    @estimate(
        "USD/month", asks="What is the whole bill of ride sharing, without payments and maps, in dollars a month?"
    )
    def cost(self) -> float:
        """The monthly bill, people's salaries, payments and maps apart."""
        machines = self.ping_cost + self.push_cost + self.call_cost
        return machines + self.database_cost + self.archive_cost + self.egress_cost

    @estimate("USD/kilotrip", asks="What do a thousand trips cost, in dollars?")
    def cost_per_trip(self) -> float:
        """The bill divided by the trips."""
        return self.cost / self.trips

    one_node_pings = Limit(
        "pings",
        _NODE_RATE,
        "ping/second",
        about="one Valkey node for the world",
        then="give every city a node of its own",
    )
    city_node_pings = Limit(
        "city_pings",
        _NODE_RATE,
        "ping/second",
        about="one Valkey node for the largest city",
        then="split that city into cells, and ask the neighbours of a cell too",
    )
    one_database_writes = Limit(
        "trip_writes",
        float(f"{_ENGINES['steps_per_second']:.2g}"),
        "write/second",
        about="one PostgreSQL for all trips",
        then="keep a city's trips and drivers together, in a database for each group of cities",
    )
