"""Case studies, one folder each: its capacity model, its prototype, its stores and its network face."""
