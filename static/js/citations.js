// Shows a cited source beside its number, on hover and on focus. The number stays a plain link.
const popover = document.createElement("div");
popover.className = "citation-popover";
popover.id = "citation-popover";
popover.hidden = true;
document.body.append(popover);

let shownBy = null;
let timer = 0;

function show(link) {
  const reference = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  const text = reference?.querySelector(".reference-text");
  if (!text) return;
  clearTimeout(timer);
  shownBy?.removeAttribute("aria-describedby");
  shownBy = link;
  popover.replaceChildren(...[...text.childNodes].map((node) => node.cloneNode(true)));
  popover.hidden = false;
  link.setAttribute("aria-describedby", popover.id);
  const at = link.getBoundingClientRect();
  const width = popover.offsetWidth;
  const room = document.documentElement.clientWidth;
  const left = Math.max(16, Math.min(at.left + at.width / 2 - width / 2, room - width - 16));
  const below = at.bottom - 2;
  const isCut = below + popover.offsetHeight > window.innerHeight;
  const top = isCut ? at.top + 2 - popover.offsetHeight : below;
  // Through the object model, which the content security policy allows.
  popover.style.left = `${left + window.scrollX}px`;
  popover.style.top = `${top + window.scrollY}px`;
}

function hide() {
  popover.hidden = true;
  shownBy?.removeAttribute("aria-describedby");
  shownBy = null;
}

// Time to move the pointer from the number into the popover (WCAG 1.4.13).
const hideSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(hide, 250);
};

for (const link of document.querySelectorAll(".citation a")) {
  link.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "touch") show(link);
  });
  link.addEventListener("pointerleave", hideSoon);
  link.addEventListener("focus", () => show(link));
  // At once, or it would cover what has the focus now; but not under the pointer of who uses it.
  link.addEventListener("blur", () => popover.matches(":hover") || hide());
  link.addEventListener("click", hide);
}
popover.addEventListener("pointerenter", () => clearTimeout(timer));
popover.addEventListener("pointerleave", hideSoon);
popover.addEventListener("focusin", () => clearTimeout(timer));
popover.addEventListener("focusout", hideSoon);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
