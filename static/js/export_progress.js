// Shows how far an export is, every two seconds while somebody looks. Without this script the page
// has a link that loads it again.
const PAUSE = 2000;

const spoken = document.querySelector("[data-export-announcement]");
let failures = 0;

function state() {
  return document.querySelector("[data-export-state]");
}

async function ask() {
  const answer = await fetch(state().dataset.progressUrl, { headers: { Accept: "application/json" } });
  // Signed out, or the server is away: the page's own link says which.
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  return answer.json();
}

function show(progress) {
  const bar = state().querySelector("progress");
  bar.max = progress.max || 1;
  bar.value = progress.value;
  state().querySelector("[data-export-text]").textContent = progress.text;
}

// Another state is another page: it is put in the place of this one, buttons and all.
async function turnPage() {
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const old = state();
  const hadFocus = old.contains(document.activeElement);
  document.title = page.title;
  const parts = [".breadcrumbs", "#content > h1", "[data-export-state]", ".facts"];
  for (const part of parts) {
    const next = page.querySelector(part);
    if (next) document.querySelector(part)?.replaceWith(next);
  }
  if (hadFocus) {
    state().tabIndex = -1;
    state().focus();
  }
}

async function look() {
  if (document.visibilityState === "visible") {
    try {
      const progress = await ask();
      if (progress.state === state().dataset.exportState) show(progress);
      else await turnPage();
      if (spoken.textContent !== progress.announcement) spoken.textContent = progress.announcement;
      failures = 0;
    } catch {
      failures += 1;
    }
  }
  if (["waiting", "running"].includes(state().dataset.exportState)) {
    // Who is away is not asked more often, but less.
    setTimeout(look, PAUSE * Math.min(1 + failures, 15));
  }
}

setTimeout(look, PAUSE);
document.addEventListener("visibilitychange", () => {
  failures = 0;
});
