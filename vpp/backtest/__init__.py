"""How the forecasts would have done on the days that are stored: docs/backtest.md."""
