// Tells, without naming anybody, that the survey came into view and that it was begun: for the
// response rate. The article is signed, and each step is told once per page.
const form = document.querySelector("form[data-impressions]");

function tell(step) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  fetch(form.dataset.impressions, {
    method: "POST",
    // Goes out even if the reader leaves the page.
    keepalive: true,
    body: new URLSearchParams({ article: form.dataset.article, step, csrfmiddlewaretoken: token }),
  }).catch(() => {});
}

function watch() {
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      observer.disconnect();
      tell("shown");
    }
  });
  observer.observe(form.querySelector(".scale-options"));
  form.addEventListener("change", () => tell("started"), { once: true });
}

if (form) {
  // A page that the browser fetches ahead has not been shown to anybody yet.
  if (document.prerendering) document.addEventListener("prerenderingchange", watch, { once: true });
  else watch();
}
