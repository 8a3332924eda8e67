"""A leaderboard: capacity model, rules, service, shards, event log and stores."""
