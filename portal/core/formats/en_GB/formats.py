"""British English with 24 hours: "9 a.m." beside "14:30" would be two kinds of one thing."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATETIME_FORMAT = "d/m/Y H:i"
