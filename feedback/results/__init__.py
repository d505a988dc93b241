"""What readers answered, in figures that show no single reader."""

# Nothing is shown about fewer people than this.
MIN_PEOPLE = 10
