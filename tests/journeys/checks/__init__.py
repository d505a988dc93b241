"""What is checked on every page of the gallery: each a function of the page and its place."""
