"""What a chat must carry: connections, messages in and out, what nobody typed, the log, servers and money.

Prices and comparisons come from `data/facts.csv`, limits from the stored measurements; the other defaults are
assumptions that an interviewer would be asked about, and each has its range.
"""

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate, maximum
from designbook.data import fact, measurement
from designbook.quantities import noun

noun("frame")  # what goes over a connection in one piece: a message, a heartbeat, a receipt
noun("subscription")  # a server's wish to hear of one subject

# What one node sustained on two shared cores; the chapter shows how it was measured, and when.
_PARTS = measurement("chat_parts", stale=True).results
_LOG = _PARTS["logs"]["postgresql"]
_SERVER = measurement("chat_promises", stale=True).results["costs"][-1]  # with every promise kept


class ChatCapacity(CapacityModel):
    """A chat with groups, several devices a user, receipts and presence; a log that keeps what was said."""

    daily_users = Input(10e6, "user", low=1e3, high=3e9, scale="log", about="people who use it on a day")
    messages_per_user = Input(
        40, "message/user/day", low=1, high=500, scale="log", about="messages that a user sends in a day"
    )
    peak_to_mean = Input(2, "times", low=1, high=10, about="busiest second against the mean")
    group_share = Input(15, "percent", low=0, high=100, about="messages that go to a group")
    group_size = Input(10, "user", low=3, high=1_000, scale="log", about="members of such a group, on average")
    largest_group = Input(10_000, "user", low=10, high=1e6, scale="log", about="members of the largest group")
    devices = Input(1.5, "connection/user", low=1, high=5, about="devices a user")
    online = Input(30, "percent", low=1, high=100, about="devices connected at the busiest time")

    conversations = Input(10, "", low=1, high=1_000, scale="log", about="conversations of a user")
    heartbeat_every = Input(
        fact("phoenix-heartbeat").value, "second", low=5, high=600, scale="log", about="time between two heartbeats"
    )
    changes = Input(20, "frame/user/day", low=0, high=200, about="times that a user comes or goes on a day")
    watchers = Input(5, "", low=0, high=500, about="devices that are told when a user comes or goes")
    receipts_per_delivery = Input(
        1.5, "", low=0, high=4, about="acknowledgements and receipts for each delivery, after batching"
    )
    away = Input(60, "percent", low=0, high=100, about="recipients with no device connected")

    frame = Input(300, "byte/frame", low=50, high=5_000, scale="log", about="one message on the wire")
    signal = Input(
        120, "byte/frame", low=20, high=500, scale="log", about="a heartbeat, receipt or presence on the wire"
    )
    record = Input(
        float(f"{_LOG['bytes_per_message']:.2g}"),
        "byte/message",
        low=50,
        high=5_000,
        scale="log",
        about="one message in the log and in the archive, indexes included, uncompressed",
    )
    hot = Input(30, "day", low=1, high=3_650, scale="log", about="how long messages stay on database disks")
    kept = Input(5, "year", low=0.1, high=20, scale="log", about="how long messages are kept in the archive")
    replicas = Input(3, "", low=1, high=5, about="copies of each message on database disks")

    connection_memory = Input(
        fact("whatsapp-memory-per-connection-2014").value,
        "kilobyte/connection",
        low=2,
        high=1_000,
        scale="log",
        about="memory of one idle connection",
    )
    server_memory = Input(8, "gigabyte/server", low=1, high=512, scale="log", about="memory of one chat server")
    server_rate = Input(
        20_000, "frame/second/server", low=1_000, high=1e6, scale="log", about="frames through one server"
    )
    log_rate = Input(
        float(f"{_LOG['appended_100']:.2g}"),
        "message/second/server",
        low=100,
        high=1e6,
        scale="log",
        about="messages that one database appends, in batches",
    )
    login_rate = Input(
        float(f"{_LOG['logins']:.2g}"),
        "connection/second/server",
        low=100,
        high=1e6,
        scale="log",
        about="returning devices that one database answers",
    )
    utilisation = Input(60, "percent", low=20, high=95, about="how full a server may run at the peak")
    back_within = Input(
        600,
        "second",
        low=5,
        high=7_200,
        scale="log",
        about="time over which everybody connects again, after all were cut",
    )

    server_price = Input(
        fact("ec2-m7g-large").value, "USD/hour/server", low=0.01, high=1, scale="log", about="one server, rented"
    )
    disk_price = Input(
        fact("rds-gp3-storage").value, "USD/GB/month", low=0.02, high=0.5, scale="log", about="database storage"
    )
    archive_price = Input(
        fact("s3-standard-storage").value, "USD/GB/month", low=0.005, high=0.1, about="object storage"
    )
    egress_price = Input(fact("aws-egress-first-10tb").value, "USD/GB", low=0.005, high=0.12, about="bytes sent out")

    @estimate("message/second", asks="How many messages a second do people send, on average over the day?")
    def messages(self) -> float:
        """Messages sent, on average."""
        return self.daily_users * self.messages_per_user

    @estimate("message/second", asks="How many messages a second do people send in the busiest second?")
    def peak_messages(self) -> float:
        """Messages sent in the busiest second."""
        return self.messages * self.peak_to_mean

    @estimate("user", asks="How many other members does a message's conversation have, on average over messages?")
    def fan_out(self) -> float:
        """Other members of a message's conversation, on average over messages."""
        return amount(1, "user") + self.group_share * (self.group_size - amount(2, "user"))

    @estimate(
        "frame/message",
        asks="To how many devices does one message go in the end, the sender's other devices included, on average?",
    )
    def copies(self) -> float:
        """Devices that get a message sooner or later: all of the other members', and the sender's others."""
        members = self.fan_out + amount(1, "user")
        return amount(count(members * self.devices) - 1, "frame") / amount(1, "message")

    @estimate(
        "frame/second", asks="How many messages a second do the servers hand to devices, on average over the day?"
    )
    def deliveries(self) -> float:
        """Messages handed to devices, on average, those that catch up later included."""
        return self.messages * self.copies

    @estimate("frame/second", asks="How many messages a second do the servers hand to devices in the busiest second?")
    def peak_deliveries(self) -> float:
        """Messages handed to devices in the busiest second."""
        return self.deliveries * self.peak_to_mean

    @estimate(
        "frame", asks="How many deliveries does one message to the largest group start at once, to connected devices?"
    )
    def largest_burst(self) -> float:
        """Deliveries that one message to the largest group starts at once."""
        return amount(count(self.largest_group * self.devices), "frame") * self.online

    @estimate("connection", asks="How many devices are connected to the chat at its busiest time?")
    def connections(self) -> float:
        """Devices that are connected at the busiest time."""
        return self.daily_users * self.devices * self.online

    @estimate("frame/second", asks="How many heartbeats a second come in from connected devices at the busiest time?")
    def heartbeats(self) -> float:
        """Pings that come from idle connections; as many pongs go back."""
        return amount(count(self.connections), "frame") / self.heartbeat_every

    @estimate("frame/second", asks="How many notices that somebody came or went are sent in the busiest second?")
    def presence(self) -> float:
        """Comings and goings told to those who watch, in the busiest second."""
        return self.daily_users * self.changes * self.watchers * self.peak_to_mean

    @estimate("frame/second", asks="How many acknowledgements and receipts a second travel in the busiest second?")
    def receipts(self) -> float:
        """Acknowledgements from devices and receipts to senders, in the busiest second."""
        return self.peak_deliveries * self.receipts_per_delivery

    @estimate(
        "frame/second",
        asks="How many frames a second did nobody type, in the busiest second: heartbeats, pongs, presence, receipts?",
    )
    def background(self) -> float:
        """What nobody typed: heartbeats both ways, presence and receipts, in the busiest second."""
        return 2 * self.heartbeats + self.presence + self.receipts

    @estimate(
        "times",
        asks="How many frames of background traffic are there for each delivery of a message, in the busiest second?",
    )
    def background_share(self) -> float:
        """Background traffic for each delivery of a message."""
        return self.background / self.peak_deliveries

    @estimate(
        "request/second", asks="How many push notifications a second go to members who are away, in the busiest second?"
    )
    def pushes(self) -> float:
        """Push notifications for members who are away, in the busiest second."""
        return self.peak_messages * amount(count(self.fan_out), "request") / amount(1, "message") * self.away

    @estimate("gigabyte", asks="How much memory do all idle connections take, on all servers together?")
    def memory(self) -> float:
        """What idle connections take on all servers."""
        return self.connections * self.connection_memory

    @estimate("server", asks="How many chat servers does it take to hold the connections in memory?")
    def servers_for_memory(self) -> float:
        """Servers to hold the connections."""
        return self.memory / (self.server_memory * self.utilisation)

    @estimate(
        "server",
        asks="How many chat servers do the frames of the busiest second take: messages in, deliveries, background?",
    )
    def servers_for_frames(self) -> float:
        """Servers for messages in, deliveries and background traffic in the busiest second."""
        sent = self.peak_messages * amount(1, "frame") / amount(1, "message")
        return (sent + self.peak_deliveries + self.background) / (self.server_rate * self.utilisation)

    @estimate(
        "server",
        asks="How many chat servers are needed, for memory or frames, whichever is more, and one that may fail?",
    )
    def servers(self) -> float:
        """Chat servers for whichever needs more, and one more so that one may fail."""
        return ceil(maximum(self.servers_for_memory, self.servers_for_frames)) + amount(1, "server")

    @estimate("connection/server", asks="How many connections does one chat server hold?")
    def per_server(self) -> float:
        """Connections of one server: so many people are cut off when it dies or is deployed."""
        return self.connections / self.servers

    @estimate(
        "connection/second",
        asks="How many devices a second connect again, if all connections break at once and come back evenly?",
    )
    def logins(self) -> float:
        """Connections made a second when all were cut and come back: the reconnect storm."""
        return self.connections / self.back_within

    @estimate(
        "server", asks="Into how many shards must the message log be split, to take the messages of the busiest second?"
    )
    def log_shards(self) -> float:
        """Shards of the log, for the busiest second's messages."""
        return ceil(self.peak_messages / self.log_rate)

    @estimate(
        "", asks="How many copies of each log shard are needed, those wanted or enough to answer a reconnect storm?"
    )
    def log_copies(self) -> float:
        """Copies of each shard: those wanted, or enough to answer the storm, as a login visits nearly every shard."""
        return maximum(self.replicas, ceil(count(self.logins / self.login_rate)))

    @estimate("server", asks="How many database machines hold the message log, every shard in all its copies?")
    def log_servers(self) -> float:
        """Database machines for the log: every shard in all its copies."""
        return self.log_shards * self.log_copies

    @estimate("server", asks="How many database machines save the cursors, one a delivery, in the busiest second?")
    def cursor_servers(self) -> float:
        """Machines for cursors, one a delivery, saved as quickly as messages; one copy, as a lost one costs little."""
        moved = self.peak_deliveries * amount(1, "message") / amount(1, "frame")
        return ceil(moved / self.log_rate)

    @estimate(
        "subscription",
        asks="To how many conversations do the servers subscribe at the broker, at most, for all connected devices?",
    )
    def subscriptions(self) -> float:
        """What servers subscribe to at the broker, at most: the conversations of each device that they hold."""
        return amount(count(self.connections) * self.conversations, "subscription")

    @estimate("terabyte", asks="How many bytes do messages take on the log's database disks, in the copies wanted?")
    def hot_log(self) -> float:
        """Messages on database disks, in the copies wanted; those added for a storm need only the newest."""
        return self.messages * self.hot * self.record * self.replicas

    @estimate("terabyte", asks="How many bytes do the messages in the archive take once it is full?")
    def archive(self) -> float:
        """Messages in object storage, as large there as in the log."""
        return self.messages * self.kept * self.record

    @estimate(
        "megabyte/second",
        asks="How many bytes a second go out to devices in the busiest second, messages and background traffic?",
    )
    def bandwidth(self) -> float:
        """Bytes sent to devices in the busiest second."""
        told = self.heartbeats + self.presence + self.receipts
        return self.peak_deliveries * self.frame + told * self.signal

    @estimate("USD/month", asks="What do the chat servers cost, in dollars a month?")
    def server_cost(self) -> float:
        """Chat servers."""
        return self.servers * self.server_price

    @estimate("USD/month", asks="What do the database machines for log and cursors cost, in dollars a month?")
    def log_cost(self) -> float:
        """Database machines, those for cursors too, at the price of a chat server."""
        return (self.log_servers + self.cursor_servers) * self.server_price

    @estimate("USD/month", asks="What do the log's database disks cost, in dollars a month?")
    def disk_cost(self) -> float:
        """Database disks."""
        return self.hot_log * self.disk_price

    @estimate("USD/month", asks="What does the full archive cost, in dollars a month?")
    def archive_cost(self) -> float:
        """Object storage."""
        return self.archive * self.archive_price

    @estimate("USD/month", asks="What does it cost to send messages out to devices, in dollars a month?")
    def delivery_cost(self) -> float:
        """Messages sent out to devices."""
        return self.deliveries * self.frame * self.egress_price

    @estimate("USD/month", asks="What does it cost to send out heartbeats, presence and receipts, in dollars a month?")
    def background_cost(self) -> float:
        """Heartbeats, presence and receipts sent out."""
        told = self.heartbeats + self.presence + self.receipts
        return told / self.peak_to_mean * self.signal * self.egress_price

    @estimate("USD/month", asks="What is the whole bill of the chat, in dollars a month?")
    def cost(self) -> float:
        """The monthly bill, people's salaries and push providers apart."""
        machines, disks = self.server_cost + self.log_cost, self.disk_cost + self.archive_cost
        return machines + disks + self.delivery_cost + self.background_cost

    @estimate("USD/megamessage", asks="What do a million messages cost, in dollars?")
    def cost_per_message(self) -> float:
        """The bill divided by the messages that people sent."""
        return self.cost / self.messages

    one_log_writes = Limit(
        "peak_messages",
        float(f"{_LOG['appended_100']:.2g}"),
        "message/second",
        about="one PostgreSQL log, in batches of 100",
        then="shard the log by the hash of the conversation",
    )
    one_log_logins = Limit(
        "logins",
        float(f"{_LOG['logins']:.2g}"),
        "connection/second",
        about="one PostgreSQL log answering who comes back",
        then="spread the return over more time, and let replicas answer it",
    )
    one_broker = Limit(
        "peak_messages",
        float(f"{_PARTS['broker_messages_per_second']:.2g}"),
        "message/second",
        about="one NATS connection between two servers",
        then="split the conversations over several brokers",
    )
    one_server_burst = Limit(
        "largest_burst",
        float(f"{_SERVER['rate']:.2g}"),
        "frame",
        about="one server, for a second",
        then="let devices of so large a group fetch instead of being sent to",
    )
