"""The question that every open app asks twice a minute, far more often than it loads a page."""

from designbook.systems.news_feed.posts import MAX_ID, check_id
from designbook.systems.news_feed.service import NewsFeed


def anything_new(service: NewsFeed, reader: int, seen: int) -> bool:
    """Whether a page would begin with a post newer than `seen`, the id of the newest one that the app shows.

    One read of the reader's feed in memory; only where that says no, one of the lists that are merged at read. A feed
    that is not there counts as news, since loading the page makes it, and so may a post that was deleted or hidden
    meanwhile. To ask is to read: a feed whose app is open does not expire. Raises Refused or StoreDown.
    """
    check_id("reader", reader)
    check_id("seen", seen)
    entries = service.feeds.read(reader, MAX_ID, 1)
    if entries is None or entries.posts[:1] > [seen]:
        return True
    return service.posts.pulled(reader, MAX_ID, 1)[:1] > [seen]
