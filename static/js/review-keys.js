// <article data-review tabindex="-1"> with parts data-key="a": J and K walk, a part's key presses it.
const cases = [...document.querySelectorAll("[data-review]")];
const current = () => document.activeElement?.closest("[data-review]") ?? null;
const WRITTEN = "textarea, select, input:not([type=radio], [type=checkbox])";

function walk(step) {
  const at = cases.indexOf(current());
  cases[Math.min(Math.max(at + step, 0), cases.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(WRITTEN)) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") return walk(key === "j" ? 1 : -1);
  const part = current()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!part) return;
  event.preventDefault();
  part.click();
  // What opened is gone on with: its first field.
  if (part.matches("summary")) part.parentElement.querySelector("input, textarea")?.focus();
});
