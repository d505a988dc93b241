"""References by DOI, PMID, or from the files of reference managers and PubMed.

Reading (this package but for ``services``) stores nothing and never raises for what it was given:
whatever it cannot make sense of comes back as a ``Problem`` with its line.
"""
