"""From validated readings to series: calendar, imputation, differencing, spectra, windows; polars and numpy alone."""
