// <article data-review tabindex="-1"> with buttons data-key="a": J and K walk, a button's letter presses it.
const cases = [...document.querySelectorAll("[data-review]")];
const current = () => document.activeElement?.closest("[data-review]") ?? null;

function walk(step) {
  const at = cases.indexOf(current());
  cases[Math.min(Math.max(at + step, 0), cases.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") return walk(key === "j" ? 1 : -1);
  const button = current()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!button) return;
  event.preventDefault();
  // Without a reason the browser shows which field wants one.
  button.click();
});
