"""The news feed: posts by the people you follow, newest first, although some of them have millions of readers."""
