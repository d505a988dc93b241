// A palette below each rich-text editor: what keyboards lack, a button each. The characters and
// their names come from the page (portal/core/special_characters.py).

const NO_BREAK_SPACE = "\u00a0";

/** Put the palette below the text of `editor`. */
export function addSpecialCharacters({ editor }) {
  const source = document.getElementById("special-characters");
  if (!source) return;
  const { title, characters } = JSON.parse(source.textContent);
  const palette = document.createElement("details");
  palette.className = "character-palette";
  const summary = document.createElement("summary");
  summary.textContent = title;
  const group = document.createElement("div");
  group.className = "character-palette-buttons";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", title);
  group.append(...characters.map(([character, name]) => button(editor, character, name)));
  palette.append(summary, group);
  palette.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !palette.open) return;
    palette.open = false;
    editor.commands.focus();
  });
  editor.view.dom.closest(".prose-editor")?.append(palette);
}

function button(editor, character, name) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = character === NO_BREAK_SPACE ? "␣" : character;
  made.title = name;
  made.setAttribute("aria-label", name);
  // As text: as HTML, an editor would drop a space.
  made.addEventListener("click", () =>
    editor.chain().insertContent({ type: "text", text: character }).run(),
  );
  return made;
}
