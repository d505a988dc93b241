// Runs between the editor's library and its start (see portal/core/rich_text_admin.py).
import { Editor } from "django-prose-editor/editor";
import { cleanPastedHTML } from "paste-from-word";
import { addSpecialCharacters } from "special-characters";

// The editor hides the field that the label belongs to, and has no name itself.
function name({ editor }) {
  const text = editor.view.dom;
  const label = text.closest(".form-row")?.querySelector("label");
  if (label) text.setAttribute("aria-label", label.textContent.trim().replace(/:$/, ""));
}

// Tiptap would write a <style> element, which the content security policy refuses: its rules
// stand in css/rich_text_editor.css.
Editor.prototype.injectCSS = function () {
  this.on("create", name);
  this.on("create", addSpecialCharacters);
  this.on("create", ({ editor }) => editor.view.setProps({ transformPastedHTML: cleanPastedHTML }));
};
