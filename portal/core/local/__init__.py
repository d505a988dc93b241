"""What the portal needs beside itself, on one machine and without being asked.

`make run` and `make test` start PostgreSQL, Redis and a mailbox from here. Nothing in this
package imports Django, and importing any of its modules starts nothing: every service has a
`start()` and a `stop()`, and is also a context manager.

    bootstrap.py     the virtual environment and its pinned packages (standard library only)
    processes.py     users, ports, directories and children
    postgres.py      EmbeddedPostgres
    redis_server.py  EmbeddedRedis
    given.py         asks the services that the owner names whether they answer
    homes.py         where their data lie; scratch.py: for one run of the tests
    mailbox.py       receives every mail, shows it in a browser (pages in mail_pages.py)
    environment.py   .env, the secrets that are made once, what the children are told
    supervisor.py    keeps the children running, writes the one log
    web.py           how the web server is started
    __main__.py      `make run`
    programs.py      programs of the system that tests need: chromium.py, the browser, and
                     libreoffice.py, the spreadsheet
    audit.py         the step of `make check` that asks for known vulnerabilities
"""
