// Optional enhancements: every page works without this script.
"use strict";

const all = (selector, each) => document.querySelectorAll(selector).forEach(each);

// Copies the value of a field that is shown once.
all("[data-copy]", (button) => {
  const field = document.getElementById(button.dataset.copy);
  const status = document.querySelector(`[data-copied="${button.dataset.copy}"]`);
  button.hidden = false;
  // Copying is the first thing to do on such a page.
  if (button.closest("[data-once]")) button.focus();
  button.addEventListener("click", async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(field.value);
      copied = true;
    } catch {
      // Without clipboard access, falls back to the older API. The field stays selected in any case.
      field.select();
      copied = document.execCommand("copy");
    }
    if (copied) field.dataset.copied = "yes";
    button.textContent = copied ? "Copied" : "Copy manually";
    status.textContent = copied ? "Copied to the clipboard." : "Couldn’t copy. The text is selected.";
    setTimeout(() => { button.textContent = "Copy"; }, 3000);
  });
});

all("[data-select]", (field) => field.addEventListener("focus", () => field.select()));

// Asks for confirmation before leaving a page whose secret was not copied.
all("[data-once] [data-select]", (field) => {
  field.addEventListener("copy", () => { field.dataset.copied = "yes"; });
  addEventListener("beforeunload", (event) => { if (!field.dataset.copied) event.preventDefault(); });
});

// Reloading a page that shows a secret opens the list instead of resending the form.
all("[data-leave-to]", (shown) => history.replaceState(null, "", shown.dataset.leaveTo));

// Back to a rejected form opens its page again, where browsers would ask to resend it. Reloading the
// rejected form still resends it: the entries stay, and nothing is created twice.
addEventListener("pagehide", () => history.replaceState(history.state, "", location.href));

// Shows times in the user's time zone. The tooltip keeps the time in UTC.
all("time[datetime]", (time) => {
  const at = new Date(time.dateTime);
  const [day, clock] = time.children;
  if (!clock || Number.isNaN(at.getTime())) return;
  time.title = time.textContent;
  const second = time.classList.contains("exact") ? { second: "2-digit" } : {};
  day.textContent = `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })},`;
  clock.textContent = `${at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...second, timeZoneName: "short" })}`;
});

all("[data-reveal]", (button) => {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const reveal = field.type === "password";
    field.type = reveal ? "text" : "password";
    button.textContent = reveal ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(reveal));
  });
  // Browsers remember the entries of text fields.
  field.form.addEventListener("submit", () => { field.type = "password"; });
});

// A date and a preset exclude each other. The warning is shown for tokens that never expire.
all("[data-expiry]", (select) => all("[data-expiry-date]", (date) => {
  const blank = select.dataset.expiry;
  const update = () => all("[data-never]", (warning) => {
    warning.hidden = (select.value || date.value || blank) !== "never";
  });
  select.addEventListener("change", () => { if (select.value) date.value = ""; update(); });
  date.addEventListener("input", () => { if (date.value) select.value = ""; update(); });
  update();
}));

// Prevents a form from being sent twice while a response is pending, and says that it is. After Stop
// or a timeout it can be sent again: a form that creates something does so at most once.
const SAY_AFTER_MS = 500;
const RETRY_AFTER_MS = 10000;
let waiting = [];
const release = (text) => {
  waiting.forEach(clearTimeout);
  waiting = [];
  all("form[aria-busy]", (form) => {
    form.removeAttribute("aria-busy");
    form.querySelector(".sending").textContent = text;
  });
};
all("form[method=post]", (form) => {
  const status = document.createElement("p");
  status.className = "sending";
  status.setAttribute("role", "status");
  form.append(status);
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("aria-busy")) {
      event.preventDefault();
      return;
    }
    release("");
    form.setAttribute("aria-busy", "true");
    waiting = [
      setTimeout(() => { status.textContent = "Sending…"; }, SAY_AFTER_MS),
      setTimeout(() => release("No response yet. You can submit the form again."), RETRY_AFTER_MS),
    ];
  });
});
const stopped = () => release("Stopped. The server may have received the form; you can submit it again.");
addEventListener("keydown", (event) => { if (event.key === "Escape") stopped(); });
// The browser's Stop button, in browsers that report it.
window.navigation?.addEventListener("navigate", (event) => {
  event.signal.addEventListener("abort", stopped);
});
addEventListener("pageshow", () => release(""));
