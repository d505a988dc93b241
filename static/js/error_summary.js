// After a form came back with errors, keyboard and screen reader start at their summary.
document.querySelector("[data-error-summary]")?.focus();
