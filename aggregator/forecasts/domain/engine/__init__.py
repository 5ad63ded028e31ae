"""The forecasting engine: one batched kernel for all assets of a kind. docs/availability.md has the equations."""
