"""Ride sharing: trips, drivers' locations, dispatch, fares and stores; a city that is simulated; the capacity model."""
