"""What a leaderboard must carry: scores, reads of three kinds, memory, shards, background traffic and money.

Prices and comparisons come from `data/facts.csv`, limits from the stored measurements; the other defaults are
assumptions that an interviewer would be asked about, and each has its range.
"""

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate, maximum
from designbook.data import fact, measurement
from designbook.quantities import noun

noun("player")

# What one Valkey node sustained on two shared cores; the chapter shows how it was measured, and when.
_NODE = measurement("leaderboard_sql_ranks", stale=True).results["valkey"]


class LeaderboardCapacity(CapacityModel):
    """Boards by day, week and season, of the world and of each region, in memory, with a log of every score."""

    players = Input(100e6, "player", low=1e5, high=1e9, scale="log", about="players in a season")
    daily = Input(20, "percent", low=1, high=100, scale="log", about="share of players who play on a given day")
    weekly = Input(50, "percent", low=5, high=100, scale="log", about="share of players who play in a given week")
    scores_each = Input(
        10, "event/player/day", low=1, high=100, scale="log", about="scores in a day by each who plays that day"
    )
    peak_to_mean = Input(3, "times", low=1, high=10, about="an evening's busiest second against the mean")
    rush = Input(
        5, "times", low=1, high=50, scale="log", about="a tournament's last minute against an evening's busiest second"
    )

    counted = Input(100, "percent", low=1, high=100, scale="log", about="scores that change a board: all in a sum")
    windows = Input(3, "entry/event", about="boards a score goes to: day, week, season")
    scopes = Input(2, "", about="scopes of each board: the world, and the player's region")
    regions = Input(10, "", low=1, high=250, scale="log", about="regions of the world")

    submits = Input(1.05, "request/event", low=1, high=2, about="requests to submit a score, retries included")
    rank_views = Input(1, "request/event", low=0, high=5, about="looks at one's own rank, per score")
    around_views = Input(0.3, "request/event", low=0, high=5, about="looks at the players around oneself, per score")
    top_views = Input(0.5, "request/event", low=0, high=5, about="looks at the top 100, per score")
    top_lifetime = Input(1, "second", low=0.1, high=60, scale="log", about="how old a cached top 100 may be")

    entry = Input(
        float(f"{_NODE['bytes_per_player']:.1g}"),
        "byte/entry",
        low=16,
        high=250,
        scale="log",
        about="one player on one board, in memory",
    )
    replicas = Input(2, "", low=1, high=5, about="copies of each shard")
    shard_memory = Input(2, "GB/shard", low=0.5, high=64, scale="log", about="boards that one shard may hold")
    shard_rate = Input(
        50_000, "entry/second/shard", low=1e4, high=5e5, scale="log", about="board updates that one shard sustains"
    )

    event = Input(100, "byte/event", low=40, high=1_000, scale="log", about="one score in the log")
    log_days = Input(90, "day", low=1, high=730, scale="log", about="how long scores are kept in the log")
    snapshot = Input(20, "minute", low=1, high=1_440, scale="log", about="time between two snapshots of a shard")

    buckets = Input(10_000, "", low=100, high=1e6, scale="log", about="buckets of a board's histogram")
    refresh = Input(5, "second", low=1, high=300, scale="log", about="time between two exchanges of histograms")

    top_bytes = Input(4_000, "byte/request", low=500, high=20_000, scale="log", about="a top 100 on the wire")
    row_bytes = Input(400, "byte/request", low=100, high=4_000, scale="log", about="any other answer on the wire")
    server_rate = Input(
        2_000, "request/second/server", low=100, high=50_000, scale="log", about="what one API server sustains"
    )
    utilisation = Input(60, "percent", low=20, high=95, about="how full servers and shards may run")
    tournament = Input(20, "hour/month", low=0, high=200, about="hours with the servers of a tournament")

    server_price = Input(
        fact("ec2-m7g-large").value, "USD/hour/server", low=0.01, high=1, scale="log", about="one server, rented"
    )
    memory_price = Input(
        fact("elasticache-valkey-storage").value, "USD/GB/hour", low=0.005, high=0.5, scale="log", about="board memory"
    )
    log_price = Input(fact("s3-standard-storage").value, "USD/GB/month", low=0.005, high=0.1, about="object storage")
    egress_price = Input(fact("aws-egress-first-10tb").value, "USD/GB", low=0.01, high=0.12, about="bytes sent out")

    @estimate("event/second", asks="How many scores a second do players submit, on average over the day?")
    def scores(self) -> float:
        """Scores submitted, on average."""
        return self.players * self.daily * self.scores_each

    @estimate(
        "event/second", asks="How many scores a second do players submit in the busiest second of an ordinary evening?"
    )
    def evening_scores(self) -> float:
        """Scores submitted in the busiest second of an evening."""
        return self.scores * self.peak_to_mean

    @estimate("event/second", asks="How many scores a second do players submit in the last minute of a tournament?")
    def rush_scores(self) -> float:
        """Scores submitted in each second of a tournament's last minute."""
        return self.evening_scores * self.rush

    @estimate(
        "entry/second", asks="How many entries of boards are updated a second in the last minute of a tournament?"
    )
    def rush_updates(self) -> float:
        """Board updates a second in a tournament's last minute: in every window, of the world and of the region."""
        return self.rush_scores * self.counted * self.windows * self.scopes

    @estimate(
        "request/second",
        asks="How many times a second do players look at their own rank in the last minute of a tournament?",
    )
    def rank_reads(self) -> float:
        """Looks at one's own rank in a tournament's last minute."""
        return self.rush_scores * self.rank_views

    @estimate(
        "request/second",
        asks="How many times a second do players look at those around them in the last minute of a tournament?",
    )
    def around_reads(self) -> float:
        """Looks at the players around oneself in a tournament's last minute."""
        return self.rush_scores * self.around_views

    @estimate(
        "request/second",
        asks="How many times a second do players look at the top 100 in the last minute of a tournament?",
    )
    def top_reads(self) -> float:
        """Looks at the top 100 in a tournament's last minute."""
        return self.rush_scores * self.top_views

    @estimate(
        "request/second", asks="How many reads a second are there in the last minute of a tournament, of all kinds?"
    )
    def rush_reads(self) -> float:
        """All reads of a tournament's last minute."""
        return self.rank_reads + self.around_reads + self.top_reads

    @estimate(
        "request/second",
        asks="How many requests a second do the API servers answer in the last minute of a tournament?",
    )
    def rush_requests(self) -> float:
        """All that the API servers answer in a tournament's last minute: reads, and submits."""
        return self.rush_reads + self.rush_scores * self.submits

    @estimate(
        "entry",
        asks="How many places are there on all boards: of a season, a week and a day, for the world and for regions?",
    )
    def entries(self) -> float:
        """Places on all boards: the season's players, the week's and the day's, for the world and for their region."""
        return amount(count(self.players) * (1 + self.weekly + self.daily) * self.scopes, "entry")

    @estimate("gigabyte", asks="How much memory does one copy of all boards take?")
    def boards(self) -> float:
        """Memory of one copy of all boards."""
        return self.entries * self.entry

    @estimate("gigabyte", asks="How much memory do all copies of all boards take?")
    def memory(self) -> float:
        """Memory of all copies."""
        return self.boards * self.replicas

    @estimate(
        "shard",
        asks="How many shards of boards are needed, by memory or by updates in a tournament, whichever is more?",
    )
    def shards(self) -> float:
        """Shards, by what they hold and by what they must write in a tournament's last minute."""
        for_memory = self.boards / self.shard_memory
        for_updates = self.rush_updates / (self.shard_rate * self.utilisation)
        return ceil(maximum(for_memory, for_updates))

    @estimate(
        "entry/second/shard",
        asks="How many entries a second are updated on one shard in the last minute of a tournament?",
    )
    def shard_updates(self) -> float:
        """Board updates of one shard in a tournament's last minute."""
        return self.rush_updates / self.shards

    @estimate(
        "second", asks="How long does it take to fill one lost shard again, from a snapshot and the scores since?"
    )
    def rebuild(self) -> float:
        """Time to fill one lost shard again: the snapshot's places, each like an update, and an evening's updates."""
        updates = self.evening_scores * self.counted * self.windows * self.scopes * self.snapshot
        return (self.entries + updates) / (self.shards * self.shard_rate)

    @estimate(
        "request/second",
        asks="How many counts a second does every shard make in a tournament's last minute, if ranks are exact?",
    )
    def exact_ranks(self) -> float:
        """Counts that every shard makes in a tournament's last minute if ranks are exact: each asks all shards."""
        return self.rank_reads + self.around_reads

    @estimate("server", asks="How many API servers carry an ordinary evening, with one more so that one may fail?")
    def servers(self) -> float:
        """API servers for an evening, and one more so that one may fail."""
        return ceil(self.rush_requests / self.rush / (self.server_rate * self.utilisation)) + amount(1, "server")

    @estimate(
        "server", asks="How many API servers carry the last minute of a tournament, with one more so that one may fail?"
    )
    def rush_servers(self) -> float:
        """API servers for a tournament's last minute, and one more."""
        return ceil(self.rush_requests / (self.server_rate * self.utilisation)) + amount(1, "server")

    @estimate(
        "request/second",
        asks="How many fetches a second refresh the cached tops of all boards: a merger from shards, servers from it?",
    )
    def top_fetches(self) -> float:
        """Fetches of tops that caches leave: a merger asks shards for each board once a lifetime, servers ask it."""
        boards = count(self.windows) * (1 + self.regions)
        return amount((count(self.shards) + count(self.rush_servers)) * boards, "request") / self.top_lifetime

    @estimate("terabyte", asks="How many bytes of scores does the log keep, before replication?")
    def log(self) -> float:
        """Scores in the log, before replication."""
        return self.scores * self.log_days * self.event

    @estimate("megabyte/second", asks="How many bytes of scores come in a second, on average?")
    def ingest(self) -> float:
        """Bytes of the scores themselves, on average."""
        return self.scores * self.event

    @estimate(
        "megabyte/second",
        asks="How many bytes of board updates go to the further copies a second, on average over the day?",
    )
    def replication(self) -> float:
        """Bytes of board updates sent to the further copies, on average."""
        return self.scores * self.counted * self.windows * self.scopes * self.entry * (self.replicas - 1)

    @estimate(
        "megabyte/second",
        asks="How many bytes of histograms (4 a bucket) travel a second, from shards to a merger and on to servers?",
    )
    def histograms(self) -> float:
        """Bytes of histograms: 4 a bucket, each shard's to one merger, the merged ones to each server; no top rows."""
        boards = count(self.windows) * (1 + self.regions)
        size = amount(boards * self.buckets * 4, "byte")
        return size * (count(self.shards) + count(self.servers)) / self.refresh

    @estimate(
        "megabyte/second",
        asks="How many bytes of snapshots are written a second, if each board is saved once an interval?",
    )
    def snapshots(self) -> float:
        """Bytes of snapshots: every board once an interval, to object storage."""
        return self.boards / self.snapshot

    @estimate("USD/month", asks="What do the API servers of an ordinary evening cost, in dollars a month?")
    def server_cost(self) -> float:
        """API servers, those of an evening all the time."""
        return self.servers * self.server_price

    @estimate("USD/month", asks="What do a tournament's additional API servers cost, in dollars a month?")
    def tournament_cost(self) -> float:
        """The further API servers of a tournament, for its hours."""
        return (self.rush_servers - self.servers) * self.server_price * self.tournament

    @estimate("USD/month", asks="What does the memory of all copies of the boards cost, in dollars a month?")
    def memory_cost(self) -> float:
        """Memory of all copies of the boards."""
        return self.memory * self.memory_price

    @estimate("USD/month", asks="What does the log of scores cost in object storage, in dollars a month?")
    def log_cost(self) -> float:
        """The log in object storage; brokers, mergers and what updates the boards have no line."""
        return self.log * self.log_price

    @estimate("USD/month", asks="What does it cost to send out all answers, in dollars a month?")
    def egress_cost(self) -> float:
        """Answers sent out."""
        small = self.submits + self.rank_views + self.around_views
        return self.scores * (self.top_views * self.top_bytes + small * self.row_bytes) * self.egress_price

    @estimate("USD/month", asks="What is the whole bill of the leaderboard, in dollars a month?")
    def cost(self) -> float:
        """The monthly bill, people's salaries apart."""
        return self.server_cost + self.tournament_cost + self.memory_cost + self.log_cost + self.egress_cost

    @estimate("USD/megaevent", asks="What do a million submitted scores cost, in dollars?")
    def cost_per_score(self) -> float:
        """The bill divided by the scores submitted."""
        return self.cost / self.scores

    one_node_updates = Limit(
        "rush_updates",
        float(f"{_NODE['updates_per_second']:.2g}"),
        "entry/second",
        about="one Valkey node, updated in batches",
        then="shard the players by the hash of their id",
    )
    one_shard_updates = Limit(
        "shard_updates",
        float(f"{_NODE['updates_per_second']:.2g}"),
        "entry/second/shard",
        about="one Valkey node, updated in batches",
        then="add shards",
    )
    one_node_ranks = Limit(
        "exact_ranks",
        float(f"{_NODE['ranks_per_second']:.2g}"),
        "request/second",
        about="one Valkey node, asked for ranks in batches",
        then="answer ranks from merged histograms, since more shards do not make an exact one cheaper",
    )
    ten_minutes = Limit(
        "rebuild",
        600,
        "second",
        about="a shard that must be back within ten minutes",
        then="hold less on each shard, and keep a copy that can take over",
    )
