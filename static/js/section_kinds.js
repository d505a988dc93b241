// The desk's form of an article: the fields of a figure show only where a section is one.
const KIND = 'select[name^="sections-"][name$="-kind"]';

const update = (select) => {
  const fields = select.closest(".inline-related")?.querySelector(".figure-fields");
  if (!fields) return;
  // What is in error or holds an image stays in sight, or nobody would find what to mend.
  const matters = fields.querySelector(".errorlist, .figure-thumbnail") !== null;
  fields.hidden = select.value !== "figure" && !matters;
};

document.addEventListener("change", ({ target }) => {
  if (target.matches(KIND)) update(target);
});
document.addEventListener("formset:added", ({ target }) => {
  target.querySelectorAll(KIND).forEach(update);
});
document.querySelectorAll(KIND).forEach(update);
