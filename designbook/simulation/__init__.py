"""What happens to a design under load, delay and failure, before anything is deployed.

`network` and `faults` run state machines without I/O on a virtual clock; `workloads` makes requests, `queueing` and
`queue_simulation` make them wait, `caching` and `cache_simulation` keep some of them from the store, and `confidence`
says how far a simulated mean may lie from the theory. `network`, `faults`, `zipf`, `queueing`, `caching` and
`confidence` need the standard library only; the others need NumPy.
"""
