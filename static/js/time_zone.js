// Chooses the browser's time zone where nobody has chosen yet and the list has it; it can be changed
// before the form is sent. Without this script the site's own zone applies.
const field = document.querySelector("[data-guess-time-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (field && !field.value && [...field.options].some((option) => option.value === zone)) {
  field.value = zone;
}
