// <button data-copy="field-id">: copies that field, or its own data-copy-text, says so, and never claims a copy that failed.
const labels = new WeakMap();

function wire(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]");
  const said = document.getElementById(button.getAttribute("aria-describedby"));
  if (!labels.has(button)) labels.set(button, label.textContent);

  try {
    await navigator.clipboard.writeText(button.dataset.copyText ?? field.value);
    label.textContent = "Copied";
    said.textContent = "Link copied.";
  } catch {
    field.focus();
    field.select();
    label.textContent = "Press Ctrl or ⌘ + C";
    said.textContent = "The link is selected. Copy it with Control or Command and C.";
  }
  setTimeout(() => { label.textContent = labels.get(button); said.textContent = ""; }, 4000);
});

wire(document);
document.addEventListener("htmx:load", (event) => wire(event.detail.elt));
