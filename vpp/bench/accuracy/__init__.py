"""How well the forecasting engine does on public measured series, beside the reference methods, out of sample."""
