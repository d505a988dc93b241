// A script of the desk may put something else in a field's place: the summary of errors leads there.
function standIn(id) {
  // Two lists side by side take the field's name and add to it; an editor hides the field.
  const row = document.getElementById(id)?.closest(".form-row, td");
  return document.getElementById(`${id}_from`) ?? row?.querySelector("[contenteditable='true'], .select2-selection");
}

document.querySelector("[data-error-summary]")?.addEventListener("click", (event) => {
  const id = event.target.closest("a[href^='#']")?.hash.slice(1);
  if (!id || document.getElementById(id)?.checkVisibility()) return;
  const field = standIn(id);
  if (!field) return;
  event.preventDefault();
  field.focus();
});
