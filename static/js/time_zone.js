// Chooses the browser's time zone where nobody has chosen yet; it can be changed, and is shown
// again before anything is confirmed. Without this script the site's own zone applies.
const field = document.querySelector("[data-guess-time-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (field && !field.value && [...field.options].some((option) => option.value === zone)) {
  field.value = zone;
}
