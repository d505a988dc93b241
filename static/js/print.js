// Buttons that only a script can make work: hidden in the HTML, shown here.
for (const holder of document.querySelectorAll("[data-print]")) {
  holder.hidden = false;
  holder.querySelector("button").addEventListener("click", () => window.print());
}
