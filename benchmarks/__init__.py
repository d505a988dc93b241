"""What is measured, against what, and how to repeat it.

    make bench              all, one after another
    make bench NAME=page    one

Each benchmark starts what it needs (PostgreSQL and Redis as durable as in production, an empty
database, data of its own), measures the compared things in turns in the same run, and ends with
one line of JSON: ``{"name", "ratio", "against", "figures"}``. Ratios are medians over several
rounds; on a noisy machine differences under 20 % are ties. A benchmark never fails on a figure.

    harness.py    services, settings, progress, the last line
    load.py       the load generator
    web.py        a web server under test: its processor time and memory
    page.py       the article page against a constant page
    export.py     files of responses against COPY and XlsxWriter; export_ways.py: one way each,
                  in a process of its own
    results.py    results pages over a million responses against their limit
    survey.py     answers sent through the whole stack against pgbench's single rows
    mail.py       the outbox with one commit per message against one raw smtplib connection;
                  mail_sink.py: the mail server of both
    servers.py    application servers on the article page (see docs/decisions/0005-app-server.md)
"""
