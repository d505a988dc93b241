// Copies the page's canonical address. Hidden in the HTML, shown where the clipboard can be used.
const address = document.querySelector("link[rel=canonical]")?.href ?? location.href;

for (const holder of document.querySelectorAll("[data-copy-link]")) {
  if (!navigator.clipboard) break;
  holder.hidden = false;
  holder.querySelector("button").addEventListener("click", async () => {
    await navigator.clipboard.writeText(address);
    const status = holder.querySelector("[role=status]");
    status.textContent = status.dataset.copied;
  });
}
