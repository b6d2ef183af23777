"""A theatre whose handlers name their events through the module that they are in, for the test of what is known."""
