// In <head>, before anything is painted: dark or light, by choice or by system.
const chosen = localStorage.getItem("theme");
const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark", dark);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-switch]");
  if (!button) return;
  const now = document.documentElement.classList.toggle("dark");
  localStorage.setItem("theme", now ? "dark" : "light");
  document.dispatchEvent(new Event("theme-changed"));
});
