// Shows how far a mailing is, every three seconds while somebody looks. Without this script the page
// has a link that loads it again.
const PAUSE = 3000;

const region = document.querySelector("[data-mailing-progress]");
const spoken = document.querySelector("[data-mailing-announcement]");
let failures = 0;

async function refresh() {
  const answer = await fetch(region.dataset.mailingProgress);
  // Signed out, or the server is away: the page's own link says which.
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const html = await answer.text();
  const next = new DOMParser().parseFromString(html, "text/html").querySelector("[data-live]");
  const old = region.querySelector("[data-live]");
  const focused = document.activeElement;
  const hadFocus = old.contains(focused);
  // The same button again, or the region, where the button has gone.
  const place = hadFocus ? [...old.querySelectorAll(focused.tagName)].indexOf(focused) : -1;
  const words = focused.textContent;
  old.replaceWith(next);
  if (hadFocus) {
    const same = next.querySelectorAll(focused.tagName)[place];
    (same && same.textContent === words ? same : region).focus({ preventScroll: true });
  }
  const { announcement } = next.dataset;
  if (spoken.textContent !== announcement) spoken.textContent = announcement;
}

async function look() {
  if (document.visibilityState === "visible") {
    try {
      await refresh();
      failures = 0;
    } catch {
      failures += 1;
    }
  }
  if (region.querySelector("[data-live=yes]")) {
    // Who is away is not asked more often, but less.
    setTimeout(look, PAUSE * Math.min(1 + failures, 15));
  }
}

setTimeout(look, PAUSE);
document.addEventListener("visibilitychange", () => {
  failures = 0;
});
