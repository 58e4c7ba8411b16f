"""Layouts of stage files: words, columns, times, tables, lists, JSON, XML and EDF+."""
