"""What the chapters of the method compute: estimates, queues and tails, and an interview's minutes."""
