"""What happens to a design under load, delay and failure, before anything is deployed.

`network` and `faults` run state machines without I/O on a virtual clock. `workloads` draws requests, `queue_simulation`
and `cache_simulation` run them, and `zipf`, `queueing`, `caching` and `birthday` are the theory of the same;
`confidence` says how far a simulated mean may lie from it. Those that draw or run requests need NumPy, the others the
standard library only.
"""
