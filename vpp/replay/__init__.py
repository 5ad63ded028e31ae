"""Play one delivery day of a park with its twin, and sum it up."""
