"""Responses as files: pseudonymous, from one snapshot, in constant memory.

orders.py      what is ordered
columns.py     which columns a file has
snapshot.py    the view of the database that it shows, and the key of its pseudonyms
statements.py  the COPY that makes its rows; cells.py, xlsx.py: what a value looks like
rows.py        rows as they come
workbook.py    XLSX; packing.py: ZIP
codebook.py    what each column holds; papers.py: README and manifest
writing.py     count_rows(), write(), stream()

forms.py       what is asked; small_groups.py: what is refused; words.py: an order in words
streaming.py   sent while it is made; logs.py: the log
jobs.py        made in the background by tasks.py; work.py: who works, how far it is; mails.py
files.py       where finished files lie; output.py: a file on this machine
"""
