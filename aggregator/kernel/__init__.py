"""Pure vocabulary: time, quantities, money, lifecycles, errors. Imports nothing of the project."""
