"""The news feed's ports to databases, and their adapters: posts in memory, feeds in memory."""

from designbook.systems.news_feed.stores.memory import MemoryFeedStore, MemoryPostStore
from designbook.systems.news_feed.stores.port import FeedStore, IdTaken, PostStore, StoreDown

__all__ = ["FeedStore", "IdTaken", "MemoryFeedStore", "MemoryPostStore", "PostStore", "StoreDown"]
