# ruff: noqa: RUF001 - the dashes and quotes of the text are the point
"""Write the Word documents of this directory anew: ``python -m tests.articles.pasted.make``.

Their clipboard HTML stands beside them: ``*.word.html`` in the markup that Word puts on the
clipboard, written down by hand, and ``*.libreoffice.html``, which LibreOffice 7.4 made of the
documents (``soffice --headless --convert-to html``), which is what it pastes, too. All studies,
people and figures in them are made up.
"""

from pathlib import Path

from docx import Document
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

HERE = Path(__file__).parent
FOOTNOTES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:footnotes %s>
  <w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>
  <w:footnote w:type="continuationSeparator" w:id="0">
    <w:p><w:r><w:continuationSeparator/></w:r></w:p></w:footnote>
  <w:footnote w:id="1"><w:p><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr>
    <w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> Made-up figures.</w:t></w:r></w:p>
  </w:footnote>
  <w:footnote w:id="2"><w:p><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr>
    <w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> By </w:t></w:r>
    <w:r><w:rPr><w:i/></w:rPr><w:t>local</w:t></w:r>
    <w:r><w:t xml:space="preserve"> assessment.</w:t></w:r></w:p></w:footnote>
</w:footnotes>"""


# What Word writes for a list of bullets and for a numbered one: nine levels, three of them here.
LEVELS = {
    1: (("bullet", "\uf0b7"), ("bullet", "o"), ("bullet", "\uf0a7")),
    2: (("decimal", "%1."), ("lowerLetter", "%2."), ("lowerRoman", "%3.")),
}
NUMBERED = {1: 901, 2: 902}


def lists() -> None:
    document = Document()
    _define_lists(document)
    document.add_heading("Before treatment", 1)
    document.add_paragraph("Check three things:")
    for level, text in (
        (0, "Blood count"),
        (1, "Neutrophils"),
        (2, "Twice a week"),
        (1, "Platelets"),
        (0, "Infections"),
    ):
        _item(document, 1, level, text)
    document.add_heading("Then", 2)
    for level, text in ((0, "Treat"), (1, "First dose"), (1, "Second dose"), (0, "Assess")):
        _item(document, 2, level, text)
    document.add_paragraph("")
    document.add_paragraph("After the list.")
    document.save(HERE / "lists.docx")


def _define_lists(document) -> None:
    numbering = document.part.numbering_part.element
    first = numbering.find(qn("w:num"))
    for number, levels in LEVELS.items():
        described = "".join(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
            f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/>'
            f'<w:pPr><w:ind w:left="{720 * (level + 1)}" w:hanging="360"/></w:pPr></w:lvl>'
            for level, (form, text) in enumerate(levels)
        )
        abstract = (
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{NUMBERED[number]}">'
            f'<w:multiLevelType w:val="hybridMultilevel"/>{described}</w:abstractNum>'
        )
        first.addprevious(parse_xml(abstract))
        numbering.append(
            parse_xml(
                f'<w:num {nsdecls("w")} w:numId="{NUMBERED[number]}">'
                f'<w:abstractNumId w:val="{NUMBERED[number]}"/></w:num>'
            )
        )


def _item(document, number: int, level: int, text: str) -> None:
    paragraph = document.add_paragraph(text, "List Paragraph")
    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_ilvl().val = level
    properties.get_or_add_numId().val = NUMBERED[number]


def table() -> None:
    document = Document()
    document.add_paragraph("Responses by arm:")
    rows = (
        ("Arm", "Patients", "ORR, % (95% CI)"),
        ("A", "40", "52.5 (36.1–68.5)"),
        ("B", "38", "≥ 30"),
    )
    grid = document.add_table(len(rows), 3, style="Table Grid")
    for number, row in enumerate(rows):
        for cell, text in zip(grid.rows[number].cells, row, strict=True):
            cell.paragraphs[0].add_run(text).bold = number == 0
    properties = grid.rows[0]._tr.get_or_add_trPr()
    properties.append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    document.add_paragraph("Made-up figures.")
    document.save(HERE / "table.docx")


def marks() -> None:
    document = Document()
    paragraph = document.add_paragraph("The “")
    paragraph.add_run("primary").bold = True
    paragraph.add_run("” end point wasn’t ")
    paragraph.add_run("p").italic = True
    paragraph.add_run(" < 0.05 — it was H")
    paragraph.add_run("2").font.subscript = True
    paragraph.add_run("O and 10")
    paragraph.add_run("9").font.superscript = True
    commented = paragraph.add_run("/L")
    footnote(paragraph, 1)
    paragraph.add_run(".")
    document.add_comment(commented, text="Which laboratory?", author="An editor", initials="AE")
    document.add_paragraph("")
    second = document.add_paragraph("Both ")
    both = second.add_run("bold and italic")
    both.bold = both.italic = True
    second.add_run(" survive")
    footnote(second, 2)
    second.add_run(".")
    part = Part(
        PackURI("/word/footnotes.xml"),
        CONTENT_TYPE.WML_FOOTNOTES,
        (FOOTNOTES % nsdecls("w")).encode(),
        document.part.package,
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    document.save(HERE / "marks.docx")


def footnote(paragraph, number: int) -> None:
    run = paragraph.add_run()
    run.font.superscript = True
    run._r.append(parse_xml(f'<w:footnoteReference {nsdecls("w")} w:id="{number}"/>'))


if __name__ == "__main__":
    lists()
    table()
    marks()
