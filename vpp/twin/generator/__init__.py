"""The synthetic world: weather, prices, loads and cars from one seed. Pure: arguments in, arrays out."""
