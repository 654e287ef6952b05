// Improves what works without it: nothing here is needed to use a page.
"use strict";

const all = (selector, each) => document.querySelectorAll(selector).forEach(each);

// Copy what is shown once. The field can be selected and copied by hand as well.
all("[data-copy]", (button) => {
  const field = document.getElementById(button.dataset.copy);
  const status = document.querySelector(`[data-copied="${button.dataset.copy}"]`);
  button.hidden = false;
  // What is shown once is copied first.
  if (button.closest("[data-once]")) button.focus();
  button.addEventListener("click", async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(field.value);
      copied = true;
    } catch {
      // No access to the clipboard: the older way, which selects the field in any case.
      field.select();
      copied = document.execCommand("copy");
    }
    if (copied) field.dataset.taken = "yes";
    button.textContent = copied ? "Copied" : "Copy by hand";
    status.textContent = copied ? "Copied to the clipboard." : "Could not be copied. The text is selected.";
    setTimeout(() => { button.textContent = "Copy"; }, 3000);
  });
});

all("[data-select]", (field) => field.addEventListener("focus", () => field.select()));

// The browser asks before it leaves a page whose secret was not copied.
all("[data-once] [data-select]", (field) => {
  field.addEventListener("copy", () => { field.dataset.taken = "yes"; });
  addEventListener("beforeunload", (event) => { if (!field.dataset.taken) event.preventDefault(); });
});

// A reload of a page that shows a secret leads to the list instead of making another one.
all("[data-leave-to]", (shown) => history.replaceState(null, "", shown.dataset.leaveTo));

// Times in the reader's own zone; the page has them in UTC, which a title keeps.
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
  // A browser remembers what was typed into text fields.
  field.form.addEventListener("submit", () => { field.type = "password"; });
});

// A date and a quick choice take each other's place; the warning is for tokens that never expire.
all("[data-expiry]", (select) => all("[data-expiry-date]", (date) => {
  const blank = select.dataset.expiry;
  const update = () => all("[data-never]", (warning) => {
    warning.hidden = (select.value || date.value || blank) !== "never";
  });
  select.addEventListener("change", () => { if (select.value) date.value = ""; update(); });
  date.addEventListener("input", () => { if (date.value) select.value = ""; update(); });
  update();
}));

// A form is sent once, however often its button is pressed.
all("form[method=post]", (form) => form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
}));
addEventListener("pageshow", () => all("form[data-sent]", (form) => { delete form.dataset.sent; }));
