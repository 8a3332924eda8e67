"""A chat: capacity model, protocol, simulation, message logs, server and command-line client."""
