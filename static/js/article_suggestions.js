// Offers articles while somebody types a part of a title. Without it, the form finds them when sent.
const PAUSE = 200; // milliseconds

for (const input of document.querySelectorAll("[data-suggestions]")) {
  let latest = "";
  input.addEventListener("input", async () => {
    const words = input.value.trim();
    latest = words;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (words.length < 2 || latest !== words) return;
    const answer = await fetch(`${input.dataset.suggestions}?q=${encodeURIComponent(words)}`);
    if (!answer.ok || latest !== words) return;
    const { articles } = await answer.json();
    input.list.replaceChildren(...articles.map(({ value, title }) => new Option(title, value)));
  });
}
