"""Rowferry: rows stream in, CSV and XLSX files come out behind a link."""
