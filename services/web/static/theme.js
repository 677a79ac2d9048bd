// Before anything is painted: light or dark, where somebody has chosen instead of their system.
{
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
