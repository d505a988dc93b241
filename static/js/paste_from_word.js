// Turns what Word and LibreOffice put on the clipboard into plain HTML: lists that are lists, header
// cells, footnotes, bold that is bold. The server decides all the same what may stay.

const BLANK = /^[\s\u00a0\u200b]*$/;
const BLOCKS = "p, div, h1, h2, h3, h4, h5, h6, ul, ol, li, table, blockquote";
// What can begin a list's paragraph that bears no other mark of it: "·   One", "2.   Two".
const MARKER = /^[\s\u00a0]*([·•o▪§\u2013\uf0a7\uf0b7-]|(?:\d+|[a-z]|[ivxl]+)[.)])[\s\u00a0]{2,}/i;
const KEPT_ATTRIBUTES = { a: ["href"], td: ["colspan", "rowspan"], th: ["colspan", "rowspan"], ol: ["start", "type"] };

// Word writes what is set in the font "Symbol" as if it were Latin text.
const SYMBOLS = new Map(
  [
    ["abgdezhqiklmnxoprstufcyw", "αβγδεζηθικλμνξοπρστυφχψω"],
    ["GDQLXPSFYW", "ΓΔΘΛΞΠΣΦΨΩ"],
    ["³£±´»¹®¥·", "≥≤±×≈≠→∞•"],
  ].flatMap(([latin, symbols]) => [...latin].map((sign, place) => [sign, [...symbols][place]])),
);

/** Return the HTML of the clipboard without what only a word processor understands. */
export function cleanPastedHTML(html) {
  // What the editor copied itself is clean, and says more than its markup.
  if (html.includes("data-pm-slice")) return html;
  // Before it is parsed: the content security policy refuses a <style> element even there.
  const unstyled = html.replace(/<style\b[^]*?<\/style\s*>/gi, "");
  const { body } = new DOMParser().parseFromString(unstyled, "text/html");
  removeWhatIsNoText(body);
  mapSymbols(body);
  rewriteNotes(body);
  rewriteLists(body);
  rewriteMarks(body);
  unwrapTheMeaningless(body);
  rewriteHeadings(body);
  rewriteTables(body);
  tidy(body);
  return body.innerHTML.trim();
}

// Read as text: browsers drop what is Word's own, and a policy may refuse style attributes.
function style(element) {
  const declarations = {};
  for (const declaration of (element.getAttribute("style") ?? "").split(";")) {
    const [name, ...value] = declaration.split(":");
    declarations[name.trim().toLowerCase()] = value.join(":").trim().toLowerCase();
  }
  return declarations;
}

function create(element, name) {
  return element.ownerDocument.createElement(name);
}

function unwrap(element) {
  element.replaceWith(...element.childNodes);
}

function rename(element, name) {
  const renamed = create(element, name);
  for (const { name: attribute, value } of element.attributes) renamed.setAttribute(attribute, value);
  renamed.append(...element.childNodes);
  element.replaceWith(renamed);
  return renamed;
}

function nodes(body, kind) {
  const walker = body.ownerDocument.createTreeWalker(body, kind);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
}

function removeWhatIsNoText(body) {
  for (const comment of nodes(body, NodeFilter.SHOW_COMMENT)) comment.remove();
  for (const element of body.querySelectorAll(
    "script, meta, link, title, xml, col, colgroup, hr, img, object, del, br[clear], .MsoCommentReference",
  )) {
    element.remove();
  }
  for (const element of body.querySelectorAll("[style]")) {
    const { display, "mso-hide": hidden, "mso-element": part, "mso-spacerun": run } = style(element);
    if (display === "none" || hidden === "all" || part === "comment-list") element.remove();
    else if (run === "yes") element.textContent = " ";
  }
}

function mapSymbols(body) {
  for (const span of body.querySelectorAll("span[style]")) {
    const { "font-family": font, "mso-list": list } = style(span);
    if (!/^["']?symbol\b/.test(font ?? "") || list || span.children.length > 0) continue;
    span.textContent = [...span.textContent].map((sign) => SYMBOLS.get(sign) ?? sign).join("");
  }
}

// "[1]" becomes a superscript 1, in the text and before the note, which stays at the end.
function rewriteNotes(body) {
  for (const link of body.querySelectorAll("a")) {
    const { "mso-footnote-id": footnote, "mso-endnote-id": endnote } = style(link);
    if (!footnote && !endnote && !/^sd(?:foot|end)note/.test(link.className)) continue;
    const number = create(link, "sup");
    number.textContent = link.textContent.replace(/[[\]\s]/g, "");
    const isRaised = link.parentElement.matches("sup") && link.parentElement.children.length === 1;
    (isRaised ? link.parentElement : link).replaceWith(number);
  }
}

// Word's lists are paragraphs: the list and its level stand in a style, the marker in the text.
function rewriteLists(body) {
  const items = new Map();
  for (const paragraph of body.querySelectorAll("p")) {
    const item = listItem(paragraph);
    if (item) items.set(paragraph, item);
  }
  for (const first of items.keys()) {
    if (first.closest("li")) continue; // went with a run before it
    const run = [];
    for (let next = first; next; ) {
      const following = next.nextElementSibling;
      if (items.has(next)) run.push(next);
      else if (BLANK.test(next.textContent) && items.has(following)) next.remove();
      else break;
      next = following;
    }
    // The paragraphs move into the lists, so something else must keep the place.
    const place = create(first, "ul");
    first.before(place);
    place.replaceWith(...lists(run, items));
  }
  for (const marker of body.querySelectorAll("[style]")) {
    if (style(marker)["mso-list"] === "ignore") marker.remove();
  }
}

function listItem(paragraph) {
  const place = /l(\d+)\s+level(\d)/.exec(style(paragraph)["mso-list"] ?? "");
  if (place) {
    const ignored = [...paragraph.querySelectorAll("[style]")].find(
      (element) => style(element)["mso-list"] === "ignore",
    );
    return { id: place[1], level: Number(place[2]), marker: ignored?.textContent.trim() ?? "" };
  }
  const marker = /^MsoListParagraph/.test(paragraph.className) && MARKER.exec(paragraph.textContent);
  if (!marker) return null;
  cut(paragraph, marker[0].length);
  const indent = /^([\d.]+)in$/.exec(style(paragraph)["margin-left"] ?? "");
  const level = indent ? Math.max(1, Math.round(Number(indent[1]) / 0.5)) : 1;
  return { id: "", level, marker: marker[1] };
}

function cut(paragraph, length) {
  for (const text of nodes(paragraph, NodeFilter.SHOW_TEXT)) {
    const here = Math.min(length, text.data.length);
    text.data = text.data.slice(here);
    length -= here;
  }
}

function lists(run, items) {
  const made = [];
  let open = []; // the lists that the next item may go on with, one a level
  for (const paragraph of run) {
    const item = items.get(paragraph);
    open = open.slice(0, item.level);
    if (item.level === 1 && open.length && open[0].id !== item.id) open = [];
    while (open.length < item.level) {
      const list = newList(paragraph, item);
      if (open.length === 0) made.push(list);
      else {
        const outer = open.at(-1).list;
        if (!outer.lastElementChild) outer.append(create(outer, "li"));
        outer.lastElementChild.append(list);
      }
      open.push({ list, id: item.id });
    }
    const entry = create(paragraph, "li");
    open.at(-1).list.append(entry);
    entry.append(paragraph);
  }
  return made;
}

function newList(paragraph, { marker }) {
  const counted = /^\(?(\d+|[a-z]+)[.)]/i.exec(marker);
  if (!counted) return create(paragraph, "ul");
  const list = create(paragraph, "ol");
  const [, number] = counted;
  if (/^\d/.test(number)) {
    if (Number(number) > 1) list.setAttribute("start", Number(number));
  } else if (/^[ivx]+$/i.test(number)) list.setAttribute("type", number === number.toLowerCase() ? "i" : "I");
  else list.setAttribute("type", number === number.toLowerCase() ? "a" : "A");
  return list;
}

function rewriteMarks(body) {
  for (const element of body.querySelectorAll("b, strong, i, em, span, font")) {
    const { "font-weight": weight = "", "font-style": slant = "", "vertical-align": raised } = style(element);
    if (element.matches("span, font") && !BLANK.test(element.textContent)) {
      if (weight.startsWith("bold") || Number(weight) >= 600) wrapContent(element, "strong");
      if (slant === "italic") wrapContent(element, "em");
      if (raised === "super") wrapContent(element, "sup");
      if (raised === "sub") wrapContent(element, "sub");
    } else if (
      (element.matches("b, strong") && (weight === "normal" || weight === "400")) ||
      (element.matches("i, em") && slant === "normal")
    ) {
      unwrap(element);
    }
  }
}

function wrapContent(element, name) {
  const mark = create(element, name);
  mark.append(...element.childNodes);
  element.append(mark);
}

function unwrapTheMeaningless(body) {
  for (const element of [...body.querySelectorAll("*")].reverse()) {
    const { localName } = element;
    if (localName.includes(":")) {
      if (BLANK.test(element.textContent)) element.remove();
      else unwrap(element);
    } else if (localName === "div" || localName === "section" || localName === "article") {
      if (element.querySelector(BLOCKS)) unwrap(element);
      else rename(element, "p");
    } else if (["span", "font", "ins", "u", "center", "small", "big"].includes(localName)) unwrap(element);
    else if (localName === "a" && !/^(?:https?|mailto):/i.test(element.getAttribute("href") ?? "")) unwrap(element);
  }
}

// The document's first level becomes the first level below a section's heading.
function rewriteHeadings(body) {
  const headings = [...body.querySelectorAll("h1, h2, h3, h4, h5, h6")];
  const top = Math.min(...headings.map((heading) => Number(heading.localName[1])));
  for (const heading of headings) {
    for (const mark of heading.querySelectorAll("b, strong, i, em")) unwrap(mark);
    rename(heading, Number(heading.localName[1]) === top ? "h3" : "h4");
  }
}

function rewriteTables(body) {
  for (const table of body.querySelectorAll("table")) {
    const [first] = table.rows;
    if (!first) continue;
    const heads = new Set(table.tHead?.rows ?? []);
    if (heads.size === 0 && [...first.cells].every(isBold)) heads.add(first);
    for (const row of heads) {
      for (const cell of [...row.cells]) {
        for (const mark of cell.querySelectorAll("b, strong")) unwrap(mark);
        rename(cell, "th");
      }
    }
  }
}

function isBold(cell) {
  const texts = nodes(cell, NodeFilter.SHOW_TEXT).filter(({ data }) => !BLANK.test(data));
  return texts.length > 0 && texts.every((text) => text.parentElement.closest("b, strong, th"));
}

function tidy(body) {
  for (const paragraph of body.querySelectorAll("p, h3, h4")) {
    if (!BLANK.test(paragraph.textContent)) continue;
    // A cell holds one paragraph at least.
    if (paragraph.parentElement.matches("td, th") && paragraph.parentElement.children.length === 1) {
      paragraph.replaceChildren();
    } else paragraph.remove();
  }
  for (const element of body.querySelectorAll("*")) {
    const kept = KEPT_ATTRIBUTES[element.localName] ?? [];
    for (const { name } of [...element.attributes]) if (!kept.includes(name)) element.removeAttribute(name);
  }
  body.normalize();
  for (const text of nodes(body, NodeFilter.SHOW_TEXT)) text.data = text.data.replace(/[ \t\r\n]+/g, " ");
}
