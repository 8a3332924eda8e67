"""What a news feed must carry: posts, loads, deliveries, feeds in memory, posts read again, ranking, queue and money.

Prices and comparisons come from `data/facts.csv`, limits from the stored measurements; the other defaults are
assumptions that an interviewer would be asked about, and each has its range.
"""

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate, maximum, minimum
from designbook.data import fact, measurement
from designbook.simulation.graphs import followers_above
from designbook.systems.news_feed.posts import MAX_ENTRIES

# What one node of each kind sustained on two shared cores; the chapter shows how it was measured, and when.
_PARTS = measurement("news_feed_costs", stale=True).results["rates"]


class NewsFeedCapacity(CapacityModel):
    """Feeds of post ids in memory, filled when somebody posts; the posts in a database with a cache before it."""

    daily_users = Input(100e6, "user", low=1e4, high=3e9, scale="log", about="people who read their feed on a day")
    posts_each = Input(2, "post/user/day", low=0.01, high=50, scale="log", about="posts by each of them in a day")
    loads_each = Input(
        20, "request/user/day", low=1, high=200, scale="log", about="pages of the feed that each of them loads in a day"
    )
    ranked_each = Input(
        5, "request/user/day", low=0, high=50, about="ranked first pages that each of them loads in a day"
    )
    polls_each = Input(
        60, "request/user/day", low=0, high=1_000, about="times a day that each asks whether there is anything new"
    )
    peak_to_mean = Input(2.5, "times", low=1, high=10, about="busiest second against the mean")
    follows = Input(50, "", low=1, high=2_000, scale="log", about="people whom a user follows")
    fan_out = Input(
        fact("twitter-mean-fan-out-2013").value,
        "delivery/post",
        low=1,
        high=2_000,
        scale="log",
        about="followers of a post's author, on average over posts",
    )
    largest = Input(
        31e6,
        "follower",
        low=1e4,
        high=1e9,
        scale="log",
        about="followers of the largest account",
    )
    tail = Input(1.28, "", low=1.05, high=1.95, about="tail exponent: the smaller, the more belongs to the largest")
    threshold = Input(
        1e6, "follower", low=1_000, high=1e9, scale="log", about="followers above which posts are not pushed"
    )

    page = Input(20, "post/request", low=5, high=100, about="posts on a page")
    candidates = Input(200, "post/request", low=20, high=10_000, scale="log", about="posts that a ranking looks at")
    score_time = Input(
        10, "microsecond/post", low=0.5, high=10_000, scale="log", about="a core's time to score one post"
    )
    hit_ratio = Input(
        fact("tao-read-hit-rate").value, "percent", low=50, high=99.9, about="posts found in the cache of posts"
    )
    cached = Input(3, "day", low=0.1, high=30, scale="log", about="how long posts stay in the cache of posts")

    monthly = Input(2, "times", low=1, high=10, about="users with a feed in memory, for each who comes on a day")
    entries = Input(MAX_ENTRIES, "entry/user", low=50, high=5_000, scale="log", about="posts that a feed keeps")
    entry = Input(
        float(f"{_PARTS['feed_bytes_per_entry']:.2g}"),
        "byte/entry",
        low=8,
        high=100,
        scale="log",
        about="one post's id in a feed, in memory",
    )
    replicas = Input(2, "times", low=1, high=5, about="copies of each feed")
    node_memory = Input(50, "GB/node", low=1, high=500, scale="log", about="feeds that one node may hold")
    delivery_rate = Input(
        50_000,
        "delivery/second/node",
        low=1e4,
        high=5e6,
        scale="log",
        about="deliveries that one node of feeds takes, in batches",
    )
    worker_rate = Input(
        20_000, "delivery/second/worker", low=1_000, high=5e6, scale="log", about="deliveries that one worker makes"
    )
    returning = Input(1, "percent", low=0, high=20, about="share of a day's users who come back to no feed")
    outage = Input(10, "minute", low=1, high=600, scale="log", about="time for which all workers stand still")

    record = Input(
        fact("tao-object-size").value, "byte/post", low=100, high=10_000, scale="log", about="one post, stored"
    )
    wire = Input(500, "byte/post", low=100, high=10_000, scale="log", about="one post on the wire, compressed")
    hot = Input(90, "day", low=1, high=3_650, scale="log", about="how long posts stay on database disks")
    kept = Input(5, "year", low=0.1, high=20, scale="log", about="how long posts are kept in the archive")
    copies = Input(3, "times", low=1, high=5, about="copies on database disks")

    server_rate = Input(
        2_000, "request/second/server", low=100, high=50_000, scale="log", about="what one API server sustains"
    )
    server_cores = Input(2, "", low=1, high=64, about="cores of a server")
    utilisation = Input(60, "percent", low=20, high=95, about="how full servers, workers and nodes may run")

    server_price = Input(
        fact("ec2-m7g-large").value, "USD/hour/server", low=0.01, high=1, scale="log", about="one server, rented"
    )
    memory_price = Input(
        fact("elasticache-valkey-storage").value, "USD/GB/hour", low=0.002, high=0.5, scale="log", about="cache memory"
    )
    disk_price = Input(
        fact("rds-gp3-storage").value, "USD/GB/month", low=0.02, high=0.5, scale="log", about="database storage"
    )
    archive_price = Input(
        fact("s3-standard-storage").value, "USD/GB/month", low=0.005, high=0.1, about="object storage"
    )
    egress_price = Input(fact("aws-egress-first-10tb").value, "USD/GB", low=0.005, high=0.12, about="bytes sent out")

    @estimate("post/second", asks="How many posts a second do people write, on average over the day?")
    def posts(self) -> float:
        """Posts, on average."""
        return self.daily_users * self.posts_each

    @estimate("post/second", asks="How many posts a second do people write in the busiest second?")
    def peak_posts(self) -> float:
        """Posts in the busiest second."""
        return self.posts * self.peak_to_mean

    @estimate("request/second", asks="How many pages of feeds a second do people load, on average over the day?")
    def loads(self) -> float:
        """Pages of feeds loaded, on average."""
        return self.daily_users * self.loads_each

    @estimate("request/second", asks="How many pages of feeds a second do people load in the busiest second?")
    def peak_loads(self) -> float:
        """Pages of feeds loaded in the busiest second."""
        return self.loads * self.peak_to_mean

    @estimate(
        "request/second",
        asks="How many times a second do apps ask whether there is anything new, in the busiest second?",
    )
    def polls(self) -> float:
        """Questions whether there is anything new, in the busiest second."""
        return self.daily_users * self.polls_each * self.peak_to_mean

    @estimate(
        "request/second",
        asks="How many reads a second are there on average: pages loaded, and questions whether anything is new?",
    )
    def asked_reads(self) -> float:
        """Pages and questions together, on average."""
        return self.loads + self.polls / self.peak_to_mean

    @estimate(
        "request/second",
        asks="How many requests a second do the API servers answer in the busiest second: pages, polls and posts?",
    )
    def requests(self) -> float:
        """All that the API servers answer in the busiest second."""
        return self.peak_loads + self.polls + self.peak_posts * amount(1, "request") / amount(1, "post")

    @estimate(
        "percent",
        asks="What share of all deliveries belongs to accounts above the threshold, whose posts are not pushed?",
    )
    def pulled(self) -> float:
        """The part of all deliveries that accounts above the threshold would cause, and that is left to the readers."""
        reach, largest = count(minimum(self.threshold, self.largest)), count(self.largest)
        return minimum(1.0, followers_above(reach, count(self.fan_out), largest, self.tail))

    @estimate(
        "delivery/second",
        asks="How many deliveries into feeds a second are there on average, if every post is pushed to all followers?",
    )
    def asked_deliveries(self) -> float:
        """Deliveries if every post were pushed, on average."""
        return self.posts * self.fan_out

    @estimate(
        "delivery/second",
        asks="How many deliveries into feeds a second are made on average, with large accounts left to readers?",
    )
    def deliveries(self) -> float:
        """Deliveries that are made, on average: the background traffic that each post sets off."""
        return self.asked_deliveries * (1 - self.pulled)

    @estimate("delivery/second", asks="How many deliveries into feeds a second are made in the busiest second?")
    def peak_deliveries(self) -> float:
        """Deliveries in the busiest second."""
        return self.deliveries * self.peak_to_mean

    @estimate(
        "times",
        asks="How many lists are merged into each page: the feed, one's own posts, and large accounts followed?",
    )
    def lists(self) -> float:
        """Lists merged into each page: the feed, one's own posts, and those of each author above the threshold."""
        return 2 + self.follows * self.pulled

    @estimate(
        "operation/second",
        asks="How many lists a second are read in the busiest second, if a page reads everyone a reader follows?",
    )
    def naive_lists(self) -> float:
        """Lists read in the busiest second if nothing is pushed: everyone whom a reader follows, for every page."""
        return self.peak_loads * self.follows * amount(1, "operation") / amount(1, "request")

    @estimate(
        "worker",
        asks="How many fan-out workers carry the deliveries of the busiest second, with one more that may fail?",
    )
    def workers(self) -> float:
        """Workers for the busiest second's deliveries, and one more so that one may fail."""
        return ceil(self.peak_deliveries / (self.worker_rate * self.utilisation)) + amount(1, "worker")

    @estimate(
        "delivery/second",
        asks="How many deliveries a second can the workers still make in the busiest second, beside the ordinary ones?",
    )
    def spare(self) -> float:
        """What the workers have left in the busiest second."""
        return self.workers * self.worker_rate - self.peak_deliveries

    @estimate(
        "minute",
        asks="How long does it take to push one post of the largest account, with what the workers have to spare?",
    )
    def largest_push(self) -> float:
        """Time to push one post of the largest account, split over all workers, with all that they have to spare."""
        return amount(count(self.largest), "delivery") / self.spare

    @estimate(
        "second",
        asks="How long does one post of the largest account that is pushed take, with what workers have to spare?",
    )
    def longest_push(self) -> float:
        """Time to push one post of the largest account that is pushed, split and with all there is to spare."""
        return amount(count(minimum(self.threshold, self.largest)), "delivery") / self.spare

    @estimate("job", asks="How many posts wait in the queue after all workers stood still for the outage, at the peak?")
    def backlog(self) -> float:
        """Jobs that wait in the queue after all workers stood still."""
        return amount(count(self.peak_posts * self.outage), "job")

    @estimate("minute", asks="How long after an outage of all workers is the queue empty again, if the peak goes on?")
    def catch_up(self) -> float:
        """Time after all workers stood still until the queue is empty again, at the peak."""
        return self.peak_deliveries * self.outage / self.spare

    @estimate("user", asks="How many users have a feed in memory?")
    def feeds(self) -> float:
        """Users with a feed in memory."""
        return self.daily_users * self.monthly

    @estimate("terabyte", asks="How much memory does one copy of all feeds take?")
    def feed_memory(self) -> float:
        """Memory of one copy of all feeds."""
        return self.feeds * self.entries * self.entry

    @estimate(
        "day", asks="How many days back does a full feed reach, for a user who gets as many posts as the average?"
    )
    def depth(self) -> float:
        """How far back a full feed reaches, for a user to whom as many post as to all."""
        each = self.deliveries / self.feeds * amount(1, "entry") / amount(1, "delivery")
        return self.entries / each

    @estimate(
        "node", asks="How many nodes hold one copy of all feeds, by memory or by deliveries, whichever needs more?"
    )
    def feed_nodes(self) -> float:
        """Nodes of feeds, by what they hold and by what they take in the busiest second; one copy."""
        for_memory = self.feed_memory / self.node_memory
        for_deliveries = self.peak_deliveries / (self.delivery_rate * self.utilisation)
        return ceil(maximum(for_memory, for_deliveries))

    @estimate(
        "hour",
        asks="How long does it take to fill one lost node's feeds again, at the rate at which a node takes deliveries?",
    )
    def rebuild(self) -> float:
        """Time to fill one lost node's feeds again, at the rate at which it takes deliveries."""
        held = self.feed_memory / self.feed_nodes / self.entry * amount(1, "delivery") / amount(1, "entry")
        return held / self.delivery_rate

    @estimate("post/second", asks="How many posts a second are put on pages, on average over the day?")
    def shown(self) -> float:
        """Posts put on pages, on average."""
        return self.loads * self.page

    @estimate("request/second", asks="How many pages a second are ranked, on average over the day?")
    def ranked(self) -> float:
        """Pages that are ranked, on average."""
        return self.daily_users * self.ranked_each

    @estimate(
        "post/second",
        asks="How many posts a second are read to make pages, on average? A ranked page reads all its candidates.",
    )
    def hydrated(self) -> float:
        """Posts read to make those pages, on average: a ranked one looks at all its candidates."""
        return (self.loads - self.ranked) * self.page + self.ranked * self.candidates

    @estimate(
        "post/second",
        asks="How many posts a second must the database read in the busiest second, since the cache lacks them?",
    )
    def missed(self) -> float:
        """Posts that the cache of posts lacks, in the busiest second: the database reads them."""
        return self.hydrated * self.peak_to_mean * (1 - self.hit_ratio)

    @estimate(
        "percent", asks="What share of all reads and writes of posts are reads? A ranked page reads all its candidates."
    )
    def read_share(self) -> float:
        """Reads among all reads and writes of posts."""
        return self.hydrated / (self.hydrated + self.posts)

    @estimate("terabyte", asks="How much memory does the cache of posts take, in one copy?")
    def post_cache(self) -> float:
        """The cache of posts."""
        return self.posts * self.cached * self.record

    @estimate("", asks="How many cores are busy with scoring candidates in the busiest second?")
    def ranking_cores(self) -> float:
        """Cores that score candidates in the busiest second."""
        return self.ranked * self.peak_to_mean * self.candidates * self.score_time

    @estimate(
        "post/second",
        asks="How many posts a second are read to fill the feeds of those who come back, in the busiest second?",
    )
    def rebuild_reads(self) -> float:
        """Posts read to fill the feeds of those who come back, in the busiest second."""
        back = self.daily_users * self.returning / amount(1, "day") * self.peak_to_mean
        return back * self.entries * amount(1, "post") / amount(1, "entry")

    @estimate(
        "megabyte/second", asks="How many bytes of deliveries a second go to the feeds' further copies, on average?"
    )
    def replication(self) -> float:
        """Bytes of deliveries sent to the feeds' further copies, on average."""
        return self.deliveries * self.entry * (self.replicas - 1) * amount(1, "entry") / amount(1, "delivery")

    @estimate("terabyte", asks="How many bytes do posts take on database disks, in all copies?")
    def disks(self) -> float:
        """Posts on database disks, all copies."""
        return self.posts * self.hot * self.record * self.copies

    @estimate("terabyte", asks="How many bytes do older posts take in object storage, once it is full?")
    def archive(self) -> float:
        """Older posts in object storage."""
        return self.posts * self.kept * self.record

    @estimate(
        "server",
        asks="How many API servers carry the busiest second's pages, polls and posts, with one more that may fail?",
    )
    def servers(self) -> float:
        """API servers for the busiest second, and one more."""
        return ceil(self.requests / (self.server_rate * self.utilisation)) + amount(1, "server")

    @estimate("USD/month", asks="What do the API servers cost, in dollars a month?")
    def server_cost(self) -> float:
        """API servers."""
        return self.servers * self.server_price

    @estimate(
        "USD/month",
        asks="What do the servers of the fan-out workers cost, one worker on each core, in dollars a month?",
    )
    def worker_cost(self) -> float:
        """Fan-out workers, one on each core."""
        return amount(ceil(count(self.workers) / self.server_cores), "server") * self.server_price

    @estimate("USD/month", asks="What do the servers that rank cost, in dollars a month?")
    def ranking_cost(self) -> float:
        """Servers that rank."""
        return amount(ceil(self.ranking_cores / (self.server_cores * self.utilisation)), "server") * self.server_price

    @estimate("USD/month", asks="What does the memory of all copies of the feeds cost, in dollars a month?")
    def feed_cost(self) -> float:
        """Memory of all copies of the feeds."""
        return self.feed_memory * self.replicas * self.memory_price

    @estimate("USD/month", asks="What does the memory of the cache of posts cost, one copy, in dollars a month?")
    def cache_cost(self) -> float:
        """Memory of the cache of posts, one copy."""
        return self.post_cache * self.memory_price

    @estimate("USD/month", asks="What do database disks and archive cost together, in dollars a month?")
    def storage_cost(self) -> float:
        """Database disks and the archive."""
        return self.disks * self.disk_price + self.archive * self.archive_price

    @estimate("USD/month", asks="What does it cost to send out pages, in dollars a month?")
    def egress_cost(self) -> float:
        """Pages sent out."""
        return self.shown * self.wire * self.egress_price

    @estimate("USD/month", asks="What is the whole bill of the feed, without pictures, in dollars a month?")
    def cost(self) -> float:
        """The monthly bill, pictures, films and people's salaries apart."""
        machines = self.server_cost + self.worker_cost + self.ranking_cost
        return machines + self.feed_cost + self.cache_cost + self.storage_cost + self.egress_cost

    @estimate("USD/kilorequest", asks="What do a thousand loaded pages cost, in dollars?")
    def cost_per_load(self) -> float:
        """The bill divided by the pages loaded."""
        return self.cost / self.loads

    five_seconds = Limit(
        "longest_push",
        5,
        "second",
        about="a post that must be in every feed within five seconds",
        then="lower the threshold: what the largest accounts post is merged at read",
    )
    one_feed_node = Limit(
        "peak_deliveries",
        float(f"{_PARTS['deliveries_per_second']:.2g}"),
        "delivery/second",
        about="one Valkey node, written in batches",
        then="shard the feeds by the hash of the reader",
    )
    one_post_store = Limit(
        "missed",
        float(f"{_PARTS['posts_read_per_second']:.2g}"),
        "post/second",
        about="one PostgreSQL, asked for pages of posts",
        then="shard the posts by author, and carry in the feed what the ranking needs",
    )
    half_an_hour = Limit(
        "catch_up",
        30,
        "minute",
        about="a queue that must be empty again within half an hour",
        then="keep more workers than the peak needs",
    )
